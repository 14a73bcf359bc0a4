/*
 * command_line.h - what the command lines of all programs share: a misspelt name and the one that
 * was meant, and whether help is asked for. Pure, any thread.
 *
 *	struct nearest n = nearest_to("jurnal-sync");
 *	nearest_try(&n, ...);                          every name that there is
 *	const char *name = nearest_get(&n);            NULL: none is like it
 */
#ifndef PX_BASE_COMMAND_LINE_H
#define PX_BASE_COMMAND_LINE_H

#include <stdbool.h>

struct nearest {
	const char *word;
	/* private */
	const char *name; /* the nearest by spelling, when it is near */
	const char *part; /* the only one of which the word is a part, between dashes */
	unsigned distance;
	bool parts; /* there are several of those */
};

/* word and names stay the caller's. Case does not count, '_' and '.' are '-'. */
struct nearest nearest_to(const char *word);
void nearest_try(struct nearest *n, const char *name);
const char *nearest_get(const struct nearest *n);

/* --help or -h is among these words. */
bool help_is_asked(int argc, char *const argv[]);

#endif
