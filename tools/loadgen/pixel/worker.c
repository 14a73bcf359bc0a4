/*
 * worker.c - one thread of clients: what it is made of, and what is read of it.
 *
 * Memory is planned at worker_new(): clients, painters with their windows, histograms, reference;
 * receive buffers are the rings'. What a client borrows in the midst of a message (struct carry) is
 * the exception. The main thread reads `stats` and, under `lock`, `second_last`; nothing else while
 * the thread runs.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "tools/loadgen/load/rng.h"
#include "tools/loadgen/pixel/worker_priv.h"

/* --- made and freed --------------------------------------------------------------------------- */

static uint32_t share_of(uint32_t total, uint32_t threads, uint32_t number)
{
	return total / threads + (number < total % threads);
}

static int painters_make(struct worker *w)
{
	const struct options *o = w->options;

	for (uint32_t i = 0; i < w->painters_count; i++) {
		struct painter *p = &w->painters[i];
		uint32_t number = i * o->net.threads + w->number;
		int r = painter_init(p, number, o->painters, o->window, w->shared->plan->count);

		if (r < 0)
			return r;
		p->client = i;
		p->token = w->shared->tokens[number].chars;
		w->clients[i].painter = p;
		if (plan_ends(w->shared->plan))
			stat_add(&w->stats.to_place, p->limit);
	}
	return 0;
}

/* Observers lie evenly among those that read: among watchers, when there are enough. */
static void observers_make(struct worker *w, uint32_t reading)
{
	const struct options *o = w->options;
	uint32_t count = share_of(o->observers, o->net.threads, w->number);
	uint32_t from = reading - w->painters_count >= count ? w->painters_count : 0;
	uint32_t among = reading - from;

	if (count > among)
		count = among;
	for (uint32_t i = 0; i < among; i++) {
		struct client *c = &w->clients[from + i];

		c->observer = (uint64_t)(i + 1) * count / among != (uint64_t)i * count / among;
		w->observers += c->observer;
	}
}

static enum ring_class class_of(const struct client *c)
{
	return c->painter != NULL ? RING_SENDERS : c->observer ? RING_OBSERVERS : RING_OTHERS;
}

static int rings_make(struct worker *w)
{
	uint32_t counts[RING_CLASSES] = {0};
	uint32_t placed[RING_CLASSES] = {0};
	int r;

	for (uint32_t i = 0; i < w->clients_count; i++)
		counts[class_of(&w->clients[i])]++;
	r = ring_set_plan(&w->rings, counts);
	for (uint32_t i = 0; r == 0 && i < w->clients_count; i++) {
		struct client *c = &w->clients[i];

		ring_set_place(&w->rings, class_of(c), placed[class_of(c)]++, &c->ring, &c->slot);
	}
	return r;
}

/* Clients get their parts: painters first, slow readers and those that stop last. */
static void clients_make(struct worker *w)
{
	const struct options *o = w->options;
	uint32_t reading = 0;

	for (uint32_t i = 0; i < w->clients_count; i++) {
		struct client *c = &w->clients[i];
		uint64_t number = client_number(w, c);

		c->place.frame = STREAM_NONE;
		c->next = NO_CLIENT;
		c->fd = -1;
		c->stopper = number >= o->net.clients - o->stop_reading;
		c->slow =
			!c->stopper && number >= o->net.clients - o->stop_reading - o->slow_readers;
		reading += !c->stopper && !c->slow;
	}
	observers_make(w, reading);
	for (uint32_t i = w->painters_count; i < reading; i++)
		w->clients[i].bulk = o->read_mark > 0 && !w->clients[i].observer;
}

