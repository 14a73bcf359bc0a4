/*
 * requests.h - recently accepted placements, by the numbers that their clients gave them: one that
 * is sent again is answered, not placed twice.
 *
 * One bounded table over (board, user, number), owned by the writer thread, beside people.h.
 * Entries are in the order in which they were accepted, which is the order of seqs on each board.
 * They are forgotten after PEOPLE_REMEMBER_MS; when the table is full, oldest first; and for each
 * person on each board those beyond the newest REQUESTS_PER_PERSON, a few at a time, so that nobody
 * displaces others with more than REQUESTS_TRIM_AT. An entry in flight (not durable yet) is never
 * forgotten: when there is no room for one more, requests_make_room() returns false.
 *
 * A person may keep twice as many as may be in flight: then the last REQUESTS_IN_FLIGHT_MAX that
 * became durable are certain to be there, even if all those in flight are taken back.
 */
#ifndef PX_ENGINE_REQUESTS_H
#define PX_ENGINE_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/people.h"
#include "engine/user.h"

#define REQUESTS_IN_FLIGHT_MAX 1100 /* of one person on one board */
#define REQUESTS_CAPACITY_MAX  (1u << 28)
#define REQUESTS_PER_PERSON    (2 * REQUESTS_IN_FLIGHT_MAX)
#define REQUESTS_TRIM_AT       (3 * REQUESTS_IN_FLIGHT_MAX)

/* An accepted placement, as it is reported and stored. */
struct request {
	uint64_t number; /* from the client; any value, 0 included */
	uint64_t seq;
	uint64_t placed_at_ms; /* wall clock */
	uint32_t cell;
	uint16_t board;
	uint8_t color;
	uint8_t user[USER_BYTES];
};

struct requests;

/* capacity: most entries, over all people: 1..REQUESTS_CAPACITY_MAX. -ENOMEM, -EIO (the kernel has
 * no randomness). */
int requests_new(uint32_t capacity, struct requests **ret_requests);
void requests_free(struct requests *r); /* NULL is allowed */

/* Bytes of memory when all entries are used: those of the entries are taken as these are used, the
 * rest (16 for each, or more) by requests_new(). */
uint64_t requests_bytes(uint64_t capacity);

/* The hash to look a request up with: compute it once for all calls of a placement. Different
 * requests may share one. Valid as long as the table. */
uint32_t requests_hash(const struct requests *r, uint16_t board,
		       const uint8_t user[static USER_BYTES], uint64_t number);

/* Prefetches the memory where requests_find() and requests_add() will start. */
void requests_prefetch(const struct requests *r, uint32_t hash);

/* Whether the request is known; *ret_request is then what it was (except placed_at_ms). */
bool requests_find(const struct requests *r, uint32_t hash, uint16_t board,
		   const uint8_t user[static USER_BYTES], uint64_t number,
		   struct request *ret_request);

/* Forgets what is necessary to add one more of this person. false: too much is in flight. */
bool requests_make_room(struct requests *r, struct person *person);

/* Adds a placement that is in flight, after requests_make_room() and after requests_find() found
 * none. Its board and user are the person's; `hash` is theirs and the number's. */
void requests_add(struct requests *r, struct person *person, const struct request *request,
		  uint32_t hash, uint64_t mono_ms);

/* The oldest entry in flight, which must be this person's, is now durable. */
void requests_settle(struct requests *r, struct person *person);

/* The newest entry, which must be this person's and in flight, was not written to disk: it was
 * never accepted. */
void requests_take_back(struct requests *r, struct person *person);

/*
 * Restores an entry from a snapshot or the journal, as durable, after people_restore(); `person` is
 * that of its board and user. Call it in the order of acceptance, once for each; one that has
 * expired is skipped. It is found only after requests_restore_end(), which ends the restoring: of
 * a number that occurs twice, as older versions accepted it, the later one counts.
 */
void requests_restore(struct requests *r, struct person *person, const struct request *stored,
		      uint64_t wall_ms, uint64_t mono_ms);
void requests_restore_end(struct requests *r);

/* Before requests_restore_end(): forgets entries with a seq above that of their board, `seq[board]`
 * for boards below `boards`: they were lost. */
void requests_lose(struct requests *r, const uint64_t *seq, uint32_t boards);

/* Forgets up to `budget` expired entries. true: there may be more. */
bool requests_expire(struct requests *r, uint32_t budget, uint64_t mono_ms);

uint32_t requests_count(const struct requests *r);

/* entries forgotten early to make room for others */
uint64_t requests_pushed_out(const struct requests *r);

/*
 * Copies entries into `out` for a snapshot, oldest first, at most `max` per call; returns their
 * number, 0: finished. Start with requests_copy_begin(); one copy at a time. Entries that are there
 * at the start and stay are in the copy, in order and once; entries added meanwhile may be.
 */
void requests_copy_begin(struct requests *r);
uint32_t requests_copy(struct requests *r, uint64_t wall_ms, uint64_t mono_ms, struct request *out,
		       uint32_t max);

#endif
