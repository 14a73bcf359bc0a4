/*
 * raw_sender.c - what is sent when, and what a message that came is to the one who got it.
 *
 * Owner: the worker. Each sender has two buffers: one belongs to the ring until its send_all is
 * done, the other is filled meanwhile and goes out next. A schedule that finds no room waits, and
 * its messages keep their intended times.
 */
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "tools/loadgen/raw/raw_priv.h"
#include "tools/loadgen/raw/raw_stamp.h"
#include "tools/loadgen/load/rng.h"

#define STAMP_SLACK_NS (60 * NS_PER_SEC) /* a server's own clock may be a little off */

/* --- sending ---------------------------------------------------------------------------------- */

void raw_sender_ready(struct raw_worker *w, struct raw_sender *s)
{
	if (s->ready)
		return;
	s->ready = true;
	w->ready[w->ready_count++] = (uint32_t)(s - w->senders);
}

static bool has_room(const struct raw_worker *w, const struct raw_sender *s)
{
	const struct raw_options *o = w->options;

	if (s->gone || w->clients[s->client].state != RAW_OPEN)
		return false;
	if (o->expect == RAW_EXPECT_ECHO && s->head - s->tail == o->window)
		return false;
	return s->next_len + raw_template_bytes_max(o->message) + WS_HEAD_BYTES_MAX <= w->send_room;
}

/* No two messages of a run have the same time: it moves on, in steps that no other thread takes. */
static uint64_t stamp_make(struct raw_worker *w, uint64_t intended_ns)
{
	uint32_t threads = w->options->net.threads;
	uint64_t unix_ns = intended_ns + w->shared->unix_offset_ns;
	uint64_t stamp = (unix_ns + threads - 1) / threads * threads + w->number;

	if (stamp <= w->stamp_ns)
		stamp = w->stamp_ns + threads;
	w->stamp_ns = stamp;
	return stamp;
}

static void message_make(struct raw_worker *w, struct raw_sender *s, uint64_t intended_ns)
{
	const struct raw_options *o = w->options;
	enum ws_opcode opcode = o->binary ? WS_BINARY : WS_TEXT;
	uint64_t stamp = stamp_make(w, intended_ns);
	uint64_t seq = w->made++ * o->net.threads + w->number + 1;
	uint64_t random = rng_next(&w->rng);
	uint8_t mask[4];
	size_t len = raw_template_write(o->message, seq, stamp, &w->rng, w->scratch);

	if (o->expect == RAW_EXPECT_ECHO) {
		s->pending[s->head++ % o->window] = (struct raw_pending){
			.hash = hash64(w->scratch, len, opcode),
			.intended_ns = intended_ns,
		};
		raw_stat_add(&w->stats.outstanding, 1);
	} else if (w->track != NULL) {
		raw_track_sent(w->track, stamp - w->shared->unix_offset_ns, w->now.mono_ns);
	}
	memcpy(mask, &random, sizeof(mask));
	s->next_len += (uint32_t)ws_head_write_masked(s->next + s->next_len, true, opcode, mask,
						      w->scratch, len);
	memcpy(s->next + s->next_len, w->scratch, len);
	s->next_len += (uint32_t)len;
	raw_stat_add(&w->stats.sent, 1);
	raw_sender_ready(w, s);
}

/* The next sender in turn that has room; NULL: none. */
static struct raw_sender *sender_pick(struct raw_worker *w)
{
	for (uint32_t i = 0; i < w->senders_count; i++) {
		struct raw_sender *s = &w->senders[w->next_sender];

		w->next_sender = (w->next_sender + 1) % w->senders_count;
		if (has_room(w, s))
			return s;
	}
	return NULL;
}

void raw_senders_assign(struct raw_worker *w)
{
	const struct raw_options *o = w->options;
	uint64_t end_ns = w->shared->end_ns;

	if (w->senders_count == 0 || w->shared->phase != RAW_PHASE_RUN)
		return;
	if (!w->scheduled) {
		w->scheduled = true;
		pace_steady(&w->pace, &w->steady, o->rate);
		schedule_start(&w->schedule, &w->pace, w->shared->start_ns,
			       (double)w->senders_count / o->senders, o->uniform,
			       o->net.seed * 31 + w->number);
	}
	for (;;) {
		uint64_t due_ns = schedule_next_ns(&w->schedule);
		struct raw_sender *s;

		if (due_ns > w->now.mono_ns || due_ns >= end_ns)
			return;
		s = sender_pick(w);
		if (s == NULL)
			return;
		if (w->now.mono_ns - due_ns > w->stats.lag_max_ns)
			raw_stat_set(&w->stats.lag_max_ns, w->now.mono_ns - due_ns);
		message_make(w, s, due_ns);
		schedule_take(&w->schedule);
	}
}

static void flush(struct raw_worker *w, struct raw_sender *s)
{
	struct raw_client *c = &w->clients[s->client];
	uint8_t *filled = s->next;

	if (s->sending || c->first != NULL || c->state != RAW_OPEN || s->next_len == 0)
		return;
	s->next = s->out;
	s->out = filled;
	s->out_len = s->next_len;
	s->next_len = 0;
	s->sending = true;
	raw_stat_add(&w->stats.bytes_out, s->out_len);
	raw_wire_send_all(w, c, s->out, s->out_len, RAW_OP_SEND_ALL);
}

