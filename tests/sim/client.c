/*
 * client.c - one simulated client: its connection, its messages, its mischief. See client.h.
 *
 * Owner and memory: the crowd's program; buffers grow as needed. In flight: bytes in `out` that the
 * network has not taken; requests in `waiting` that were not answered, which are forgotten with the
 * connection (a later `you` may still tell how the last one ended).
 */
#include "tests/sim/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "edge/codec/refusal.h"
#include "engine/base/assert.h"
#include "tests/prng.h"
#include "tests/sim/client_priv.h"

#define RECONNECT_NS_MAX 200000000ULL
#define AWAY_NS_MAX      30000000000ULL
#define DEAF_NS_MAX      1000000000ULL
#define DEAF_LONG_NS_MAX 20000000000ULL
#define PLACE_BYTES      16            /* of the binary message, at least */
#define PART_NS_MAX      1500000000ULL /* the server gives what it owes two seconds */
#define PART_PLACES_MAX  4

/* --- small things --------------------------------------------------------------------------- */

void heap_add(struct heap_bytes *b, const void *bytes, size_t len)
{
	if (b->len + len > b->max) {
		b->max = (b->len + len) * 2;
		b->at = realloc(b->at, b->max);
		px_assert(b->at != NULL);
	}
	px_assert(b->len + len <= BYTES_MAX);
	if (len > 0)
		memcpy(b->at + b->len, bytes, len);
	b->len += len;
}

void heap_drop(struct heap_bytes *b, size_t len)
{
	px_assert(len <= b->len);
	b->len -= len;
	if (b->len > 0)
		memmove(b->at, b->at + len, b->len);
}

static uint64_t below(struct client *c, uint64_t end)
{
	return prng_below(&c->crowd->dice, end);
}

bool client_chance(struct client *c, uint32_t of_10000)
{
	return below(c, 10000) < of_10000;
}

struct client *client_new(struct crowd *crowd, unsigned number)
{
	struct client *c = calloc(1, sizeof(*c));

	px_assert(c != NULL);
	c->crowd = crowd;
	c->number = number;
	c->json = client_chance(c, 2000);
	for (unsigned b = 0; b < crowd->board_count; b++) {
		c->follows[b].wanted = b == 0 || client_chance(c, 4000);
		c->follows[b].colors = calloc(crowd->boards[b].width, crowd->boards[b].height);
		px_assert(c->follows[b].colors != NULL);
	}
	return c;
}

void client_free(struct client *c)
{
	net_sim_close(c->net);
	for (unsigned b = 0; b < c->crowd->board_count; b++)
		follow_free(&c->follows[b]);
	put_free(&c->put);
	free(c->in.at);
	free(c->out.at);
	free(c->message.at);
	free(c);
}

/* --- the connection ------------------------------------------------------------------------- */

void client_hang_up(struct client *c, bool reset)
{
	if (c->net == NULL)
		return;
	if (reset)
		net_sim_reset(c->net);
	else
		net_sim_close(c->net);
	c->net = NULL;
	c->upgraded = c->welcome = c->rude = false;
	c->parted_ns = 0;
	c->in.len = c->out.len = c->message.len = 0;
	c->crowd->counts.lost_answers += c->waiting_len;
	c->waiting_len = 0;
	c->connect_ns = c->now_ns + below(c, below(c, 8) == 0 ? AWAY_NS_MAX : RECONNECT_NS_MAX);
	for (unsigned b = 0; b < c->crowd->board_count; b++)
		follow_cut(&c->follows[b]);
}

void client_cut_off(struct client *c)
{
	client_hang_up(c, true);
	put_cut(&c->put);
	for (unsigned b = 0; b < c->crowd->board_count; b++) {
		net_sim_close(c->follows[b].fetch);
		c->follows[b].fetch = NULL;
		c->follows[b].answer.len = 0;
	}
}

void client_leave(struct client *c)
{
	c->gone = true;
	client_hang_up(c, false);
	client_cut_off(c);
}

static void connect_try(struct client *c)
{
	char request[256];
	int len = snprintf(request, sizeof(request),
			   "GET /ws HTTP/1.1\r\nHost: sim\r\nConnection: Upgrade\r\n"
			   "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
			   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
			   c->json ? "Sec-WebSocket-Protocol: pixeld.v1.json\r\n" : "");
	bool waits = c->now_ns < c->connect_ns;

	if (c->gone || (waits && !(c->crowd->calm && c->connect_ns > c->now_ns + RECONNECT_NS_MAX)))
		return;
	c->net = net_sim_connect(c->crowd->net, c->crowd->listener, 0x7f000001u + c->number,
				 256 + (uint32_t)below(c, 16384));
	if (c->net == NULL) {
		c->connect_ns = c->now_ns + below(c, RECONNECT_NS_MAX);
		return;
	}
	c->crowd->counts.connects++;
	ws_parser_init(&c->ws, WS_FROM_SERVER, BYTES_MAX);
	heap_add(&c->out, request, (size_t)len);
}

