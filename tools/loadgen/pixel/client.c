/*
 * client.c - a client of pixeld on its connection (net/conn.h): how it reads, what it sends, and
 * how it breaks off.
 *
 * Owner: the worker. A painter's placements go out with conn_send_all(), one buffer at a time;
 * watchers say little, and nothing waits for it.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "tools/loadgen/load/rng.h"
#include "tools/loadgen/pixel/worker_priv.h"

#define MESSAGE_BYTES_MAX (16U << 20)

/* --- the connection --------------------------------------------------------------------------- */

static void joined(struct crew *crew, struct conn *conn)
{
	struct worker *w = worker_of(crew);

	latency_record(&w->latencies, LATENCY_CONNECT,
		       &(struct span){conn->intended_ns, conn->since_ns}, crew->now.mono_ns);
	client_subscribe(w, client_of(conn), true);
}

static void ended(struct crew *crew, struct conn *conn)
{
	struct painter *p = client_of(conn)->painter;

	(void)crew;
	if (p == NULL)
		return;
	p->out_len = 0;
	painter_broke(p);
	p->asking = p->head > p->tail;
}

static void dead(struct crew *crew, struct conn *conn)
{
	struct worker *w = worker_of(crew);
	struct client *c = client_of(conn);
	struct painter *p = c->painter;

	if (c->counted && !conn->leaving)
		crowd_leave(w->crowd, c->follow.seq);
	c->counted = false;
	if (p != NULL && !p->gone) {
		p->gone = true;
		stat_add(&crew->stats.outstanding, 0 - painter_waiting(p));
		if (plan_ends(w->shared->plan))
			stat_add(&w->stats.to_place, 0 - (p->limit - p->head));
	}
}

void client_tear(struct worker *w, struct client *c, enum tear how)
{
	stat_add(&w->stats.torn[how], 1);
	c->conn.torn = how != TEAR_VANISH;
	c->conn.vanished = how == TEAR_VANISH;
	if (c->counted)
		crowd_leave(w->crowd, c->follow.seq);
	c->counted = false;
	conn_tear(&w->crew, &c->conn, how != TEAR_FIN);
}

/* --- send ------------------------------------------------------------------------------------- */

/* In front of a painter's placements; who only watches says it at once. */
static bool queue(struct crew *crew, struct conn *conn, enum ws_opcode opcode, uint8_t *payload,
		  size_t len)
{
	struct painter *p = client_of(conn)->painter;

	if (p == NULL || conn->state != CONN_STANDING)
		return false;
	if (p->urgent_len > 0 || len + WS_HEAD_BYTES_MAX > PAINTER_URGENT_BYTES)
		return true; /* one is waiting already: it serves as well */
	p->urgent_len = (uint8_t)crew_frame_write(crew, p->urgent, opcode, payload, len);
	worker_painter_ready(worker_of(crew), p);
	return true;
}

void client_flush(struct worker *w, struct client *c)
{
	struct painter *p = c->painter;
	uint64_t before = p->sent_ever;

	if (c->conn.sending || c->conn.state != CONN_STANDING)
		return;
	memcpy(p->out, p->urgent, p->urgent_len);
	p->out_len = p->urgent_len;
	p->urgent_len = 0;
	if (!p->asking)
		stat_add(&w->stats.resent, painter_encode(p, w->shared->plan, &w->canvas,
							  w->crew.now.mono_ns, &w->crew.rng));
	stat_add(&w->stats.placed, p->sent_ever - before);
	if (p->out_len > 0)
		conn_send_all(&w->crew, &c->conn, p->out, p->out_len);
}

static void sent(struct crew *crew, struct conn *conn)
{
	struct painter *p = client_of(conn)->painter;

	p->out_len = 0;
	if (p->sent < p->head || p->urgent_len > 0)
		worker_painter_ready(worker_of(crew), p);
}

/* --- receive ---------------------------------------------------------------------------------- */

static void bytes_take(struct crew *crew, struct conn *conn, uint8_t *data, size_t len)
{
	struct worker *w = worker_of(crew);
	struct client *c = client_of(conn);

	if (conn->marked)
		c->heard_s = (uint32_t)(crew->now.mono_ns / NS_PER_SEC);
	while (len > 0 && conn_is_open(conn)) {
		size_t used = 0;

		if (c->place.frame != STREAM_NONE && !conn->parsing)
			used = client_compare(w, c, data, len);
		if (used < len && conn_is_open(conn))
			used += conn_parse_piece(crew, conn, data + used, len - used);
		data += used;
		len -= used;
	}
}

void client_settle_down(struct worker *w, struct client *c)
{
	struct conn *conn = &c->conn;
	uint32_t most = w->options->read_mark;
	int mark;

	conn->torn = false;
	conn->stopped = c->stopper;
	/* Clients that came together are not alive together. */
	conn->sent_s -= (uint32_t)(rng_next(&w->crew.rng) % ALIVE_AFTER_S);
	if (c->stopper || conn->slow)
		conn_recv_cancel(&w->crew, conn);
	if (conn->fd < 0)
		return;
	/* All get the same bytes: with one mark for all they would all wake at once. */
	mark = (int)(most - (uint32_t)(rng_unit(&w->crew.rng) * most / 2));
	conn->marked = setsockopt(conn->fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark)) == 0;
	(void)close(conn->fd);
	conn->fd = -1;
}

/* A receive that begins anew takes what is there, mark or not: the one in flight gives way. */
void client_read_out(struct worker *w, struct client *c)
{
	struct conn *conn = &c->conn;

	if (conn->inflight > 1)
		return; /* it is being done */
	if (conn->reading) {
		if (!conn->slow)
			conn_recv_cancel(&w->crew, conn);
	} else if (conn->slow && w->crew.shared->phase < PHASE_SETTLE) {
		conn_recv_once(&w->crew, conn);
	} else {
		conn_recv_arm(&w->crew, conn);
	}
}

const struct speaker client_speaker = {
	.message_bytes_max = MESSAGE_BYTES_MAX,
	.late = "it did not follow by the end",
	.joined = joined,
	.bytes = bytes_take,
	.message = client_message,
	.queue = queue,
	.sent = sent,
	.ended = ended,
	.dead = dead,
	.opens_ns = worker_opens_ns,
	.due = worker_due,
	.flush = worker_flush,
	.beat = worker_beat,
	.circle_end = worker_circle_end,
	.publish = worker_publish,
	.due_ns = worker_due_ns,
};
