/*
 * client.c - a client of pixeld on its connection (net/link.h): how it reads, what it sends, and
 * how it disconnects.
 *
 * Owner: the crew. A painter's placements are sent with link_send_all(), one buffer at a time;
 * watchers send little, and nothing waits for it.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/loadgen/load/rng.h"
#include "tools/loadgen/pixel/pixel_priv.h"

#define MESSAGE_BYTES_MAX (16U << 20)

/* --- the connection --------------------------------------------------------------------------- */

static void joined(struct crew *crew, struct link *link)
{
	struct pixel_crew *w = pixel_crew_of(crew);

	latency_record(&w->latencies, LATENCY_CONNECT,
		       &(struct span){link->intended_ns, link->since_ns}, crew->now.mono_ns);
	client_subscribe(w, client_of(link), true);
}

static void ended(struct crew *crew, struct link *link)
{
	struct painter *p = client_of(link)->painter;

	(void)crew;
	if (p == NULL)
		return;
	p->out_len = 0;
	painter_broke(p);
	p->asking = p->head > p->tail;
}

static void dead(struct crew *crew, struct link *link)
{
	struct pixel_crew *w = pixel_crew_of(crew);
	struct client *c = client_of(link);
	struct painter *p = c->painter;

	if (c->counted && !link->leaving)
		crowd_leave(w->crowd, c->follow.seq);
	c->counted = false;
	if (p != NULL && !p->gone) {
		p->gone = true;
		stat_add(&crew->stats.outstanding, 0 - painter_waiting(p));
		if (plan_ends(w->shared->plan))
			stat_add(&w->stats.to_place, 0 - (p->limit - p->head));
	}
}

void client_tear(struct pixel_crew *w, struct client *c, enum tear how)
{
	stat_add(&w->stats.torn[how], 1);
	c->link.torn = how != TEAR_VANISH;
	c->link.vanished = how == TEAR_VANISH;
	if (c->counted)
		crowd_leave(w->crowd, c->follow.seq);
	c->counted = false;
	link_tear(&w->crew, &c->link, how != TEAR_FIN);
}

/* --- send ------------------------------------------------------------------------------------- */

/* In front of a painter's placements; who only watches says it at once. */
static bool queue(struct crew *crew, struct link *link, enum ws_opcode opcode, uint8_t *payload,
		  size_t len)
{
	struct painter *p = client_of(link)->painter;

	if (p == NULL || link->state != LINK_STANDING)
		return false;
	if (p->urgent_len > 0 || len + WS_HEAD_BYTES_MAX > PAINTER_URGENT_BYTES)
		return true; /* one is waiting already: it serves as well */
	p->urgent_len = (uint8_t)crew_frame_write(crew, p->urgent, opcode, payload, len);
	pixel_painter_ready(pixel_crew_of(crew), p);
	return true;
}

void client_flush(struct pixel_crew *w, struct client *c)
{
	struct painter *p = c->painter;
	uint64_t before = p->sent_ever;

	if (c->link.sending || c->link.state != LINK_STANDING)
		return;
	memcpy(p->out, p->urgent, p->urgent_len);
	p->out_len = p->urgent_len;
	p->urgent_len = 0;
	if (!p->asking)
		stat_add(&w->stats.resent, painter_encode(p, w->shared->plan, &w->canvas,
							  w->crew.now.mono_ns, &w->crew.rng));
	stat_add(&w->stats.placed, p->sent_ever - before);
	if (p->out_len > 0)
		link_send_all(&w->crew, &c->link, p->out, p->out_len);
}

static void sent(struct crew *crew, struct link *link)
{
	struct painter *p = client_of(link)->painter;

	p->out_len = 0;
	if (p->sent < p->head || p->urgent_len > 0)
		pixel_painter_ready(pixel_crew_of(crew), p);
}

/* --- receive ---------------------------------------------------------------------------------- */

static void bytes_take(struct crew *crew, struct link *link, uint8_t *data, size_t len)
{
	struct pixel_crew *w = pixel_crew_of(crew);
	struct client *c = client_of(link);

	if (link->marked)
		c->heard_s = (uint32_t)(crew->now.mono_ns / NS_PER_SEC);
	while (len > 0 && link_is_open(link)) {
		size_t used = 0;

		if (c->position.frame != STREAM_NONE && !link->parsing)
			used = client_compare(w, c, data, len);
		if (used < len && link_is_open(link))
			used += link_parse_piece(crew, link, data + used, len - used);
		data += used;
		len -= used;
	}
}

void client_reading_start(struct pixel_crew *w, struct client *c)
{
	struct link *link = &c->link;
	uint32_t most = w->options->read_mark;
	int mark;

	link->torn = false;
	link->stopped = c->stopper;
	/* Clients that came together are not alive together. */
	link->sent_s -= (uint32_t)(rng_next(&w->crew.rng) % ALIVE_AFTER_S);
	if (c->stopper || link->slow)
		link_recv_cancel(&w->crew, link);
	if (link->fd < 0)
		return;
	/* All get the same bytes: with one mark for all they would all wake at once. */
	mark = (int)(most - (uint32_t)(rng_unit(&w->crew.rng) * most / 2));
	link->marked = setsockopt(link->fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark)) == 0;
	(void)close(link->fd);
	link->fd = -1;
}

/* A receive that begins anew takes what is there, mark or not: the one in flight gives way. */
void client_read_out(struct pixel_crew *w, struct client *c)
{
	struct link *link = &c->link;

	if (link->inflight > 1)
		return; /* it is being done */
	if (link->reading) {
		if (!link->slow)
			link_recv_cancel(&w->crew, link);
	} else if (link->slow && w->crew.shared->phase < PHASE_SETTLE) {
		link_recv_once(&w->crew, link);
	} else {
		link_recv_arm(&w->crew, link);
	}
}

const struct speaker client_speaker = {
	.message_bytes_max = MESSAGE_BYTES_MAX,
	.late = "it was not subscribed in time",
	.joined = joined,
	.bytes = bytes_take,
	.message = client_message,
	.queue = queue,
	.sent = sent,
	.ended = ended,
	.dead = dead,
	.opens_ns = pixel_opens_ns,
	.due = pixel_due,
	.flush = pixel_flush,
	.beat = pixel_beat,
	.circle_end = pixel_circle_end,
	.publish = pixel_publish,
	.due_ns = pixel_due_ns,
	.free = pixel_crew_free,
};
