/*
 * echo.c - /test/echo: every message is returned, for conformance suites (--test-echo, off by
 * default).
 *
 * Uses the same parser and framing as everything else, but streams: a piece of a message is sent as
 * a fragment of the answer as it arrives, so that messages of any length need one buffer. Nothing
 * is received while the last pieces are still being sent. Whatever must be answered immediately (a
 * pong, a close frame) goes between fragments, which the protocol allows.
 */
#include <string.h>

#include "edge/ws/echo.h"

#define MESSAGE_BYTES_MAX (64u << 20)

_Static_assert(BODY_BYTES_MAX >= WS_CONTROL_BYTES_MAX,
	       "a handshake has no body: what stands behind it leaves so much of `in` free");
_Static_assert(OUT_BYTES / 2 + WS_HEAD_BYTES_MAX + IN_BYTES + CLOSE_FRAME_BYTES_MAX <= OUT_BYTES,
	       "any piece of `in` has room where half of the buffer is free");

void echo_begin(struct worker *w, struct conn *c)
{
	px_assert(c->state == CONN_HTTP);
	c->encoding = MESSAGE_BINARY;
	ws_parser_init(&c->ws, WS_FROM_CLIENT, MESSAGE_BYTES_MAX);
	conn_state_set(w, c, CONN_ECHO);
	conn_deadline_set(w, c, w->shared->limits.ws_idle_timeout_ms);
}

static void echo_piece(struct worker *w, struct conn *c, const struct ws_piece *p)
{
	enum ws_opcode opcode = p->opcode;
	bool is_control = opcode >= WS_CLOSE;
	uint8_t *out;
	size_t head;

	if (opcode == WS_PONG)
		return;
	if (opcode == WS_CLOSE) {
		if (p->ends)
			conn_close(w, c, CLOSE_PEER_CLOSED);
		return;
	}
	if (is_control) {
		/* The payload of a split ping is kept behind the input, and answered whole. */
		struct in_buf *in = c->in;

		px_assert(in->seen + p->len <= WS_CONTROL_BYTES_MAX);
		memcpy(in->bytes + IN_BYTES - WS_CONTROL_BYTES_MAX + in->seen, p->data, p->len);
		in->seen += (uint32_t)p->len;
		if (!p->ends)
			return;
		out = conn_answer_reserve(w, c, WS_HEAD_BYTES_MAX + WS_CONTROL_BYTES_MAX);
		if (out == NULL)
			return;
		head = ws_head_write(out, true, WS_PONG, in->seen);
		memcpy(out + head, in->bytes + IN_BYTES - WS_CONTROL_BYTES_MAX, in->seen);
		conn_answer_commit(w, c, head + in->seen);
		in->seen = 0;
		return;
	}
	out = conn_answer_reserve(w, c, WS_HEAD_BYTES_MAX + p->len);
	if (out == NULL)
		return;
	head = ws_head_write(out, p->ends, p->begins ? opcode : WS_CONTINUATION, p->len);
	memcpy(out + head, p->data, p->len);
	conn_answer_commit(w, c, head + p->len);
}

/* Answers what has come, as far as the answers fit. */
static void input_use(struct worker *w, struct conn *c)
{
	struct in_buf *in = c->in;
	uint32_t at = 0;

	px_assert(c->why == CLOSE_NONE);
	while (at < in->len && c->state == CONN_ECHO && c->why == CLOSE_NONE &&
	       (c->out == NULL || c->out->end < OUT_BYTES / 2)) {
		struct ws_piece piece;
		size_t used;
		enum ws_result result =
			ws_parse(&c->ws, in->bytes + at, in->len - at, &used, &piece);

		at += (uint32_t)used;
		if (result == WS_PIECE)
			echo_piece(w, c, &piece);
		else if (result == WS_BAD)
			conn_close(w, c, close_reason_of_frame(c->ws.bad_code));
	}
	if (c->in == NULL)
		return; /* it is being closed */
	px_assert(at <= in->len);
	memmove(in->bytes, in->bytes + at, in->len - at);
	in->len -= at;
	if (in->len == 0 && in->seen == 0)
		conn_in_return(w, c);
}

/* Called when bytes have come into c->in, and when everything that was answered is sent. */
void echo_input(struct worker *w, struct conn *c)
{
	px_assert(c->state == CONN_ECHO);
	if (c->why != CLOSE_NONE)
		return;
	conn_deadline_set(w, c, w->shared->limits.ws_idle_timeout_ms);
	if (c->in != NULL)
		input_use(w, c);
	if (c->state == CONN_ECHO && conn_wants_input(c) && !(c->ops & CONN_OP_RECV))
		conn_recv_arm(w, c);
}

void echo_bytes(struct worker *w, struct conn *c, uint8_t *bytes, size_t len)
{
	px_assert(len > 0);
	if (conn_in_keep(w, c, bytes, len))
		echo_input(w, c);
	else
		conn_close(w, c, CLOSE_OVERLOAD);
}
