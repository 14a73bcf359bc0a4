/*
 * crowd.h - when the last of all observers holds a seq.
 *
 * Each crew has a crowd and reports to it how far its observers are. The crowd keeps the latest
 * frames as marks, each with the number of observers that have not reached it. The main thread
 * combines the crowds of all crews: a seq is visible to all once every crowd has it.
 */
#ifndef PX_LOADGEN_CROWD_H
#define PX_LOADGEN_CROWD_H

#include <stddef.h>
#include <stdint.h>

#include "tools/loadgen/load/latency.h"
#include "tools/loadgen/check/sight.h"

struct crowd;

int crowd_new(struct crowd **ret_crowd); /* -ENOMEM */
void crowd_free(struct crowd *c);        /* NULL is allowed */

/* --- the crew --- */

/* A new observer that holds everything up to seq. */
void crowd_enter(struct crowd *c, uint64_t seq, uint64_t now_ns);

/* An observer that held everything up to `from` now holds everything up to `to`. */
void crowd_move(struct crowd *c, uint64_t from, uint64_t to, uint64_t now_ns);

/* An observer at `seq` is gone for good: it is no longer waited for. */
void crowd_leave(struct crowd *c, uint64_t seq);

/* --- the main thread --- */

/*
 * Records LATENCY_VISIBLE_LAST of every seq that all crowds have reached. *next, 0 at first, keeps
 * the position between calls. A seq whose start is not known yet delays the others by
 * SIGHT_DELAY_NS at most; not at all when now_ns is UINT64_MAX.
 */
void crowds_record(struct crowd *const *crowds, size_t count, const struct sight_times *times,
		   uint64_t now_ns, uint64_t *next, struct latencies *into);

#endif
