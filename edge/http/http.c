/*
 * http.c - requests: from the bytes of a connection to a head with its body; sessions; and the
 * paths outside /boards.
 *
 * One request at a time per connection: the next is parsed once the answer to the one before is
 * sent, and nothing is received meanwhile, so a client that pipelines costs one buffer. Heads and
 * bodies are bounded; a request that breaks the rules gets its status, and the connection ends
 * after it.
 */
#include <string.h>

#include "edge/codec/session.h"
#include "edge/http/http_priv.h"
#include "edge/ws/echo.h"
#include "edge/ws/ws.h"
#include "web/web_asset.h"

#define METRICS_BYTES_MAX 65536
#define ABOUT_BYTES_MAX   1024

_Static_assert(BODY_BYTES_MAX == 1024, "as http_error.def says");

/* --- who asks --------------------------------------------------------------------------------- */

static enum http_token token_look(struct worker *w, struct span token,
				  uint8_t user[static USER_BYTES], uint64_t *ret_ends_s)
{
	return session_verify(w->shared->session_key, token.at, token.len, w->now.wall_ms / 1000,
			      user, ret_ends_s) == 0
		       ? HTTP_TOKEN_GOOD
		       : HTTP_TOKEN_BAD;
}

/* A token that was shown on purpose counts before cookies; of cookies the first that is valid: one
 * of a parent domain, or an old one of another path, must not hide ours. */
enum http_token http_token_look(struct worker *w, const struct http_head *h,
				uint8_t user[static USER_BYTES], uint64_t *ret_ends_s)
{
	struct span token = http_bearer(h->authorization), cookies = h->cookie;
	enum http_token found = HTTP_TOKEN_NONE;

	if (token.at != NULL)
		return token_look(w, token, user, ret_ends_s);
	while (found != HTTP_TOKEN_GOOD &&
	       (token = http_cookie_next(&cookies, "pixeld")).at != NULL)
		found = token_look(w, token, user, ret_ends_s);
	return found;
}

bool http_session(struct worker *w, const struct http_head *h, uint8_t user[static USER_BYTES])
{
	return http_token_look(w, h, user, NULL) == HTTP_TOKEN_GOOD;
}

/* Over TLS the cookie is Secure: it must not go out over a plain connection that somebody makes the
 * browser open. */
bool http_cookie_line(struct worker *w, const struct conn *c, const uint8_t user[static USER_BYTES],
		      struct text_out *fields, char *ret_token)
{
	uint64_t now_s = w->now.wall_ms / 1000;
	uint64_t life_s = w->shared->limits.session_lifetime_s;

	px_assert(c->state == CONN_HTTP || c->state == CONN_WAIT); /* an answer is being made */
	if (session_mint(w->shared->session_key, user, now_s, now_s + life_s, ret_token) == 0)
		return false;
	text_print(fields,
		   "Set-Cookie: pixeld=%s; Path=/; HttpOnly; SameSite=Lax; %sMax-Age=%llu\r\n",
		   ret_token, c->http_tls ? "Secure; " : "", (unsigned long long)life_s);
	return true;
}

bool http_session_is_allowed(struct worker *w, const struct conn *c)
{
	uint32_t most = w->shared->limits.sessions_per_minute;

	return most == 0 || (c->flags & CONN_LOCAL) ||
	       addresses_count(w->addresses, c->addr, w->now.mono_ns, most);
}

/* The writer has as long as a client may be quiet: what is left of the head's time says nothing. */
void http_wait(struct worker *w, struct conn *c, enum http_what what)
{
	px_assert(what != HTTP_WHAT_NONE); /* http_mail() goes by it */
	c->http_what = (uint8_t)what;
	conn_state_set(w, c, CONN_WAIT);
	conn_deadline_set(w, c, w->shared->limits.http_idle_timeout_ms);
}

/* --- handlers --------------------------------------------------------------------------------- */

