/*
 * people.h - who placed last, when, and with which request: the memory of cooldowns.
 *
 * One bounded hash table over (board, user), owned by the writer thread. Time is given as wall_ms,
 * to survive restarts, and as mono_ms, to measure with: a clock that jumps neither frees nor blocks
 * anybody. An entry expires once its cooldown is over and nothing needs its requests any more
 * (PEOPLE_REMEMBER_MS, requests.h). Being full of unexpired entries is an answer.
 */
#ifndef PX_ENGINE_PEOPLE_H
#define PX_ENGINE_PEOPLE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/cache_line.h"
#include "engine/user.h"

#define PEOPLE_REMEMBER_MS 600000 /* a repeated request is recognized this long */

/* What requests.h stores about a person; owned by it, zeros in a new entry. */
struct person_requests {
	uint32_t newest;    /* index of its newest entry; valid if nth > 0 */
	uint32_t nth;       /* number of requests ever; 0: none */
	uint16_t untrimmed; /* upper bound of the entries it has */
	uint16_t in_flight; /* of them, the newest ones, whose placements are not durable yet */
};

struct person {
	uint64_t charged_wall_ms; /* last charge; 0: never */
	/* The same instant on this run's monotonic clock; before its 0: as a wrapped difference. */
	uint64_t charged_mono_ms;
	uint64_t last_request;
	uint64_t last_seq; /* 0: none */
	struct person_requests requests;
	uint16_t board;
	uint16_t last_sum; /* people_sum() of the last one; 0: no longer known */
	uint8_t user[USER_BYTES];
};

_Static_assert(sizeof(struct person) == CACHE_LINE, "a person is one cache line");

struct people;

/* A checksum of what a placement set, never 0. Two different placements share one with a
 * probability of 1 in 65,535. */
uint16_t people_sum(uint32_t cell, uint8_t color);

/* capacity: most entries. -ENOMEM, -EIO (the kernel has no randomness). */
int people_new(uint32_t capacity, struct people **ret_people);
void people_free(struct people *p);

/* Prefetches the memory where the entry of (board, user) would be. */
void people_prefetch(const struct people *p, uint16_t board, const uint8_t user[static USER_BYTES]);

/* The entry of (board, user), or NULL. Valid until the next people_get() or people_expire(). */
struct person *people_find(struct people *p, uint16_t board, const uint8_t user[static USER_BYTES]);

/* The same, creating it if necessary. NULL: the table is full. */
struct person *people_get(struct people *p, uint16_t board, const uint8_t user[static USER_BYTES]);

/* Removes an entry that people_get() created and that was never charged. */
void people_drop(struct people *p, struct person *person);

/* Milliseconds of cooldown left for this person; 0: may place. */
uint64_t people_wait_ms(const struct person *person, uint64_t cooldown_ms, uint64_t mono_ms);

/* Restores an entry from a snapshot or the journal: elapsed = wall_ms - charged, not below 0, so a
 * clock that was set back costs one cooldown at most. An existing newer entry (last_seq) stays; an
 * expired one is not restored. *ret_person: the entry, or NULL. -ENOSPC: the table is full. */
int people_restore(struct people *p, const struct person *stored, uint64_t cooldown_ms,
		   uint64_t wall_ms, uint64_t mono_ms, struct person **ret_person);

/* Examines up to `budget` slots, cycling through the table over the calls, and removes expired
 * entries. `cooldown_ms[board]` for boards below `boards`. */
void people_expire(struct people *p, uint32_t budget, const uint64_t *cooldown_ms, uint32_t boards,
		   uint64_t mono_ms);

/* At start: forgets last requests with a seq above that of their board, `seq[board]` for boards
 * below `boards`: they were lost. Cooldowns stay. */
void people_lose(struct people *p, const uint64_t *seq, uint32_t boards);

uint32_t people_count(const struct people *p);

/* Copies entries into `out` for a snapshot, from *cursor on, at most `max`; advances *cursor. Start
 * with 0. Returns the number copied; 0: finished. Entries that move between calls may be copied
 * twice (restoring is idempotent) but are never missed. */
uint32_t people_copy(const struct people *p, uint32_t *cursor, struct person *out, uint32_t max);

#endif
