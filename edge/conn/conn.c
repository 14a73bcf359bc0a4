/*
 * conn.c - one client, from accept to the last completion.
 *
 * Owner      the worker that accepted it.
 * Memory     an element of worker->conns; free again only in CONN_FREE. Input and output buffers
 *            are borrowed from the worker's pools while there is something in them.
 * In flight  `ops`: at most one receive, one send to the end, a cancel of each, one shutdown, one
 *            close. Sends of "what the socket accepts now" end with the submit: not counted.
 *
 *           accepted            asked the writer
 *   FREE ----------> HTTP <-----------------------> WAIT
 *    ^                |  \________                   |
 *    |        upgrade |           \ answer           v
 *    |                v            `--------------> REPLY --> HTTP (kept alive)
 *    |            WS, ECHO                           |
 *    |                |  close frame sent            | not kept alive
 *    |                +-------------> LINGER <-------+
 *    | ops == 0                          | peer's end, or deadline
 *    `------------------------- RELEASE <+
 *
 * A WebSocket that is closing stays in WS or ECHO, with `why` set, until everything owed to the
 * peer is sent: the writer's answers, the rest of a frame sent in part, the close frame. Input is
 * dropped meanwhile. A broken connection goes to RELEASE immediately. RELEASE shuts the socket in
 * both directions if anything is armed, so that it ends; otherwise the slot's next owner would get
 * its bytes.
 */
#include <string.h>

#include "edge/conn/state.h"

#define MOVE(state) (1u << (state))

_Static_assert(CONN_STATES <= 32, "a bit for each in `moves`");
_Static_assert(CLOSE_REASONS <= UINT8_MAX, "conn.why is a byte");

static const struct {
	const char *name;
	unsigned moves;
} conn_moves[CONN_STATES] = {
	[CONN_FREE] = {"free", MOVE(CONN_HTTP)},
	[CONN_HTTP] = {"http", MOVE(CONN_WAIT) | MOVE(CONN_REPLY) | MOVE(CONN_WS) |
				       MOVE(CONN_ECHO) | MOVE(CONN_LINGER) | MOVE(CONN_RELEASE)},
	[CONN_WAIT] = {"wait", MOVE(CONN_REPLY) | MOVE(CONN_LINGER) | MOVE(CONN_RELEASE)},
	[CONN_REPLY] = {"reply", MOVE(CONN_HTTP) | MOVE(CONN_LINGER) | MOVE(CONN_RELEASE)},
	[CONN_WS] = {"ws", MOVE(CONN_LINGER) | MOVE(CONN_RELEASE)},
	[CONN_ECHO] = {"echo", MOVE(CONN_LINGER) | MOVE(CONN_RELEASE)},
	[CONN_LINGER] = {"linger", MOVE(CONN_RELEASE)},
	[CONN_RELEASE] = {"release", MOVE(CONN_FREE)},
};

/* Which gauge counts a state; NULL: none. */
static _Atomic uint64_t *state_gauge(struct worker *w, unsigned state)
{
	switch ((enum conn_state)state) {
	case CONN_HTTP:
	case CONN_WAIT:
	case CONN_REPLY:
		return &w->metrics.conns_http;
	case CONN_WS:
	case CONN_ECHO:
		return &w->metrics.conns_ws;
	case CONN_LINGER:
	case CONN_RELEASE:
		return &w->metrics.conns_closing;
	case CONN_FREE:
	case CONN_STATES:
	default:
		return NULL;
	}
}

static void conn_check(const struct conn *c)
{
	switch ((enum conn_state)c->state) {
	case CONN_FREE:
		px_assert(c->ops == 0);
		px_assert(c->in == NULL);
		px_assert(c->out == NULL);
		px_assert(c->body_blob == NULL);
		px_assert(c->sub_head == NONE);
		return;
	case CONN_LINGER:
	case CONN_RELEASE:
		px_assert(c->why != CLOSE_NONE);
		px_assert(c->sub_head == NONE && c->inside_sub == NONE);
		return;
	case CONN_REPLY:
		px_assert(c->out != NULL && !(c->ops & CONN_OP_SEND)); /* it is sent from here on */
		return;
	case CONN_HTTP:
	case CONN_WAIT:
		px_assert(c->out == NULL && c->body == NULL); /* the answer before is sent */
		px_assert(c->why == CLOSE_NONE);
		return;
	case CONN_WS:
	case CONN_ECHO:
		px_assert(c->sub_head == NONE && c->pending == 0);
		px_assert(c->why == CLOSE_NONE);
		return;
	case CONN_STATES:
	default:
		px_unreachable("state of a connection");
	}
}

