/*
 * raw_sender.c - what is sent, and when.
 *
 * Owner: the crew. Each sender has two buffers: one belongs to the ring until its send_all is done,
 * the other is filled meanwhile and sent next. A schedule that finds no room waits, and its
 * messages keep their intended times.
 */
#include "engine/base/hash.h"
#include "tools/loadgen/raw/raw_priv.h"

/* --- sending ---------------------------------------------------------------------------------- */

void raw_sender_ready(struct raw_crew *w, struct raw_sender *s)
{
	crew_ready(&w->crew, (uint32_t)(s - w->senders), &s->ready);
}

static bool has_room(const struct raw_crew *w, const struct raw_sender *s)
{
	const struct raw_options *o = w->options;

	if (s->gone || w->clients[s->client].link.state != LINK_STANDING)
		return false;
	if (o->expect == RAW_EXPECT_ECHO && s->head - s->tail == o->window)
		return false;
	return s->next_len + raw_template_bytes_max(o->message) + WS_HEAD_BYTES_MAX <= w->send_room;
}

/* No two messages of a run have the same time: it moves on, in steps that no other thread takes. */
static uint64_t stamp_make(struct raw_crew *w, uint64_t intended_ns)
{
	uint32_t threads = w->options->net.threads;
	uint64_t unix_ns = intended_ns + w->shared->unix_offset_ns;
	uint64_t stamp = (unix_ns + threads - 1) / threads * threads + w->crew.number;

	if (stamp <= w->stamp_ns)
		stamp = w->stamp_ns + threads;
	w->stamp_ns = stamp;
	return stamp;
}

static void message_make(struct raw_crew *w, struct raw_sender *s, uint64_t intended_ns)
{
	const struct raw_options *o = w->options;
	enum ws_opcode opcode = o->binary ? WS_BINARY : WS_TEXT;
	uint64_t stamp = stamp_make(w, intended_ns);
	uint64_t seq = w->made++ * o->net.threads + w->crew.number + 1;
	size_t len = raw_template_write(o->message, seq, stamp, &w->crew.rng, w->scratch);

	if (o->expect == RAW_EXPECT_ECHO) {
		s->pending[s->head++ % o->window] = (struct raw_pending){
			.hash = hash64(w->scratch, len, opcode),
			.intended_ns = intended_ns,
		};
		stat_add(&w->crew.stats.outstanding, 1);
	} else if (w->track != NULL) {
		raw_track_sent(w->track, stamp - w->shared->unix_offset_ns, w->crew.now.mono_ns);
	}
	s->next_len += (uint32_t)crew_frame_write(&w->crew, s->next + s->next_len, opcode,
						  w->scratch, len);
	stat_add(&w->stats.sent, 1);
	raw_sender_ready(w, s);
}

/* The next sender in turn that has room; NULL: none. */
static struct raw_sender *sender_pick(struct raw_crew *w)
{
	for (uint32_t i = 0; i < w->senders_count; i++) {
		struct raw_sender *s = &w->senders[w->next_sender];

		w->next_sender = (w->next_sender + 1) % w->senders_count;
		if (has_room(w, s))
			return s;
	}
	return NULL;
}

uint64_t raw_senders_due_ns(const struct crew *crew)
{
	const struct raw_crew *w = raw_crew_of(crew);

	return w->scheduled ? schedule_next_ns(&w->schedule) : UINT64_MAX;
}

void raw_senders_assign(struct crew *crew)
{
	struct raw_crew *w = raw_crew_of(crew);
	const struct raw_options *o = w->options;
	uint64_t end_ns = w->crew.shared->end_ns;

	if (w->senders_count == 0 || w->crew.shared->phase != PHASE_RUN)
		return;
	if (!w->scheduled) {
		w->scheduled = true;
		pace_steady(&w->pace, &w->steady, o->rate);
		schedule_start(&w->schedule, &w->pace, w->crew.shared->start_ns,
			       (double)w->senders_count / o->senders, o->uniform,
			       o->net.seed * 31 + w->crew.number);
	}
	for (;;) {
		uint64_t due_ns = schedule_next_ns(&w->schedule);
		struct raw_sender *s;

		if (due_ns > w->crew.now.mono_ns || due_ns >= end_ns)
			return;
		s = sender_pick(w);
		if (s == NULL)
			return;
		crew_lag(crew, w->crew.now.mono_ns - due_ns);
		message_make(w, s, due_ns);
		schedule_take(&w->schedule);
	}
}

static void flush(struct raw_crew *w, struct raw_sender *s)
{
	struct raw_client *c = &w->clients[s->client];
	uint8_t *filled = s->next;
	uint32_t len = s->next_len;

	if (s->sending || c->first != NULL || c->link.state != LINK_STANDING || len == 0)
		return;
	s->next = s->out;
	s->out = filled;
	s->next_len = 0;
	s->sending = true;
	stat_add(&w->stats.bytes_out, len);
	link_send_all(&w->crew, &c->link, s->out, len);
}

void raw_senders_flush(struct crew *crew)
{
	struct raw_crew *w = raw_crew_of(crew);

	for (uint32_t i = 0; i < crew->ready_count; i++) {
		struct raw_sender *s = &w->senders[crew->ready[i]];

		s->ready = false;
		flush(w, s);
	}
	crew->ready_count = 0;
}
