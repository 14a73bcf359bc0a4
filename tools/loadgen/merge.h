/*
 * merge.h - the results of several runs as one: loadgen merge A.json B.json ... [--json OUT]
 *
 * Counts are added by the rule of their row (run_number.def), histograms bucket by bucket, so that
 * a percentile of the sum is what one big run would have measured. Main thread.
 */
#ifndef PX_LOADGEN_MERGE_H
#define PX_LOADGEN_MERGE_H

#include "tools/loadgen/result/run_result.h"

/* *into: a result as it was read, or a sum so far. -ENOMEM. */
int merge_add(struct run_result *into, const struct run_result *from);

/* Writes the verdict after all were added: a failure keeps the sentence of the first that
 * failed. */
void merge_conclude(struct run_result *into);

/* argv[0] is "merge". Returns the exit code. */
int merge_main(int argc, char **argv);

#endif