void conn_state_set(struct worker *w, struct conn *c, enum conn_state next)
{
	_Atomic uint64_t *from = state_gauge(w, c->state);
	_Atomic uint64_t *to = state_gauge(w, next);

	px_assert(next < CONN_STATES);
	px_assert(conn_moves[c->state].moves & MOVE(next));
	if (from != NULL)
		metric_sub(from, 1);
	if (to != NULL)
		metric_add(to, 1);
	c->state = (uint8_t)next;
	conn_check(c);
}

void conn_deadline_set(struct worker *w, struct conn *c, uint32_t ms)
{
	px_assert(c->state != CONN_FREE); /* its next owner would be late */
	w->deadlines[conn_index(w, c)] =
		ms == 0 ? 0 : w->tick + 1 + (uint32_t)(ms * NS_PER_MS / SWEEP_NS);
}

/* --- receiving ----------------------------------------------------------------------------------
 * */

/* HTTP receives once and arms again when it wants more, so that a client which pipelines waits for
 * its answers; a WebSocket receives again and again. */
void conn_recv_arm(struct worker *w, struct conn *c)
{
	uint64_t tag = conn_tag(w, c, OP_RECV);

	px_assert(c->state != CONN_FREE);
	px_assert(!(c->ops & CONN_OP_RECV));
	c->ops |= CONN_OP_RECV;
	if (c->state == CONN_WS || c->state == CONN_LINGER)
		wire_recv_arm_multi(&c->wire, conn_ring(w, c), tag);
	else
		wire_recv_arm(&c->wire, conn_ring(w, c), tag);
}

static void conn_starve(struct worker *w, struct conn *c)
{
	metric_add(&w->metrics.recv_starved, 1);
	if (w->due.starved_count < FANOUT_BATCH)
		w->due.starved[w->due.starved_count++] = conn_index(w, c);
	else
		w->due.starved_more = true;
}

bool conn_wants_input(const struct conn *c)
{
	if (c->state == CONN_ECHO) /* not before everything that came went out */
		return c->out == NULL && (c->in == NULL || c->in->len == 0);
	return c->state == CONN_HTTP || c->state == CONN_WS || c->state == CONN_LINGER;
}

/* Arms the receives that found no buffer; those of this turn have come back by now. */
void conn_starved_run(struct worker *w)
{
	uint32_t count = w->due.starved_count;
	bool all = w->due.starved_more;

	w->due.starved_count = 0;
	w->due.starved_more = false;
	for (uint32_t i = 0; i < (all ? w->conns_max : count); i++) {
		struct conn *c = &w->conns[all ? i : w->due.starved[i]];

		if (conn_wants_input(c) && !(c->ops & CONN_OP_RECV))
			conn_recv_arm(w, c);
	}
}

static void conn_input(struct worker *w, struct conn *c, struct wire_bytes bytes)
{
	const struct conn_protocol *protocol = &w->protocols[c->state];

	metric_add(&w->metrics.bytes_in, bytes.len);
	if (protocol->input != NULL) /* else it lingers: dropped */
		protocol->input(w, c, bytes.at, bytes.len);
}

bool conn_in_keep(struct worker *w, struct conn *c, const uint8_t *bytes, size_t len)
{
	if (conn_in_borrow(w, c) == NULL)
		return false;
	px_assert(c->in->len + len <= IN_BYTES);
	memcpy(c->in->bytes + c->in->len, bytes, len);
	c->in->len += (uint32_t)len;
	return true;
}

/* The peer says no more. It may have shut its side alone and still read: what came before is
 * answered first. Nothing of HTTP is owed here, because nothing is received before an answer is
 * sent. */
