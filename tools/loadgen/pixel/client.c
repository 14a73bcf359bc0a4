/*
 * client.c - one connection, from socket() to the freed slot.
 *
 * Owner: the worker. States: see worker_priv.h; client_state_set() alone writes them. In flight: at
 * most one connect, one receive, one send_all (painters), cancels, one shutdown or reset, one
 * close; each counts in `inflight` until its last event, and the slot is given back only at 0.
 * Sends of watchers have no event when they succeed; a watcher sends rarely and little, so one that
 * is not taken whole means that the server has stopped reading, and breaks the connection.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "tools/loadgen/load/rng.h"
#include "tools/loadgen/net/upgrade.h"
#include "tools/loadgen/pixel/worker_priv.h"

#define MESSAGE_BYTES_MAX (16U << 20)
#define BACKOFF_FIRST_NS  (50 * NS_PER_MS)
#define BACKOFF_LAST_NS   (2 * NS_PER_SEC)
#define GIVE_UP_NS        (120 * NS_PER_SEC)

#define BIT(state) (1U << CLIENT_##state)

static const uint16_t moves[CLIENT_STATES] = {
	[CLIENT_NEW] = BIT(CONNECTING) | BIT(DEAD),
	[CLIENT_CONNECTING] = BIT(UPGRADING) | BIT(CLOSING),
	[CLIENT_UPGRADING] = BIT(SUBSCRIBING) | BIT(CLOSING),
	[CLIENT_SUBSCRIBING] = BIT(FOLLOWING) | BIT(CLOSING) | BIT(SUBSCRIBING),
	[CLIENT_FOLLOWING] = BIT(SUBSCRIBING) | BIT(CLOSING),
	[CLIENT_CLOSING] = BIT(RELEASING),
	[CLIENT_RELEASING] = BIT(WAITING) | BIT(DEAD),
	[CLIENT_WAITING] = BIT(CONNECTING) | BIT(DEAD),
	[CLIENT_DEAD] = 0,
};

static bool is_opening(unsigned state)
{
	return state == CLIENT_CONNECTING || state == CLIENT_UPGRADING ||
	       state == CLIENT_SUBSCRIBING;
}

void client_state_set(struct worker *w, struct client *c, enum client_state state)
{
	px_assert((moves[c->state] & 1U << state) != 0);
	w->opening += (uint32_t)is_opening(state) - (uint32_t)is_opening(c->state);
	stat_add(&w->stats.following,
		 (uint64_t)(state == CLIENT_FOLLOWING) - (uint64_t)(c->state == CLIENT_FOLLOWING));
	stat_add(&w->stats.broken,
		 (uint64_t)(state == CLIENT_WAITING) - (uint64_t)(c->state == CLIENT_WAITING));
	stat_add(&w->stats.dead, state == CLIENT_DEAD && !c->leaving && !c->vanished);
	c->state = (uint8_t)state;
}

uint32_t client_index(const struct worker *w, const struct client *c)
{
	return (uint32_t)(c - w->clients);
}

static uint64_t tag(const struct worker *w, const struct client *c, enum op op)
{
	return op_tag_pack(op, c->generation, client_index(w, c));
}

uint64_t client_number(const struct worker *w, const struct client *c)
{
	return (uint64_t)client_index(w, c) * w->options->net.threads + w->number;
}

static uint64_t upgrade_random(const struct worker *w, const struct client *c)
{
	return rng_mix(w->options->net.seed ^ client_number(w, c) << 24 ^ c->generation);
}

/* --- connect ---------------------------------------------------------------------------------- */

static void recv_arm(struct worker *w, struct client *c)
{
	c->inflight++;
	c->reading = true;
	ring_recv_multi(w->rings.at[c->ring], c->slot, tag(w, c, OP_RECV));
}

static void connect_done(struct worker *w, struct client *c, int res)
{
	uint8_t *out;
	size_t len;

	if (c->state != CLIENT_CONNECTING)
		return;
	if (res < 0) {
		client_break(w, c, TROUBLE_CONNECT, strerror(-res));
		return;
	}
	client_state_set(w, c, CLIENT_UPGRADING);
	out = ring_set_arena(&w->rings, UPGRADE_REQUEST_BYTES_MAX);
	len = upgrade_write(net_target(&w->options->net, client_number(w, c)), upgrade_random(w, c),
			    (char *)out);
	ring_send_now(w->rings.at[c->ring], c->slot, out, len, tag(w, c, OP_SEND_NOW));
	c->sent_s = (uint32_t)(w->now.mono_ns / NS_PER_SEC);
	recv_arm(w, c);
}

