/*
 * link.c - one connection, from its first byte to the freed slot; see link.h.
 *
 * Only link_state_set() writes states. In flight: at most one connect, one receive, one send_all,
 * cancels, one shutdown or reset, one close; each counts in `inflight` until its last event, and
 * the slot is returned only at 0. Sends of a few bytes have no event when they succeed; one that is
 * not accepted whole means that the server has stopped reading, and breaks the connection.
 */
#include "tools/loadgen/net/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "engine/ring/op.h"
#include "tools/loadgen/load/rng.h"
#include "tools/loadgen/net/crew.h"
#include "tools/loadgen/net/link_tls.h"

#define BACKOFF_FIRST_NS (50 * NS_PER_MS)
#define BACKOFF_LAST_NS  (2 * NS_PER_SEC)
#define GIVE_UP_NS       (120 * NS_PER_SEC)

#define BIT(state) (1U << LINK_##state)

static const uint16_t moves[LINK_STATES] = {
	[LINK_NEW] = BIT(CONNECTING) | BIT(DEAD),
	[LINK_CONNECTING] = BIT(UPGRADING) | BIT(CLOSING),
	[LINK_UPGRADING] = BIT(JOINING) | BIT(CLOSING),
	[LINK_JOINING] = BIT(STANDING) | BIT(CLOSING) | BIT(JOINING),
	[LINK_STANDING] = BIT(JOINING) | BIT(CLOSING),
	[LINK_CLOSING] = BIT(RELEASING),
	[LINK_RELEASING] = BIT(WAITING) | BIT(DEAD),
	[LINK_WAITING] = BIT(CONNECTING) | BIT(DEAD),
	[LINK_DEAD] = 0,
};

/* Bytes of a head or message that is not complete yet: borrowed only while that lasts. */
struct carry {
	uint32_t len, room;
	uint8_t bytes[];
};

void link_state_set(struct crew *crew, struct link *c, enum link_state state)
{
	px_assert((moves[c->state] & 1U << state) != 0);
	crew->opening += (uint32_t)link_is_opening(state) - (uint32_t)link_is_opening(c->state);
	stat_add(&crew->stats.standing,
		 (uint64_t)(state == LINK_STANDING) - (uint64_t)(c->state == LINK_STANDING));
	stat_add(&crew->stats.waiting,
		 (uint64_t)(state == LINK_WAITING) - (uint64_t)(c->state == LINK_WAITING));
	stat_add(&crew->stats.dead, state == LINK_DEAD && !c->leaving && !c->vanished);
	c->state = (uint8_t)state;
}

uint64_t link_tag(const struct link *c, enum link_op op)
{
	return op_tag_pack(op, c->generation, c->index);
}

uint64_t link_number(const struct crew *crew, const struct link *c)
{
	return (uint64_t)c->index * crew->options->threads + crew->number;
}

uint64_t link_upgrade_random(const struct crew *crew, const struct link *c)
{
	return rng_mix(crew->options->seed ^ link_number(crew, c) << 24 ^ c->generation);
}

static struct ring *ring_of(const struct crew *crew, const struct link *c)
{
	return crew->rings.at[c->wire.lane];
}

static void carry_drop(struct carry **carry)
{
	free(*carry);
	*carry = NULL;
}

void link_init(struct link *c, uint32_t index)
{
	c->index = index;
	c->next = LINK_NONE;
	c->fd = -1;
}

void link_free(struct link *c)
{
	carry_drop(&c->carry);
	carry_drop(&c->control);
	link_tls_free(c);
}

/* --- break and release ------------------------------------------------------------------------ */

static void release_try(struct crew *crew, struct link *c)
{
	if (c->state != LINK_CLOSING || c->inflight > 0)
		return;
	link_state_set(crew, c, LINK_RELEASING);
	c->inflight++;
	wire_close(&c->wire, ring_of(crew, c), link_tag(c, LINK_OP_CLOSE));
}

/* By tag: to cancel by slot the kernel looks at every operation of the ring. */
static void op_cancel(struct crew *crew, struct link *c, enum link_op op)
{
	c->inflight++;
	ring_cancel_tag(ring_of(crew, c), link_tag(c, op), link_tag(c, LINK_OP_CANCEL));
}

