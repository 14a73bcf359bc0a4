/*
 * outcome.h - what a run proved: an exit code, a sentence, and the first report of each class of
 * trouble. Plain memory, main thread, at the end.
 */
#ifndef PX_LOADGEN_OUTCOME_H
#define PX_LOADGEN_OUTCOME_H

#include <stdbool.h>

#include "engine/base/exit_code.h"
#include "tools/loadgen/load/tally.h"

struct outcome {
	enum exit_code code;
	char words[512]; /* the verdict; "": the run could not start */
	char first[TROUBLE_MAX][TROUBLE_WORDS_MAX];
};

/* The first of this kind in the table that occurred; TROUBLE_NONE: none did. */
enum trouble tally_trouble(const struct tally *t, enum trouble_kind kind);

/* The run failed because of this trouble. */
void outcome_fail(struct outcome *o, enum exit_code code, enum trouble t);

/* true: a thread could not open its rings, and the outcome says so. */
bool outcome_of_rings(struct outcome *o, const struct tally *t);

#endif