int worker_new(struct run_shared *shared, uint32_t number, struct worker **ret_worker)
{
	const struct options *o = shared->options;
	struct worker *w = calloc(1, sizeof(*w));
	int r;

	if (w == NULL)
		return -ENOMEM;
	w->options = o;
	w->shared = shared;
	w->number = number;
	w->rng = rng_mix(o->net.seed + number);
	w->waiting_head = NO_CLIENT;
	w->stats.behind_of = UINT64_MAX;
	(void)pthread_mutex_init(&w->lock, NULL);
	w->clients_count = share_of(o->net.clients, o->net.threads, number);
	w->painters_count = share_of(o->painters, o->net.threads, number);
	w->clients = aligned_alloc(CACHE_LINE, (w->clients_count + 1U) * sizeof(*w->clients));
	w->painters = calloc(w->painters_count + 1U, sizeof(*w->painters));
	w->ready = calloc(w->painters_count + 1U, sizeof(*w->ready));
	r = w->clients == NULL || w->painters == NULL || w->ready == NULL ? -ENOMEM : 0;
	if (w->clients != NULL)
		memset(w->clients, 0, (w->clients_count + 1U) * sizeof(*w->clients));
	if (r == 0)
		r = painters_make(w);
	if (r == 0)
		r = reference_new(&w->reference);
	if (r == 0)
		r = stream_new(&w->stream);
	if (r == 0) {
		clients_make(w);
		r = rings_make(w);
	}
	if (r == 0)
		r = sight_new(shared->times, w->observers, &w->sight);
	if (r == 0)
		r = crowd_new(&w->crowd);
	if (r < 0) {
		worker_free(w);
		return r;
	}
	*ret_worker = w;
	return 0;
}

void worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	for (uint32_t i = 0; w->clients != NULL && i < w->clients_count; i++)
		free(w->clients[i].carry);
	for (uint32_t i = 0; w->painters != NULL && i < w->painters_count; i++)
		painter_fini(&w->painters[i]);
	(void)pthread_mutex_destroy(&w->lock);
	reference_free(w->reference);
	stream_free(w->stream);
	sight_free(w->sight);
	crowd_free(w->crowd);
	ledger_fini(&w->ledger);
	free(w->clients);
	free(w->painters);
	free(w->ready);
	ring_set_free(&w->rings);
	free(w);
}

/* --- for client.c ----------------------------------------------------------------------------- */

void worker_trouble(struct worker *w, enum trouble t, const struct client *c, const char *format,
		    ...)
{
	char *first = w->first[t];
	size_t room = sizeof(w->first[t]);
	size_t len = 0;
	va_list ap;

	stat_add(&w->stats.trouble[t], 1);
	if (first[0] != '\0')
		return;
	if (c != NULL)
		len = (size_t)snprintf(first, room, "client %llu: ",
				       (unsigned long long)client_index(w, c) *
						       w->options->net.threads +
					       w->number);
	va_start(ap, format);
	(void)vsnprintf(first + len, room - len, format, ap);
	va_end(ap);
}

void worker_painter_ready(struct worker *w, struct painter *p)
{
	if (p->ready)
		return;
	p->ready = true;
	w->ready[w->ready_count++] = (uint32_t)(p - w->painters);
}

int worker_start(struct worker *w)
{
	return -pthread_create(&w->thread, NULL, worker_thread_main, w);
}

void worker_join(struct worker *w)
{
	(void)pthread_join(w->thread, NULL);
}

/* --- for the main thread ---------------------------------------------------------------------- */

const struct worker_stats *worker_stats(const struct worker *w)
{
	return &w->stats;
}

void worker_second_get(struct worker *w, struct second *into)
{
	(void)pthread_mutex_lock(&w->lock);
	second_merge(into, &w->second_last);
	(void)pthread_mutex_unlock(&w->lock);
}

struct crowd *worker_crowd(const struct worker *w)
{
	return w->crowd;
}

void worker_reach_add(const struct worker *w, uint64_t seq_first, uint64_t final,
		      struct reach *reach)
{
	for (uint32_t i = 0; i < w->clients_count; i++) {
		const struct follow *f = &w->clients[i].follow;
		uint64_t start = f->joined ? f->start : seq_first;

		if (w->clients[i].stopper || w->clients[i].vanished)
			continue;
		reach->clients++;
		reach->complete += w->clients[i].leaving && !f->wrong && f->seq >= final;
		reach->behind += w->clients[i].leaving && f->seq < final;
		reach->expected += final > start ? final - start : 0;
		reach->received += follow_received(f, final);
	}
}

const struct reference *worker_reference(const struct worker *w)
{
	return w->reference;
}

struct ledger *worker_ledger(struct worker *w)
{
	return &w->ledger;
}

const struct latencies *worker_latencies(const struct worker *w)
{
	return &w->latencies;
}

const struct hdr *worker_lag(const struct worker *w)
{
	return &w->lag;
}

const char *worker_trouble_first(const struct worker *w, enum trouble t)
{
	return w->first[t];
}