static void out_send(struct client *c)
{
	size_t len = c->out.len;
	int64_t n;

	if (len == 0)
		return;
	if (!c->crowd->calm && client_chance(c, 2000))
		len = 1 + below(c, len); /* the server must not care where bytes are split */
	n = net_sim_send(c->net, c->out.at, len);
	if (n > 0)
		heap_drop(&c->out, (size_t)n);
	else if (n != -EAGAIN)
		client_hang_up(c, true);
}

/* --- saying --------------------------------------------------------------------------------- */

static void frame_add(struct client *c, bool fin, enum ws_opcode opcode, const uint8_t *payload,
		      size_t len)
{
	uint8_t bytes[WS_HEAD_BYTES_MAX + MESSAGE_IN_BYTES_MAX], *copy = bytes + WS_HEAD_BYTES_MAX;
	uint8_t head[WS_HEAD_BYTES_MAX], mask[4];
	size_t head_len;

	px_assert(len <= MESSAGE_IN_BYTES_MAX);
	for (unsigned i = 0; i < 4; i++)
		mask[i] = (uint8_t)below(c, 256);
	memcpy(copy, payload, len);
	head_len = ws_head_write_masked(head, fin, opcode, mask, copy, len);
	heap_add(&c->out, head, head_len);
	heap_add(&c->out, copy, len);
}

void client_say(struct client *c, const struct message *m)
{
	uint8_t bytes[MESSAGE_IN_BYTES_MAX];
	size_t len = c->json ? client_json_put(m, bytes) : message_encode_client(m, bytes);
	enum ws_opcode opcode = c->json ? WS_TEXT : WS_BINARY;
	size_t at = below(c, len + 1);

	if (c->crowd->calm || !client_chance(c, 1000)) {
		frame_add(c, true, opcode, bytes, len);
		return;
	}
	frame_add(c, false, opcode, bytes, at);
	frame_add(c, true, WS_PING, (const uint8_t *)"between", 7);
	frame_add(c, true, WS_CONTINUATION, bytes + at, len - at);
}

static void session_say(struct client *c)
{
	char token[SESSION_TOKEN_CHARS_MAX];
	uint8_t user[USER_BYTES];
	uint64_t now_s = c->crowd->wall_ms / 1000;
	bool is_short = !c->crowd->calm && client_chance(c, 3000);
	struct message m = {.type = MSG_SESSION};

	truth_user(c->number, user);
	c->session_ends_s = now_s + (is_short ? 1 + below(c, 3) : 100000);
	m.session.token_len =
		session_mint(c->crowd->session_key, user, now_s, c->session_ends_s, token);
	m.session.token = token;
	client_say(c, &m);
}

bool client_session_has_ended(const struct client *c)
{
	return c->crowd->wall_ms / 1000 >= c->session_ends_s;
}

/* --- hearing -------------------------------------------------------------------------------- */

/* What the server remembers of us: also how a request ended whose answer was lost. */
static void you(struct client *c, const struct msg_you *m)
{
	if (m->last_seq == 0)
		return;
	c->crowd->counts.told_by_you++;
	truth_acknowledged(c->crowd->truth, c->number,
			   truth_numbered(c->crowd->truth, c->number, m->last_request),
			   m->last_seq);
}

static void message_run(struct client *c, const uint8_t *bytes, size_t len)
{
	static uint8_t packed[CLIENT_PAYLOAD_MAX];
	const uint8_t *payload = packed;
	size_t payload_len;
	struct message m;

	if (c->json) {
		payload_len = client_json_get(c, bytes, len, &m, packed);
	} else {
		truth_check(message_decode_server(bytes, len, &m, &payload) == 0,
			    "client %u: a message that does not decode, type %02x", c->number,
			    bytes[0]);
		payload_len = m.type == MSG_DELTA ? (size_t)(bytes + len - payload) : 0;
	}
	if (m.type == MSG_DELTA) {
		follow_delta(c, &m.delta, payload, payload_len);
	} else if (m.type == MSG_STATUS) {
		follow_status(c, &m.status);
	} else if (m.type == MSG_SUBSCRIBED) {
		follow_subscribed(c, &m.subscribed);
	} else if (m.type == MSG_STALE) {
		follow_stale(c, &m.stale);
	} else if (m.type == MSG_PLACED) {
		place_placed(c, &m.placed);
	} else if (m.type == MSG_REFUSED) {
		place_refused(c, &m.refused);
	} else if (m.type == MSG_WELCOME) {
		c->welcome = true;
	} else if (m.type == MSG_YOU) {
		you(c, &m.you);
	} else if (m.type == MSG_BOARD) {
		follow_board(c, &m.board);
	} else if (m.error.code == REFUSAL_NO_SESSION && client_session_has_ended(c)) {
		c->welcome = false;
		c->crowd->counts.expired++;
		if (c->parted_ns == 0)
			session_say(c);
	} else if (m.error.code != REFUSAL_OVERLOADED || !follow_refused(c, m.error.request)) {
		truth_check(c->rude, "client %u: error %u: %s", c->number, m.error.code,
			    m.error.text);
	}
}