void http_asset_get(struct worker *w, struct conn *c, const struct http_request *q)
{
	const struct http_head *h = q->head;
	const struct web_asset *a = q->asset;
	unsigned gzip = http_coding_weight(h->accept_encoding, "gzip");
	unsigned brotli = a->brotli.at != NULL ? http_coding_weight(h->accept_encoding, "br") : 0;
	char lines[768], token[SESSION_TOKEN_CHARS_MAX];
	struct text_out fields = text_out_of(lines, sizeof(lines));
	struct http_reply r = {.status = 200,
			       .content_type = a->content_type,
			       .body = a->identity.at,
			       .body_len = a->identity.len,
			       .body_is_static = true,
			       .varies_by_encoding = true};
	const char *coding = "";
	uint8_t user[USER_BYTES];

	px_assert(a->identity.at != NULL && a->gzip.at != NULL);
	if (brotli > 0 && brotli >= gzip) {
		r.body = a->brotli.at;
		r.body_len = a->brotli.len;
		coding = "Content-Encoding: br\r\n";
	} else if (gzip > 0) {
		r.body = a->gzip.at;
		r.body_len = a->gzip.len;
		coding = "Content-Encoding: gzip\r\n";
	}
	text_print(&fields,
		   "%sCache-Control: %s\r\nContent-Security-Policy: %s\r\n"
		   "Referrer-Policy: no-referrer\r\n",
		   coding, a->immutable ? "public, max-age=31536000, immutable" : "no-store",
		   WEB_CONTENT_SECURITY_POLICY);
	if (!a->immutable && !http_session(w, h, user) && http_session_is_allowed(w, c)) {
		session_random_user(user);
		(void)http_cookie_line(w, c, user, &fields, token); /* else with the next page */
	}
	px_assert(!fields.bad);
	r.fields = text_end(&fields);
	http_reply(w, c, &r);
}

static void get_text(struct worker *w, struct conn *c, unsigned status, const char *text)
{
	http_reply(w, c,
		   &(struct http_reply){.status = status,
					.content_type = "text/plain; charset=utf-8",
					.fields = "Cache-Control: no-store\r\n",
					.body = text,
					.body_len = strlen(text)});
}

void http_metrics_get(struct worker *w, struct conn *c, const struct http_request *q)
{
	struct blob *blob = blob_new(METRICS_BYTES_MAX);
	size_t len;

	(void)q;
	if (blob == NULL) {
		http_reply_refusal(w, c, REFUSAL_OVERLOADED, 1000);
		return;
	}
	len = w->shared->metrics_render(w->shared->arg, w->now, (char *)blob->bytes,
					METRICS_BYTES_MAX);
	px_assert(len <= METRICS_BYTES_MAX);
	http_reply(w, c,
		   &(struct http_reply){.status = 200,
					.content_type = "text/plain; version=0.0.4; charset=utf-8",
					.fields = "Cache-Control: no-store\r\n",
					.body = blob->bytes,
					.body_len = len,
					.blob = blob});
}

/* A session: the one that the request carries, renewed, or a new one. The writer adds what it
 * knows. */
void http_session_post(struct worker *w, struct conn *c, const struct http_request *q)
{
	const struct http_head *h = q->head;
	struct span name = http_query(h->query, "board");
	const struct room *room = NULL;
	struct mail_request *m;

	px_assert(!(c->flags & CONN_USER)); /* http_begin(): every request says anew who asks */
	if (!http_origin_is_allowed(w, h)) {
		http_reply_error(w, c, HTTP_ERROR_NOT_ALLOWED, HTTP_ORIGIN_WHY);
		return;
	}
	if (name.at != NULL)
		room = rooms_find(w->shared->rooms, name.at, name.len);
	for (uint32_t i = 0; name.at == NULL && room == NULL && i < w->shared->rooms->end; i++)
		room = w->shared->rooms->at[i];
	if (room == NULL) {
		http_reply_refusal(w, c, REFUSAL_UNKNOWN_BOARD, 0);
		return;
	}
	if (!http_session(w, h, c->user)) {
		if (!http_session_is_allowed(w, c)) {
			http_reply_refusal(w, c, REFUSAL_TOO_FAST, 60000);
			return;
		}
		session_random_user(c->user);
	}
	c->flags |= CONN_USER;
	m = worker_ask(w, c, MAIL_ASK_YOU, room->number);
	if (m == NULL) {
		http_reply_refusal(w, c, REFUSAL_OVERLOADED, 1000);
		return;
	}
	memcpy(m->you.user, c->user, sizeof(m->you.user));
	c->http_board = room->number;
	http_wait(w, c, HTTP_WHAT_SESSION);
}

