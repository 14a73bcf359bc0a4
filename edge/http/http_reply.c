/*
 * http_reply.c - answers: status line, fields and body, into the connection's out buffer.
 *
 * Small bodies are copied after the head. Bodies in blobs and static ones are sent from where they
 * are, after the head; the connection holds the blob's reference until they are sent.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "edge/http/http_priv.h"

#define HEAD_BYTES_MAX 2560 /* status line and fields of any answer of ours */
#define FULL_REFRESH_S 5    /* to twice as much: a crowd does not come back at one moment */
#define CHALLENGE      "WWW-Authenticate: Bearer realm=\"pixeld\"\r\n"

static const char *status_text(unsigned status)
{
	switch (status) {
	case 200:
		return "OK";
	case 204:
		return "No Content";
	case 304:
		return "Not Modified";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 408:
		return "Request Timeout";
	case 409:
		return "Conflict";
	case 410:
		return "Gone";
	case 413:
		return "Content Too Large";
	case 414:
		return "URI Too Long";
	case 417:
		return "Expectation Failed";
	case 422:
		return "Unprocessable Content";
	case 426:
		return "Upgrade Required";
	case 429:
		return "Too Many Requests";
	case 431:
		return "Request Header Fields Too Large";
	case 501:
		return "Not Implemented";
	case 503:
		return "Service Unavailable";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Status";
	}
}