/* --- break and release ------------------------------------------------------------------------ */

static void carry_drop(struct client *c)
{
	free(c->carry);
	c->carry = NULL;
}

static void release_try(struct worker *w, struct client *c)
{
	if (c->state != CLIENT_CLOSING || c->inflight > 0)
		return;
	client_state_set(w, c, CLIENT_RELEASING);
	c->inflight++;
	ring_slot_close(w->rings.at[c->ring], c->slot, tag(w, c, OP_CLOSE));
}

/* By tag: to cancel by slot the kernel looks at every operation of the ring. */
static void op_cancel(struct worker *w, struct client *c, enum op op)
{
	c->inflight++;
	ring_cancel_tag(w->rings.at[c->ring], tag(w, c, op), tag(w, c, OP_CANCEL));
}

/* Nothing more is wanted of the connection: what is in flight ends, then the slot is given back. */
static void connection_end(struct worker *w, struct client *c, bool reset)
{
	static const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
	unsigned was = c->state;

	client_state_set(w, c, CLIENT_CLOSING);
	c->marked = false;
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
	if (reset) { /* to connect to nowhere is to disconnect, which sends a reset */
		c->inflight++;
		ring_connect(w->rings.at[c->ring], c->slot, &nowhere, sizeof(nowhere),
			     tag(w, c, OP_RESET));
	}
	if (was == CLIENT_CONNECTING)
		op_cancel(w, c, OP_CONNECT);
	if (c->reading)
		op_cancel(w, c, OP_RECV);
	if (c->painter != NULL && c->painter->sending)
		op_cancel(w, c, OP_SEND_ALL);
	if (c->inflight > 0 && !reset) {
		c->inflight++;
		ring_shutdown(w->rings.at[c->ring], c->slot, SHUT_RDWR, tag(w, c, OP_SHUTDOWN));
	}
	release_try(w, c);
}

void client_break(struct worker *w, struct client *c, enum trouble t, const char *why)
{
	if (c->state == CLIENT_CLOSING || c->state == CLIENT_RELEASING)
		return;
	if (t != TROUBLE_NONE) {
		worker_trouble(w, t, c, "%s", why);
		c->fatal |= trouble_kind(t) == TROUBLE_KIND_DATA;
	}
	connection_end(w, c, false);
}

void client_tear(struct worker *w, struct client *c, enum tear how)
{
	px_assert(c->state == CLIENT_FOLLOWING);
	stat_add(&w->stats.torn[how], 1);
	c->torn = how != TEAR_VANISH;
	c->vanished = how == TEAR_VANISH;
	if (c->counted)
		crowd_leave(w->crowd, c->follow.seq);
	c->counted = false;
	connection_end(w, c, how != TEAR_FIN);
}

/* When to try again: longer each time, never all at once. */
static uint64_t backoff_ns(struct worker *w, const struct client *c)
{
	unsigned doublings = c->attempts < 8 ? c->attempts : 8;
	uint64_t ns = BACKOFF_FIRST_NS << doublings;

	if (ns > BACKOFF_LAST_NS)
		ns = BACKOFF_LAST_NS;
	return (uint64_t)((double)ns * (0.5 + rng_unit(&w->rng)));
}

static bool comes_back(const struct worker *w, const struct client *c)
{
	return (w->options->resume || c->torn) && !c->fatal && !c->vanished && !c->leaving &&
	       !c->stopped && w->shared->phase != PHASE_LEAVE &&
	       w->now.mono_ns - c->lost_ns < GIVE_UP_NS;
}

