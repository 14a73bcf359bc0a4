/*
 * http_ws.c - the handshake of a WebSocket; after its answer the connection belongs to ws.c or
 * echo.c.
 */
#include <stdio.h>
#include <string.h>

#include "edge/http/http_priv.h"
#include "edge/ws/echo.h"
#include "edge/ws/ws.h"

#define ANSWER_BYTES_MAX 512

static const char *protocol_name(enum message_encoding encoding)
{
	return encoding == MESSAGE_JSON ? "pixeld.v1.json" : "pixeld.v1";
}

/* Of the offered subprotocols the first that is ours; false: none is. Nothing offered: binary. */
static bool protocol_choose(const struct http_head *h, enum message_encoding *ret)
{
	struct http_list offered = h->ws_protocol;
	struct span name;

	*ret = MESSAGE_BINARY;
	if (offered.value.at == NULL)
		return true;
	while (http_list_next(&offered, &name)) {
		*ret = span_equals(name, "pixeld.v1.json") ? MESSAGE_JSON : MESSAGE_BINARY;
		if (span_equals(name, protocol_name(*ret)))
			return true;
	}
	return false;
}

/* 16 bytes in base64. The field ends before a CR, which is where strspn() stops at the latest. */
static bool key_is_good(struct span key)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789+/";

	return key.len == 24 && strspn(key.at, letters) == 22 && memcmp(key.at + 22, "==", 2) == 0;
}

/* False: refuse it with what is returned. */
static bool handshake_is_good(struct worker *w, const struct http_head *h,
			      enum http_error *ret_error, const char **ret_why)
{
	if (!h->connection_upgrade || !h->upgrade_websocket) {
		*ret_error = HTTP_ERROR_UPGRADE;
		*ret_why = "this path speaks WebSocket";
		return false;
	}
	if (!span_equals(h->ws_version, "13")) {
		*ret_error = HTTP_ERROR_UPGRADE;
		*ret_why = "WebSocket version 13 is required";
		return false;
	}
	if (h->method != HTTP_GET || h->minor < 1 || h->content_length > 0 ||
	    !key_is_good(h->ws_key)) {
		*ret_error = HTTP_ERROR_BAD_HANDSHAKE;
		*ret_why = "not a WebSocket handshake";
		return false;
	}
	if (!http_origin_is_allowed(w, h)) {
		*ret_error = HTTP_ERROR_NOT_ALLOWED;
		*ret_why = HTTP_ORIGIN_WHY;
		return false;
	}
	return true;
}

/* protocol: NULL where none was chosen. False: the connection is being closed. */
static bool handshake_answer(struct worker *w, struct conn *c, const struct http_head *h,
			     const char *protocol)
{
	char accept[WS_ACCEPT_CHARS];
	char line[64] = "";
	uint8_t *at = conn_answer_reserve(w, c, ANSWER_BYTES_MAX);
	int len;

	if (at == NULL)
		return false;
	px_assert(key_is_good(h->ws_key)); /* handshake_is_good() */
	if (!ws_accept_key(h->ws_key.at, accept)) {
		conn_abort(w, c, CLOSE_OVERLOAD);
		return false;
	}
	if (protocol != NULL)
		snprintf(line, sizeof(line), "Sec-WebSocket-Protocol: %s\r\n", protocol);
	len = snprintf(
		(char *)at, ANSWER_BYTES_MAX,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: %.*s\r\n%s\r\n",
		WS_ACCEPT_CHARS, accept, line);
	px_assert(len > 0 && len < ANSWER_BYTES_MAX);
	conn_answer_commit(w, c, (size_t)len);
	return true;
}

/* False: it was refused. */
static bool handshake_take(struct worker *w, struct conn *c, const struct http_head *h)
{
	enum http_error error;
	const char *why;

	if (handshake_is_good(w, h, &error, &why))
		return true;
	/* A page asks why its WebSocket was refused: browsers do not say. */
	if (error == HTTP_ERROR_UPGRADE && worker_is_full(w))
		http_reply_full(w, c);
	else
		http_reply_error(w, c, error, why);
	return false;
}

void http_ws_get(struct worker *w, struct conn *c, const struct http_request *q)
{
	const struct http_head *h = q->head;
	bool is_named = h->ws_protocol.value.at != NULL;
	enum message_encoding encoding = MESSAGE_BINARY;
	uint8_t user[USER_BYTES];
	enum http_token token;
	uint64_t ends_s;

	px_assert(c->state == CONN_HTTP && !(c->flags & CONN_USER));
	if (!handshake_take(w, c, h))
		return;
	if (!protocol_choose(h, &encoding)) {
		http_reply_error(w, c, HTTP_ERROR_BAD_HANDSHAKE,
				 "subprotocols: pixeld.v1, pixeld.v1.json");
		return;
	}
	token = http_token_look(w, h, user, &ends_s);
	ws_begin(w, c, encoding);
	if (!handshake_answer(w, c, h, is_named ? protocol_name(encoding) : NULL))
		return;
	if (token == HTTP_TOKEN_GOOD)
		ws_session_begin(w, c, user, ends_s);
	else if (token == HTTP_TOKEN_BAD)
		ws_session_refuse(w, c);
}

void http_echo_get(struct worker *w, struct conn *c, const struct http_request *q)
{
	if (!handshake_take(w, c, q->head))
		return;
	echo_begin(w, c);
	(void)handshake_answer(w, c, q->head, NULL);
}