static void conn_input_ended(struct worker *w, struct conn *c, bool broken)
{
	if (broken)
		conn_abort(w, c, CLOSE_PEER_GONE);
	else if (c->state == CONN_WS || c->state == CONN_ECHO)
		conn_close(w, c, CLOSE_PEER_GONE);
	else
		conn_abort(w, c, c->state == CONN_HTTP ? CLOSE_HTTP_DONE : CLOSE_PEER_GONE);
}

/* The closing states come first, everywhere: what arrives then only ends something. */
void conn_recv_done(struct worker *w, struct conn *c, const struct ring_event *ev)
{
	struct wire_bytes bytes;

	px_assert(c->ops & CONN_OP_RECV);
	if (!(ev->flags & RING_MORE))
		c->ops &= (uint8_t)~CONN_OP_RECV;

	if (c->state == CONN_RELEASE) {
		conn_release(w, c);
		return;
	}
	switch (wire_take(ev, &bytes)) {
	case WIRE_STARVED:
		conn_starve(w, c);
		return;
	case WIRE_ENDED:
		conn_input_ended(w, c, false);
		return;
	case WIRE_BROKEN:
		conn_input_ended(w, c, true);
		return;
	case WIRE_BYTES:
	default:
		conn_input(w, c, bytes);
	}
	if (conn_wants_input(c) && !(c->ops & CONN_OP_RECV))
		conn_recv_arm(w, c);
}

bool conn_may_ask(struct worker *w, struct conn *c)
{
	uint64_t now_us = w->now.mono_ns / 1000;
	uint32_t rate =
		atomic_load_explicit(&w->shared->limits.requests_per_second, memory_order_relaxed);
	uint64_t step_us;

	if (rate == 0)
		return true;
	step_us = 1000000 / rate;
	if (c->next_request_us > now_us + 1000000)
		return false; /* a second's worth ahead of the rate */
	c->next_request_us = (c->next_request_us > now_us ? c->next_request_us : now_us) + step_us;
	return true;
}

/* --- buffers ------------------------------------------------------------------------------------
 * */

struct in_buf *conn_in_borrow(struct worker *w, struct conn *c)
{
	if (c->in != NULL)
		return c->in;
	c->in = pool_borrow(&w->ins);
	if (c->in != NULL)
		c->in->len = c->in->seen = 0;
	return c->in;
}

void conn_in_return(struct worker *w, struct conn *c)
{
	if (c->in != NULL)
		pool_return(&w->ins, c->in);
	c->in = NULL;
}

/* --- opening and closing -------------------------------------------------------------------------
 * */

void conn_addr_set(struct conn *c, const struct sockaddr_storage *from, enum address_trust trust)
{
	px_assert(c->state == CONN_FREE || c->state == CONN_HTTP);
	px_assert(!(c->flags & CONN_USER)); /* nothing was decided by the old one */
	if (address_set(c->addr, from, trust))
		c->flags |= CONN_LOCAL;
	else
		c->flags &= (uint8_t)~CONN_LOCAL;
}

struct conn *conn_open(struct worker *w, struct lane *lane, uint32_t slot)
{
	struct conn *c = &w->conns[lane->base + slot];
	uint32_t generation = c->generation;

	px_assert(slot < w->config.slots_per_ring);
	px_assert(lane->used < w->config.slots_per_ring);
	px_assert(c->state == CONN_FREE);
	memset(c, 0, sizeof(*c));
	c->generation = generation;
	c->wire = (struct wire){.slot = slot, .lane = (uint16_t)(lane - w->lanes)};
	c->inside_sub = NONE;
	c->sub_head = NONE;
	c->next = NONE;
	lane->used++;
	conn_state_set(w, c, CONN_HTTP);
	conn_deadline_set(w, c, w->shared->limits.http_head_timeout_ms);
	return c;
}

void conn_why_set(struct worker *w, struct conn *c, enum close_reason why)
{
	px_assert(why != CLOSE_NONE && why < CLOSE_REASONS);
	if (c->why != CLOSE_NONE)
		return;
	c->why = (uint8_t)why;
	metric_add(&w->closed[why], 1);
}

static void conn_subs_end(struct worker *w, struct conn *c)
{
	while (c->sub_head != NONE)
		sub_free(w, &w->subs[c->sub_head]);
}