/* The slot is free: the connection is over. */
static void gone(struct worker *w, struct client *c)
{
	struct painter *p = c->painter;

	c->generation = (c->generation + 1) & OP_GENERATION_MASK;
	carry_drop(c);
	if (c->attempts == 0)
		c->lost_ns = w->now.mono_ns;
	if (p != NULL) {
		painter_broke(p);
		p->asking = p->head > p->tail;
	}
	if (comes_back(w, c)) {
		c->since_ns = w->now.mono_ns + backoff_ns(w, c);
		c->next = w->waiting_head;
		w->waiting_head = client_index(w, c);
		client_state_set(w, c, CLIENT_WAITING);
		return;
	}
	client_state_set(w, c, CLIENT_DEAD);
	if (c->counted && !c->leaving)
		crowd_leave(w->crowd, c->follow.seq);
	c->counted = false;
	if (p != NULL && !p->gone) {
		p->gone = true;
		stat_add(&w->stats.outstanding, 0 - painter_waiting(p));
		if (plan_ends(w->shared->plan))
			stat_add(&w->stats.to_place, 0 - (p->limit - p->head));
	}
}

/* --- send ------------------------------------------------------------------------------------- */

void client_say(struct worker *w, struct client *c, enum ws_opcode opcode, uint8_t *payload,
		size_t len)
{
	uint8_t mask[4];
	uint8_t *out;
	size_t head;

	px_assert(len <= MESSAGE_IN_BYTES_MAX);
	for (unsigned i = 0; i < 4; i++)
		mask[i] = (uint8_t)(rng_next(&w->rng) >> 32);
	if (c->painter != NULL && c->state == CLIENT_FOLLOWING) {
		struct painter *p = c->painter;

		if (p->urgent_len > 0 || len + WS_HEAD_BYTES_MAX > PAINTER_URGENT_BYTES)
			return; /* one is waiting already: it serves as well */
		head = ws_head_write_masked(p->urgent, true, opcode, mask, payload, len);
		memcpy(p->urgent + head, payload, len);
		p->urgent_len = (uint8_t)(head + len);
		worker_painter_ready(w, p);
		return;
	}
	out = ring_set_arena(&w->rings, len + WS_HEAD_BYTES_MAX);
	head = ws_head_write_masked(out, true, opcode, mask, payload, len);
	memcpy(out + head, payload, len);
	ring_send_now(w->rings.at[c->ring], c->slot, out, head + len, tag(w, c, OP_SEND_NOW));
	c->sent_s = (uint32_t)(w->now.mono_ns / NS_PER_SEC);
}

void client_flush(struct worker *w, struct client *c)
{
	struct painter *p = c->painter;
	uint64_t before = p->sent_ever;

	if (p->sending || c->state != CLIENT_FOLLOWING)
		return;
	memcpy(p->out, p->urgent, p->urgent_len);
	p->out_len = p->urgent_len;
	p->urgent_len = 0;
	if (!p->asking)
		stat_add(&w->stats.resent,
			 painter_encode(p, w->shared->plan, &w->canvas, w->now.mono_ns, &w->rng));
	stat_add(&w->stats.placed, p->sent_ever - before);
	if (p->out_len == 0)
		return;
	p->sending = true;
	c->inflight++;
	c->sent_s = (uint32_t)(w->now.mono_ns / NS_PER_SEC);
	ring_send_all(w->rings.at[c->ring], c->slot, p->out, p->out_len, tag(w, c, OP_SEND_ALL));
}

static void send_all_done(struct worker *w, struct client *c, int res)
{
	struct painter *p = c->painter;
	bool whole = res >= 0 && (size_t)res == p->out_len;

	p->sending = false;
	p->out_len = 0;
	if (c->state == CLIENT_CLOSING)
		return;
	if (!whole)
		client_break(w, c, TROUBLE_RESET,
			     res < 0 ? strerror(-res) : "a send was cut short");
	else if (p->sent < p->head || p->urgent_len > 0)
		worker_painter_ready(w, p);
}

/* --- receive ---------------------------------------------------------------------------------- */

static bool carry_add(struct client *c, const uint8_t *bytes, size_t len)
{
	size_t have = c->carry == NULL ? 0 : c->carry->len;

	if (c->carry == NULL || have + len > c->carry->room) {
		size_t room = (have + len) * 2 < 512 ? 512 : (have + len) * 2;
		struct carry *more = realloc(c->carry, sizeof(*more) + room);

		if (more == NULL)
			return false;
		more->len = (uint32_t)have;
		more->room = (uint32_t)room;
		c->carry = more;
	}
	memcpy(c->carry->bytes + have, bytes, len);
	c->carry->len = (uint32_t)(have + len);
	return true;
}