/* Nothing more is wanted of the connection: what is in flight ends, then the slot is given back. */
static void connection_end(struct crew *crew, struct link *c, bool reset)
{
	static const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
	unsigned was = c->state;

	link_state_set(crew, c, LINK_CLOSING);
	c->marked = false;
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
	if (reset) { /* to connect to nowhere is to disconnect, which sends a reset */
		c->inflight++;
		ring_connect(ring_of(crew, c), c->wire.slot, &nowhere, sizeof(nowhere),
			     link_tag(c, LINK_OP_RESET));
	}
	if (was == LINK_CONNECTING)
		op_cancel(crew, c, LINK_OP_CONNECT);
	if (c->reading)
		op_cancel(crew, c, LINK_OP_RECV);
	if (c->sending)
		op_cancel(crew, c, LINK_OP_SEND_ALL);
	if (c->inflight > 0 && !reset) {
		c->inflight++;
		wire_shut_both(&c->wire, ring_of(crew, c), link_tag(c, LINK_OP_SHUTDOWN));
	}
	release_try(crew, c);
}

void link_break(struct crew *crew, struct link *c, enum trouble t, const char *why)
{
	if (c->state == LINK_CLOSING || c->state == LINK_RELEASING)
		return;
	if (t != TROUBLE_NONE) {
		crew_trouble(crew, t, c, "%s", why);
		c->final |= trouble_kind(t) == TROUBLE_KIND_DATA;
	}
	connection_end(crew, c, false);
}

void link_tear(struct crew *crew, struct link *c, bool reset)
{
	px_assert(c->state == LINK_STANDING);
	px_assert(c->torn != c->vanished);
	connection_end(crew, c, reset);
}

/* When to try again: longer each time, never all at once. */
static uint64_t backoff_ns(struct crew *crew, const struct link *c)
{
	unsigned doublings = c->attempts < 8 ? c->attempts : 8;
	uint64_t ns = BACKOFF_FIRST_NS << doublings;

	if (ns > BACKOFF_LAST_NS)
		ns = BACKOFF_LAST_NS;
	return (uint64_t)((double)ns * (0.5 + rng_unit(&crew->rng)));
}

static bool comes_back(const struct crew *crew, const struct link *c)
{
	return (crew->shared->resume || c->torn) && !c->final && !c->vanished && !c->leaving &&
	       !c->stopped && crew->shared->phase != PHASE_LEAVE &&
	       crew->now.mono_ns - c->lost_ns < GIVE_UP_NS;
}

/* The slot is free: the connection is over. */
static void gone(struct crew *crew, struct link *c)
{
	px_assert(c->state == LINK_RELEASING);
	px_assert(c->inflight == 0);
	px_assert(!c->reading && !c->sending);
	c->generation = (c->generation + 1) & OP_GENERATION_MASK;
	link_free(c);
	if (c->attempts == 0)
		c->lost_ns = crew->now.mono_ns;
	crew->speaker->ended(crew, c);
	if (comes_back(crew, c)) {
		c->since_ns = crew->now.mono_ns + backoff_ns(crew, c);
		c->next = crew->waiting_head;
		crew->waiting_head = c->index;
		link_state_set(crew, c, LINK_WAITING);
		return;
	}
	link_state_set(crew, c, LINK_DEAD);
	crew->speaker->dead(crew, c);
}

/* --- send ------------------------------------------------------------------------------------- */

void link_send_now(struct crew *crew, struct link *c, const void *bytes, size_t len)
{
	c->sent_s = (uint32_t)(crew->now.mono_ns / NS_PER_SEC);
	if (c->sealed)
		link_tls_send_now(crew, c, bytes, len);
	else
		wire_send_now(&c->wire, ring_of(crew, c), (struct wire_range){bytes, len},
			      link_tag(c, LINK_OP_SEND_NOW));
}

void link_send_arm(struct crew *crew, struct link *c, const void *bytes, size_t len)
{
	px_assert(!c->sending);
	c->sending = true;
	c->send_len = (uint32_t)len;
	c->inflight++;
	wire_send_all(&c->wire, ring_of(crew, c), (struct wire_range){bytes, len},
		      link_tag(c, LINK_OP_SEND_ALL));
}

void link_send_all(struct crew *crew, struct link *c, const void *bytes, size_t len)
{
	px_assert(link_is_open(c));
	px_assert(len > 0);
	c->sent_s = (uint32_t)(crew->now.mono_ns / NS_PER_SEC);
	if (c->sealed)
		link_tls_send_all(crew, c, bytes, len);
	else
		link_send_arm(crew, c, bytes, len);
}

void link_say(struct crew *crew, struct link *c, enum ws_opcode opcode, uint8_t *payload,
	      size_t len)
{
	uint8_t *out;

	px_assert(len <= WS_CONTROL_BYTES_MAX);
	if (crew->speaker->queue(crew, c, opcode, payload, len))
		return;
	out = crew_arena(crew, len + WS_HEAD_BYTES_MAX);
	link_send_now(crew, c, out, crew_frame_write(crew, out, opcode, payload, len));
}

