/*
 * run.h - a whole run, as the main thread sees it: phases, live line, verdict.
 */
#ifndef PX_LOADGEN_RUN_H
#define PX_LOADGEN_RUN_H

#include "tools/loadgen/pixel/options.h"
#include "tools/loadgen/result/run_result.h"

/* Runs. If the run cannot start, reports why on stderr; the result is then empty but for `code`. */
void run(struct options *options, struct run_result *ret_result);

#endif
