/*
 * raw_crew.c - one thread of clients of any server: its parts, and what others read of it.
 *
 * Memory is planned at raw_crew_new(): clients, senders with their windows and buffers, histograms;
 * receive buffers are the rings'. Only two things grow: the table of broadcasts (bounded,
 * raw_track.c) and what a client borrows in the middle of a message. The main thread reads `stats`,
 * and the crew's second through crew_second_get(); nothing else while the thread runs.
 */
#include <errno.h>
#include <stdlib.h>

#include "tools/loadgen/raw/raw_priv.h"

#define SEND_ROOM_FEW  65536U
#define SEND_ROOM_MANY 4096U
#define SEND_FEW       64U

/* --- made and freed --------------------------------------------------------------------------- */

static int senders_make(struct raw_crew *w)
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
		w->clients[i].link.sender = true;
	}
	return 0;
}

/* Senders come first. With an echo everybody is one. */
static int clients_make(struct raw_crew *w)
{
	w->clients = calloc(w->crew.count + 1U, sizeof(*w->clients));
	w->senders = calloc(w->senders_count + 1U, sizeof(*w->senders));
	if (w->clients == NULL || w->senders == NULL)
		return -ENOMEM;
	crew_links_set(&w->crew, &w->clients[0].link, sizeof(*w->clients));
	for (uint32_t i = 0; i < w->crew.count; i++)
		w->clients[i].link.observer = true;
	return senders_make(w);
}

int raw_crew_new(struct raw_shared *shared, uint32_t number, struct crew **ret_crew)
{
	uint32_t senders = crew_share(&shared->options->net, shared->options->senders, number);
	struct raw_crew *w;
	int r;

	*ret_crew = crew_new(sizeof(*w), &raw_speaker, &shared->crew, number, senders);
	if (*ret_crew == NULL)
		return -ENOMEM;
	w = raw_crew_of(*ret_crew);
	w->senders_count = senders;
	w->options = shared->options;
	w->shared = shared;
	r = clients_make(w);
	if (r == 0)
		r = crew_rings_make(&w->crew);
	if (r == 0 && w->options->expect == RAW_EXPECT_BROADCAST)
		r = raw_track_new(w->crew.count, &w->track);
	return r;
}

void raw_crew_free(struct crew *crew)
{
	struct raw_crew *w = raw_crew_of(crew);

	for (uint32_t i = 0; w->clients != NULL && i < crew->count; i++)
		free(w->clients[i].first);
	for (uint32_t i = 0; w->senders != NULL && i < w->senders_count; i++) {
		free(w->senders[i].out);
		free(w->senders[i].next);
		free(w->senders[i].pending);
	}
	raw_track_free(w->track);
	free(w->clients);
	free(w->senders);
	free(w->scratch);
}

/* --- for the main thread ---------------------------------------------------------------------- */

const struct raw_stats *raw_crew_stats(const struct raw_crew *w)
{
	return &w->stats;
}

struct raw_track *raw_crew_track(const struct raw_crew *w)
{
	return w->track;
}

const struct hdr *raw_crew_echo_hdr(const struct raw_crew *w)
{
	return &w->echo;
}

const struct hdr *raw_crew_visible_hdr(const struct raw_crew *w)
{
	return &w->visible;
}

const struct hdr *raw_crew_connect_hdr(const struct raw_crew *w)
{
	return &w->connect;
}

void raw_crew_connected_add(const struct raw_crew *w, uint64_t *first_ns, uint64_t *last_ns)
{
	if (w->stood_ns == 0)
		return;
	*first_ns = w->opened_ns < *first_ns ? w->opened_ns : *first_ns;
	*last_ns = w->stood_ns > *last_ns ? w->stood_ns : *last_ns;
}

static bool is_whole(const struct raw_crew *w, const struct raw_client *c)
{
	if (c->link.has_bad)
		return false;
	if (w->track != NULL)
		return raw_track_has_all(w->track, (uint32_t)(c - w->clients));
	return c->sender == NULL || w->options->expect != RAW_EXPECT_ECHO ||
	       c->sender->tail == c->sender->head;
}

void raw_crew_clients_count(const struct raw_crew *w, uint64_t *ret_stood, uint64_t *ret_whole)
{
	for (uint32_t i = 0; i < w->crew.count; i++) {
		*ret_stood += w->clients[i].link.leaving;
		*ret_whole += w->clients[i].link.leaving && is_whole(w, &w->clients[i]);
	}
}
