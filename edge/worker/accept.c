/*
 * accept.c - new clients: single-shot accepts, armed only while there is room.
 *
 * All rings of all workers accept from the same listening sockets; the kernel wakes one of them per
 * client. A ring arms no more accepts than it has free slots, so a full ring simply does not take
 * part, whatever the kind of socket. When the whole server is full, the spare slots accept and
 * answer 503. See docs/decisions/0001-one-listening-socket.md.
 */
#include <errno.h>
#include <stdlib.h>

#include "edge/http/http.h"
#include "edge/worker/accept.h"

#define ACCEPT_DEPTH 32 /* accepts in flight per ring and listener */

struct accept_op {
	struct sockaddr_storage addr;
	socklen_t addr_len;
	uint8_t listener;
	uint16_t ring;
	bool armed;
	bool is_cancelled; /* while armed: asked to end, there is no room for it */
};

int accept_new(struct worker *w)
{
	unsigned listeners = w->shared->listener_count;

	w->accepts_end = w->config.rings * listeners * ACCEPT_DEPTH;
	w->accepts = calloc(w->accepts_end, sizeof(*w->accepts));
	if (w->accepts == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->accepts_end; i++) {
		w->accepts[i].ring = (uint16_t)(i / (listeners * ACCEPT_DEPTH));
		w->accepts[i].listener = (uint8_t)(i / ACCEPT_DEPTH % listeners);
	}
	for (uint32_t i = 0; i < w->config.rings; i++)
		w->lanes[i].first_accept = i * listeners * ACCEPT_DEPTH;
	return 0;
}

/* How many accepts of this ring may be in flight on each listener now. */
static uint32_t accepts_wanted(const struct worker *w, const struct lane *lane)
{
	uint32_t listeners = w->shared->listener_count;
	uint32_t slots = w->config.slots_per_ring;
	uint32_t room;

	if (!worker_is_full(w))
		slots -= WORKER_SPARE_SLOTS;
	if (lane->used >= slots)
		return 0;
	room = (slots - lane->used) / listeners;
	return room < ACCEPT_DEPTH ? room : ACCEPT_DEPTH;
}

static void op_arm(struct worker *w, struct lane *lane, uint32_t index)
{
	struct accept_op *op = &w->accepts[index];

	px_assert(!op->armed && lane->used + lane->accepts < w->config.slots_per_ring);
	op->armed = true;
	op->is_cancelled = false;
	op->addr_len = sizeof(op->addr);
	lane->accepts++;
	ring_accept(lane->ring, w->shared->listeners[op->listener].fd, (struct sockaddr *)&op->addr,
		    &op->addr_len, op_tag_pack(OP_ACCEPT, 0, index));
}

static void op_cancel(struct worker *w, struct lane *lane, uint32_t index)
{
	px_assert(w->accepts[index].armed);
	w->accepts[index].is_cancelled = true;
	ring_cancel_tag(lane->ring, op_tag_pack(OP_ACCEPT, 0, index),
			op_tag_pack(OP_ACCEPT_CANCEL, 0, index));
}

/* When room gets scarce the listeners share it: those that hold more than their share let go of it,
 * or a quiet listener would keep the last slots from a busy one. An accept that finds no slot would
 * close its client without a word, so there are never more in flight than empty slots. */
static void lane_arm(struct worker *w, struct lane *lane)
{
	uint32_t listeners = w->shared->listener_count;
	uint32_t want = accepts_wanted(w, lane);

	if (want == lane->accepts_wanted && lane->accepts == want * listeners)
		return;
	lane->accepts_wanted = want;
	for (uint32_t k = 0; k < listeners * ACCEPT_DEPTH; k++) {
		struct accept_op *op = &w->accepts[lane->first_accept + k];
		bool is_wanted = k % ACCEPT_DEPTH < want;

		if (is_wanted && !op->armed &&
		    lane->used + lane->accepts < w->config.slots_per_ring)
			op_arm(w, lane, lane->first_accept + k);
		else if (!is_wanted && op->armed && !op->is_cancelled)
			op_cancel(w, lane, lane->first_accept + k);
	}
}

void accept_arm(struct worker *w)
{
	if (w->drain.is_on)
		return;
	for (uint32_t i = 0; i < w->config.rings; i++)
		if (w->lanes[i].accept_tick <= w->tick)
			lane_arm(w, &w->lanes[i]);
}

void accept_done(struct worker *w, const struct ring_event *ev)
{
	struct accept_op *op = &w->accepts[op_tag_unpack(ev->tag).slot];
	struct lane *lane = &w->lanes[op->ring];
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
			op_cancel(w, &w->lanes[w->accepts[i].ring], i);
}
