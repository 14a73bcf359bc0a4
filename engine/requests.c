/*
 * requests.c - see requests.h.
 *
 * Owned by the writer thread. Memory: one mapping of entries (a cache line each), touched as they
 * fill, and one of homes. The hash spreads even few entries over all pages of the homes, so these
 * are taken at start, as huge pages: the writer does not stop for each of them.
 *
 *	homes    open addressing with linear probing over the keyed hash of (board, user, number);
 *	         at most half full. A home has the entry's index and 32 bits of its hash, so that
 *	         a lookup, and moving entries back after a removal, touch no entry
 *	entries  linked in the order of all, from the oldest to the newest; those in flight are the
 *	         newest ones. Each names the one before it of the same person, which may be gone
 *	         by now: it is valid if it still is of that person, and its nth the one below.
 *	         Every TRIM_STEP entries of a person one is a mark; each entry of somebody who has
 *	         more also names the last mark before it, so that a trim need not walk over all
 *	         that it keeps
 *
 * A placement costs one cache miss here, for its home. The entry forgotten for it is the oldest of
 * all: its neighbors are next to it, and its home was fetched the time before. Nobody's entries but
 * the person's own are touched. The seed of the hash is random, so that nobody can choose numbers
 * that collide.
 */
#include "engine/requests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "engine/base/assert.h"
#include "engine/base/cache_line.h"
#include "engine/base/hash.h"
#include "engine/memory/pages.h"

#define NONE          UINT32_MAX
#define AHEAD         16U  /* entries: covers the latency of memory */
#define TOUCH_ENTRIES 1024 /* whole pages of any size up to 64 KiB */
#define TRIM_STEP     (REQUESTS_TRIM_AT - REQUESTS_PER_PERSON) /* so many are trimmed at once */

struct entry {
	uint64_t number;
	uint64_t seq;
	uint32_t accepted_ms; /* low bits of the monotonic clock; before its 0: wrapped */
	uint32_t cell;
	uint32_t older, newer; /* of all; a free entry: newer is the next free one */
	uint32_t before;       /* of the same person: where it was */
	uint32_t mark;         /* likewise the last mark before it; NONE: none, or not needed */
	uint32_t nth;          /* of the same person, from 1; a free entry: 0 */
	uint16_t board;
	uint8_t color;
	bool hidden; /* has no home: it is being restored, or the same number came again */
	uint8_t user[USER_BYTES];
};

_Static_assert(sizeof(struct entry) == CACHE_LINE, "an entry is a cache line");
_Static_assert(REQUESTS_TRIM_AT <= UINT16_MAX, "person_requests counts them in a uint16_t");
_Static_assert(REQUESTS_IN_FLIGHT_MAX <= REQUESTS_PER_PERSON &&
		       REQUESTS_PER_PERSON < REQUESTS_TRIM_AT,
	       "a trim leaves what is in flight, and makes room");
_Static_assert(REQUESTS_PER_PERSON == 2 * TRIM_STEP, "trim_from() goes back two marks");

struct requests {
	struct entry *entries;
	uint64_t *homes;    /* hash << 32 | index + 1; 0: free */
	uint32_t home_mask; /* a power of two, less 1 */
	uint32_t capacity;
	uint32_t count;
	uint32_t in_flight;
	uint32_t touched;        /* entries from here on were never used */
	uint32_t free;           /* of those below: the first free one */
	uint32_t oldest, newest; /* only with count */
	uint32_t copy_at;        /* the next one of the copy */
	uint32_t copy_left;      /* at most so many more */
	uint64_t pushed_out;
	uint64_t seed;
};

static uint64_t homes_of(uint64_t capacity)
{
	uint64_t homes = 2;

	while (homes < 2 * capacity)
		homes *= 2;
	return homes;
}

uint64_t requests_bytes(uint64_t capacity)
{
	return capacity * sizeof(struct entry) + homes_of(capacity) * sizeof(uint64_t);
}

