/*
 * crew.c - the parts of a thread of clients, and what others read of it; see crew.h.
 *
 * Memory is planned before the thread starts: clients (the speaker's), rings with their receive
 * buffers, the list of ready senders. What a client borrows in the middle of a message is the
 * exception.
 */
#include "tools/loadgen/net/crew.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "tools/loadgen/load/rng.h"

/* --- made and freed --------------------------------------------------------------------------- */

uint32_t crew_share(const struct net_options *o, uint32_t total, uint32_t number)
{
	return total / o->threads + (number < total % o->threads);
}

struct crew *crew_new(size_t bytes, const struct speaker *speaker, struct crew_shared *shared,
		      uint32_t number, uint32_t ready)
{
	const struct upgrade_ask *ask = shared->ask;
	struct crew *crew = calloc(1, bytes);

	px_assert(bytes >= sizeof(*crew));
	if (crew == NULL)
		return NULL;
	crew->speaker = speaker;
	crew->options = shared->options;
	crew->shared = shared;
	crew->number = number;
	crew->rng = rng_mix(shared->options->seed + number);
	crew->waiting_head = LINK_NONE;
	crew->request_bytes = UPGRADE_REQUEST_BYTES_MAX + strlen(ask->fields) +
			      (ask->protocols == NULL ? 0 : strlen(ask->protocols));
	crew->count = crew_share(shared->options, shared->options->clients, number);
	(void)pthread_mutex_init(&crew->lock, NULL);
	crew->ready = calloc(ready + 1U, sizeof(*crew->ready));
	if (crew->ready != NULL)
		return crew;
	free(crew);
	return NULL;
}

void crew_links_set(struct crew *crew, struct link *first, size_t stride)
{
	px_assert(stride >= sizeof(*first) && stride % _Alignof(struct link) == 0);
	crew->links = (uint8_t *)first;
	crew->stride = stride;
	for (uint32_t i = 0; i < crew->count; i++)
		link_init(crew_link(crew, i), i);
}

static enum ring_class class_of(const struct link *c)
{
	return c->sender ? RING_SENDERS : c->observer ? RING_OBSERVERS : RING_OTHERS;
}

int crew_rings_make(struct crew *crew)
{
	uint32_t counts[RING_CLASSES] = {0};
	uint32_t placed[RING_CLASSES] = {0};
	int r;

	for (uint32_t i = 0; i < crew->count; i++)
		counts[class_of(crew_link(crew, i))]++;
	r = ring_set_plan(&crew->rings, counts);
	for (uint32_t i = 0; r == 0 && i < crew->count; i++) {
		struct link *c = crew_link(crew, i);

		ring_set_locate(&crew->rings, class_of(c), placed[class_of(c)]++, &c->wire.lane,
				&c->wire.slot);
	}
	return r;
}

void crew_free(struct crew *crew)
{
	if (crew == NULL)
		return;
	for (uint32_t i = 0; crew->links != NULL && i < crew->count; i++)
		link_free(crew_link(crew, i));
	crew->speaker->free(crew);
	(void)pthread_mutex_destroy(&crew->lock);
	free(crew->ready);
	ring_set_free(&crew->rings);
	free(crew);
}

int crew_start(struct crew *crew)
{
	return -pthread_create(&crew->thread, NULL, crew_main, crew);
}

void crew_join(struct crew *crew)
{
	(void)pthread_join(crew->thread, NULL);
}

/* --- for the main thread ---------------------------------------------------------------------- */

void crew_tally_add(const struct crew *crew, struct tally *into)
{
	const struct crew_stats *s = &crew->stats;

	into->standing += stat_get(&s->standing);
	into->dead += stat_get(&s->dead);
	into->waiting += stat_get(&s->waiting);
	into->outstanding += stat_get(&s->outstanding);
	into->deliveries += stat_get(&s->deliveries);
	into->bytes_in += stat_get(&s->bytes_in);
	if (stat_get(&s->lag_max_ns) > into->lag_max_ns)
		into->lag_max_ns = stat_get(&s->lag_max_ns);
	if (stat_get(&s->failed) != 0)
		into->failed = stat_get(&s->failed);
	for (unsigned t = 0; t < TROUBLE_MAX; t++)
		into->trouble[t] += stat_get(&s->trouble[t]);
}

void crew_second_get(struct crew *crew, struct second *into)
{
	(void)pthread_mutex_lock(&crew->lock);
	second_merge(into, &crew->second_last);
	(void)pthread_mutex_unlock(&crew->lock);
}

/* --- for the speaker -------------------------------------------------------------------------- */

void crew_trouble(struct crew *crew, enum trouble t, struct link *c, const char *format, ...)
{
	char *first = crew->first[t];
	size_t room = sizeof(crew->first[t]);
	size_t len = 0;
	va_list ap;

	px_assert(t != TROUBLE_NONE);
	stat_add(&crew->stats.trouble[t], 1);
	if (c != NULL)
		c->has_bad |= trouble_kind(t) == TROUBLE_KIND_DATA;
	if (first[0] != '\0')
		return;
	if (c != NULL)
		len = (size_t)snprintf(first, room,
				       "client %llu: ", (unsigned long long)link_number(crew, c));
	va_start(ap, format);
	(void)vsnprintf(first + len, room - len, format, ap);
	va_end(ap);
}

void crew_ready(struct crew *crew, uint32_t i, bool *is_ready)
{
	if (*is_ready)
		return;
	*is_ready = true;
	crew->ready[crew->ready_count++] = i;
}

uint8_t *crew_arena(struct crew *crew, size_t len)
{
	return ring_set_arena(&crew->rings, len);
}

size_t crew_frame_write(struct crew *crew, uint8_t *out, enum ws_opcode opcode, uint8_t *payload,
			size_t len)
{
	uint64_t random = rng_next(&crew->rng);
	uint8_t mask[4];
	size_t head;

	memcpy(mask, &random, sizeof(mask));
	head = ws_head_write_masked(out, true, opcode, mask, payload, len);
	memmove(out + head, payload, len);
	return head + len;
}

void crew_lag(struct crew *crew, uint64_t lag_ns)
{
	if (lag_ns > crew->stats.lag_max_ns)
		stat_set(&crew->stats.lag_max_ns, lag_ns);
}
