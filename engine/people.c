/*
 * people.c - see people.h.
 *
 * Owned by the writer thread. Memory: one mapping for all slots, touched as it fills, and one bit
 * per slot that tells whether it is used. Open addressing with linear probing:
 *
 *	home = keyed hash of (board, user), anywhere in the first `homes` slots
 *	slot = the first free one from home on, at most PROBE_MAX further
 *
 * The table does not wrap around: after the last home there are PROBE_MAX more slots. Removing an
 * entry moves later ones of its run back, so entries only ever move to LOWER slots. That is why
 * people_copy() walks from the top down: an entry that moves during the walk moves to a slot that
 * is still to come.
 *
 * The seed of the hash is random, so that nobody can choose users that collide; only the positions
 * of entries depend on it.
 */
#include "engine/people.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"

/* With three of four homes used at most, a run this long does not happen by chance (1e-16). */
#define PROBE_MAX 1024

struct people {
	struct person *slots;
	uint64_t *used; /* a bit per slot */
	uint32_t homes;
	uint32_t slots_len;
	uint32_t capacity;
	uint32_t count;
	uint32_t expire_at; /* slot at which people_expire() goes on */
	uint64_t seed;
};

int people_new(uint32_t capacity, struct people **ret_people)
{
	struct people *p;
	void *slots;

	px_assert(capacity > 0 && capacity <= UINT32_MAX / 2);
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	p->capacity = capacity;
	p->homes = capacity + capacity / 3 + 1;
	p->slots_len = p->homes + PROBE_MAX;
	if (getrandom(&p->seed, sizeof(p->seed), 0) != (ssize_t)sizeof(p->seed)) {
		free(p);
		return -EIO;
	}
	slots = mmap(NULL, (size_t)p->slots_len * sizeof(p->slots[0]), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	p->slots = slots == MAP_FAILED ? NULL : slots;
	p->used = calloc(p->slots_len / 64 + 1, sizeof(p->used[0]));
	if (p->slots == NULL || p->used == NULL) {
		people_free(p);
		return -ENOMEM;
	}
	*ret_people = p;
	return 0;
}

void people_free(struct people *p)
{
	if (p == NULL)
		return;
	if (p->slots != NULL)
		(void)munmap(p->slots, (size_t)p->slots_len * sizeof(p->slots[0]));
	free(p->used);
	free(p);
}

uint32_t people_count(const struct people *p)
{
	return p->count;
}

/* --- slots ------------------------------------------------------------------------------------ */

static bool is_used(const struct people *p, uint32_t slot)
{
	return (p->used[slot / 64] >> slot % 64 & 1) != 0;
}

_Static_assert(USER_BYTES % sizeof(uint64_t) == 0, "a user is whole words of the key");

/* The key is whole words (hash.h). */
static uint32_t home_of(const struct people *p, uint16_t board, const uint8_t *user)
{
	uint64_t key[USER_BYTES / 8 + 1] = {[USER_BYTES / 8] = board};
	uint64_t hash;

	memcpy(key, user, USER_BYTES);
	hash = hash64(key, sizeof(key), p->seed);
	return (uint32_t)((hash >> 32) * p->homes >> 32);
}

static bool is_of(const struct person *person, uint16_t board, const uint8_t *user)
{
	return person->board == board && memcmp(person->user, user, USER_BYTES) == 0;
}

/* The slot of the entry, or the free slot at which the search ended, or slots_len: neither. */
static uint32_t slot_find(const struct people *p, uint16_t board, const uint8_t *user)
{
	uint32_t home = home_of(p, board, user);

	for (uint32_t slot = home; slot < home + PROBE_MAX; slot++) {
		if (!is_used(p, slot) || is_of(&p->slots[slot], board, user))
			return slot;
	}
	return p->slots_len;
}

/* Of what slot_find() gave: is it the entry? */
static bool is_entry(const struct people *p, uint32_t slot)
{
	return slot < p->slots_len && is_used(p, slot);
}

/* Empties a slot, and moves back what stood behind it because of it. */
static void slot_clear(struct people *p, uint32_t slot)
{
	px_assert(is_used(p, slot) && p->count > 0);
	for (uint32_t next = slot + 1; next < p->slots_len && is_used(p, next); next++) {
		const struct person *person = &p->slots[next];

		if (home_of(p, person->board, person->user) <= slot) {
			p->slots[slot] = *person;
			slot = next;
		}
	}
	p->used[slot / 64] &= ~(1ULL << slot % 64);
	p->count--;
}

/* --- entries ---------------------------------------------------------------------------------- */

void people_prefetch(const struct people *p, uint16_t board, const uint8_t user[static USER_BYTES])
{
	__builtin_prefetch(&p->slots[home_of(p, board, user)], 1);
}

struct person *people_find(struct people *p, uint16_t board, const uint8_t user[static USER_BYTES])
{
	uint32_t slot = slot_find(p, board, user);

	return is_entry(p, slot) ? &p->slots[slot] : NULL;
}

/* The entry at what slot_find() gave, made if necessary. NULL: there is no room. */
static struct person *slot_take(struct people *p, uint32_t slot, uint16_t board,
				const uint8_t *user)
{
	struct person *person;

	if (slot == p->slots_len)
		return NULL;
	person = &p->slots[slot];
	if (is_used(p, slot))
		return person;
	px_assert(p->count <= p->capacity);
	if (p->count == p->capacity)
		return NULL;
	*person = (struct person){.board = board};
	memcpy(person->user, user, USER_BYTES);
	p->used[slot / 64] |= 1ULL << slot % 64;
	p->count++;
	return person;
}

struct person *people_get(struct people *p, uint16_t board, const uint8_t user[static USER_BYTES])
{
	return slot_take(p, slot_find(p, board, user), board, user);
}

void people_drop(struct people *p, struct person *person)
{
	px_assert(person >= p->slots && person < p->slots + p->slots_len);
	px_assert(person->charged_wall_ms == 0 && person->requests.in_flight == 0);
	px_assert(person->last_seq == 0); /* nothing of it would be missed */
	slot_clear(p, (uint32_t)(person - p->slots));
}

uint16_t people_sum(uint32_t cell, uint8_t color)
{
	uint64_t key = (uint64_t)color << 32 | cell;

	return (uint16_t)(hash64(&key, sizeof(key), 0) % UINT16_MAX + 1);
}

/* --- time ------------------------------------------------------------------------------------- */

/* Since the last charge. A charge a little ahead of `mono_ms` is of this instant. */
static uint64_t age_ms(const struct person *person, uint64_t mono_ms)
{
	uint64_t age = mono_ms - person->charged_mono_ms;

	return age > INT64_MAX ? 0 : age;
}

static uint64_t keep_ms(uint64_t cooldown_ms)
{
	return cooldown_ms > PEOPLE_REMEMBER_MS ? cooldown_ms : PEOPLE_REMEMBER_MS;
}

uint64_t people_wait_ms(const struct person *person, uint64_t cooldown_ms, uint64_t mono_ms)
{
	uint64_t age = age_ms(person, mono_ms);

	if (person->charged_wall_ms == 0 || age >= cooldown_ms)
		return 0;
	return cooldown_ms - age;
}

int people_restore(struct people *p, const struct person *stored, uint64_t cooldown_ms,
		   uint64_t wall_ms, uint64_t mono_ms, struct person **ret_person)
{
	uint32_t slot = slot_find(p, stored->board, stored->user);
	struct person_requests requests;
	uint64_t elapsed = 0;
	struct person *person;

	*ret_person = NULL;
	if (stored->charged_wall_ms == 0)
		return 0;
	if (wall_ms > stored->charged_wall_ms)
		elapsed = wall_ms - stored->charged_wall_ms;
	/* a long journal must not fill the table with people whose time is over */
	if (!is_entry(p, slot) && elapsed >= keep_ms(cooldown_ms))
		return 0;
	person = slot_take(p, slot, stored->board, stored->user);
	if (person == NULL)
		return -ENOSPC;
	*ret_person = person;
	px_assert(person->requests.in_flight == 0); /* at start: nobody places yet */
	if (person->last_seq > stored->last_seq)
		return 0;
	requests = person->requests;
	*person = *stored;
	person->requests = requests;
	if (elapsed > keep_ms(cooldown_ms))
		elapsed = keep_ms(cooldown_ms);
	person->charged_mono_ms = mono_ms - elapsed;
	return 0;
}

static bool is_expired(const struct person *person, const uint64_t *cooldown_ms, uint32_t boards,
		       uint64_t mono_ms)
{
	uint64_t cooldown = person->board < boards ? cooldown_ms[person->board] : 0;

	if (person->requests.in_flight > 0)
		return false; /* it is still to be told */
	return person->charged_wall_ms == 0 || age_ms(person, mono_ms) >= keep_ms(cooldown);
}

void people_expire(struct people *p, uint32_t budget, const uint64_t *cooldown_ms, uint32_t boards,
		   uint64_t mono_ms)
{
	px_assert(p->expire_at < p->slots_len);
	for (; budget > 0; budget--) {
		uint32_t slot = p->expire_at;

		/* after a removal another entry may have come to this slot: look again */
		if (is_used(p, slot) && is_expired(&p->slots[slot], cooldown_ms, boards, mono_ms))
			slot_clear(p, slot);
		else
			p->expire_at = slot + 1 < p->slots_len ? slot + 1 : 0;
	}
}

/* The highest used slot below `end`, plus 1; 0: none. Skips 64 free slots at a time. */
static uint32_t used_below(const struct people *p, uint32_t end)
{
	px_assert(end <= p->slots_len);
	while (end > 0) {
		uint32_t word = (end - 1) / 64;
		uint64_t bits = p->used[word] << (63 - (end - 1) % 64);

		if (bits != 0)
			return end - (uint32_t)__builtin_clzll(bits);
		end = word * 64;
	}
	return 0;
}

void people_lose(struct people *p, const uint64_t *seq, uint32_t boards)
{
	uint32_t end = p->slots_len;

	while ((end = used_below(p, end)) > 0) {
		struct person *person = &p->slots[--end];

		px_assert(person->requests.in_flight == 0); /* at start: nobody places yet */
		if (person->board < boards && person->last_seq > seq[person->board])
			person->last_request = person->last_seq = 0;
	}
}

/* --- copying ---------------------------------------------------------------------------------- */

uint32_t people_copy(const struct people *p, uint32_t *cursor, struct person *out, uint32_t max)
{
	uint32_t end = p->slots_len - *cursor; /* from the top down: see above */
	uint32_t copied = 0;

	px_assert(*cursor <= p->slots_len);
	px_assert(max > 0); /* 0 copied means that all are */
	while (copied < max && (end = used_below(p, end)) > 0)
		out[copied++] = p->slots[--end];
	*cursor = p->slots_len - end;
	return copied;
}
