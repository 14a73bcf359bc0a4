/*
 * pixel_crew.c - one thread of clients: its parts, and what others read of it.
 *
 * Memory is planned at pixel_crew_new(): clients, painters with their windows, histograms,
 * reference; receive buffers are the rings'. What a client borrows in the middle of a message
 * (struct carry) is the exception. The main thread reads `stats`, and the crew's second through
 * crew_second_get(); nothing else while the thread runs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/loadgen/pixel/pixel_priv.h"

/* --- made and freed --------------------------------------------------------------------------- */

static int painters_make(struct pixel_crew *w)
{
	const struct options *o = w->options;

	for (uint32_t i = 0; i < w->painters_count; i++) {
		struct painter *p = &w->painters[i];
		uint32_t number = i * o->net.threads + w->crew.number;
		int r = painter_init(p, number, o->painters, o->window, w->shared->plan->count);

		if (r < 0)
			return r;
		p->client = i;
		p->token = w->shared->tokens[number].chars;
		w->clients[i].painter = p;
		w->clients[i].link.sender = true;
		if (plan_ends(w->shared->plan))
			stat_add(&w->stats.to_place, p->limit);
	}
	return 0;
}

/* Observers lie evenly among those that read: among watchers, when there are enough. */
static void observers_make(struct pixel_crew *w, uint32_t reading)
{
	const struct options *o = w->options;
	uint32_t count = crew_share(&o->net, o->observers, w->crew.number);
	uint32_t from = reading - w->painters_count >= count ? w->painters_count : 0;
	uint32_t among = reading - from;

	if (count > among)
		count = among;
	for (uint32_t i = 0; i < among; i++) {
		struct client *c = &w->clients[from + i];

		c->link.observer = (uint64_t)(i + 1) * count / among != (uint64_t)i * count / among;
		w->observers += c->link.observer;
	}
}

/* Clients get their parts: painters first, slow readers and those that stop last. */
static void clients_make(struct pixel_crew *w)
{
	const struct options *o = w->options;
	uint32_t reading = 0;

	for (uint32_t i = 0; i < w->crew.count; i++) {
		struct client *c = &w->clients[i];
		uint64_t number = link_number(&w->crew, &c->link);

		c->position.frame = STREAM_NONE;
		c->stopper = number >= o->net.clients - o->stop_reading;
		c->link.slow =
			!c->stopper && number >= o->net.clients - o->stop_reading - o->slow_readers;
		c->link.narrow = c->stopper || c->link.slow;
		reading += !c->link.narrow;
	}
	observers_make(w, reading);
	for (uint32_t i = w->painters_count; i < reading; i++)
		w->clients[i].link.bulk = o->read_mark > 0 && !w->clients[i].link.observer;
}

/* Memory for clients and painters. */
static int people_make(struct pixel_crew *w)
{
	size_t bytes = (w->crew.count + 1U) * sizeof(*w->clients);

	w->painters = calloc(w->painters_count + 1U, sizeof(*w->painters));
	w->clients = aligned_alloc(CACHE_LINE, bytes);
	if (w->clients == NULL || w->painters == NULL)
		return -ENOMEM;
	memset(w->clients, 0, bytes);
	crew_links_set(&w->crew, &w->clients[0].link, sizeof(*w->clients));
	return painters_make(w);
}

int pixel_crew_new(struct run_shared *shared, uint32_t number, struct crew **ret_crew)
{
	uint32_t painters = crew_share(&shared->options->net, shared->options->painters, number);
	struct pixel_crew *w;
	int r;

	*ret_crew = crew_new(sizeof(*w), &client_speaker, &shared->crew, number, painters);
	if (*ret_crew == NULL)
		return -ENOMEM;
	w = pixel_crew_of(*ret_crew);
	w->options = shared->options;
	w->shared = shared;
	w->painters_count = painters;
	w->stats.behind_of = UINT64_MAX;
	r = people_make(w);
	if (r == 0)
		r = reference_new(&w->reference);
	if (r == 0)
		r = stream_new(&w->stream);
	if (r < 0)
		return r;
	clients_make(w);
	r = crew_rings_make(&w->crew);
	if (r == 0)
		r = sight_new(shared->times, w->observers, &w->sight);
	return r == 0 ? crowd_new(&w->crowd) : r;
}

void pixel_crew_free(struct crew *crew)
{
	struct pixel_crew *w = pixel_crew_of(crew);

	for (uint32_t i = 0; w->painters != NULL && i < w->painters_count; i++)
		painter_fini(&w->painters[i]);
	reference_free(w->reference);
	stream_free(w->stream);
	sight_free(w->sight);
	crowd_free(w->crowd);
	ledger_fini(&w->ledger);
	free(w->clients);
	free(w->painters);
	free(w->face);
}

/* --- for client.c ----------------------------------------------------------------------------- */

void pixel_painter_ready(struct pixel_crew *w, struct painter *p)
{
	crew_ready(&w->crew, (uint32_t)(p - w->painters), &p->ready);
}

/* --- for the main thread ---------------------------------------------------------------------- */

const struct pixel_crew_stats *pixel_crew_stats(const struct pixel_crew *w)
{
	return &w->stats;
}

struct crowd *pixel_crew_crowd(const struct pixel_crew *w)
{
	return w->crowd;
}

void pixel_crew_reach_add(const struct pixel_crew *w, uint64_t seq_first, uint64_t final,
			  struct reach *reach)
{
	for (uint32_t i = 0; i < w->crew.count; i++) {
		const struct follow *f = &w->clients[i].follow;
		uint64_t start = f->joined ? f->start : seq_first;

		if (w->clients[i].stopper || w->clients[i].link.vanished)
			continue;
		reach->clients++;
		reach->complete += w->clients[i].link.leaving && !f->wrong && f->seq >= final;
		reach->behind += w->clients[i].link.leaving && f->seq < final;
		reach->faceless +=
			w->clients[i].link.leaving && !client_knows_board(w, &w->clients[i]);
		reach->expected += final > start ? final - start : 0;
		reach->received += follow_received(f, final);
	}
}

void pixel_crew_record(struct pixel_crew *w)
{
	sight_record(w->sight, UINT64_MAX, &w->latencies, &w->crew.second);
}

const struct reference *pixel_crew_reference(const struct pixel_crew *w)
{
	return w->reference;
}

struct ledger *pixel_crew_ledger(struct pixel_crew *w)
{
	return &w->ledger;
}

const struct latencies *pixel_crew_latencies(const struct pixel_crew *w)
{
	return &w->latencies;
}

const struct hdr *pixel_crew_lag(const struct pixel_crew *w)
{
	return &w->lag;
}
