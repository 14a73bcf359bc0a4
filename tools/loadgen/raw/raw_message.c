/*
 * raw_message.c - what a message is to its receiver: an echo, a broadcast, or just one more.
 *
 * Owner: the crew's thread.
 */
#include "engine/base/hash.h"
#include "tools/loadgen/raw/raw_priv.h"
#include "tools/loadgen/raw/raw_stamp.h"

#define STAMP_SLACK_NS (60 * NS_PER_SEC) /* a server's own clock may be a little off */

/* A welcome, or the answer to the first message, may come before the first echo. */
static bool may_be_welcome(const struct raw_crew *w, const struct raw_sender *s)
{
	if (w->options->first_message != NULL && (s == NULL || s->tail == 0))
		return true;
	return s == NULL ? w->crew.shared->phase < PHASE_RUN : s->head == 0;
}

/* An echo answers the oldest message; when it answers a later one, those before are missing. */
static void echo_take(struct raw_crew *w, struct raw_client *c, uint64_t hash)
{
	struct raw_sender *s = c->sender;
	uint32_t window = w->options->window;
	uint64_t at = s == NULL ? 0 : s->tail;

	while (s != NULL && at < s->head && s->pending[at % window].hash != hash)
		at++;
	if (s == NULL || at == s->head) {
		if (may_be_welcome(w, s))
			return;
		crew_trouble(&w->crew, TROUBLE_ECHO_DIFFERS, &c->link, "after %llu echoes",
			     (unsigned long long)(s == NULL ? 0 : s->tail));
		return;
	}
	for (uint64_t missing = s->tail; missing < at; missing++)
		crew_trouble(&w->crew, TROUBLE_ECHO_MISSING, &c->link, "its message %llu",
			     (unsigned long long)missing + 1);
	hdr_record(&w->echo, w->crew.now.mono_ns - s->pending[at % window].intended_ns);
	hdr_record(&w->crew.second.ack, w->crew.now.mono_ns - s->pending[at % window].intended_ns);
	stat_add(&w->crew.stats.outstanding, s->tail - (at + 1));
	stat_add(&w->stats.echoed, 1);
	s->tail = at + 1;
}

/* The time inside, as ours; 0: there is none. */
static uint64_t stamp_read(struct raw_crew *w, const uint8_t *bytes, size_t len)
{
	uint64_t offset = w->shared->unix_offset_ns;
	uint64_t unix_ns;

	if (!raw_stamp_find(bytes, len, w->shared->began_ns + offset - STAMP_SLACK_NS,
			    w->crew.now.mono_ns + offset + STAMP_SLACK_NS, &w->stamp_hint,
			    &unix_ns))
		return 0;
	return unix_ns - offset;
}

static void broadcast_take(struct raw_crew *w, struct raw_client *c, const uint8_t *bytes,
			   size_t len, enum ws_opcode opcode)
{
	uint64_t stamp_ns = stamp_read(w, bytes, len);
	uint64_t now_ns = w->crew.now.mono_ns;
	enum trouble t;

	if (w->crew.shared->phase == PHASE_CONNECT && stamp_ns == 0)
		return; /* welcomes and first answers are everybody's own */
	t = raw_track_seen(w->track, (uint32_t)(c - w->clients), stamp_ns,
			   hash64(bytes, len, opcode), now_ns);
	if (t != TROUBLE_NONE)
		crew_trouble(&w->crew, t, &c->link, "a message of %zu bytes", len);
	if (stamp_ns == 0 || w->crew.shared->phase < PHASE_RUN ||
	    stamp_ns < w->crew.shared->start_ns || stamp_ns >= w->crew.shared->end_ns)
		return;
	hdr_record(&w->visible, now_ns > stamp_ns ? now_ns - stamp_ns : 0);
	hdr_record(&w->crew.second.ack, now_ns > stamp_ns ? now_ns - stamp_ns : 0);
}

void raw_message(struct crew *crew, struct link *link, enum ws_opcode opcode, const uint8_t *bytes,
		 size_t len)
{
	struct raw_crew *w = raw_crew_of(crew);
	struct raw_client *c = raw_client_of(link);

	if (link->state == LINK_JOINING)
		raw_client_stands(w, c);
	stat_add(&crew->stats.deliveries, 1);
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