static const char *date_now(struct worker *w)
{
	time_t now_s = (time_t)(w->now.wall_ms / 1000);
	struct tm tm;

	if ((uint64_t)now_s != w->date.s) {
		(void)gmtime_r(&now_s, &tm);
		strftime(w->date.text, sizeof(w->date.text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		w->date.s = (uint64_t)now_s;
	}
	return w->date.text;
}

/* What every answer has, whoever gives it. */
static void common_write(struct worker *w, const struct conn *c, const struct http_reply *r,
			 struct text_out *head)
{
	bool keep = (c->flags & CONN_KEEP_ALIVE) && !w->drain.is_on;
	const char *vary = r->varies_by_encoding ? "Accept-Encoding" : NULL;

	px_assert(r->status >= 200 && r->status <= 599); /* the last answer: 101 is http_ws.c's */
	text_print(head,
		   "HTTP/1.1 %u %s\r\nDate: %s\r\nConnection: %s%s\r\n"
		   "X-Content-Type-Options: nosniff\r\n",
		   r->status, status_text(r->status), date_now(w),
		   r->status == 426 ? "upgrade, " : "", keep ? "keep-alive" : "close");
	if (http_origin_varies(w))
		vary = vary != NULL ? "Accept-Encoding, Origin" : "Origin";
	if (vary != NULL)
		text_print(head, "Vary: %s\r\n", vary);
	http_origin_fields(w, c, head);
}

/* Returns its bytes. */
static size_t head_write(struct worker *w, const struct conn *c, const struct http_reply *r,
			 void *out)
{
	struct text_out head = text_out_of(out, HEAD_BYTES_MAX);

	common_write(w, c, r, &head);
	if (r->fields != NULL)
		text_put(&head, r->fields);
	if (r->content_type != NULL)
		text_print(&head, "Content-Type: %s\r\n", r->content_type);
	if (r->status != 204 && r->status != 304)
		text_print(&head, "Content-Length: %zu\r\n", r->body_len);
	text_put(&head, "\r\n");
	px_assert(!head.bad);
	return text_len(&head);
}

void http_reply(struct worker *w, struct conn *c, const struct http_reply *r)
{
	struct out_buf *out = conn_out_borrow(w, c);

	px_assert(c->state == CONN_HTTP || c->state == CONN_WAIT);
	px_assert(r->content_type != NULL || r->body_len == 0);
	px_assert(r->blob == NULL || !r->body_is_static); /* one owner */
	px_assert(out == NULL || out->end == 0);          /* the answer before is sent */
	if (out == NULL) {
		blob_unref(r->blob);
		conn_close(w, c, CLOSE_OVERLOAD);
		return;
	}
	out->end = (uint32_t)head_write(w, c, r, out->bytes);
	if ((c->flags & CONN_HEAD_ONLY) || r->body_len == 0) {
		blob_unref(r->blob);
	} else if (r->blob != NULL || r->body_is_static) {
		px_assert(c->body_blob == NULL);
		c->body = r->body;
		c->body_len = r->body_len;
		c->body_blob = r->blob;
	} else {
		px_assert(out->end + r->body_len <= OUT_BYTES);
		memcpy(out->bytes + out->end, r->body, r->body_len);
		out->end += (uint32_t)r->body_len;
	}
	conn_state_set(w, c, CONN_REPLY);
	http_send_start(w, c);
}

void http_reply_json(struct worker *w, struct conn *c, unsigned status, const char *fields,
		     struct json_out *j, struct blob *blob)
{
	px_assert(blob == NULL || (const void *)j->text.begin == blob->bytes);
	px_assert(j->depth == 0 && j->filled);
	text_put_char(&j->text, '\n');
	px_assert(!j->text.bad);
	http_reply(w, c,
		   &(struct http_reply){.status = status,
					.content_type = "application/json",
					.fields = fields,
					.body = j->text.begin,
					.body_len = text_len(&j->text),
					.blob = blob});
}

static void reply_json_error(struct worker *w, struct conn *c, unsigned status, const char *fields,
			     const char *code, const char *text)
{
	char body[256];
	struct json_out j = json_out_of(body, sizeof(body));

	json_open_object(&j, NULL);
	json_open_object(&j, "error");
	json_put_text(&j, "code", code);
	json_put_text(&j, "message", text);
	json_close(&j);
	json_close(&j);
	http_reply_json(w, c, status, fields, &j, NULL);
}

void http_reply_error(struct worker *w, struct conn *c, enum http_error e, const char *text)
{
	unsigned status = http_error_status(e);
	const char *fields = "Cache-Control: no-store\r\n";

	if (status == 401)
		fields = "Cache-Control: no-store\r\n" CHALLENGE;
	else if (status == 426)
		fields = "Cache-Control: no-store\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
			 "13\r\n";
	else if (status == 503)
		fields = "Cache-Control: no-store\r\nRetry-After: 1\r\n";
	reply_json_error(w, c, status, fields, http_error_str(e), text);
}

void http_reply_full(struct worker *w, struct conn *c)
{
	char fields[96];
	int len =
		snprintf(fields, sizeof(fields),
			 "Cache-Control: no-store\r\nRetry-After: 1\r\nRefresh: %u\r\n",
			 FULL_REFRESH_S + (unsigned)(w->now.mono_ns / NS_PER_MS % FULL_REFRESH_S));

	px_assert(len > 0 && (size_t)len < sizeof(fields)); /* lines, each whole */
	reply_json_error(w, c, 503, fields, http_error_str(HTTP_ERROR_SERVER_FULL),
			 "the server is full; try again later");
}

void http_reply_not_allowed(struct worker *w, struct conn *c, const char *allow)
{
	char fields[128];
	int len =
		snprintf(fields, sizeof(fields), "Cache-Control: no-store\r\nAllow: %s\r\n", allow);

	px_assert(len > 0 && (size_t)len < sizeof(fields));
	reply_json_error(w, c, http_error_status(HTTP_ERROR_METHOD), fields,
			 http_error_str(HTTP_ERROR_METHOD), "method not allowed here");
}

void http_reply_refusal(struct worker *w, struct conn *c, enum refusal why, uint32_t wait_ms)
{
	unsigned status = refusal_http_status(why);
	char fields[128];
	int len;

	px_assert(refusal_is_known(why));
	if (status == 429 || status == 503)
		len = snprintf(fields, sizeof(fields),
			       "Cache-Control: no-store\r\nRetry-After: %u\r\nX-Wait-Ms: %u\r\n",
			       wait_ms == 0 ? 1 : (wait_ms + 999) / 1000, wait_ms);
	else
		len = snprintf(fields, sizeof(fields), "Cache-Control: no-store\r\n%s",
			       status == 401 ? CHALLENGE : "");
	px_assert(len > 0 && (size_t)len < sizeof(fields));
	reply_json_error(w, c, status, fields, refusal_str(why), refusal_text(why));
}
