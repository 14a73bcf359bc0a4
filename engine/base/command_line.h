/*
 * command_line.h - shared by the command lines of all programs: the nearest match for a misspelled
 * name, and whether help is asked for. Pure, any thread.
 *
 *	struct nearest n = nearest_to("jurnal-sync");
 *	nearest_try(&n, ...);                          every valid name
 *	const char *name = nearest_get(&n);            NULL: nothing is similar
 */
#ifndef PX_BASE_COMMAND_LINE_H
#define PX_BASE_COMMAND_LINE_H

#include <stdbool.h>

struct nearest {
	const char *word;
	/* private */
	const char *name; /* the nearest by spelling, if near enough */
	const char *part; /* the only one with the word as a part, between dashes */
	unsigned distance;
	bool parts; /* several have it */
};

/* The strings stay the caller's. Case is ignored; '_' and '.' equal '-'. */
struct nearest nearest_to(const char *word);
void nearest_try(struct nearest *n, const char *name);
const char *nearest_get(const struct nearest *n);

/* Whether --help or -h is among these words. */
bool help_is_asked(int argc, char *const argv[]);

#endif