void raw_senders_flush(struct raw_worker *w)
{
	for (uint32_t i = 0; i < w->ready_count; i++) {
		struct raw_sender *s = &w->senders[w->ready[i]];

		s->ready = false;
		flush(w, s);
	}
	w->ready_count = 0;
}

void raw_sender_sent(struct raw_worker *w, struct raw_client *c, int res)
{
	struct raw_sender *s = c->sender;
	bool whole = res >= 0 && (size_t)res == s->out_len;

	s->sending = false;
	if (c->state == RAW_CLOSING)
		return;
	if (!whole)
		raw_client_break(w, c, c->leaving ? TROUBLE_NONE : TROUBLE_RESET,
				 res < 0 ? strerror(-res) : "a send was cut short");
	else if (s->next_len > 0)
		raw_sender_ready(w, s);
}

void raw_sender_gone(struct raw_worker *w, struct raw_sender *s)
{
	if (s->gone)
		return;
	s->gone = true;
	raw_stat_add(&w->stats.outstanding, s->tail - s->head);
}

/* --- what comes back -------------------------------------------------------------------------- */

/* A welcome, or the answer to the first message, may come before the first echo. */
static bool may_be_welcome(const struct raw_worker *w, const struct raw_sender *s)
{
	if (w->options->first_message != NULL && (s == NULL || s->tail == 0))
		return true;
	return s == NULL ? w->shared->phase < RAW_PHASE_RUN : s->head == 0;
}

/* An echo answers the oldest message; when it answers a later one, those before are missing. */
static void echo_take(struct raw_worker *w, struct raw_client *c, uint64_t hash)
{
	struct raw_sender *s = c->sender;
	uint32_t window = w->options->window;
	uint64_t at = s == NULL ? 0 : s->tail;

	while (s != NULL && at < s->head && s->pending[at % window].hash != hash)
		at++;
	if (s == NULL || at == s->head) {
		if (may_be_welcome(w, s))
			return;
		raw_trouble(w, TROUBLE_ECHO_DIFFERS, c, "after %llu echoes",
			    (unsigned long long)(s == NULL ? 0 : s->tail));
		return;
	}
	for (uint64_t missing = s->tail; missing < at; missing++)
		raw_trouble(w, TROUBLE_ECHO_MISSING, c, "its message %llu",
			    (unsigned long long)missing + 1);
	hdr_record(&w->echo, w->now.mono_ns - s->pending[at % window].intended_ns);
	hdr_record(&w->second, w->now.mono_ns - s->pending[at % window].intended_ns);
	raw_stat_add(&w->stats.outstanding, s->tail - (at + 1));
	raw_stat_add(&w->stats.echoed, 1);
	s->tail = at + 1;
}

/* The time inside, as ours; 0: there is none. */
static uint64_t stamp_read(struct raw_worker *w, const uint8_t *bytes, size_t len)
{
	uint64_t offset = w->shared->unix_offset_ns;
	uint64_t unix_ns;

	if (!raw_stamp_find(bytes, len, w->shared->began_ns + offset - STAMP_SLACK_NS,
			    w->now.mono_ns + offset + STAMP_SLACK_NS, &w->stamp_hint, &unix_ns))
		return 0;
	return unix_ns - offset;
}

static void broadcast_take(struct raw_worker *w, struct raw_client *c, const uint8_t *bytes,
			   size_t len, enum ws_opcode opcode)
{
	uint64_t stamp_ns = stamp_read(w, bytes, len);
	uint64_t now_ns = w->now.mono_ns;
	enum trouble t;

	if (w->shared->phase == RAW_PHASE_CONNECT && stamp_ns == 0)
		return; /* welcomes and first answers are everybody's own */
	t = raw_track_seen(w->track, (uint32_t)(c - w->clients), stamp_ns,
			   hash64(bytes, len, opcode), now_ns);
	if (t != TROUBLE_NONE)
		raw_trouble(w, t, c, "a message of %zu bytes", len);
	if (stamp_ns == 0 || w->shared->phase < RAW_PHASE_RUN || stamp_ns < w->shared->start_ns ||
	    stamp_ns >= w->shared->end_ns)
		return;
	hdr_record(&w->visible, now_ns > stamp_ns ? now_ns - stamp_ns : 0);
	hdr_record(&w->second, now_ns > stamp_ns ? now_ns - stamp_ns : 0);
}

void raw_message(struct raw_worker *w, struct raw_client *c, const uint8_t *bytes, size_t len,
		 enum ws_opcode opcode)
{
	raw_stat_add(&w->stats.deliveries, 1);
	switch (w->options->expect) {
	case RAW_EXPECT_ECHO:
		echo_take(w, c, hash64(bytes, len, opcode));
		break;
	case RAW_EXPECT_BROADCAST:
		broadcast_take(w, c, bytes, len, opcode);
		break;
	case RAW_EXPECT_NONE:
	case RAW_EXPECTS:
		break;
	}
}