/* Who parts in order gets every answer before it is told the end. Another end, which the server had
 * decided on before, drops what came behind it. */
static void close_heard(struct client *c)
{
	if (c->parted_ns == 0 || c->ws.close_code != c->part_code)
		return;
	c->crowd->counts.parted++;
	truth_check(c->waiting_len == 0, "client %u: the end came before %u answers", c->number,
		    c->waiting_len);
}

static void end_heard(struct client *c, int64_t res)
{
	/* Inside a frame whose rest is lost nothing can be said any more. */
	bool is_overrun = c->crowd->logs_are_small && !ws_parser_is_between(&c->ws);

	truth_check(c->parted_ns == 0 || is_overrun || c->now_ns - c->parted_ns > PART_NS_MAX,
		    "client %u: the stream ended (%ld) without a close frame", c->number, res);
	client_hang_up(c, res < 0);
}

/* False: the server closes. */
static bool piece_run(struct client *c, const struct ws_piece *p)
{
	if (p->opcode == WS_CLOSE && p->ends)
		close_heard(c);
	if (p->opcode == WS_CLOSE)
		return !p->ends;
	if (p->opcode == WS_PING || p->opcode == WS_PONG)
		return true;
	truth_check(p->opcode == (c->json ? WS_TEXT : WS_BINARY), "client %u: the wrong encoding",
		    c->number);
	heap_add(&c->message, p->data, p->len);
	if (p->ends) {
		message_run(c, c->message.at, c->message.len);
		c->message.len = 0;
	}
	return true;
}

static void frames_run(struct client *c)
{
	uint8_t *at = c->in.at;
	size_t len = c->in.len;

	while (len > 0) {
		struct ws_piece piece;
		size_t used;
		enum ws_result result = ws_parse(&c->ws, at, len, &used, &piece);

		truth_check(result != WS_BAD, "client %u: the server broke the frames: %s",
			    c->number, c->ws.bad_text);
		at += used;
		len -= used;
		if (result == WS_PIECE && !piece_run(c, &piece)) {
			client_hang_up(c, false);
			return;
		}
	}
	c->in.len = 0;
}

static void upgrade_run(struct client *c)
{
	static const char ok[] = "HTTP/1.1 101 ";
	uint8_t *end = memmem(c->in.at, c->in.len, "\r\n\r\n", 4);

	if (end == NULL)
		return;
	if (memcmp(c->in.at, ok, sizeof(ok) - 1) != 0) { /* 503: later */
		client_hang_up(c, false);
		return;
	}
	c->crowd->counts.upgrades++;
	c->upgraded = true;
	heap_drop(&c->in, (size_t)(end + 4 - c->in.at));
	session_say(c);
}

static void in_read(struct client *c)
{
	uint8_t chunk[4096];
	int64_t n = net_sim_recv(c->net, chunk, 1 + below(c, sizeof(chunk)));

	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		end_heard(c, n);
		return;
	}
	heap_add(&c->in, chunk, (size_t)n);
	if (!c->upgraded)
		upgrade_run(c);
	if (c->upgraded && c->in.len > 0)
		frames_run(c);
}

/* --- mischief ------------------------------------------------------------------------------- */

/* Bytes that no client should send; the server must close us, and nobody else. */
static void rubbish_say(struct client *c)
{
	uint8_t bytes[200];
	size_t len = 1 + below(c, sizeof(bytes));

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)below(c, 256);
	if (len >= PLACE_BYTES)
		bytes[0] |= 0x80; /* or it could be a placement that nobody knows of */
	c->rude = true;
	c->crowd->counts.rubbish++;
	if (client_chance(c, 5000)) {
		if (bytes[0] == 0x82) /* likewise, in a frame with a mask */
			bytes[0] |= 0x40;
		heap_add(&c->out, bytes, len);
	} else {
		frame_add(c, true, WS_BINARY, bytes, len);
	}
}

