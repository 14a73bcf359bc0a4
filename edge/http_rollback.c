/*
 * http_rollback.c - placements taken back, by whoever has the server's admin token.
 *
 *	POST /boards/{b}/rollback               does it, or says what it would do (dry_run)
 *	POST /boards/{b}/rollback/preview.png   the board as it would be
 *	GET  /boards/{b}/rollbacks              those that were made
 *
 * The writer has the question from here and the historian looks into the past for it; an answer may
 * take as long as the journal is to be read.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/worker_priv.h"
#include "engine/base/timestamp.h"

#define ROLLBACK_WAIT_MS 600000 /* what an operator waits for the journal to be read */
#define TOLD_JSON_MAX    1024
#define FILTER_JSON_MAX  288
#define LIST_JSON_MAX    8 /* around the list */

/* In constant time for tokens of one length. */
static bool token_equals(struct span given, const char *token)
{
	size_t len = strlen(token);
	unsigned differ = 0;

	if (given.len != len)
		return false;
	for (size_t i = 0; i < len; i++)
		differ |= (unsigned char)given.at[i] ^ (unsigned char)token[i];
	return differ == 0;
}

static bool is_admin(struct worker *w, struct conn *c, const struct http_head *h)
{
	struct span given = http_bearer(h->authorization);

	if (!conn_may_ask(w, c)) {
		http_reply_refusal(w, c, REFUSAL_TOO_FAST, 1000);
		return false;
	}
	if (given.at == NULL) {
		http_reply_error(w, c, HTTP_ERROR_NO_ADMIN_TOKEN,
				 "this needs Authorization: Bearer, with the server's admin token");
		return false;
	}
	if (!token_equals(given, w->shared->admin_token)) {
		http_reply_error(w, c, HTTP_ERROR_NOT_ALLOWED,
				 "this is not the server's admin token");
		return false;
	}
	return true;
}

/* --- asking ----------------------------------------------------------------------------------- */

static void ask(struct worker *w, struct conn *c, const struct room *r, enum rollback_op op,
		const struct msg_rollback *body)
{
	struct mail_rollback *rollback = malloc(sizeof(*rollback));
	struct mail_request *m = rollback != NULL ? worker_ask(w, c, MAIL_ROLLBACK) : NULL;

	if (m == NULL) {
		free(rollback);
		http_reply_refusal(w, c, REFUSAL_OVERLOADED, 1000);
		return;
	}
	*rollback = (struct mail_rollback){.filter = body->filter, .undoes = body->undoes};
	m->board = r->number;
	m->op = (uint8_t)op;
	m->form = FORM_PNG;
	m->with_user = false;
	m->rollback = rollback;
	http_wait(w, c, HTTP_WHAT_ROLLBACK);
	conn_deadline_set(w, c, ROLLBACK_WAIT_MS);
}

static const char *body_check(const struct room *r, const struct placement_filter *f)
{
	bool whole = f->x_last == UINT16_MAX && f->y_last == UINT16_MAX;

	if (f->by_color && f->color >= r->palette_len)
		return "the board's palette has no such color";
	if (!whole && (f->x_last >= r->width || f->y_last >= r->height))
		return "the area is not within the board";
	if (f->from_ms >= f->to_ms)
		return "from must be before to";
	return NULL;
}

static void post(struct worker *w, struct conn *c, const struct http_request *q, bool preview)
{
	struct msg_rollback m;
	const char *why;

	if (!is_admin(w, c, q->head))
		return;
	if (message_decode_rollback(q->body, (size_t)q->head->content_length, &m, &why) == 0)
		why = body_check(q->room, &m.filter);
	if (why != NULL) {
		http_reply_error(w, c, HTTP_ERROR_BAD_REQUEST, why);
		return;
	}
	if (preview)
		ask(w, c, q->room, ROLLBACK_PREVIEW, &m);
	else
		ask(w, c, q->room, m.dry_run ? ROLLBACK_TRY : ROLLBACK_DO, &m);
}

void http_rollback_post(struct worker *w, struct conn *c, const struct http_request *q)
{
	post(w, c, q, false);
}

