/*
 * raw_client.c - one connection to any WebSocket server, from socket() to the freed slot.
 *
 * Owner: the worker. States: see raw_priv.h; state_set() alone writes them. In flight: at most one
 * connect, one multishot receive, one send that waits (the first message, then a sender's buffer;
 * with TLS what they became: raw_wire.c), a shutdown and a cancel, one close; each counts in
 * `inflight` until its last event, and the slot is given back only at 0. Who only listens answers a
 * ping with a send that does not wait; one that is not taken whole means that the server has
 * stopped reading, and breaks the connection.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "tools/loadgen/raw/raw_priv.h"
#include "tools/loadgen/load/rng.h"

#define MESSAGE_BYTES_MAX  (64U << 20)
#define CLIENTS_PER_SOURCE 8000U /* as for pixeld's clients: client.c */
#define BIT(state)         (1U << RAW_##state)

static const uint8_t moves[RAW_STATES] = {
	[RAW_NEW] = BIT(CONNECTING) | BIT(DEAD),
	[RAW_CONNECTING] = BIT(UPGRADING) | BIT(CLOSING),
	[RAW_UPGRADING] = BIT(OPEN) | BIT(CLOSING),
	[RAW_OPEN] = BIT(CLOSING),
	[RAW_CLOSING] = BIT(RELEASING),
	[RAW_RELEASING] = BIT(DEAD),
	[RAW_DEAD] = 0,
};

static bool is_opening(unsigned state)
{
	return state == RAW_CONNECTING || state == RAW_UPGRADING;
}

static void state_set(struct raw_worker *w, struct raw_client *c, enum raw_state state)
{
	px_assert((moves[c->state] & 1U << state) != 0);
	w->opening += (uint32_t)is_opening(state) - (uint32_t)is_opening(c->state);
	raw_stat_add(&w->stats.open,
		     (uint64_t)(state == RAW_OPEN) - (uint64_t)(c->state == RAW_OPEN));
	raw_stat_add(&w->stats.dead, state == RAW_DEAD && !c->leaving);
	c->state = (uint8_t)state;
}

uint64_t raw_client_tag(const struct raw_worker *w, const struct raw_client *c, enum raw_op op)
{
	return op_tag_pack(op, c->generation, (uint32_t)(c - w->clients));
}

static uint64_t upgrade_random(const struct raw_worker *w, const struct raw_client *c)
{
	return rng_mix(w->options->net.seed ^ raw_client_number(w, c) << 24);
}

/* --- connect ---------------------------------------------------------------------------------- */

/* As for pixeld's clients: named addresses in turn, else several of loopback. */
static int source_bind(const struct raw_worker *w, const struct raw_client *c, int fd)
{
	const struct raw_options *o = w->options;
	struct sockaddr_in from = {.sin_family = AF_INET};
	uint64_t number = raw_client_number(w, c);

	if (o->net.sources.total > 0)
		from.sin_addr.s_addr = htonl(
			source_at(&o->net.sources, (uint32_t)(number % o->net.sources.total)));
	else if (o->net.clients > CLIENTS_PER_SOURCE && target_is_loopback(&o->net.targets[0]))
		from.sin_addr.s_addr =
			htonl((uint32_t)(INADDR_LOOPBACK + 1 + number / CLIENTS_PER_SOURCE));
	else
		return 0;
	return bind(fd, (const struct sockaddr *)&from, sizeof(from)) < 0 ? -errno : 0;
}