int requests_new(uint32_t capacity, struct requests **ret_requests)
{
	struct requests *r = calloc(1, sizeof(*r));

	px_assert(capacity > 0 && capacity <= REQUESTS_CAPACITY_MAX);
	if (r == NULL)
		return -ENOMEM;
	*r = (struct requests){.capacity = capacity,
			       .home_mask = (uint32_t)(homes_of(capacity) - 1),
			       .free = NONE,
			       .copy_at = NONE};
	if (getrandom(&r->seed, sizeof(r->seed), 0) != (ssize_t)sizeof(r->seed)) {
		free(r);
		return -EIO;
	}
	r->entries = pages_new(capacity * sizeof(r->entries[0]), "requests");
	r->homes = pages_new(homes_of(capacity) * sizeof(r->homes[0]), "requests");
	if (r->entries == NULL || r->homes == NULL) {
		requests_free(r);
		return -ENOMEM;
	}
	pages_huge(r->homes, homes_of(capacity) * sizeof(r->homes[0]));
	pages_touch(r->homes, homes_of(capacity) * sizeof(r->homes[0]));
	*ret_requests = r;
	return 0;
}

void requests_free(struct requests *r)
{
	if (r == NULL)
		return;
	pages_free(r->entries, r->capacity * sizeof(r->entries[0]));
	pages_free(r->homes, homes_of(r->capacity) * sizeof(r->homes[0]));
	free(r);
}

uint32_t requests_count(const struct requests *r)
{
	return r->count;
}

uint64_t requests_pushed_out(const struct requests *r)
{
	return r->pushed_out;
}

/* --- homes ------------------------------------------------------------------------------------ */

_Static_assert(USER_BYTES % sizeof(uint64_t) == 0, "a user is whole words of the key");

/* The key is whole words (hash.h). */
uint32_t requests_hash(const struct requests *r, uint16_t board,
		       const uint8_t user[static USER_BYTES], uint64_t number)
{
	uint64_t key[2 + USER_BYTES / 8] = {board, number};

	memcpy(key + 2, user, USER_BYTES);
	return (uint32_t)(hash64(key, sizeof(key), r->seed) >> 32);
}

static uint32_t hash_of(const struct requests *r, const struct entry *e)
{
	return requests_hash(r, e->board, e->user, e->number);
}

void requests_prefetch(const struct requests *r, uint32_t hash)
{
	__builtin_prefetch(&r->homes[hash & r->home_mask], 1);
}

static uint64_t home_make(uint32_t hash, uint32_t index)
{
	return (uint64_t)hash << 32 | (index + 1);
}

/* The entry of this key; NONE: there is none. */
static uint32_t look(const struct requests *r, uint32_t hash, uint16_t board, const uint8_t *user,
		     uint64_t number)
{
	uint64_t home;

	for (uint32_t at = hash & r->home_mask; (home = r->homes[at]) != 0;
	     at = (at + 1) & r->home_mask) {
		uint32_t index = (uint32_t)home - 1;
		const struct entry *e = &r->entries[index];

		if (home >> 32 == hash && e->number == number && e->board == board &&
		    memcmp(e->user, user, USER_BYTES) == 0)
			return index;
	}
	return NONE;
}

static void home_take(struct requests *r, uint32_t hash, uint32_t index)
{
	uint32_t at = hash & r->home_mask;

	while (r->homes[at] != 0)
		at = (at + 1) & r->home_mask;
	r->homes[at] = home_make(hash, index);
	r->entries[index].hidden = false;
}

/* Empties a home, and moves back what stood behind it because of it. */
static void home_leave(struct requests *r, uint32_t hash, uint32_t index)
{
	uint32_t at = hash & r->home_mask;

	while (r->homes[at] != home_make(hash, index)) {
		px_assert(r->homes[at] != 0); /* what is not hidden has a home */
		at = (at + 1) & r->home_mask;
	}
	for (uint32_t next = (at + 1) & r->home_mask; r->homes[next] != 0;
	     next = (next + 1) & r->home_mask) {
		uint32_t wanted = (uint32_t)(r->homes[next] >> 32) & r->home_mask;

		if (((next - wanted) & r->home_mask) < ((next - at) & r->home_mask))
			continue; /* stands nearer to where it wants to be than the gap is */
		r->homes[at] = r->homes[next];
		at = next;
	}
	r->homes[at] = 0;
}

