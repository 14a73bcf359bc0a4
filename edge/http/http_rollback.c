/*
 * http_rollback.c - placements taken back, for bearers of the server's admin token.
 *
 *	POST /boards/{b}/rollback               does it, or reports what it would do (dry_run)
 *	POST /boards/{b}/rollback/preview.png   the board as it would become
 *	GET  /boards/{b}/rollbacks              those that were made
 *
 * The question goes to the writer, and the historian reads the past for it; an answer may take as
 * long as reading the journal.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/http/http_priv.h"
#include "engine/base/timestamp.h"
#include "writer/question/question.h"

#define ROLLBACK_WAIT_MS 600000 /* what an operator waits for the journal to be read */
#define TOLD_JSON_MAX    1024
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

	px_assert(w->shared->admin_token[0] != 0); /* an empty one anybody has */
	if (!conn_may_ask(w, c)) {
		http_reply_refusal(w, c, REFUSAL_TOO_FAST, 1000);
		return false;
	}
	if (given.at == NULL) {
		http_reply_error(w, c, HTTP_ERROR_NO_ADMIN_TOKEN,
				 "this needs Authorization: Bearer with the server's admin token");
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

/* body: NULL to list. */
static void ask(struct worker *w, struct conn *c, const struct room *r, enum rollback_op op,
		const struct msg_rollback *body)
{
	struct rollback_order *order = op != ROLLBACK_LIST ? malloc(sizeof(*order)) : NULL;
	bool is_made = op == ROLLBACK_LIST || order != NULL;
	struct mail_request *m = is_made ? worker_ask(w, c, MAIL_QUESTION, r->number) : NULL;

	px_assert((body == NULL) == (op == ROLLBACK_LIST));
	if (m == NULL) {
		free(order);
		http_reply_refusal(w, c, REFUSAL_OVERLOADED, 1000);
		return;
	}
	if (order != NULL)
		*order = (struct rollback_order){.filter = body->filter, .undoes = body->undoes};
	m->question = (struct mail_question){
		.asked_ns = w->now.mono_ns,
		.ask = {.kind = QUESTION_ROLLBACK, .rollback = {order, (uint8_t)op}}};
	http_wait(w, c, HTTP_WHAT_ROLLBACK);
	conn_deadline_set(w, c, ROLLBACK_WAIT_MS);
}

static const char *body_check(const struct face *face, const struct placement_filter *f)
{
	bool whole = f->x_last == UINT16_MAX && f->y_last == UINT16_MAX;

	px_assert(f->x <= f->x_last && f->y <= f->y_last); /* message_decode_rollback() */
	if (f->by_color && f->color >= face->palette_len)
		return "the board's palette has no such color";
	if (!whole && (f->x_last >= face->width || f->y_last >= face->height))
		return "the area is not within the board";
	if (f->from_ms >= f->to_ms)
		return "from must be before to";
	return NULL;
}

static void post(struct worker *w, struct conn *c, const struct http_request *q, bool preview)
{
	struct msg_rollback m;
	const char *why;

	px_assert(q->room != NULL);
	if (!is_admin(w, c, q->head))
		return;
	if (message_decode_rollback(q->body, (size_t)q->head->content_length, &m, &why) == 0)
		why = body_check(room_face(q->room), &m.filter);
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
	px_assert(q->room != NULL);
	if (is_admin(w, c, q->head))
		ask(w, c, q->room, ROLLBACK_LIST, NULL);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void time_json(struct json_out *j, const char *name, uint64_t ms)
{
	char time[TIMESTAMP_BYTES];

	timestamp_print(ms, time);
	json_put_text(j, name, time);
}

static void area_json(struct json_out *j, const char *name, uint16_t x, uint16_t y, uint16_t x_last,
		      uint16_t y_last)
{
	json_open_object(j, name);
	json_put_number(j, "x", x);
	json_put_number(j, "y", y);
	json_put_number(j, "width", x_last - x + 1u);
	json_put_number(j, "height", y_last - y + 1u);
	json_close(j);
}

static void filter_json(struct json_out *j, const char *name, const struct placement_filter *f)
{
	json_open_object(j, name);
	json_put_number(j, "upto", f->upto_seq);
	if (f->by_user)
		json_put_hex(j, "user", f->user, USER_BYTES);
	if (f->x_last != UINT16_MAX || f->y_last != UINT16_MAX)
		area_json(j, "area", f->x, f->y, f->x_last, f->y_last);
	if (f->by_color)
		json_put_number(j, "color", f->color);
	if (f->from_ms != 0)
		time_json(j, "from", f->from_ms);
	if (f->to_ms != UINT64_MAX)
		time_json(j, "to", f->to_ms);
	json_close(j);
}

/* The number of a rollback; 0: there is none. */
static void number_json(struct json_out *j, const char *name, uint64_t number)
{
	if (number == 0)
		json_put_null(j, name);
	else
		json_put_number(j, name, number);
}

static void told_json(struct json_out *j, const struct told_rollback *t, enum rollback_op op)
{
	px_assert(op != ROLLBACK_PREVIEW); /* that is a picture */
	json_open_object(j, NULL);
	number_json(j, "rollback", t->rollback);
	number_json(j, "undoes", t->undoes);
	if (op == ROLLBACK_LIST) {
		number_json(j, "undone_by", t->undone_by);
		json_put_number(j, "at", t->placed_at_ms);
	}
	json_put_number(j, "placements", t->placements);
	json_put_number(j, "cells", t->cells);
	filter_json(j, "took", &t->filter);
	if (op != ROLLBACK_LIST) {
		json_put_number(j, "cells_max", t->cells_max);
		json_put_number(j, "out_of_reach", t->out_of_reach);
		json_put_number(j, "since", t->since_seq);
		if (t->cells > 0)
			area_json(j, "changes", t->x, t->y, t->x_last, t->y_last);
	}
	if (op == ROLLBACK_DO && t->rollback != 0)
		json_put_number(j, "seq", t->seq);
	json_close(j);
}

static void reply_json(struct worker *w, struct conn *c, const struct rollback_result *r)
{
	size_t count = r->told->len / sizeof(struct told_rollback);
	size_t room = LIST_JSON_MAX + count * TOLD_JSON_MAX;
	bool is_list = r->op == ROLLBACK_LIST;
	struct blob *blob = blob_new(room);
	struct told_rollback told;
	struct json_out j;

	if (blob == NULL) {
		http_reply_refusal(w, c, REFUSAL_OVERLOADED, 1000);
		return;
	}
	px_assert(is_list || count == 1);
	px_assert(r->told->len == count * sizeof(told)); /* whole ones */
	j = json_out_of(blob->bytes, room);
	if (is_list)
		json_open_array(&j, NULL);
	for (size_t i = 0; i < count; i++) {
		memcpy(&told, r->told->bytes + i * sizeof(told), sizeof(told));
		told_json(&j, &told, (enum rollback_op)r->op);
	}
	if (is_list)
		json_close(&j);
	http_reply_json(w, c, 200, "Cache-Control: no-store\r\n", &j, blob);
}

static void reply_preview(struct worker *w, struct conn *c, struct blob *png)
{
	http_reply(w, c,
		   &(struct http_reply){.status = 200,
					.content_type = "image/png",
					.fields = "Cache-Control: no-store\r\n",
					.body = png->bytes,
					.body_len = png->len,
					.blob = blob_ref(png)});
}

static void reply_too_large(struct worker *w, struct conn *c, const struct rollback_result *r)
{
	struct told_rollback told;
	char text[160];

	px_assert(r->told != NULL && r->told->len == sizeof(told));
	memcpy(&told, r->told->bytes, sizeof(told));
	snprintf(text, sizeof(text),
		 "it would change %" PRIu64 " cells, and at most %" PRIu64
		 " can change at once: narrow it down by area or time",
		 told.cells, told.cells_max);
	http_reply_error(w, c, HTTP_ERROR_ROLLBACK_LARGE, text);
}

void http_rollback_mail(struct worker *w, struct conn *c, const struct mail_answer *a)
{
	const struct rollback_result *r = &a->rollback;

	px_assert(c->state == CONN_WAIT);
	px_assert(a->head.type == MAIL_ROLLBACK);
	switch ((enum rollback_verdict)r->verdict) {
	case ROLLBACK_DONE:
		if (r->preview != NULL)
			reply_preview(w, c, r->preview);
		else if (r->told != NULL)
			reply_json(w, c, r);
		else
			http_reply_refusal(w, c, REFUSAL_OVERLOADED, 1000);
		return;
	case ROLLBACK_UNKNOWN:
		http_reply_error(w, c, HTTP_ERROR_UNKNOWN_ROLLBACK,
				 "the journal has no rollback of that number for this board");
		return;
	case ROLLBACK_IS_UNDONE:
		http_reply_error(w, c, HTTP_ERROR_IS_UNDONE, "that rollback is already undone");
		return;
	case ROLLBACK_TOO_LARGE:
		reply_too_large(w, c, r);
		return;
	case ROLLBACK_NO_COLOR:
		http_reply_error(w, c, HTTP_ERROR_NO_COLOR,
				 "cells would show a color that is no longer in the board's "
				 "palette: restore it there, or narrow the rollback down");
		return;
	case ROLLBACK_REFUSED:
		http_reply_refusal(w, c, REFUSAL_UNAVAILABLE, 1000);
		return;
	case ROLLBACK_GONE:
		http_reply_error(w, c, HTTP_ERROR_HISTORY_GONE,
				 "the journal that is kept has nothing about this board");
		return;
	case ROLLBACK_FAILED:
		http_reply_error(w, c, HTTP_ERROR_HISTORY_UNREADABLE,
				 "the journal cannot be read: see the server's log");
		return;
	case ROLLBACK_BUSY:
	default:
		http_reply_error(w, c, HTTP_ERROR_ROLLBACK_BUSY,
				 "another rollback is in progress: try again in a moment");
		return;
	}
}
