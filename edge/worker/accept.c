/*
 * accept.c - new clients: single-shot accepts, armed only while there is a slot for each.
 *
 * All rings of all workers accept from the same listening sockets; the kernel wakes one accept per
 * client. If that accept is being cancelled, the wake is lost and the client waits, however many
 * others sleep: so nothing is cancelled before the drain. A ring has slots for all its accepts
 * beyond those of its clients, so what a quiet listener holds is missed by nobody, and when the
 * whole server is full they answer 503. See docs/decisions/0001-one-listening-socket.md.
 */
#include <errno.h>
#include <stdlib.h>

#include "edge/http/http.h"
#include "edge/worker/accept.h"

struct accept_op {
	struct sockaddr_storage addr;
	socklen_t addr_len;
	uint8_t listener;
	uint16_t lane;
	bool armed;
};

int accept_new(struct worker *w)
{
	unsigned listeners = w->shared->listener_count;

	w->accepts_per_lane = listeners * WORKER_ACCEPT_DEPTH;
	w->accepts_end = w->config.rings * w->accepts_per_lane;
	w->accepts = calloc(w->accepts_end, sizeof(*w->accepts));
	if (w->accepts == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->accepts_end; i++) {
		w->accepts[i].lane = (uint16_t)(i / w->accepts_per_lane);
		w->accepts[i].listener = (uint8_t)(i % listeners);
	}
	return 0;
}

static void op_arm(struct worker *w, struct lane *lane, uint32_t index)
{
	struct accept_op *op = &w->accepts[index];

	px_assert(!op->armed && lane->used + lane->accepts < w->config.slots_per_ring);
	op->armed = true;
	op->addr_len = sizeof(op->addr);
	lane->accepts++;
	ring_accept(lane->ring, w->shared->listeners[op->listener].fd, (struct sockaddr *)&op->addr,
		    &op->addr_len, op_tag_pack(OP_ACCEPT, 0, index));
}

/* An accept that finds no slot would close its client without a word, so there are never more than
 * empty slots. Neighbors are of different listeners: of the last slots each gets some. */
static void lane_arm(struct worker *w, uint32_t number)
{
	struct lane *lane = &w->lanes[number];
	uint32_t first = number * w->accepts_per_lane;

	if (lane->accepts == w->accepts_per_lane)
		return;
	for (uint32_t i = first; i < first + w->accepts_per_lane; i++) {
		if (lane->used + lane->accepts == w->config.slots_per_ring)
			return;
		if (!w->accepts[i].armed)
			op_arm(w, lane, i);
	}
}

void accept_arm(struct worker *w)
{
	if (w->drain.is_on)
		return;
	for (uint32_t i = 0; i < w->config.rings; i++)
		if (w->lanes[i].accept_tick <= w->tick)
			lane_arm(w, i);
}

void accept_done(struct worker *w, const struct ring_event *ev)
{
	struct accept_op *op = &w->accepts[op_tag_unpack(ev->tag).slot];
	struct lane *lane = &w->lanes[op->lane];
	struct conn *c;

	px_assert(op->armed && lane->accepts > 0);
	op->armed = false;
	lane->accepts--;
	if (ev->res < 0) { /* armed again by the next turn; soon, when the system has no room */
		if (ev->res != -ECANCELED && ev->res != -ECONNABORTED)
			lane->accept_tick = w->tick + 1;
		return;
	}
	c = conn_open(w, lane, (uint32_t)ev->res);
	conn_addr_set(c, &op->addr,
		      w->shared->listeners[op->listener].is_local ? ADDRESS_OF_UNIX
								  : ADDRESS_OF_SOCKET);
	if (atomic_fetch_add_explicit(&w->shared->clients, 1, memory_order_relaxed) >=
	    w->shared->clients_max) {
		metric_add(&w->metrics.conns_refused, 1);
		c->flags |= CONN_REFUSED;
		http_reply_full(w, c);
		return;
	}
	metric_add(&w->metrics.conns_opened, 1);
	conn_recv_arm(w, c);
}

void accept_stop(struct worker *w)
{
	for (uint32_t i = 0; i < w->accepts_end; i++)
		if (w->accepts[i].armed)
			ring_cancel_tag(w->lanes[w->accepts[i].lane].ring,
					op_tag_pack(OP_ACCEPT, 0, i),
					op_tag_pack(OP_ACCEPT_CANCEL, 0, i));
}