/* --- entries ---------------------------------------------------------------------------------- */

/* The pages of the next entries, all at once: that costs less than one by one. */
static void entries_touch(const struct requests *r)
{
	uint32_t count = r->capacity - r->touched;

	if (r->touched % TOUCH_ENTRIES == 0)
		pages_touch(&r->entries[r->touched],
			    (count < TOUCH_ENTRIES ? count : TOUCH_ENTRIES) *
				    sizeof(r->entries[0]));
}

static uint32_t entry_take(struct requests *r)
{
	uint32_t index = r->free;

	px_assert(r->count < r->capacity);
	if (index == NONE) {
		entries_touch(r);
		return r->touched++;
	}
	px_assert(index < r->touched && r->entries[index].nth == 0);
	r->free = r->entries[index].newer;
	return index;
}

/* Behind all others. */
static void link_newest(struct requests *r, uint32_t index)
{
	struct entry *e = &r->entries[index];

	px_assert(r->count < r->capacity);
	e->newer = NONE;
	e->older = r->count > 0 ? r->newest : NONE;
	if (e->older != NONE)
		r->entries[e->older].newer = index;
	else
		r->oldest = index;
	r->newest = index;
	r->count++;
}

static void unlink_entry(struct requests *r, const struct entry *e)
{
	px_assert(r->count > 0);
	if (e->older != NONE)
		r->entries[e->older].newer = e->newer;
	else
		r->oldest = e->newer;
	if (e->newer != NONE)
		r->entries[e->newer].older = e->older;
	else
		r->newest = e->older;
	r->count--;
}

/* hash: hash_of() it. */
static void forget(struct requests *r, uint32_t index, uint32_t hash)
{
	struct entry *e = &r->entries[index];

	px_assert(index < r->touched && e->nth > 0); /* it is not free */
	if (r->copy_at == index)
		r->copy_at = e->newer;
	if (!e->hidden)
		home_leave(r, hash, index);
	unlink_entry(r, e);
	e->nth = 0;
	e->newer = r->free;
	r->free = index;
}

/* False: it is in flight. */
static bool forget_oldest(struct requests *r)
{
	px_assert(r->in_flight <= r->count);
	if (r->in_flight == r->count)
		return false;
	forget(r, r->oldest, hash_of(r, &r->entries[r->oldest]));
	if (r->count > 0) /* the next one to go */
		requests_prefetch(r, hash_of(r, &r->entries[r->oldest]));
	return true;
}

/* `index` if that still is the nth of this person; else NONE, as for NONE. */
static uint32_t still(const struct requests *r, uint32_t index, uint32_t nth,
		      const struct person *person)
{
	const struct entry *e = nth > 0 && index != NONE ? &r->entries[index] : NULL;

	px_assert(e == NULL || index < r->touched);
	if (e == NULL || e->nth != nth || e->board != person->board ||
	    memcmp(e->user, person->user, USER_BYTES) != 0)
		return NONE;
	return index;
}

static uint32_t newest_of(const struct requests *r, const struct person *person)
{
	return still(r, person->requests.newest, person->requests.nth, person);
}

static uint32_t before_of(const struct requests *r, uint32_t index, const struct person *person)
{
	const struct entry *e = &r->entries[index];

	return still(r, e->before, e->nth - 1, person);
}

/* The newest entry that a trim forgets, two marks back; NONE: it is gone, and so are those before
 * it. */
static uint32_t trim_from(const struct requests *r, const struct person *person)
{
	uint32_t at = newest_of(r, person), nth = person->requests.nth;

	px_assert(person->requests.untrimmed % TRIM_STEP == 0); /* the newest is a mark */
	for (unsigned i = 0; i < 2 && at != NONE; i++) {
		nth = nth > TRIM_STEP ? nth - TRIM_STEP : 0;
		at = still(r, r->entries[at].mark, nth, person);
	}
	return at;
}

/* What it takes to forget the entry comes while others are forgotten. Returns its hash. */
static uint32_t forget_prefetch(const struct requests *r, uint32_t index)
{
	const struct entry *e = &r->entries[index];
	uint32_t hash = hash_of(r, e);

	requests_prefetch(r, hash);
	if (e->older != NONE)
		__builtin_prefetch(&r->entries[e->older], 1);
	if (e->newer != NONE)
		__builtin_prefetch(&r->entries[e->newer], 1);
	return hash;
}