void conn_owed_begin(struct worker *w, struct conn *c)
{
	struct sub *s = c->inside_sub != NONE ? &w->subs[c->inside_sub] : NULL;
	uint64_t left = s != NULL ? s->frame_end - s->cursor : 0;

	px_assert(c->why != CLOSE_NONE);
	px_assert(s == NULL || (s->inside && s->cursor < s->frame_end));
	if (s != NULL)
		s->skip = s->backoff = 0;
	conn_deadline_set(w, c,
			  (c->pending > 0 ? w->shared->limits.http_idle_timeout_ms : LINGER_MS) +
				  (uint32_t)(left / REPLY_BYTES_PER_MS));
}

static unsigned conn_close_code(const struct conn *c)
{
	return c->why == CLOSE_PEER_CLOSED ? c->ws.close_code
					   : close_reason_code((enum close_reason)c->why);
}

static void conn_close_frame_say(struct worker *w, struct conn *c, unsigned code)
{
	const char *text = close_reason_text((enum close_reason)c->why);
	size_t text_len = strlen(text);
	size_t len = code == WS_CODE_NONE ? 0 : 2 + text_len;
	uint8_t *at = conn_last_reserve(w, c);

	px_assert(!(c->flags & CONN_LAST)); /* once, and nothing follows it */
	if (at == NULL)
		return; /* released by the attempt: every answer leaves room for it */
	ws_head_write(at, true, WS_CLOSE, len);
	if (len > 0) {
		at[2] = (uint8_t)(code >> 8);
		at[3] = (uint8_t)code;
		memcpy(at + 4, text, text_len);
	}
	c->flags |= CONN_LAST;
	conn_answer_commit(w, c, 2 + len);
}

void conn_close_run(struct worker *w, struct conn *c)
{
	unsigned code = conn_close_code(c);

	px_assert(c->why != CLOSE_NONE);
	px_assert(c->state == CONN_WS || c->state == CONN_ECHO);
	if (c->flags & CONN_LAST)
		return;
	if (c->pending > 0 && c->why != CLOSE_TOO_SLOW) /* there is no room for them then */
		return;
	if (code != 0)
		conn_close_frame_say(w, c, code);
	else if (c->out != NULL)
		c->flags |= CONN_LAST;
	else
		conn_release(w, c);
	if (c->flags & CONN_LAST)
		conn_owed_begin(w, c);
}

/* Its subscriptions stay, and are sent nothing that begins a frame: whether the last send left the
 * client inside one may not be known yet. Then what is owed begins again when it is. */
void conn_close(struct worker *w, struct conn *c, enum close_reason why)
{
	if (c->why != CLOSE_NONE)
		return;
	conn_why_set(w, c, why);
	if (c->state != CONN_WS && c->state != CONN_ECHO) {
		conn_release(w, c);
		return;
	}
	c->closed_in_batch = conn_is_in_batch(w, c);
	conn_owed_begin(w, c);
	conn_close_run(w, c);
}

void conn_abort(struct worker *w, struct conn *c, enum close_reason why)
{
	conn_why_set(w, c, why);
	conn_release(w, c);
}

void conn_linger(struct worker *w, struct conn *c)
{
	if (c->state == CONN_LINGER || c->state == CONN_RELEASE)
		return;
	px_assert(c->why != CLOSE_NONE);
	px_assert(!(c->ops & CONN_OP_SEND)); /* everything is sent */
	conn_subs_end(w, c);
	conn_in_return(w, c);
	conn_out_return(w, c);
	conn_state_set(w, c, CONN_LINGER);
	conn_deadline_set(w, c, LINGER_MS);
	c->ops |= CONN_OP_SHUTDOWN;
	wire_shut(&c->wire, conn_ring(w, c), conn_tag(w, c, OP_SHUTDOWN));
	if (!(c->ops & CONN_OP_RECV))
		conn_recv_arm(w, c);
}

/* Ends what is armed. With nothing armed the close is enough, and a shutdown is dear: the kernel
 * gives each to a worker thread. The cancel goes by tag: by slot the kernel looks at every
 * operation of the ring, which many clients that end together would cost the square of their
 * number. */