/* Takes the answer to the upgrade; returns how many of the bytes belong to it. */
static size_t upgrade_take(struct worker *w, struct client *c, const uint8_t *data, size_t len)
{
	size_t before = c->carry == NULL ? 0 : c->carry->len;
	const char *why = "the answer has no end";
	size_t head;

	if (!carry_add(c, data, len)) {
		client_break(w, c, TROUBLE_RESET, "no memory");
		return len;
	}
	head = upgrade_head_bytes(c->carry->bytes, c->carry->len);
	if (head == 0 && c->carry->len < UPGRADE_ANSWER_BYTES_MAX)
		return len;
	if (head == 0 || upgrade_check(c->carry->bytes, head, upgrade_random(w, c), &why) < 0) {
		client_break(w, c, TROUBLE_UPGRADE, why);
		return len;
	}
	carry_drop(c);
	latency_record(&w->latencies, LATENCY_CONNECT, &(struct span){c->intended_ns, c->since_ns},
		       w->now.mono_ns);
	ws_parser_init(&c->parser, WS_FROM_SERVER, MESSAGE_BYTES_MAX);
	c->parsing = false;
	client_state_set(w, c, CLIENT_SUBSCRIBING);
	client_subscribe(w, c, true);
	return head - before;
}

static void data_piece(struct worker *w, struct client *c, const struct ws_piece *piece)
{
	if (piece->begins && piece->ends) {
		client_message(w, c, piece->data, piece->len);
		return;
	}
	if (!carry_add(c, piece->data, piece->len)) {
		client_break(w, c, TROUBLE_RESET, "no memory");
	} else if (piece->ends) {
		struct carry *whole = c->carry;

		c->carry = NULL;
		client_message(w, c, whole->bytes, whole->len);
		free(whole);
	}
}

static void piece_take(struct worker *w, struct client *c, const struct ws_piece *piece)
{
	char why[64];

	switch (piece->opcode) {
	case WS_BINARY:
		data_piece(w, c, piece);
		break;
	case WS_CLOSE:
		if (!piece->ends)
			break;
		(void)snprintf(why, sizeof(why), "close code %u", c->parser.close_code);
		client_break(w, c, c->leaving ? TROUBLE_NONE : TROUBLE_CLOSED, why);
		break;
	case WS_PING:
		if (piece->begins && piece->ends) /* pixeld sends none; a split one is let go */
			client_say(w, c, WS_PONG, piece->data, piece->len);
		break;
	case WS_PONG:
		break;
	case WS_TEXT:
	case WS_CONTINUATION:
		client_break(w, c, TROUBLE_MESSAGE, "a text message on a binary connection");
		break;
	}
}

static bool is_subscribed(const struct client *c)
{
	return c->state == CLIENT_SUBSCRIBING || c->state == CLIENT_FOLLOWING;
}

/* At most one piece; returns how many bytes that took. */
static size_t piece_parse(struct worker *w, struct client *c, uint8_t *data, size_t len)
{
	struct ws_piece piece;
	size_t used = 0;
	enum ws_result result = ws_parse(&c->parser, data, len, &used, &piece);

	c->parsing = !ws_parser_is_between(&c->parser);
	if (result == WS_PIECE)
		piece_take(w, c, &piece);
	else if (result == WS_BAD)
		client_break(w, c, TROUBLE_WEBSOCKET, c->parser.bad_text);
	return used;
}

void client_parse(struct worker *w, struct client *c, uint8_t *data, size_t len)
{
	while (len > 0 && is_subscribed(c)) {
		size_t used = piece_parse(w, c, data, len);

		data += used;
		len -= used;
	}
}

