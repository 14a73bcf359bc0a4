/*
 * sight.h - visibility: from the intended time of a placement until a watcher holds it.
 *
 * A frame reaches a watcher before or after the acknowledgement that tells which placement has its
 * seq. So painters write (seq -> intended time) into one shared table, watchers only note when they
 * saw which seqs, and the two are put together SIGHT_DELAY_NS later.
 */
#ifndef PX_LOADGEN_SIGHT_H
#define PX_LOADGEN_SIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/loadgen/hdr.h"

#define SIGHT_DELAY_NS 3000000000ULL

struct sight_times; /* shared by all threads, lock-free */

int sight_times_new(struct sight_times **ret_times); /* -ENOMEM */
void sight_times_free(struct sight_times *t);        /* NULL is fine */
void sight_times_set(struct sight_times *t, uint64_t seq, uint64_t intended_ns);

/* False: not known, or overwritten by a much later seq. */
bool sight_times_get(const struct sight_times *t, uint64_t seq, uint64_t *ret_intended_ns);

struct sight; /* one per worker */

int sight_new(struct sight_times *times, struct sight **ret_sight);
void sight_free(struct sight *s);

/* A watcher received the seqs first..last now. */
void sight_seen(struct sight *s, uint64_t now_ns, uint64_t first, uint64_t last);

/* Records what was seen before `until_ns`. */
void sight_settle(struct sight *s, uint64_t until_ns, struct hdr *hdr);

#endif