void http_rollback_preview_post(struct worker *w, struct conn *c, const struct http_request *q)
{
	post(w, c, q, true);
}

void http_rollbacks_get(struct worker *w, struct conn *c, const struct http_request *q)
{
	static const struct msg_rollback none;

	if (is_admin(w, c, q->head))
		ask(w, c, q->room, ROLLBACK_LIST, &none);
}

/* --- answers ---------------------------------------------------------------------------------- */

static size_t filter_json(const struct placement_filter *f, char *out, size_t room)
{
	char time[TIMESTAMP_BYTES];
	int len = snprintf(out, room, "{\"upto\":%" PRIu64, f->upto_seq);

	if (f->by_user) {
		len += snprintf(out + len, room - (size_t)len, ",\"user\":\"");
		for (unsigned i = 0; i < USER_BYTES; i++)
			len += snprintf(out + len, room - (size_t)len, "%02x", f->user[i]);
		len += snprintf(out + len, room - (size_t)len, "\"");
	}
	if (f->x_last != UINT16_MAX || f->y_last != UINT16_MAX)
		len += snprintf(out + len, room - (size_t)len,
				",\"area\":{\"x\":%u,\"y\":%u,\"width\":%u,\"height\":%u}", f->x,
				f->y, f->x_last - f->x + 1u, f->y_last - f->y + 1u);
	if (f->by_color)
		len += snprintf(out + len, room - (size_t)len, ",\"color\":%u", f->color);
	if (f->from_ms != 0) {
		timestamp_print(f->from_ms, time);
		len += snprintf(out + len, room - (size_t)len, ",\"from\":\"%s\"", time);
	}
	if (f->to_ms != UINT64_MAX) {
		timestamp_print(f->to_ms, time);
		len += snprintf(out + len, room - (size_t)len, ",\"to\":\"%s\"", time);
	}
	len += snprintf(out + len, room - (size_t)len, "}");
	px_assert((size_t)len < room);
	return (size_t)len;
}

/* "name":n, or null without one. */
static size_t name_json(const char *key, uint64_t name, char *out, size_t room)
{
	if (name == 0)
		return (size_t)snprintf(out, room, "\"%s\":null,", key);
	return (size_t)snprintf(out, room, "\"%s\":%" PRIu64 ",", key, name);
}

static size_t told_json(const struct mail_rolled_back *t, enum rollback_op op, char *out,
			size_t room)
{
	size_t len = (size_t)snprintf(out, room, "{");

	len += name_json("rollback", t->rollback, out + len, room - len);
	len += name_json("undoes", t->undoes, out + len, room - len);
	if (op == ROLLBACK_LIST) {
		len += name_json("undone_by", t->undone_by, out + len, room - len);
		len += (size_t)snprintf(out + len, room - len, "\"at\":%" PRIu64 ",",
					t->placed_at_ms);
	}
	len += (size_t)snprintf(out + len, room - len,
				"\"placements\":%" PRIu64 ",\"cells\":%" PRIu64 ",\"took\":",
				t->placements, t->cells);
	len += filter_json(&t->filter, out + len, room - len);
	if (op != ROLLBACK_LIST)
		len += (size_t)snprintf(out + len, room - len,
					",\"cells_max\":%" PRIu64 ",\"out_of_reach\":%" PRIu64
					",\"since\":%" PRIu64,
					t->cells_max, t->out_of_reach, t->since_seq);
	if (op != ROLLBACK_LIST && t->cells > 0)
		len += (size_t)snprintf(
			out + len, room - len,
			",\"changes\":{\"x\":%u,\"y\":%u,\"width\":%u,\"height\":%u}", t->x, t->y,
			t->x_last - t->x + 1u, t->y_last - t->y + 1u);
	if (op == ROLLBACK_DO && t->rollback != 0)
		len += (size_t)snprintf(out + len, room - len, ",\"seq\":%" PRIu64, t->seq);
	len += (size_t)snprintf(out + len, room - len, "}");
	px_assert(len < room);
	return len;
}

