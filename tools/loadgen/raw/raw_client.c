/*
 * raw_client.c - a client of any WebSocket server on its connection (net/link.h).
 *
 * Owner: the crew's thread. Everything is sent with link_send_all(), one buffer at a time: the
 * first message, then a sender's buffers.
 */
#include <stdlib.h>

#include "engine/base/assert.h"
#include "tools/loadgen/raw/raw_priv.h"

#define MESSAGE_BYTES_MAX (64U << 20)
#define AWAITED_LOOK_NS   (50 * NS_PER_MS)

/* The first message may be long: it is sent to its end, from memory of its own. */
static void first_send(struct raw_crew *w, struct raw_client *c)
{
	const struct raw_options *o = w->options;
	const struct raw_template *t = o->first_message;
	uint8_t *payload;
	size_t len;

	if (t == NULL)
		return;
	px_assert(c->first == NULL);
	c->first = malloc(raw_template_bytes_max(t) + WS_HEAD_BYTES_MAX);
	if (c->first == NULL) {
		link_break(&w->crew, &c->link, TROUBLE_RESET, "no memory");
		return;
	}
	payload = c->first + WS_HEAD_BYTES_MAX;
	len = raw_template_write(t, link_number(&w->crew, &c->link) + 1,
				 w->crew.now.mono_ns + w->shared->unix_offset_ns, &w->crew.rng,
				 payload);
	len = crew_frame_write(&w->crew, c->first, o->binary ? WS_BINARY : WS_TEXT, payload, len);
	stat_add(&w->stats.bytes_out, len);
	link_send_all(&w->crew, &c->link, c->first, len);
}

void raw_client_stands(struct raw_crew *w, struct raw_client *c)
{
	hdr_record(&w->connect, w->crew.now.mono_ns - c->link.since_ns);
	if (w->stood_ns == 0 || c->link.since_ns < w->opened_ns)
		w->opened_ns = c->link.since_ns;
	w->stood_ns = w->crew.now.mono_ns;
	link_state_set(&w->crew, &c->link, LINK_STANDING);
}

static void joined(struct crew *crew, struct link *link)
{
	struct raw_crew *w = raw_crew_of(crew);

	if (!w->options->first_answer)
		raw_client_stands(w, raw_client_of(link));
	first_send(w, raw_client_of(link));
}

/* Behind what a sender has filled already; while a first message is on its way, let go. */
static bool queue(struct crew *crew, struct link *link, enum ws_opcode opcode, uint8_t *payload,
		  size_t len)
{
	struct raw_crew *w = raw_crew_of(crew);
	struct raw_client *c = raw_client_of(link);
	struct raw_sender *s = c->sender;

	if (c->first != NULL || (s != NULL && s->next_len + len + WS_HEAD_BYTES_MAX > w->send_room))
		return true;
	if (s == NULL)
		return false;
	s->next_len +=
		(uint32_t)crew_frame_write(crew, s->next + s->next_len, opcode, payload, len);
	raw_sender_ready(w, s);
	return true;
}

static void sent(struct crew *crew, struct link *link)
{
	struct raw_client *c = raw_client_of(link);
	struct raw_sender *s = c->sender;
	bool first = c->first != NULL;

	free(c->first);
	c->first = NULL;
	if (s == NULL)
		return;
	if (!first)
		s->sending = false;
	if (first || s->next_len > 0)
		raw_sender_ready(raw_crew_of(crew), s);
}

static void ended(struct crew *crew, struct link *link)
{
	struct raw_client *c = raw_client_of(link);

	(void)crew;
	free(c->first);
	c->first = NULL;
}

static void dead(struct crew *crew, struct link *link)
{
	struct raw_sender *s = raw_client_of(link)->sender;

	if (s == NULL || s->gone)
		return;
	s->gone = true;
	stat_add(&crew->stats.outstanding, s->tail - s->head);
}

static void publish(struct crew *crew)
{
	struct raw_crew *w = raw_crew_of(crew);
	uint64_t until_ns = w->shared->open_until_ns;

	if (w->track == NULL || until_ns == UINT64_MAX ||
	    crew->now.mono_ns - w->looked_ns < AWAITED_LOOK_NS)
		return;
	w->looked_ns = crew->now.mono_ns;
	stat_set(&w->stats.awaited, raw_track_open(w->track, until_ns));
	atomic_fetch_add_explicit(&w->stats.looked, 1, memory_order_release);
}

const struct speaker raw_speaker = {
	.message_bytes_max = MESSAGE_BYTES_MAX,
	.late = "it was not connected in time",
	.joined = joined,
	.bytes = link_parse,
	.message = raw_message,
	.queue = queue,
	.sent = sent,
	.ended = ended,
	.dead = dead,
	.due = raw_senders_assign,
	.flush = raw_senders_flush,
	.publish = publish,
	.due_ns = raw_senders_due_ns,
	.free = raw_crew_free,
};