static void send_all_done(struct crew *crew, struct link *c, int res)
{
	px_assert(c->sending);
	c->sending = false;
	if (c->state == LINK_CLOSING)
		return;
	if (wire_all_sent(res, c->send_len).is_broken)
		link_break(crew, c, c->leaving ? TROUBLE_NONE : TROUBLE_RESET,
			   res < 0 ? strerror(-res) : "a send was cut short");
	else if (!c->sealed || link_tls_sent(crew, c))
		crew->speaker->sent(crew, c);
}

/* --- receive ---------------------------------------------------------------------------------- */

void link_recv_arm(struct crew *crew, struct link *c)
{
	px_assert(!c->reading);
	c->inflight++;
	c->reading = true;
	wire_recv_arm_multi(&c->wire, ring_of(crew, c), link_tag(c, LINK_OP_RECV));
}

void link_recv_once(struct crew *crew, struct link *c)
{
	px_assert(!c->reading);
	c->inflight++;
	c->reading = true;
	wire_recv_arm(&c->wire, ring_of(crew, c), link_tag(c, LINK_OP_RECV));
}

void link_recv_cancel(struct crew *crew, struct link *c)
{
	op_cancel(crew, c, LINK_OP_RECV);
}

static bool carry_add(struct carry **carry, const uint8_t *bytes, size_t len)
{
	size_t have = *carry == NULL ? 0 : (*carry)->len;

	if (*carry == NULL || have + len > (*carry)->room) {
		size_t room = (have + len) * 2 < 512 ? 512 : (have + len) * 2;
		struct carry *more = realloc(*carry, sizeof(*more) + room);

		if (more == NULL)
			return false;
		more->len = (uint32_t)have;
		more->room = (uint32_t)room;
		*carry = more;
	}
	memcpy((*carry)->bytes + have, bytes, len);
	(*carry)->len = (uint32_t)(have + len);
	return true;
}

/* Takes the answer to the upgrade; returns how many of the bytes belong to it. */
static size_t upgrade_take(struct crew *crew, struct link *c, const uint8_t *data, size_t len)
{
	size_t before = c->carry == NULL ? 0 : c->carry->len;
	const char *why = "the answer has no end";
	size_t head;

	if (!carry_add(&c->carry, data, len)) {
		link_break(crew, c, TROUBLE_RESET, "no memory");
		return len;
	}
	head = upgrade_head_bytes(c->carry->bytes, c->carry->len);
	if (head == 0 && c->carry->len < UPGRADE_ANSWER_BYTES_MAX)
		return len;
	if (head == 0 || upgrade_check(c->carry->bytes, head, crew->shared->ask,
				       link_upgrade_random(crew, c), &why) < 0) {
		link_break(crew, c, TROUBLE_UPGRADE, why);
		return len;
	}
	carry_drop(&c->carry);
	ws_parser_init(&c->parser, WS_FROM_SERVER, crew->speaker->message_bytes_max);
	c->parsing = false;
	link_state_set(crew, c, LINK_JOINING);
	crew->speaker->joined(crew, c);
	return head - before;
}

static void whole_take(struct crew *crew, struct link *c, enum ws_opcode opcode, uint8_t *bytes,
		       size_t len)
{
	char why[64];

	switch (opcode) {
	case WS_TEXT:
	case WS_BINARY:
		crew->speaker->message(crew, c, opcode, bytes, len);
		break;
	case WS_CLOSE:
		(void)snprintf(why, sizeof(why), "close code %u", c->parser.close_code);
		link_break(crew, c, c->leaving ? TROUBLE_NONE : TROUBLE_CLOSED, why);
		break;
	case WS_PING:
		link_say(crew, c, WS_PONG, bytes, len);
		break;
	case WS_PONG:
	case WS_CONTINUATION:
		break;
	}
}

static void piece_take(struct crew *crew, struct link *c, const struct ws_piece *piece)
{
	bool data = piece->opcode == WS_TEXT || piece->opcode == WS_BINARY;
	struct carry **carry = data ? &c->carry : &c->control;
	struct carry *whole;

	if (piece->begins && piece->ends) {
		whole_take(crew, c, piece->opcode, piece->data, piece->len);
		return;
	}
	if (!carry_add(carry, piece->data, piece->len)) {
		link_break(crew, c, TROUBLE_RESET, "no memory");
		return;
	}
	if (!piece->ends)
		return;
	whole = *carry;
	*carry = NULL;
	whole_take(crew, c, piece->opcode, whole->bytes, whole->len);
	free(whole);
}

