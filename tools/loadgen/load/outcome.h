/*
 * outcome.h - what a run proved: an exit code, a sentence, and the first words of each kind of
 * trouble. Plain memory, main thread, at the end.
 */
#ifndef PX_LOADGEN_OUTCOME_H
#define PX_LOADGEN_OUTCOME_H

#include <stdbool.h>

#include "engine/base/exit_code.h"
#include "tools/loadgen/load/tally.h"

struct outcome {
	enum exit_code code;
	char words[512]; /* the verdict; "": the run could not even begin */
	char first[TROUBLE_MAX][TROUBLE_WORDS_MAX];
};

/* Of this kind, the first in the table that happened; TROUBLE_NONE without any. */
enum trouble tally_trouble(const struct tally *t, enum trouble_kind kind);

/* It failed by this trouble. */
void outcome_fail(struct outcome *o, enum exit_code code, enum trouble t);

/* True: a thread could not open its rings, and that is the outcome. */
bool outcome_of_rings(struct outcome *o, const struct tally *t);

#endif