static void bytes_take(struct worker *w, struct client *c, uint8_t *data, size_t len)
{
	stat_add(&w->stats.bytes_in, len);
	if (c->marked)
		c->heard_s = (uint32_t)(w->now.mono_ns / NS_PER_SEC);
	if (c->state == CLIENT_UPGRADING) {
		size_t used = upgrade_take(w, c, data, len);

		data += used;
		len -= used;
	}
	while (len > 0 && is_subscribed(c)) {
		size_t used = 0;

		if (c->place.frame != STREAM_NONE && !c->parsing)
			used = client_compare(w, c, data, len);
		if (used < len && is_subscribed(c))
			used += piece_parse(w, c, data + used, len - used);
		data += used;
		len -= used;
	}
}

/* Whether it waits for more at once: not one that reads slowly, or not at all. */
static bool reads_on(const struct worker *w, const struct client *c)
{
	if (c->state == CLIENT_CLOSING || c->stopped)
		return false;
	return !c->slow || c->state != CLIENT_FOLLOWING || w->shared->phase >= PHASE_SETTLE;
}

/* The receive ended without bytes. */
static void recv_ended(struct worker *w, struct client *c, int res)
{
	if (c->state == CLIENT_CLOSING)
		return;
	if (res == -ENOBUFS || res == -ECANCELED) {
		if (reads_on(w, c))
			recv_arm(w, c);
	} else if (c->leaving) {
		client_break(w, c, TROUBLE_NONE, "");
	} else if (res == 0) {
		client_break(w, c, TROUBLE_RESET,
			     "the server ended the connection without a close frame");
	} else {
		client_break(w, c, TROUBLE_RESET, strerror(-res));
	}
}

static void recv_done(struct worker *w, struct client *c, const struct ring_event *e)
{
	if (!(e->flags & RING_MORE))
		c->reading = false;
	if (e->res > 0 && c->state != CLIENT_CLOSING)
		bytes_take(w, c, e->data, (size_t)e->res);
	if (e->flags & RING_MORE)
		return;
	if (e->res <= 0)
		recv_ended(w, c, e->res);
	else if (reads_on(w, c))
		recv_arm(w, c);
}

void client_settle_down(struct worker *w, struct client *c)
{
	uint32_t most = w->options->read_mark;
	int mark;

	c->torn = false;
	c->stopped = c->stopper;
	/* Clients that came together are not alive together. */
	c->sent_s -= (uint32_t)(rng_next(&w->rng) % ALIVE_AFTER_S);
	if (c->stopper || c->slow)
		op_cancel(w, c, OP_RECV);
	if (c->fd < 0)
		return;
	/* All get the same bytes: with one mark for all they would all wake at once. */
	mark = (int)(most - (uint32_t)(rng_unit(&w->rng) * most / 2));
	c->marked = setsockopt(c->fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark)) == 0;
	(void)close(c->fd);
	c->fd = -1;
}

/* A receive that begins anew takes what is there, mark or not: the one in flight gives way. */
void client_read_out(struct worker *w, struct client *c)
{
	if (c->inflight > 1)
		return; /* it is being done */
	if (c->reading) {
		if (!c->slow)
			op_cancel(w, c, OP_RECV);
	} else if (c->slow && w->shared->phase < PHASE_SETTLE) {
		c->inflight++;
		c->reading = true;
		ring_recv(w->rings.at[c->ring], c->slot, tag(w, c, OP_RECV));
	} else {
		recv_arm(w, c);
	}
}

/* --- events ----------------------------------------------------------------------------------- */

void client_event(struct worker *w, struct client *c, enum op op, const struct ring_event *e)
{
	if (op == OP_SEND_NOW) { /* only when it was not taken whole */
		client_break(w, c, c->leaving ? TROUBLE_NONE : TROUBLE_SEND,
			     e->res < 0 ? strerror(-e->res) : "a small send was cut short");
		return;
	}
	switch (op) {
	case OP_CONNECT:
		connect_done(w, c, e->res);
		break;
	case OP_RECV:
		recv_done(w, c, e);
		break;
	case OP_SEND_ALL:
		send_all_done(w, c, e->res);
		break;
	case OP_SEND_NOW:
	case OP_SHUTDOWN:
	case OP_CANCEL:
	case OP_CLOSE:
	case OP_RESET:
		break;
	}
	if (e->flags & RING_MORE)
		return;
	px_assert(c->inflight > 0);
	c->inflight--;
	if (op == OP_CLOSE)
		gone(w, c);
	else
		release_try(w, c);
}
