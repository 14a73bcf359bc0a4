/*
 * run_result.h - the result of a run, or of several together. Filled in by the run (run.c), by
 * reading (result_read.h) or by merging (merge.h), then constant for reports. Plain memory, main
 * thread.
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

/* How much of the broadcast the clients received, over all of them. */
struct reach {
	uint64_t clients;  /* that should receive everything */
	uint64_t complete; /* that did, and were connected to the end */
	uint64_t behind;   /* connected to the end, but had not received everything */
	uint64_t faceless; /* connected to the end, but had not received `board` */
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
	uint64_t torn_all;            /* connections closed on purpose */
	uint64_t torn_reset;          /* of those, without FIN */
	uint64_t vanished;            /* of those, the ones that were not to come back */
	uint64_t slow, read_mark;     /* as in struct options */
	uint64_t rss_bytes;           /* ours, at its peak */
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
	bool saturated; /* loadgen was too slow: the result is a lower bound for the server */
};

struct run_result *run_result_new(void);         /* empty; NULL: out of memory */
void run_result_free(struct run_result *result); /* NULL is allowed */
void run_result_fini(struct run_result *result);

/* Received / expected sequence numbers. */
double run_result_reach(const struct run_result *result);

/* Adds this machine and the command. -ENOMEM. */
int run_result_machine_add(struct run_result *result, int argc, char *const *argv);

#endif