/* *ret_used: how many bytes that took. */
static enum ws_result piece_parse(struct crew *crew, struct link *c, uint8_t *data, size_t len,
				  size_t *ret_used)
{
	struct ws_piece piece;
	enum ws_result result = ws_parse(&c->parser, data, len, ret_used, &piece);

	c->parsing = !ws_parser_is_between(&c->parser);
	if (result == WS_PIECE)
		piece_take(crew, c, &piece);
	else if (result == WS_BAD)
		link_break(crew, c, TROUBLE_WEBSOCKET, c->parser.bad_text);
	return result;
}

size_t link_parse_piece(struct crew *crew, struct link *c, uint8_t *data, size_t len)
{
	size_t used = 0;

	(void)piece_parse(crew, c, data, len, &used);
	return used;
}

void link_parse(struct crew *crew, struct link *c, uint8_t *data, size_t len)
{
	enum ws_result result = WS_PIECE;

	while (result == WS_PIECE && link_is_open(c)) {
		size_t used = 0;

		result = piece_parse(crew, c, data, len, &used);
		data += used;
		len -= used;
	}
}

void link_bytes(struct crew *crew, struct link *c, uint8_t *data, size_t len)
{
	stat_add(&crew->stats.bytes_in, len);
	if (c->state == LINK_UPGRADING) {
		size_t used = upgrade_take(crew, c, data, len);

		data += used;
		len -= used;
	}
	if (len > 0 && link_is_open(c))
		crew->speaker->bytes(crew, c, data, len);
}

/* Whether it waits for more at once: not one that reads slowly, or not at all. */
static bool reads_on(const struct crew *crew, const struct link *c)
{
	if (c->state == LINK_CLOSING || c->stopped)
		return false;
	return !c->slow || c->state != LINK_STANDING || crew->shared->phase >= PHASE_SETTLE;
}

/* The receive ended without bytes. */
static void recv_ended(struct crew *crew, struct link *c, enum wire_input input, int res)
{
	if (c->state == LINK_CLOSING)
		return;
	if (input == WIRE_STARVED || res == -ECANCELED) {
		if (reads_on(crew, c))
			link_recv_arm(crew, c);
	} else if (c->leaving) {
		link_break(crew, c, TROUBLE_NONE, "");
	} else if (input == WIRE_ENDED) {
		link_break(crew, c, TROUBLE_RESET,
			   "the server ended the connection without a close frame");
	} else {
		link_break(crew, c, TROUBLE_RESET, strerror(-res));
	}
}

static void recv_done(struct crew *crew, struct link *c, const struct ring_event *e)
{
	struct wire_bytes bytes;
	enum wire_input input = wire_take(e, &bytes);

	if (!(e->flags & RING_MORE))
		c->reading = false;
	if (input == WIRE_BYTES && c->state != LINK_CLOSING) {
		if (c->sealed)
			link_tls_take(crew, c, bytes.at, bytes.len);
		else
			link_bytes(crew, c, bytes.at, bytes.len);
	}
	if (e->flags & RING_MORE)
		return;
	if (input != WIRE_BYTES)
		recv_ended(crew, c, input, e->res);
	else if (reads_on(crew, c))
		link_recv_arm(crew, c);
}

/* --- events ----------------------------------------------------------------------------------- */

static void connect_done(struct crew *crew, struct link *c, int res)
{
	if (c->state != LINK_CONNECTING)
		return;
	if (res < 0) {
		link_break(crew, c, TROUBLE_CONNECT, strerror(-res));
		return;
	}
	link_state_set(crew, c, LINK_UPGRADING);
	if (crew->shared->trust != NULL)
		link_tls_open(crew, c);
	else
		link_upgrade(crew, c);
	if (c->state == LINK_UPGRADING)
		link_recv_arm(crew, c);
}

void link_event(struct crew *crew, struct link *c, enum link_op op, const struct ring_event *e)
{
	switch (op) {
	case LINK_OP_SEND_NOW: /* only when it was not taken whole */
		link_break(crew, c, c->leaving ? TROUBLE_NONE : TROUBLE_SEND,
			   e->res < 0 ? strerror(-e->res) : "a small send was cut short");
		return;
	case LINK_OP_RECV:
		px_assert(c->reading);
		recv_done(crew, c, e);
		break;
	case LINK_OP_CONNECT:
		connect_done(crew, c, e->res);
		break;
	case LINK_OP_SEND_ALL:
		send_all_done(crew, c, e->res);
		break;
	case LINK_OP_SHUTDOWN:
	case LINK_OP_CANCEL:
	case LINK_OP_CLOSE:
	case LINK_OP_RESET:
		break;
	}
	if (e->flags & RING_MORE)
		return;
	px_assert(c->inflight > 0);
	c->inflight--;
	if (op == LINK_OP_CLOSE)
		gone(crew, c);
	else
		release_try(crew, c);
}