static void reply_json(struct worker *w, struct conn *c, const struct mail_answer *a)
{
	size_t count = a->bitmap.blob->len / sizeof(struct mail_rolled_back), len = 0;
	size_t room = LIST_JSON_MAX + count * TOLD_JSON_MAX;
	bool is_list = a->op == ROLLBACK_LIST;
	struct blob *blob = blob_new(room);
	struct mail_rolled_back told;
	char *out;

	if (blob == NULL) {
		http_reply_refusal(w, c, REFUSAL_OVERLOADED, 1000);
		return;
	}
	out = (char *)blob->bytes;
	if (is_list)
		out[len++] = '[';
	for (size_t i = 0; i < count; i++) {
		memcpy(&told, a->bitmap.blob->bytes + i * sizeof(told), sizeof(told));
		if (i > 0)
			out[len++] = ',';
		len += told_json(&told, (enum rollback_op)a->op, out + len, TOLD_JSON_MAX - 1);
	}
	if (is_list)
		out[len++] = ']';
	out[len++] = '\n';
	http_reply(w, c,
		   &(struct http_reply){.status = 200,
					.content_type = "application/json",
					.fields = "Cache-Control: no-store\r\n",
					.body = blob->bytes,
					.body_len = len,
					.blob = blob});
}

static void reply_preview(struct worker *w, struct conn *c, const struct mail_answer *a)
{
	http_reply(w, c,
		   &(struct http_reply){.status = 200,
					.content_type = "image/png",
					.fields = "Cache-Control: no-store\r\n",
					.body = a->bitmap.blob->bytes,
					.body_len = a->bitmap.blob->len,
					.blob = blob_ref(a->bitmap.blob)});
}

static void reply_too_large(struct worker *w, struct conn *c, const struct mail_answer *a)
{
	struct mail_rolled_back told;
	char text[160];

	px_assert(a->bitmap.blob != NULL);
	memcpy(&told, a->bitmap.blob->bytes, sizeof(told));
	snprintf(text, sizeof(text),
		 "it would change %" PRIu64 " cells, and at most %" PRIu64
		 " change at once: take a part, by area or time",
		 told.cells, told.cells_max);
	http_reply_error(w, c, HTTP_ERROR_ROLLBACK_LARGE, text);
}

void http_rollback_mail(struct worker *w, struct conn *c, const struct mail_answer *a)
{
	switch ((enum rollback_verdict)a->verdict) {
	case ROLLBACK_DONE:
		if (a->bitmap.blob == NULL)
			http_reply_refusal(w, c, REFUSAL_OVERLOADED, 1000);
		else if (a->op == ROLLBACK_PREVIEW)
			reply_preview(w, c, a);
		else
			reply_json(w, c, a);
		return;
	case ROLLBACK_UNKNOWN:
		http_reply_error(w, c, HTTP_ERROR_UNKNOWN_ROLLBACK,
				 "this board has no rollback of that number in the journal");
		return;
	case ROLLBACK_IS_UNDONE:
		http_reply_error(w, c, HTTP_ERROR_IS_UNDONE, "that rollback was undone already");
		return;
	case ROLLBACK_TOO_LARGE:
		reply_too_large(w, c, a);
		return;
	case ROLLBACK_NO_COLOR:
		http_reply_error(w, c, HTTP_ERROR_NO_COLOR,
				 "cells would show a color that the board's palette does not have "
				 "any more: give it back to the palette, or take a part");
		return;
	case ROLLBACK_REFUSED:
		http_reply_refusal(w, c, REFUSAL_UNAVAILABLE, 1000);
		return;
	case ROLLBACK_GONE:
		http_reply_error(w, c, HTTP_ERROR_HISTORY_GONE,
				 "the journal that is kept says nothing of this board");
		return;
	case ROLLBACK_FAILED:
		http_reply_error(w, c, HTTP_ERROR_HISTORY_UNREADABLE,
				 "the journal cannot be read back: the server's log says why");
		return;
	case ROLLBACK_BUSY:
	default:
		http_reply_error(w, c, HTTP_ERROR_ROLLBACK_BUSY,
				 "another rollback is at work: try again in a moment");
		return;
	}
}