void http_health_get(struct worker *w, struct conn *c, const struct http_request *q)
{
	(void)q;
	get_text(w, c, 200, "ok\n");
}

void http_about_get(struct worker *w, struct conn *c, const struct http_request *q)
{
	static const char *const features[] = {
#define FEATURE(name, text) #name,
#include "edge/codec/feature.def"
#undef FEATURE
	};
	char body[ABOUT_BYTES_MAX];
	struct json_out j = json_out_of(body, sizeof(body));

	(void)q;
	json_open_object(&j, NULL);
	json_put_number(&j, "protocol", 1);
	json_open_array(&j, "features");
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		json_put_text(&j, NULL, features[i]);
	json_close(&j);
	json_open_object(&j, "message_bytes_max");
	json_put_number(&j, "client", MESSAGE_IN_BYTES_MAX);
	json_put_number(&j, "answer", MESSAGE_OUT_BYTES_MAX);
	json_put_number(&j, "board", MESSAGE_BOARD_BYTES_MAX);
	json_close(&j);
	json_close(&j);
	http_reply_json(w, c, 200, "Cache-Control: no-cache\r\n", &j, NULL);
}

void http_ready_get(struct worker *w, struct conn *c, const struct http_request *q)
{
	bool ready = !w->drain.is_on && w->shared->is_ready(w->shared->arg);

	(void)q;
	get_text(w, c, ready ? 200 : (w->drain.is_on ? 404 : 503),
		 ready ? "ready\n" : "not ready\n");
}

void http_echo_post(struct worker *w, struct conn *c, const struct http_request *q)
{
	px_assert(q->head->content_length <= BODY_BYTES_MAX); /* request_take() */
	http_reply(w, c,
		   &(struct http_reply){.status = 200,
					.content_type = "application/octet-stream",
					.fields = "Cache-Control: no-store\r\n",
					.body = q->body,
					.body_len = (size_t)q->head->content_length});
}

/* --- input ------------------------------------------------------------------------------------ */

/* Every request says anew who asks: a proxy sends many people's over one connection. Who cannot be
 * understood, or takes too long, is still told without a body when it asked with HEAD. */
void http_begin(struct conn *c, const uint8_t *bytes, size_t len)
{
	px_assert(len > 0 && c->state == CONN_HTTP);
	c->flags &= (uint8_t) ~(CONN_KEEP_ALIVE | CONN_HEAD_ONLY | CONN_USER);
	if (len >= 5 && memcmp(bytes, "HEAD ", 5) == 0)
		c->flags |= CONN_HEAD_ONLY;
	http_origin_begin(c);
}

static void request_bad(struct worker *w, struct conn *c, enum http_error e, const char *why)
{
	px_assert(!(c->flags & CONN_KEEP_ALIVE)); /* the connection ends after it */
	metric_add(&w->metrics.http_refused, 1);
	http_reply_error(w, c, e, why);
}

static void in_consume(struct conn *c, size_t len)
{
	struct in_buf *in = c->in;

	if (in == NULL)
		return; /* the connection is being closed */
	px_assert(len <= in->len);
	memmove(in->bytes, in->bytes + len, in->len - len);
	in->len -= (uint32_t)len;
	in->seen = 0;
}

