/*
 * run.h - a whole run, as the main thread sees it: phases, live line, verdict.
 */
#ifndef PX_LOADGEN_RUN_H
#define PX_LOADGEN_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/loadgen/latency.h"
#include "tools/loadgen/ledger.h"
#include "tools/loadgen/options.h"
#include "tools/loadgen/worker.h"

/* The counters of all workers, added up. */
struct run_totals {
	uint64_t following, dead, broken;
	uint64_t placed, resent, acknowledged, looked_up, refused_all, outstanding, to_place;
	uint64_t refused[REFUSAL_MAX];
	uint64_t lag_max_ns;
	uint64_t frames; /* of the worker that saw most */
	uint64_t deliveries, bytes_in;
	uint64_t torn[TEARS]; /* connections that we broke off, by enum tear */
	uint64_t resumes, stale, refetches;
	uint64_t seq_sum, seq_max_sum;
	uint64_t trouble[TROUBLE_MAX];
	uint64_t failed; /* errno of a thread that could not work */
};

struct run_result {
	struct run_totals totals;
	struct worker_reach reach;
	struct ledger ledger; /* of all workers, by seq */
	struct ledger_verdict ledger_verdict;
	struct latencies latencies;
	struct hdr lag; /* how late placements were handed to their connections */
	char trouble_first[TROUBLE_MAX][TROUBLE_WORDS_MAX];
	uint64_t seq_first, seq_last; /* of the board, before and after */
	uint32_t epoch;               /* after */
	uint64_t board_hash;          /* XXH3 of the bitmap at seq_last; 0: not fetched */
	uint32_t boards_equal;        /* threads whose board equals the bitmap */
	double run_s;                 /* from the first placement to the last answer */
	double cpu_percent;           /* ours, 100 = one core, over run_s */
	enum exit_code code;
	char words[256]; /* the verdict */
};

/* Runs. Tells on stderr why a run could not even begin; the result is then empty but for `code`. */
void run(struct options *options, struct run_result *ret_result);
void run_result_fini(struct run_result *result);

#endif
