/*
 * raw_track.c - a hash table of messages, each with a bit per client.
 *
 * Owner: the crew; after it has ended, the main thread. Memory: entries and their bits are
 * allocated per message, never per delivery, and bounded by TRACK_BYTES_MAX; what no longer fits is
 * counted as dropped. In flight: nothing.
 */
#include "tools/loadgen/raw/raw_track.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "tools/loadgen/load/rng.h"

#define TRACK_BYTES_MAX (512ULL << 20) /* of one table */
#define TRACK_BUCKETS   1024U          /* in the beginning; a power of two */
#define COPIES_MAX      1024U          /* of a message without a time */

struct entry {
	uint64_t key;
	uint64_t hash; /* of the first copy; 0: none came yet */
	uint64_t stamp_ns;
	uint64_t first_ns, last_ns; /* when clients got it */
	uint64_t *bits;             /* one per client */
	uint32_t received;
	bool differs; /* sums only */
};

struct raw_track {
	struct entry *entries;
	uint32_t *buckets; /* index + 1; 0: free */
	uint64_t *all;     /* after a join: clients that got everything */
	uint64_t memory_bytes, dropped;
	uint32_t count, room;
	uint32_t buckets_count;
	uint32_t clients, words;
};

int raw_track_new(uint32_t clients, struct raw_track **ret_track)
{
	struct raw_track *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->clients = clients;
	t->words = (clients + 63) / 64;
	t->buckets_count = TRACK_BUCKETS;
	t->buckets = calloc(TRACK_BUCKETS, sizeof(*t->buckets));
	t->all = malloc((t->words + 1U) * sizeof(*t->all));
	if (t->buckets == NULL || t->all == NULL) {
		raw_track_free(t);
		return -ENOMEM;
	}
	*ret_track = t;
	return 0;
}

void raw_track_free(struct raw_track *t)
{
	if (t == NULL)
		return;
	for (uint32_t i = 0; i < t->count; i++)
		free(t->entries[i].bits);
	free(t->entries);
	free(t->buckets);
	free(t->all);
	free(t);
}

/* --- the table -------------------------------------------------------------------------------- */

static uint32_t *bucket_of(const struct raw_track *t, uint64_t key)
{
	uint64_t at = rng_mix(key);

	for (;; at++) {
		uint32_t *bucket = &t->buckets[at & (t->buckets_count - 1)];

		if (*bucket == 0 || t->entries[*bucket - 1].key == key)
			return bucket;
	}
}

static struct entry *entry_find(const struct raw_track *t, uint64_t key)
{
	uint32_t bucket = *bucket_of(t, key);

	return bucket == 0 ? NULL : &t->entries[bucket - 1];
}

static bool buckets_grow(struct raw_track *t)
{
	uint32_t *more;

	if (t->count < t->buckets_count / 2)
		return true;
	more = calloc(2ULL * t->buckets_count, sizeof(*more));
	if (more == NULL)
		return false;
	free(t->buckets);
	t->buckets = more;
	t->buckets_count *= 2;
	for (uint32_t i = 0; i < t->count; i++)
		*bucket_of(t, t->entries[i].key) = i + 1;
	return true;
}

static bool entries_grow(struct raw_track *t)
{
	uint32_t room = t->room == 0 ? 256 : t->room * 2;
	struct entry *more;

	if (t->count < t->room)
		return true;
	more = realloc(t->entries, room * sizeof(*more));
	if (more == NULL)
		return false;
	memset(more + t->room, 0, (room - t->room) * sizeof(*more));
	t->entries = more;
	t->room = room;
	return true;
}

/* NULL: the memory is used up. */
static struct entry *entry_make(struct raw_track *t, uint64_t key, uint64_t now_ns)
{
	uint64_t bytes = t->words * sizeof(uint64_t);
	struct entry *e;

	if (t->memory_bytes + bytes + sizeof(*e) > TRACK_BYTES_MAX || !entries_grow(t) ||
	    !buckets_grow(t)) {
		t->dropped++;
		return NULL;
	}
	e = &t->entries[t->count];
	*e = (struct entry){.key = key, .first_ns = now_ns, .bits = calloc(1, bytes + 8)};
	if (e->bits == NULL) {
		t->dropped++;
		return NULL;
	}
	t->memory_bytes += bytes + sizeof(*e);
	*bucket_of(t, key) = ++t->count;
	return e;
}

/* --- while it runs ---------------------------------------------------------------------------- */

void raw_track_sent(struct raw_track *t, uint64_t stamp_ns, uint64_t now_ns)
{
	struct entry *e = entry_find(t, stamp_ns);

	if (e == NULL)
		e = entry_make(t, stamp_ns, now_ns);
	if (e != NULL)
		e->stamp_ns = stamp_ns;
}

