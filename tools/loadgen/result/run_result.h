/*
 * run_result.h - what a run, or several together, came to. Filled by the run (run.c), by reading
 * (result_read.h) or by adding (merge.h), then constant for reports. Plain memory, main thread.
 */
#ifndef PX_LOADGEN_RUN_RESULT_H
#define PX_LOADGEN_RUN_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/loadgen/load/latency.h"
#include "tools/loadgen/load/outcome.h"
#include "tools/loadgen/check/ledger.h"
#include "tools/loadgen/result/machine.h"
#include "tools/loadgen/result/series.h"
#include "tools/loadgen/result/threshold.h"
#include "tools/loadgen/result/totals.h"

/* How far clients came, added up. */
struct reach {
	uint64_t clients;  /* that have to receive everything */
	uint64_t complete; /* that did, and were connected to the end */
	uint64_t behind;   /* connected to the end, and had not received everything */
	uint64_t expected; /* seqs, over clients */
	uint64_t received;
};

struct run_result {
	struct outcome outcome;
	struct run_totals totals;
	struct reach reach;
	struct ledger ledger; /* of all crews, by seq */
	struct ledger_verdict ledger_verdict;
	struct latencies latencies;
	struct hdr lag; /* how late placements were handed to their connections */
	struct series series;
	uint64_t runs, clients, painters, threads, stopped, observers;
	uint64_t torn_all;            /* connections that we broke off on purpose */
	uint64_t torn_reset;          /* of those, without FIN */
	uint64_t vanished;            /* of those, the ones that were not to come back */
	uint64_t slow, read_mark;     /* as in struct options */
	uint64_t rss_bytes;           /* ours, at its most */
	uint64_t unanswered;          /* placements */
	unsigned replay_refused;      /* the refusal that ended a replay; 0: none did */
	uint64_t errors_all;          /* troubles of all classes */
	uint64_t seq_first, seq_last; /* of the board, before and after */
	uint32_t epoch;               /* after */
	uint64_t board_hash;          /* XXH3 of the bitmap at seq_last; 0: not fetched */
	uint64_t boards_equal;        /* threads whose board equals the bitmap */
	uint64_t started_ms;          /* when placing began, Unix time */
	double run_s;                 /* from the first placement to the last answer */
	double cpu_percent;           /* ours, 100 = one core, over run_s */
	struct machine *machines;     /* one, or those of the runs that were merged */
	uint32_t machines_count;
	struct threshold_result thresholds[THRESHOLDS_MAX];
	uint32_t thresholds_count;
	bool saturated; /* we were too slow: the result is a lower bound of what the server can */
};

struct run_result *run_result_new(void);         /* empty; NULL: no memory */
void run_result_free(struct run_result *result); /* NULL is fine */
void run_result_fini(struct run_result *result);

/* Received / expected sequence numbers. */
double run_result_reach(const struct run_result *result);

/* Notes the machine that we are on, and the command. -ENOMEM. */
int run_result_machine_add(struct run_result *result, int argc, char *const *argv);

#endif
