/*
 * requests.h - the placements that were accepted lately, by the numbers that their clients gave
 * them: one that is sent again is answered, not placed twice.
 *
 * One bounded table over (board, user, number), owned by the writer thread, beside people.h.
 * Entries stand in the order in which they were accepted, which is that of seqs on each board. They
 * are forgotten after PEOPLE_REMEMBER_MS; when the table is full, the oldest of all first; and of
 * each person on each board the oldest beyond REQUESTS_PER_PERSON, some at a time, so that nobody
 * pushes out others with more than REQUESTS_TRIM_AT. What is in flight (not durable yet) is never
 * forgotten: without room for one more, requests_make_room() says no.
 *
 * Twice as many are kept of a person as may be in flight: then the last REQUESTS_IN_FLIGHT_MAX that
 * became durable are there for certain, also when all those in flight are taken back.
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

/* An accepted placement, as it is told and stored. */
struct request {
	uint64_t number; /* the client's; any, also 0 */
	uint64_t seq;
	uint64_t placed_at_ms; /* wall clock */
	uint32_t cell;
	uint16_t board;
	uint8_t color;
	uint8_t user[USER_BYTES];
};

struct requests;

/* capacity: entries at the most, over all people: 1..REQUESTS_CAPACITY_MAX. -ENOMEM, -EIO (the
 * kernel has no randomness). */
int requests_new(uint32_t capacity, struct requests **ret_requests);
void requests_free(struct requests *r); /* NULL is fine */

/* Memory for so many, when all are used; reserved at start, costs nothing until then. */
uint64_t requests_bytes(uint64_t capacity);

/* Where this one is looked for: made once, for all that a placement asks. Others may have the same.
 * It is good for as long as the table is. */
uint32_t requests_hash(const struct requests *r, uint16_t board,
		       const uint8_t user[static USER_BYTES], uint64_t number);

/* Asks the processor for the memory that requests_find() and requests_add() will begin with. */
void requests_prefetch(const struct requests *r, uint32_t hash);

/* Whether this one is remembered; *ret_request then says what it was (but for placed_at_ms). */
bool requests_find(const struct requests *r, uint32_t hash, uint16_t board,
		   const uint8_t user[static USER_BYTES], uint64_t number,
		   struct request *ret_request);

/* Forgets what must be for one more of this person. False: too much is in flight. */
bool requests_make_room(struct requests *r, struct person *person);

/* Remembers a placement that is in flight, behind requests_make_room() and where requests_find()
 * found none. Its board and user are the person's; `hash` is theirs and the number's. */
void requests_add(struct requests *r, struct person *person, const struct request *request,
		  uint32_t hash, uint64_t mono_ms);

/* The oldest one in flight of all, which is this person's, is durable now. */
void requests_settle(struct requests *r, struct person *person);

/* The newest one of all, which is this person's and in flight, was not taken by the disk: it was
 * never accepted. */
void requests_take_back(struct requests *r, struct person *person);

/*
 * Puts one back from a snapshot or the journal, as durable, behind people_restore(); `person` is
 * that of its board and user. Call it in the order of acceptance: what has a seq that is not above
 * the person's newest is there already, or was forgotten, and is left out; so is what has expired.
 * Of the same number twice, as older versions accepted it, the later one counts.
 */
void requests_restore(struct requests *r, struct person *person, const struct request *stored,
		      uint64_t wall_ms, uint64_t mono_ms);

/* Forgets those with a seq above that of their board, `seq[board]` for boards below `boards`: they
 * were lost. At start, when nothing is in flight. */
void requests_lose(struct requests *r, const uint64_t *seq, uint32_t boards);

/* Forgets up to `budget` whose time is over. True: there may be more. */
bool requests_expire(struct requests *r, uint32_t budget, uint64_t mono_ms);

uint32_t requests_count(const struct requests *r);
uint64_t requests_pushed_out(const struct requests *r); /* so often: before their time, by others */

/*
 * Copies entries into `out` for a snapshot, oldest first, at most `max` a call; returns how many,
 * 0: finished. Begin with requests_copy_begin(); one copy at a time. What is there at the beginning
 * and stays is in the copy, in order and once; what is added meanwhile may be.
 */
void requests_copy_begin(struct requests *r);
uint32_t requests_copy(struct requests *r, uint64_t wall_ms, uint64_t mono_ms, struct request *out,
		       uint32_t max);

#endif