static void conn_flight_end(struct worker *w, struct conn *c)
{
	if (!(c->ops & CONN_OP_SHUTDOWN)) {
		c->ops |= CONN_OP_SHUTDOWN;
		wire_shut_both(&c->wire, conn_ring(w, c), conn_tag(w, c, OP_SHUTDOWN));
	}
	if (c->ops & CONN_OP_RECV) {
		c->ops |= CONN_OP_RECV_CANCEL;
		ring_cancel_tag(conn_ring(w, c), conn_tag(w, c, OP_RECV),
				conn_tag(w, c, OP_RECV_CANCEL));
	}
	if (c->ops & CONN_OP_SEND) {
		c->ops |= CONN_OP_SEND_CANCEL;
		ring_cancel_tag(conn_ring(w, c), conn_tag(w, c, OP_SEND_ALL),
				conn_tag(w, c, OP_SEND_CANCEL));
	}
}

/* Asks the kernel to end everything; called again from every completion until nothing is in flight.
 * */
void conn_release(struct worker *w, struct conn *c)
{
	if (c->state == CONN_FREE)
		return;
	if (c->state != CONN_RELEASE) {
		px_assert(c->why != CLOSE_NONE);
		conn_subs_end(w, c);
		conn_state_set(w, c, CONN_RELEASE);
		w->deadlines[conn_index(w, c)] = w->tick; /* at every sweep, until it is free */
		if (c->ops & (CONN_OP_RECV | CONN_OP_SEND))
			conn_flight_end(w, c);
	}
	if (c->ops != 0 || (c->flags & (CONN_FLUSH | CONN_LISTED)) || conn_is_in_batch(w, c))
		return; /* sweep and completions come here again */
	c->ops |= CONN_OP_CLOSE;
	wire_close(&c->wire, conn_ring(w, c), conn_tag(w, c, OP_SLOT_CLOSE));
}

/* The slot is empty: the only place where a connection becomes free. */
static void conn_freed(struct worker *w, struct conn *c)
{
	struct lane *lane = conn_lane(w, c);

	conn_in_return(w, c);
	conn_out_return(w, c);
	blob_unref(c->body_blob);
	c->body_blob = NULL;
	conn_state_set(w, c, CONN_FREE);
	w->deadlines[conn_index(w, c)] = 0;
	c->generation = (c->generation + 1) & OP_GENERATION_MASK;
	px_assert(lane->used > 0 && conn_index(w, c) == lane->base + c->wire.slot);
	lane->used--;
	atomic_fetch_sub_explicit(&w->shared->clients, 1, memory_order_relaxed);
}

void conn_op_done(struct worker *w, struct conn *c, enum conn_op op)
{
	px_assert(c->ops & op);
	c->ops &= (uint8_t)~op;
	if (op == CONN_OP_CLOSE)
		conn_freed(w, c);
	else if (c->state == CONN_RELEASE)
		conn_release(w, c);
}

/* --- deadlines -----------------------------------------------------------------------------------
 * */

static void conn_deadline_over(struct worker *w, struct conn *c)
{
	px_assert(c->state != CONN_FREE); /* conn_freed() takes the deadline along */
	w->deadlines[conn_index(w, c)] = 0;
	if (w->protocols[c->state].late != NULL) {
		w->protocols[c->state].late(w, c);
		return;
	}
	switch ((enum conn_state)c->state) {
	case CONN_HTTP:
	case CONN_WAIT:
	case CONN_REPLY:
		conn_close(w, c, CLOSE_HTTP_TIMEOUT);
		return;
	case CONN_WS:
	case CONN_ECHO:
		if (c->why != CLOSE_NONE)
			conn_release(w, c); /* the close frame could not be sent in time */
		else
			conn_close(w, c, CLOSE_IDLE);
		return;
	case CONN_LINGER:
		conn_release(w, c);
		return;
	case CONN_RELEASE:
		w->deadlines[conn_index(w, c)] = w->tick;
		conn_release(w, c);
		return;
	default:
		return;
	}
}

/* Looks at all deadlines once a tick: four bytes each, and no timer per client. */
void conn_sweep(struct worker *w)
{
	for (uint32_t i = 0; i < w->conns_max; i++) {
		if (w->deadlines[i] != 0 && w->tick >= w->deadlines[i])
			conn_deadline_over(w, &w->conns[i]);
	}
}