/* One request, if it is all there. False: more input is needed, or none is wanted. */
static bool request_take(struct worker *w, struct conn *c)
{
	struct in_buf *in = c->in;
	size_t head = http_head_end(in->bytes, in->len, in->seen);
	struct http_request q = {.body = in->bytes + head};
	struct http_head h;
	const char *why;
	int status;

	px_assert(c->state == CONN_HTTP && in->seen <= in->len);
	http_begin(c, in->bytes, in->len);
	if (head == 0 && in->len < HTTP_HEAD_BYTES_MAX) {
		in->seen = in->len;
		return false;
	}
	if (head == 0 || head > HTTP_HEAD_BYTES_MAX) {
		request_bad(w, c, HTTP_ERROR_HEAD_LONG, "the request head is too long");
		return false;
	}
	status = http_head_parse(in->bytes, head, &h, &why);
	if (status != 0) {
		request_bad(w, c, http_error_of_head(status), why);
		return false;
	}
	q.head = &h;
	http_route_find(w, &q);
	http_origin_take(w, c, &h, http_route_is_public(&q));
	if (h.content_length > BODY_BYTES_MAX) {
		request_bad(w, c, HTTP_ERROR_BODY_LONG, "the body is too long");
		return false;
	}
	if (h.expect_continue) {
		request_bad(w, c, HTTP_ERROR_EXPECT, "send the body without waiting");
		return false;
	}
	if (in->len < head + h.content_length)
		return false;
	c->flags |= (uint8_t)(h.keep_alive ? CONN_KEEP_ALIVE : 0);
	metric_add(&w->metrics.http_requests, 1);
	http_route_run(w, c, &q);
	in_consume(c, head + (size_t)h.content_length);
	return true;
}

void http_input(struct worker *w, struct conn *c)
{
	px_assert(c->state == CONN_HTTP);
	while (c->state == CONN_HTTP && c->in != NULL && c->in->len > 0)
		if (!request_take(w, c))
			break;
	if (c->in == NULL)
		return;
	if (c->in->len == 0) {
		conn_in_return(w, c);
	} else if (c->state == CONN_ECHO) {
		echo_input(w, c);
	} else if (c->state == CONN_WS) { /* frames right behind the handshake */
		struct in_buf *in = c->in;

		c->in = NULL; /* the parser may borrow another */
		ws_input(w, c, in->bytes, in->len);
		pool_return(&w->ins, in);
	}
}

void http_bytes(struct worker *w, struct conn *c, uint8_t *bytes, size_t len)
{
	px_assert(c->state == CONN_HTTP && len <= RECV_BUF_BYTES); /* `in` has room for one event */
	if (c->in == NULL)                                         /* a request begins */
		conn_deadline_set(w, c, w->shared->limits.http_head_timeout_ms);
	if (conn_in_keep(w, c, bytes, len)) {
		http_input(w, c);
		return;
	}
	http_begin(c, bytes, len);
	http_reply_refusal(w, c, REFUSAL_OVERLOADED, 1000);
}

void http_late(struct worker *w, struct conn *c)
{
	px_assert(c->state == CONN_HTTP);
	if (c->in == NULL || c->in->len == 0) {
		conn_close(w, c, CLOSE_HTTP_TIMEOUT);
		return;
	}
	c->flags &= (uint8_t)~CONN_KEEP_ALIVE;
	http_reply_error(w, c, HTTP_ERROR_REQUEST_SLOW, "the request took too long");
}

/* The answer may still come: no other request may follow here. */
void http_wait_late(struct worker *w, struct conn *c)
{
	px_assert(c->state == CONN_WAIT);
	c->flags &= (uint8_t)~CONN_KEEP_ALIVE;
	http_reply_error(w, c, HTTP_ERROR_ANSWER_SLOW,
			 "no answer in time; a placement may have taken effect: repeat it with its "
			 "Idempotency-Key");
}
