/*
 * sight.h - visibility: from the start of a placement until an observer holds it.
 *
 * A frame reaches an observer before or after the acknowledgement that tells which placement has
 * its seq. So painters write (seq -> start) into one shared table, observers only note when they
 * saw which seqs, and the two are joined once both are known.
 */
#ifndef PX_LOADGEN_SIGHT_H
#define PX_LOADGEN_SIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/loadgen/load/latency.h"

/* How long to wait for a seq whose start is not known: it may be someone else's placement. */
#define SIGHT_DELAY_NS 3000000000ULL

/* A frame with more placements than this gives an observer this many records, spread over it; fewer
 * where there are many observers, so that a frame gives about SIGHT_PER_FRAME_ALL records in a
 * thread. */
#define SIGHT_PER_FRAME     64U
#define SIGHT_PER_FRAME_ALL 8192U

struct sight_times; /* shared by all threads, lock-free */

int sight_times_new(struct sight_times **ret_times); /* -ENOMEM */
void sight_times_free(struct sight_times *t);        /* NULL is allowed */
void sight_times_set(struct sight_times *t, uint64_t seq, const struct span *span);

/* false: not known, or overwritten by a much later seq. */
bool sight_times_get(const struct sight_times *t, uint64_t seq, struct span *ret_span);

struct sight; /* one per crew */

/* -ENOMEM. observers: the number that will report what they saw. */
int sight_new(struct sight_times *times, uint32_t observers, struct sight **ret_sight);
void sight_free(struct sight *s); /* NULL is allowed */

/* An observer has just received the seqs first..last. */
void sight_seen(struct sight *s, uint64_t now_ns, uint64_t first, uint64_t last);

/* Records what was seen, as far as the starts are known or were waited for long enough, a part in
 * each call; now_ns UINT64_MAX: everything. `second` gets the corrected ones, too. */
void sight_record(struct sight *s, uint64_t now_ns, struct latencies *into, struct second *second);

#endif
