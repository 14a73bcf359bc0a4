/*
 * client_stream.c - a client whose bytes equal the stream: no parser, no memory, no message.
 *
 * Owner: the crew. A client gets a position in the stream through a delta that was parsed and found
 * correct (client_message.c), and keeps it while its input equals the bytes there. Anything else
 * (an answer to a painter, a close frame, an error) is parsed from the start of its frame on.
 */
#include "tools/loadgen/pixel/pixel_priv.h"

/* An observer got the frames from number `from` to its position. */
static void frames_seen(struct pixel_crew *w, struct client *c, uint64_t from)
{
	for (uint64_t i = from; i < c->position.frame; i++) {
		const struct stream_frame *f = stream_frame(w->stream, i);
		uint64_t before = c->follow.seq;

		follow_passed(&c->follow, f->last);
		if (f->last > before && f->last > c->missed_seq)
			sight_seen(w->sight, w->crew.now.mono_ns,
				   f->first > before ? f->first : before + 1, f->last);
		client_observer_moved(w, c, before);
	}
}

static void frames_passed(struct pixel_crew *w, struct client *c, uint64_t from)
{
	const struct stream_frame *first = stream_frame(w->stream, from);
	const struct stream_frame *last = stream_frame(w->stream, c->position.frame - 1);

	stat_add(&w->crew.stats.deliveries,
		 last->deltas - first->deltas + (first->first <= first->last));
	if (c->link.observer)
		frames_seen(w, c, from);
	else
		follow_passed(&c->follow, last->last);
}

/* What it has of a frame goes to the parser. */
static void step_out(struct pixel_crew *w, struct client *c)
{
	uint32_t have = c->position.at;

	c->position.at = 0;
	if (have > 0 && stream_is_gone(w->stream, &c->position))
		link_break(&w->crew, &c->link, TROUBLE_TIMEOUT,
			   "it was inside a frame for too long");
	else if (have > 0)
		link_parse(&w->crew, &c->link,
			   stream_bytes(w->stream, stream_frame(w->stream, c->position.frame)),
			   have);
}

size_t client_compare(struct pixel_crew *w, struct client *c, const uint8_t *bytes, size_t len)
{
	uint64_t from = c->position.frame;
	size_t used = stream_match(w->stream, &c->position, bytes, len);

	if (c->position.frame > from)
		frames_passed(w, c, from);
	if (used < len)
		step_out(w, c);
	return used;
}

void client_stream_look(struct pixel_crew *w, struct client *c)
{
	if (c->position.frame == STREAM_NONE || stream_holds(w->stream, &c->position))
		return;
	step_out(w, c);
	c->position.frame = STREAM_NONE;
}
