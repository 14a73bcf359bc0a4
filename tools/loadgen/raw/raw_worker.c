/*
 * raw_worker.c - one thread of clients of any server: what it is made of, and what is read of it.
 *
 * Memory is planned at raw_worker_new(): clients, senders with their windows and buffers,
 * histograms; receive buffers are the rings'. What grows is the table of broadcasts (bounded,
 * raw_track.c) and what a client borrows in the midst of a message. The main thread reads `stats`
 * and, under `lock`, `second_last`; nothing else while the thread runs.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "tools/loadgen/raw/raw_priv.h"
#include "tools/loadgen/load/rng.h"

#define SEND_ROOM_FEW  65536U
#define SEND_ROOM_MANY 4096U
#define SEND_FEW       64U

/* --- made and freed --------------------------------------------------------------------------- */

static uint32_t share_of(uint32_t total, uint32_t threads, uint32_t number)
{
	return total / threads + (number < total % threads);
}

static int senders_make(struct raw_worker *w)
{
	const struct raw_options *o = w->options;
	bool echo = o->expect == RAW_EXPECT_ECHO;
	size_t message;

	if (w->senders_count == 0)
		return 0;
	message = raw_template_bytes_max(o->message) + WS_HEAD_BYTES_MAX;
	w->send_room = w->senders_count <= SEND_FEW ? SEND_ROOM_FEW : SEND_ROOM_MANY;
	if (w->send_room < message + WS_CONTROL_BYTES_MAX + WS_HEAD_BYTES_MAX)
		w->send_room = (uint32_t)message + WS_CONTROL_BYTES_MAX + WS_HEAD_BYTES_MAX;
	w->scratch = malloc(message);
	if (w->scratch == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->senders_count; i++) {
		struct raw_sender *s = &w->senders[i];

		s->client = i;
		s->out = malloc(w->send_room);
		s->next = malloc(w->send_room);
		s->pending = echo ? calloc(o->window, sizeof(*s->pending)) : NULL;
		if (s->out == NULL || s->next == NULL || (echo && s->pending == NULL))
			return -ENOMEM;
		w->clients[i].sender = s;
	}
	return 0;
}

/* Senders come first. With an echo everybody is one. */
static int rings_make(struct raw_worker *w)
{
	uint32_t senders = w->senders_count;
	uint32_t counts[RING_CLASSES] = {
		[RING_SENDERS] = senders, [RING_OBSERVERS] = w->clients_count - senders};
	int r = ring_set_plan(&w->rings, counts);

	for (uint32_t i = 0; r == 0 && i < w->clients_count; i++)
		ring_set_place(&w->rings, i < senders ? RING_SENDERS : RING_OBSERVERS,
			       i < senders ? i : i - senders, &w->clients[i].ring,
			       &w->clients[i].slot);
	return r;
}

int raw_worker_new(struct raw_shared *shared, uint32_t number, struct raw_worker **ret_worker)
{
	const struct raw_options *o = shared->options;
	struct raw_worker *w = calloc(1, sizeof(*w));
	int r;

	if (w == NULL)
		return -ENOMEM;
	w->options = o;
	w->shared = shared;
	w->number = number;
	w->rng = rng_mix(o->net.seed + number);
	(void)pthread_mutex_init(&w->lock, NULL);
	w->clients_count = share_of(o->net.clients, o->net.threads, number);
	w->senders_count = share_of(o->senders, o->net.threads, number);
	w->clients = calloc(w->clients_count, sizeof(*w->clients));
	w->senders = calloc(w->senders_count + 1U, sizeof(*w->senders));
	w->ready = calloc(w->senders_count + 1U, sizeof(*w->ready));
	r = w->clients == NULL || w->senders == NULL || w->ready == NULL ? -ENOMEM : rings_make(w);
	if (r == 0)
		r = senders_make(w);
	if (r == 0 && o->expect == RAW_EXPECT_BROADCAST)
		r = raw_track_new(w->clients_count, &w->track);
	if (r < 0) {
		raw_worker_free(w);
		return r;
	}
	*ret_worker = w;
	return 0;
}

void raw_worker_free(struct raw_worker *w)
{
	if (w == NULL)
		return;
	for (uint32_t i = 0; w->clients != NULL && i < w->clients_count; i++) {
		free(w->clients[i].carry);
		free(w->clients[i].control);
		free(w->clients[i].first);
		raw_wire_free(&w->clients[i]);
	}
	for (uint32_t i = 0; w->senders != NULL && i < w->senders_count; i++) {
		free(w->senders[i].out);
		free(w->senders[i].next);
		free(w->senders[i].pending);
	}
	(void)pthread_mutex_destroy(&w->lock);
	raw_track_free(w->track);
	free(w->clients);
	free(w->senders);
	free(w->scratch);
	free(w->ready);
	ring_set_free(&w->rings);
	free(w);
}

/* --- for the other files ---------------------------------------------------------------------- */

uint64_t raw_client_number(const struct raw_worker *w, const struct raw_client *c)
{
	return (uint64_t)(c - w->clients) * w->options->net.threads + w->number;
}

void raw_trouble(struct raw_worker *w, enum trouble t, struct raw_client *c, const char *format,
		 ...)
{
	char *first = w->first[t];
	size_t room = sizeof(w->first[t]);
	size_t len;
	va_list ap;

	raw_stat_add(&w->stats.trouble[t], 1);
	c->has_bad |= trouble_kind(t) == TROUBLE_KIND_DATA;
	if (first[0] != '\0')
		return;
	len = (size_t)snprintf(first, room,
			       "client %llu: ", (unsigned long long)raw_client_number(w, c));
	va_start(ap, format);
	(void)vsnprintf(first + len, room - len, format, ap);
	va_end(ap);
}

int raw_worker_start(struct raw_worker *w)
{
	return -pthread_create(&w->thread, NULL, raw_thread_main, w);
}

void raw_worker_join(struct raw_worker *w)
{
	(void)pthread_join(w->thread, NULL);
}

/* --- for the main thread ---------------------------------------------------------------------- */

const struct raw_stats *raw_worker_stats(const struct raw_worker *w)
{
	return &w->stats;
}

void raw_worker_second_get(struct raw_worker *w, struct hdr *into)
{
	(void)pthread_mutex_lock(&w->lock);
	hdr_merge(into, &w->second_last);
	(void)pthread_mutex_unlock(&w->lock);
}

struct raw_track *raw_worker_track(const struct raw_worker *w)
{
	return w->track;
}

const struct hdr *raw_worker_echo_hdr(const struct raw_worker *w)
{
	return &w->echo;
}

const struct hdr *raw_worker_visible_hdr(const struct raw_worker *w)
{
	return &w->visible;
}

const struct hdr *raw_worker_connect_hdr(const struct raw_worker *w)
{
	return &w->connect;
}

const char *raw_worker_trouble_first(const struct raw_worker *w, enum trouble t)
{
	return w->first[t];
}

static bool is_whole(const struct raw_worker *w, const struct raw_client *c)
{
	if (c->has_bad)
		return false;
	if (w->track != NULL)
		return raw_track_has_all(w->track, (uint32_t)(c - w->clients));
	return c->sender == NULL || w->options->expect != RAW_EXPECT_ECHO ||
	       c->sender->tail == c->sender->head;
}

void raw_worker_clients_count(const struct raw_worker *w, uint64_t *ret_stood, uint64_t *ret_whole)
{
	for (uint32_t i = 0; i < w->clients_count; i++) {
		*ret_stood += w->clients[i].leaving;
		*ret_whole += w->clients[i].leaving && is_whole(w, &w->clients[i]);
	}
}
