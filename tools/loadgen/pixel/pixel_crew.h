/*
 * pixel_crew.h - one thread of clients.
 *
 * The main thread makes, starts and joins crews, sets the phase, and reads the atomics while they
 * run. It may call the functions after "after the end" only once the thread was joined.
 */
#ifndef PX_LOADGEN_PIXEL_CREW_H
#define PX_LOADGEN_PIXEL_CREW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "edge/codec/refusal.h"
#include "tools/loadgen/check/crowd.h"
#include "tools/loadgen/load/latency.h"
#include "tools/loadgen/check/ledger.h"
#include "tools/loadgen/net/crew.h"
#include "tools/loadgen/pixel/options.h"
#include "tools/loadgen/pixel/plan.h"
#include "tools/loadgen/pixel/preview.h"
#include "tools/loadgen/check/reference.h"
#include "tools/loadgen/pixel/sessions.h"
#include "tools/loadgen/result/run_result.h"
#include "tools/loadgen/check/sight.h"
#include "tools/loadgen/result/totals.h"
#include "tools/loadgen/load/trouble.h"

/* Shared by all threads. Atomics are written by the main thread only. */
struct run_shared {
	struct crew_shared crew;
	const struct options *options;
	const struct plan *plan;
	const struct pace *pace;
	struct sight_times *times;
	const struct session_token *tokens; /* one per painter */
	struct preview preview;             /* fixed */
	_Atomic uint64_t final_seq;         /* valid in PHASE_SETTLE; UINT64_MAX: not known yet */
};

/* In addition to those of its crew. Written by the crew, read by any thread: relaxed. */
struct pixel_crew_stats {
	_Atomic uint64_t placed; /* placements sent for the first time */
	_Atomic uint64_t resent; /* placements sent again on a new connection */
	_Atomic uint64_t acknowledged;
	/* answered by `you` after a reconnect, without an acknowledgement */
	_Atomic uint64_t looked_up;
	_Atomic uint64_t refused[REFUSAL_MAX]; /* [0]: codes that this version does not know */
	_Atomic uint64_t to_place;             /* replay: not due yet */
	_Atomic uint64_t frames;               /* distinct deltas */
	_Atomic uint64_t faces;                /* distinct descriptions of the board, in a row */
	_Atomic uint64_t torn[TEARS];          /* connections closed on purpose, by enum tear */
	_Atomic uint64_t resumes;
	_Atomic uint64_t stale;
	_Atomic uint64_t refetches;
	_Atomic uint64_t seq; /* of the reference board */
	_Atomic uint64_t epoch;
	_Atomic uint64_t behind;    /* PHASE_SETTLE: clients that have not reached final_seq */
	_Atomic uint64_t behind_of; /* the final_seq that `behind` was counted for */
	_Atomic uint64_t seq_sum; /* live reach: sum over followers, collected in a circle of 2 s */
	_Atomic uint64_t seq_max_sum; /* the same if each of them had the reference's seq */
};

struct pixel_crew;

/* The thread is its crew's, freed with crew_free() also on failure. -ENOMEM, -EINVAL. */
int pixel_crew_new(struct run_shared *shared, uint32_t number, struct crew **ret_crew);
static inline struct pixel_crew *pixel_crew_of(const struct crew *crew)
{
	return (struct pixel_crew *)(uintptr_t)crew; /* its first member */
}

const struct pixel_crew_stats *pixel_crew_stats(const struct pixel_crew *w);

/* The progress of its observers, for crowds_record(). */
struct crowd *pixel_crew_crowd(const struct pixel_crew *w);

/* --- after the end --- */

/* Records what its observers saw last. */
void pixel_crew_record(struct pixel_crew *w);

/* seq_first: where a client that never subscribed should have started. Adds to *reach. */
void pixel_crew_reach_add(const struct pixel_crew *w, uint64_t seq_first, uint64_t final,
			  struct reach *reach);
const struct reference *pixel_crew_reference(const struct pixel_crew *w);
struct ledger *pixel_crew_ledger(struct pixel_crew *w); /* the caller may take its contents */
const struct latencies *pixel_crew_latencies(const struct pixel_crew *w);
const struct hdr *pixel_crew_lag(const struct pixel_crew *w);

#endif