/* Forgets what this person has beyond its newest ones. */
static void person_trim(struct requests *r, struct person *person)
{
	uint32_t found[AHEAD], hashes[AHEAD];
	uint32_t at = trim_from(r, person), count = 0, forgotten = 0;

	while (at != NONE || forgotten < count) {
		if (at != NONE && count - forgotten < AHEAD) {
			found[count % AHEAD] = at;
			hashes[count++ % AHEAD] = forget_prefetch(r, at);
			at = before_of(r, at, person);
		} else {
			forget(r, found[forgotten % AHEAD], hashes[forgotten % AHEAD]);
			forgotten++;
		}
	}
	person->requests.untrimmed = REQUESTS_PER_PERSON;
}

/* For the next entry of a person. Who has few needs none, and nothing is looked at for that. */
static uint32_t mark_of_next(const struct requests *r, const struct person *person)
{
	const struct person_requests *of = &person->requests;
	uint32_t before = of->untrimmed < TRIM_STEP ? NONE : newest_of(r, person);

	if (before == NONE || of->untrimmed % TRIM_STEP == 0)
		return before;
	return r->entries[before].mark;
}

/* Still without a home. */
static uint32_t entry_add(struct requests *r, struct person *person, const struct request *request,
			  uint64_t accepted_ms)
{
	struct person_requests *of = &person->requests;
	uint32_t mark = mark_of_next(r, person);
	uint32_t index = entry_take(r);
	struct entry *e = &r->entries[index];

	*e = (struct entry){.number = request->number,
			    .seq = request->seq,
			    .accepted_ms = (uint32_t)accepted_ms,
			    .cell = request->cell,
			    .before = of->nth > 0 ? of->newest : NONE,
			    .mark = mark,
			    .nth = of->nth + 1,
			    .board = person->board,
			    .color = request->color,
			    .hidden = true};
	memcpy(e->user, person->user, sizeof(e->user));
	link_newest(r, index);
	of->newest = index;
	of->nth++;
	of->untrimmed++;
	return index;
}

static void entry_tell(const struct entry *e, struct request *out)
{
	*out = (struct request){.number = e->number,
				.seq = e->seq,
				.cell = e->cell,
				.board = e->board,
				.color = e->color};
	memcpy(out->user, e->user, sizeof(out->user));
}

/* --- a placement ------------------------------------------------------------------------------ */

bool requests_find(const struct requests *r, uint32_t hash, uint16_t board,
		   const uint8_t user[static USER_BYTES], uint64_t number,
		   struct request *ret_request)
{
	uint32_t index = look(r, hash, board, user, number);

	if (index == NONE)
		return false;
	entry_tell(&r->entries[index], ret_request);
	return true;
}

bool requests_make_room(struct requests *r, struct person *person)
{
	struct person_requests *of = &person->requests;

	px_assert(of->in_flight <= of->untrimmed && of->untrimmed <= REQUESTS_TRIM_AT);
	if (of->in_flight == REQUESTS_IN_FLIGHT_MAX)
		return false;
	if (of->untrimmed == REQUESTS_TRIM_AT)
		person_trim(r, person);
	if (r->count < r->capacity)
		return true;
	if (!forget_oldest(r))
		return false;
	r->pushed_out++;
	return true;
}

void requests_add(struct requests *r, struct person *person, const struct request *request,
		  uint32_t hash, uint64_t mono_ms)
{
	px_assert(person->requests.in_flight < REQUESTS_IN_FLIGHT_MAX); /* requests_make_room() */
	home_take(r, hash, entry_add(r, person, request, mono_ms));
	person->requests.in_flight++;
	r->in_flight++;
}

void requests_settle(struct requests *r, struct person *person)
{
	px_assert(person->requests.in_flight > 0 && r->in_flight > 0);
	person->requests.in_flight--;
	r->in_flight--;
}