/* Leaves a board, or says nothing: it subscribes to it again in both cases. */
static void unsubscribe_say(struct client *c)
{
	struct follow *f = &c->follows[below(c, c->crowd->board_count)];
	struct message m = {.type = MSG_UNSUBSCRIBE};

	if (f->state != FOLLOW_LIVE)
		return;
	m.unsubscribe_board = f->number;
	c->rude = true; /* inside a frame it is refused by an error */
	if (client_chance(c, 5000))
		client_say(c, &m);
	f->state = FOLLOW_IDLE;
}

/* Some placements, the last word (a close frame, or what no client may say) and perhaps the end of
 * its side, all at once. Who was deaf may be cut for that, and who was rude before for that. */
static void part_say(struct client *c)
{
	bool is_good = client_chance(c, 5000);

	if (c->rude || (c->deaf_until_ns != 0 && c->now_ns < c->deaf_until_ns + DEAF_LONG_NS_MAX))
		return;
	for (uint64_t n = below(c, PART_PLACES_MAX + 1); n > 0; n--)
		place_turn(c);
	if (is_good)
		frame_add(c, true, WS_CLOSE, (const uint8_t *)"\x03\xe8", 2);
	else
		frame_add(c, true, (enum ws_opcode)3, (const uint8_t *)"", 0);
	c->part_code = is_good ? 1000 : 1002;
	c->part_shuts = client_chance(c, 5000);
	c->parted_ns = c->now_ns;
}

static void mischief(struct client *c)
{
	unsigned what = (unsigned)below(c, 10000);

	if (what < 8) {
		c->crowd->counts.vanished++;
		client_hang_up(c, true);
	} else if (what < 12) {
		client_hang_up(c, false);
	} else if (what < 22) {
		c->crowd->counts.deaf++;
		c->deaf_until_ns =
			c->now_ns + below(c, below(c, 10) == 0 ? DEAF_LONG_NS_MAX : DEAF_NS_MAX);
	} else if (what < 26 && c->upgraded) {
		rubbish_say(c);
	} else if (what < 46 && c->upgraded) {
		frame_add(c, true, WS_PING, (const uint8_t *)"hello", 5);
	} else if (what < 48) {
		(void)net_sim_shutdown(c->net, SHUT_WR);
	} else if (what < 50 && c->upgraded) {
		c->rude = true; /* goes on talking behind it */
		frame_add(c, true, WS_CLOSE, (const uint8_t *)"\x03\xe8", 2);
	} else if (what < 54 && c->upgraded) {
		unsubscribe_say(c);
	} else if (what < 70 && c->welcome) {
		part_say(c);
	}
}

/* --- the turn ------------------------------------------------------------------------------- */

void client_turn(struct client *c, uint64_t now_ns)
{
	bool calm = c->crowd->calm;

	c->now_ns = now_ns;
	if (c->net == NULL)
		connect_try(c);
	for (unsigned b = 0; b < c->crowd->board_count && !c->gone; b++)
		follow_turn(c, b);
	if (!c->gone)
		put_turn(c);
	if (c->net == NULL)
		return;
	if (calm || now_ns >= c->deaf_until_ns)
		in_read(c);
	if (c->net != NULL && c->parted_ns == 0 && !calm) {
		if (c->welcome && client_chance(c, 1500))
			place_turn(c);
		mischief(c);
	}
	if (c->net != NULL)
		out_send(c);
	if (c->net != NULL && c->parted_ns != 0 && c->part_shuts && c->out.len == 0) {
		c->part_shuts = false;
		(void)net_sim_shutdown(c->net, SHUT_WR);
	}
}

bool client_follows(const struct client *c, unsigned board)
{
	return c->follows[board].wanted;
}

bool client_is_level(const struct client *c, unsigned board, uint64_t seq, uint32_t version)
{
	const struct follow *f = &c->follows[board];

	return f->state == FOLLOW_LIVE && f->has_board && f->seq == seq && f->version == version &&
	       c->waiting_len == 0;
}

void client_describe(const struct client *c)
{
	fprintf(stderr, "client %u: %s%s, %zu in, %zu out, %u waiting", c->number,
		c->net == NULL ? "not connected"
		: c->upgraded  ? "connected"
			       : "connecting",
		c->rude ? ", was rude" : "", c->in.len, c->out.len, c->waiting_len);
	for (unsigned b = 0; b < c->crowd->board_count; b++) {
		const struct follow *f = &c->follows[b];

		if (f->wanted)
			fprintf(stderr, "; %s: state %u, seq %lu, heard %lu, at least %lu%s",
				c->crowd->boards[b].name, (unsigned)f->state, f->seq, f->heard,
				f->seq_min, f->fetch != NULL ? ", fetching" : "");
	}
	fprintf(stderr, "\n");
}