static bool has(const struct entry *e, uint32_t client)
{
	return (e->bits[client / 64] >> client % 64 & 1) != 0;
}

enum trouble raw_track_seen(struct raw_track *t, uint32_t client, uint64_t stamp_ns, uint64_t hash,
			    uint64_t now_ns)
{
	uint64_t key = stamp_ns != 0 ? stamp_ns : hash;
	struct entry *e = entry_find(t, key);

	px_assert(client < t->clients);
	for (unsigned copy = 1; e != NULL && has(e, client); copy++) {
		if (stamp_ns != 0 || copy == COPIES_MAX)
			return TROUBLE_REPEATED;
		key = rng_mix(hash + copy);
		e = entry_find(t, key);
	}
	if (e == NULL)
		e = entry_make(t, key, now_ns);
	if (e == NULL)
		return TROUBLE_NONE;
	e->bits[client / 64] |= 1ULL << client % 64;
	e->stamp_ns = stamp_ns;
	e->last_ns = now_ns;
	if (e->received++ == 0) {
		e->first_ns = now_ns;
		e->hash = hash;
	}
	return e->hash == hash ? TROUBLE_NONE : TROUBLE_BYTES_DIFFER;
}

static uint64_t begun_ns(const struct entry *e)
{
	return e->stamp_ns != 0 ? e->stamp_ns : e->first_ns;
}

uint64_t raw_track_open(const struct raw_track *t, uint64_t end_ns)
{
	uint64_t open = 0;

	for (uint32_t i = 0; i < t->count; i++)
		open += t->entries[i].received < t->clients && begun_ns(&t->entries[i]) < end_ns;
	return open;
}

uint64_t raw_track_dropped(const struct raw_track *t)
{
	return t->dropped;
}

/* --- afterwards ------------------------------------------------------------------------------- */

/* Adds what the clients of one crew got to the sums; `sum` has no bits of its own. */
static bool table_add(struct raw_track *sum, const struct raw_track *t)
{
	for (uint32_t i = 0; i < t->count; i++) {
		const struct entry *from = &t->entries[i];
		struct entry *e = entry_find(sum, from->key);

		if (e == NULL) {
			e = entry_make(sum, from->key, from->first_ns);
			if (e == NULL)
				return false;
			e->stamp_ns = from->stamp_ns;
		}
		if (from->received > 0 && (e->received == 0 || from->first_ns < e->first_ns))
			e->first_ns = from->first_ns;
		if (from->last_ns > e->last_ns)
			e->last_ns = from->last_ns;
		e->differs |= from->received > 0 && e->received > 0 && from->hash != e->hash;
		if (from->received > 0)
			e->hash = from->hash;
		e->received += from->received;
	}
	return true;
}

/* Clears the bits of those who did not get this message. */
static void all_narrow(struct raw_track *t, uint64_t key)
{
	const struct entry *e = entry_find(t, key);

	for (uint32_t i = 0; i < t->words; i++)
		t->all[i] &= e == NULL ? 0 : e->bits[i];
}

static void message_count(const struct entry *e, uint64_t clients, struct raw_tracked *tracked)
{
	tracked->messages++;
	tracked->expected += clients;
	tracked->received += e->received;
	tracked->differ += e->differs;
	if (e->received != clients)
		return;
	tracked->complete++;
	hdr_record(&tracked->spread, e->last_ns - e->first_ns);
	if (e->stamp_ns != 0)
		hdr_record(&tracked->last, e->last_ns > e->stamp_ns ? e->last_ns - e->stamp_ns : 0);
}

int raw_track_join(struct raw_track *const *tracks, uint32_t count, uint64_t clients,
		   uint64_t start_ns, uint64_t end_ns, struct raw_tracked *ret_tracked)
{
	struct raw_track *sum;
	bool fits = true;
	int r = raw_track_new(0, &sum);

	if (r < 0)
		return r;
	memset(ret_tracked, 0, sizeof(*ret_tracked));
	for (uint32_t i = 0; i < count; i++) {
		memset(tracks[i]->all, 0xff, tracks[i]->words * sizeof(uint64_t));
		fits &= table_add(sum, tracks[i]);
	}
	for (uint32_t i = 0; fits && i < sum->count; i++) {
		const struct entry *e = &sum->entries[i];

		if (begun_ns(e) < start_ns || begun_ns(e) >= end_ns)
			continue;
		message_count(e, clients, ret_tracked);
		for (uint32_t k = 0; k < count; k++)
			all_narrow(tracks[k], e->key);
	}
	raw_track_free(sum);
	return fits ? 0 : -ENOMEM;
}

bool raw_track_has_all(const struct raw_track *t, uint32_t client)
{
	px_assert(client < t->clients);
	return (t->all[client / 64] >> client % 64 & 1) != 0;
}