void requests_take_back(struct requests *r, struct person *person)
{
	struct person_requests *of = &person->requests;
	uint32_t index = of->newest;

	px_assert(of->in_flight > 0 && index == r->newest);
	px_assert(r->entries[index].nth == of->nth); /* from the newest back */
	of->newest = r->entries[index].before;
	of->nth--;
	of->untrimmed--;
	forget(r, index, hash_of(r, &r->entries[index]));
	of->in_flight--;
	r->in_flight--;
}

/* --- time ------------------------------------------------------------------------------------- */

void requests_restore(struct requests *r, struct person *person, const struct request *stored,
		      uint64_t wall_ms, uint64_t mono_ms)
{
	uint64_t elapsed = wall_ms > stored->placed_at_ms ? wall_ms - stored->placed_at_ms : 0;

	px_assert(stored->board == person->board);
	px_assert(r->in_flight == 0); /* at start: nobody places yet */
	if (elapsed < PEOPLE_REMEMBER_MS && requests_make_room(r, person))
		(void)entry_add(r, person, stored, mono_ms - elapsed);
}

/* Asks for the home of an entry; returns the entry before it. */
static uint32_t home_ask(struct requests *r, uint32_t index)
{
	requests_prefetch(r, hash_of(r, &r->entries[index]));
	return r->entries[index].older;
}

/* Homes only now, and from the newest entry back: a long journal restores many entries that are
 * forgotten again, and of the same number the newest one has its home first. */
void requests_restore_end(struct requests *r)
{
	uint32_t at = r->count > 0 ? r->newest : NONE, ahead = at;

	px_assert(r->in_flight == 0); /* nobody places yet */
	for (unsigned i = 0; i < AHEAD && ahead != NONE; i++)
		ahead = home_ask(r, ahead);
	for (; at != NONE; at = r->entries[at].older) {
		const struct entry *e = &r->entries[at];
		uint32_t hash = hash_of(r, e);

		px_assert(e->hidden);
		if (ahead != NONE)
			ahead = home_ask(r, ahead);
		if (look(r, hash, e->board, e->user, e->number) == NONE)
			home_take(r, hash, at);
	}
}

void requests_lose(struct requests *r, const uint64_t *seq, uint32_t boards)
{
	uint32_t newer, at = r->count > 0 ? r->oldest : NONE;

	px_assert(r->in_flight == 0);
	for (; at != NONE; at = newer) {
		const struct entry *e = &r->entries[at];

		newer = e->newer;
		if (e->board < boards && e->seq > seq[e->board])
			forget(r, at, hash_of(r, e));
	}
}

/* Milliseconds since it was accepted; a clock read a moment before: 0. */
static uint32_t age_ms(const struct entry *e, uint64_t mono_ms)
{
	uint32_t age = (uint32_t)mono_ms - e->accepted_ms;

	return age > INT32_MAX ? 0 : age;
}

bool requests_expire(struct requests *r, uint32_t budget, uint64_t mono_ms)
{
	for (; budget > 0 && r->count > 0; budget--) {
		if (age_ms(&r->entries[r->oldest], mono_ms) < PEOPLE_REMEMBER_MS)
			return false;
		if (!forget_oldest(r))
			return false;
	}
	return r->count > 0;
}

/* --- copying ---------------------------------------------------------------------------------- */

void requests_copy_begin(struct requests *r)
{
	r->copy_at = r->count > 0 ? r->oldest : NONE;
	r->copy_left = r->count;
}

uint32_t requests_copy(struct requests *r, uint64_t wall_ms, uint64_t mono_ms, struct request *out,
		       uint32_t max)
{
	uint32_t copied = 0;

	/* What is forgotten under way moves it on: forget(). */
	px_assert(r->copy_at == NONE || r->entries[r->copy_at].nth > 0);
	px_assert(max > 0); /* 0 copied means that all are */
	for (; copied < max && r->copy_left > 0 && r->copy_at != NONE; r->copy_left--) {
		const struct entry *e = &r->entries[r->copy_at];

		entry_tell(e, &out[copied]);
		out[copied++].placed_at_ms = wall_ms - age_ms(e, mono_ms);
		r->copy_at = e->newer;
	}
	return copied;
}