static int socket_make(const struct raw_worker *w, const struct raw_client *c)
{
	int one = 1;
	int fd = socket(w->options->net.targets[0].addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	r = source_bind(w, c, fd);
	if (r == 0)
		r = ring_slot_install(w->rings.at[c->ring], c->slot, fd);
	(void)close(fd);
	return r;
}

void raw_client_open(struct raw_worker *w, struct raw_client *c)
{
	const struct target *target = &w->options->net.targets[0];
	int r = socket_make(w, c);

	if (r < 0) {
		raw_trouble(w, TROUBLE_CONNECT, c, "no socket: %s", strerror(-r));
		state_set(w, c, RAW_DEAD);
		return;
	}
	c->since_ns = w->now.mono_ns;
	c->inflight++;
	ring_connect(w->rings.at[c->ring], c->slot, (const struct sockaddr *)&target->addr,
		     target->addr_len, raw_client_tag(w, c, RAW_OP_CONNECT));
	state_set(w, c, RAW_CONNECTING);
}

static void recv_arm(struct raw_worker *w, struct raw_client *c)
{
	c->inflight++;
	ring_recv_multi(w->rings.at[c->ring], c->slot, raw_client_tag(w, c, RAW_OP_RECV));
}

void raw_client_upgrade(struct raw_worker *w, struct raw_client *c)
{
	const struct raw_options *o = w->options;
	uint8_t *out = ring_set_arena(&w->rings, RAW_REQUEST_BYTES_MAX);
	size_t len = upgrade_ask_write(&o->net.targets[0], &o->ask, upgrade_random(w, c),
				       (char *)out, RAW_REQUEST_BYTES_MAX);

	px_assert(len > 0);
	raw_wire_send_now(w, c, out, len);
}

static void connect_done(struct raw_worker *w, struct raw_client *c, int res)
{
	if (c->state != RAW_CONNECTING)
		return;
	if (res < 0) {
		raw_client_break(w, c, TROUBLE_CONNECT, strerror(-res));
		return;
	}
	state_set(w, c, RAW_UPGRADING);
	if (raw_wire_open(w, c))
		raw_client_upgrade(w, c);
	if (c->state == RAW_UPGRADING)
		recv_arm(w, c);
}

/* --- break and release ------------------------------------------------------------------------ */

static void release_try(struct raw_worker *w, struct raw_client *c)
{
	if (c->state != RAW_CLOSING || c->inflight > 0)
		return;
	state_set(w, c, RAW_RELEASING);
	c->inflight++;
	ring_slot_close(w->rings.at[c->ring], c->slot, raw_client_tag(w, c, RAW_OP_CLOSE));
}

void raw_client_break(struct raw_worker *w, struct raw_client *c, enum trouble t, const char *why)
{
	if (c->state == RAW_CLOSING || c->state == RAW_RELEASING)
		return;
	if (t != TROUBLE_NONE)
		raw_trouble(w, t, c, "%s", why);
	state_set(w, c, RAW_CLOSING);
	if (c->inflight > 0) {
		c->inflight++;
		ring_cancel_slot(w->rings.at[c->ring], c->slot,
				 raw_client_tag(w, c, RAW_OP_CANCEL));
		c->inflight++;
		ring_shutdown(w->rings.at[c->ring], c->slot, SHUT_RDWR,
			      raw_client_tag(w, c, RAW_OP_SHUTDOWN));
	}
	release_try(w, c);
}

static void carry_drop(struct raw_carry **carry)
{
	free(*carry);
	*carry = NULL;
}

/* The slot is free: the connection is over. */
static void gone(struct raw_worker *w, struct raw_client *c)
{
	c->generation = (c->generation + 1) & OP_GENERATION_MASK;
	carry_drop(&c->carry);
	carry_drop(&c->control);
	raw_wire_free(c);
	state_set(w, c, RAW_DEAD);
	if (c->sender != NULL)
		raw_sender_gone(w, c->sender);
}

/* --- send ------------------------------------------------------------------------------------- */

void raw_client_say(struct raw_worker *w, struct raw_client *c, enum ws_opcode opcode,
		    uint8_t *payload, size_t len)
{
	struct raw_sender *s = c->sender;
	uint64_t random = rng_next(&w->rng);
	size_t most = len + WS_HEAD_BYTES_MAX;
	uint8_t mask[4];
	uint8_t *out;
	size_t head;

	px_assert(len <= WS_CONTROL_BYTES_MAX);
	if (c->first != NULL || (s != NULL && s->next_len + most > w->send_room))
		return;
	memcpy(mask, &random, sizeof(mask));
	out = s != NULL ? s->next + s->next_len : ring_set_arena(&w->rings, most);
	head = ws_head_write_masked(out, true, opcode, mask, payload, len);
	memcpy(out + head, payload, len);
	if (s != NULL) {
		s->next_len += (uint32_t)(head + len);
		raw_sender_ready(w, s);
		return;
	}
	raw_wire_send_now(w, c, out, head + len);
}

/* The first message may be long: it is sent to its end, from memory of its own. */
static void first_send(struct raw_worker *w, struct raw_client *c)
{
	const struct raw_options *o = w->options;
	const struct raw_template *t = o->first_message;
	uint64_t random = rng_next(&w->rng);
	uint8_t mask[4];
	uint8_t *payload;
	size_t len;
	size_t head;

	if (t == NULL)
		return;
	c->first = malloc(raw_template_bytes_max(t) + WS_HEAD_BYTES_MAX);
	if (c->first == NULL) {
		raw_client_break(w, c, TROUBLE_RESET, "no memory");
		return;
	}
	payload = c->first + WS_HEAD_BYTES_MAX;
	len = raw_template_write(t, raw_client_number(w, c) + 1,
				 w->now.mono_ns + w->shared->unix_offset_ns, &w->rng, payload);
	memcpy(mask, &random, sizeof(mask));
	head = ws_head_write_masked(c->first, true, o->binary ? WS_BINARY : WS_TEXT, mask, payload,
				    len);
	memmove(c->first + head, payload, len);
	raw_stat_add(&w->stats.bytes_out, head + len);
	raw_wire_send_all(w, c, c->first, head + len, RAW_OP_FIRST);
}

static void first_done(struct raw_worker *w, struct raw_client *c, int res)
{
	free(c->first);
	c->first = NULL;
	if (res < 0 && c->state != RAW_CLOSING)
		raw_client_break(w, c, TROUBLE_RESET, strerror(-res));
	else if (c->sender != NULL && c->state == RAW_OPEN)
		raw_sender_ready(w, c->sender);
}

/* --- receive ---------------------------------------------------------------------------------- */

static bool carry_add(struct raw_carry **carry, const uint8_t *bytes, size_t len)
{
	size_t have = *carry == NULL ? 0 : (*carry)->len;

	if (*carry == NULL || have + len > (*carry)->room) {
		size_t room = (have + len) * 2 < 512 ? 512 : (have + len) * 2;
		struct raw_carry *more = realloc(*carry, sizeof(*more) + room);

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
static size_t upgrade_take(struct raw_worker *w, struct raw_client *c, const uint8_t *data,
			   size_t len)
{
	size_t before = c->carry == NULL ? 0 : c->carry->len;
	const char *why = "the answer has no end";
	size_t head;

	if (!carry_add(&c->carry, data, len)) {
		raw_client_break(w, c, TROUBLE_RESET, "no memory");
		return len;
	}
	head = upgrade_head_bytes(c->carry->bytes, c->carry->len);
	if (head == 0 && c->carry->len < UPGRADE_ANSWER_BYTES_MAX)
		return len;
	if (head == 0 || upgrade_ask_check(c->carry->bytes, head, &w->options->ask,
					   upgrade_random(w, c), &why) < 0) {
		raw_client_break(w, c, TROUBLE_UPGRADE, why);
		return len;
	}
	carry_drop(&c->carry);
	hdr_record(&w->connect, w->now.mono_ns - c->since_ns);
	ws_parser_init(&c->parser, WS_FROM_SERVER, MESSAGE_BYTES_MAX);
	state_set(w, c, RAW_OPEN);
	first_send(w, c);
	return head - before;
}

static void whole_take(struct raw_worker *w, struct raw_client *c, enum ws_opcode opcode,
		       uint8_t *bytes, size_t len)
{
	char why[64];

	switch (opcode) {
	case WS_TEXT:
	case WS_BINARY:
		raw_message(w, c, bytes, len, opcode);
		break;
	case WS_CLOSE:
		(void)snprintf(why, sizeof(why), "close code %u", c->parser.close_code);
		raw_client_break(w, c, c->leaving ? TROUBLE_NONE : TROUBLE_CLOSED, why);
		break;
	case WS_PING:
		raw_client_say(w, c, WS_PONG, bytes, len);
		break;
	case WS_PONG:
	case WS_CONTINUATION:
		break;
	}
}

static void piece_take(struct raw_worker *w, struct raw_client *c, const struct ws_piece *piece)
{
	bool data = piece->opcode == WS_TEXT || piece->opcode == WS_BINARY;
	struct raw_carry **carry = data ? &c->carry : &c->control;
	struct raw_carry *whole;

	if (piece->begins && piece->ends) {
		whole_take(w, c, piece->opcode, piece->data, piece->len);
		return;
	}
	if (!carry_add(carry, piece->data, piece->len)) {
		raw_client_break(w, c, TROUBLE_RESET, "no memory");
		return;
	}
	if (!piece->ends)
		return;
	whole = *carry;
	*carry = NULL;
	whole_take(w, c, piece->opcode, whole->bytes, whole->len);
	free(whole);
}

void raw_client_bytes(struct raw_worker *w, struct raw_client *c, uint8_t *data, size_t len)
{
	enum ws_result result = WS_PIECE;

	raw_stat_add(&w->stats.bytes_in, len);
	if (c->state == RAW_UPGRADING) {
		size_t used = upgrade_take(w, c, data, len);

		data += used;
		len -= used;
		if (len == 0)
			return;
	}
	while (result == WS_PIECE && c->state == RAW_OPEN) {
		struct ws_piece piece;
		size_t used = 0;

		result = ws_parse(&c->parser, data, len, &used, &piece);
		data += used;
		len -= used;
		if (result == WS_PIECE)
			piece_take(w, c, &piece);
		else if (result == WS_BAD)
			raw_client_break(w, c, TROUBLE_WEBSOCKET, c->parser.bad_text);
	}
}

/* The multishot receive ended without bytes. */
static void recv_ended(struct raw_worker *w, struct raw_client *c, int res)
{
	if (c->state == RAW_CLOSING)
		return;
	if (res == -ENOBUFS)
		recv_arm(w, c);
	else if (c->leaving)
		raw_client_break(w, c, TROUBLE_NONE, "");
	else if (res == 0)
		raw_client_break(w, c, TROUBLE_RESET,
				 "the server ended the connection without a close frame");
	else
		raw_client_break(w, c, TROUBLE_RESET, strerror(-res));
}

static void recv_done(struct raw_worker *w, struct raw_client *c, const struct ring_event *e)
{
	if (e->res > 0 && c->state != RAW_CLOSING)
		raw_wire_take(w, c, e->data, (size_t)e->res);
	if (e->flags & RING_MORE)
		return;
	if (e->res <= 0)
		recv_ended(w, c, e->res);
	else if (c->state != RAW_CLOSING)
		recv_arm(w, c);
}

/* --- events ----------------------------------------------------------------------------------- */

static void wire_sent(struct raw_worker *w, struct raw_client *c, int res)
{
	int len = 0;
	enum raw_op done = raw_wire_sent(w, c, res, &len);

	if (done == RAW_OP_FIRST)
		first_done(w, c, len);
	else if (done == RAW_OP_SEND_ALL)
		raw_sender_sent(w, c, len);
}

void raw_client_event(struct raw_worker *w, struct raw_client *c, enum raw_op op,
		      const struct ring_event *e)
{
	switch (op) {
	case RAW_OP_SEND_NOW: /* only when it was not taken whole */
		raw_client_break(w, c, c->leaving ? TROUBLE_NONE : TROUBLE_SEND,
				 e->res < 0 ? strerror(-e->res) : "a small send was cut short");
		return;
	case RAW_OP_CONNECT:
		connect_done(w, c, e->res);
		break;
	case RAW_OP_RECV:
		recv_done(w, c, e);
		break;
	case RAW_OP_FIRST:
		first_done(w, c, e->res);
		break;
	case RAW_OP_SEND_ALL:
		raw_sender_sent(w, c, e->res);
		break;
	case RAW_OP_WIRE:
		wire_sent(w, c, e->res);
		break;
	case RAW_OP_NONE:
	case RAW_OP_SHUTDOWN:
	case RAW_OP_CANCEL:
	case RAW_OP_CLOSE:
		break;
	}
	if (e->flags & RING_MORE)
		return;
	px_assert(c->inflight > 0);
	c->inflight--;
	if (op == RAW_OP_CLOSE)
		gone(w, c);
	else
		release_try(w, c);
}
