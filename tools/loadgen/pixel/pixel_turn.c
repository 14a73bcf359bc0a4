/*
 * pixel_turn.c - a crew's parts of a turn (net/crew_turn.c): painters' sends, a look at every
 * client, what others may read.
 *
 * Owner: the crew's thread.
 */
#include "tools/loadgen/pixel/pixel_priv.h"

#define READ_OUT_NS    (5 * NS_PER_SEC)
#define QUIET_S        30U
#define BEHIND_LOOK_NS (50 * NS_PER_MS)
#define BEHIND_CLIENTS 10000U

void pixel_flush(struct crew *crew)
{
	struct pixel_crew *w = pixel_crew_of(crew);
	uint32_t count = crew->ready_count;

	for (uint32_t i = 0; i < count; i++) {
		struct painter *p = &w->painters[crew->ready[i]];

		pixel_painter_fill(w, p);
		p->ready = false;
		client_flush(w, &w->clients[p->client]);
	}
	crew->ready_count = 0;
}

/* --- the beat --------------------------------------------------------------------------------- */

/* What lies below its mark: at the end, and when it heard nothing for long. */
static bool is_to_read_out(const struct pixel_crew *w, const struct client *c, uint32_t now_s)
{
	uint64_t final = w->shared->final_seq;

	if (w->crew.shared->phase == PHASE_SETTLE && final != UINT64_MAX)
		return w->reads_out && c->follow.seq < final;
	return now_s - c->heard_s >= QUIET_S;
}

static void reach_add(struct pixel_crew *w, const struct client *c)
{
	uint64_t seq = reference_seq(w->reference);

	if (c->stopper || c->link.vanished || !c->follow.joined)
		return;
	w->circle_sum += follow_received(&c->follow, seq);
	w->circle_max_sum += seq > c->follow.start ? seq - c->follow.start : 0;
}

void pixel_beat(struct crew *crew, struct link *link)
{
	struct pixel_crew *w = pixel_crew_of(crew);
	struct client *c = client_of(link);
	uint8_t payload[1] = {MSG_ALIVE};
	uint32_t now_s = (uint32_t)(crew->now.mono_ns / NS_PER_SEC);

	if (link->state == LINK_JOINING && link->marked)
		client_read_out(w, c);
	if (link->state == LINK_STANDING) {
		client_stream_look(w, c);
		if (now_s - link->sent_s >= ALIVE_AFTER_S)
			link_say(crew, link, WS_BINARY, payload, sizeof(payload));
		if (link->slow || (link->marked && is_to_read_out(w, c, now_s)))
			client_read_out(w, c);
	}
	reach_add(w, c);
}

void pixel_circle_end(struct crew *crew)
{
	struct pixel_crew *w = pixel_crew_of(crew);

	stat_set(&w->stats.seq_sum, w->circle_sum);
	stat_set(&w->stats.seq_max_sum, w->circle_max_sum);
	w->circle_sum = w->circle_max_sum = 0;
}

/* --- for others to read ----------------------------------------------------------------------- */

/* How many have not got everything up to `final`. */
static void behind_look(struct pixel_crew *w, uint64_t final)
{
	uint64_t behind = 0;
	uint64_t at_once = 0;

	for (uint32_t i = 0; i < w->crew.count; i++) {
		const struct client *c = &w->clients[i];
		bool late = !c->stopper && c->link.state != LINK_DEAD &&
			    (c->link.state != LINK_STANDING || c->follow.seq < final ||
			     !client_knows_board(w, c));

		behind += late;
		at_once += late && !c->link.marked;
	}
	/* The server is done with the others about when it is done with those that read at once: to
	 * read out earlier would only take its CPU. */
	if (w->settle_ns == 0)
		w->settle_ns = w->crew.now.mono_ns;
	w->reads_out = at_once == 0 || w->crew.now.mono_ns - w->settle_ns > READ_OUT_NS;
	stat_set(&w->stats.behind, behind);
	atomic_store_explicit(&w->stats.behind_of, final, memory_order_release);
}

void pixel_publish(struct crew *crew)
{
	struct pixel_crew *w = pixel_crew_of(crew);
	uint64_t final = w->shared->final_seq;

	sight_record(w->sight, crew->now.mono_ns, &w->latencies, &crew->second);
	stat_set(&w->stats.seq, reference_seq(w->reference));
	stat_set(&w->stats.epoch, reference_epoch(w->reference));
	stat_set(&w->stats.frames, reference_frames(w->reference));
	if (crew->shared->phase != PHASE_SETTLE || final == UINT64_MAX ||
	    crew->now.mono_ns - w->behind_ns < BEHIND_LOOK_NS * (1 + crew->count / BEHIND_CLIENTS))
		return;
	w->behind_ns = crew->now.mono_ns;
	behind_look(w, final);
}
