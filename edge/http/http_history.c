/*
 * http_history.c - questions about the past: a board at a seq or a time, who placed a pixel.
 *
 * They go to the writer, which hands them to the historian; its answer comes by mail. A question is
 * counted like a placement, because it costs the server more than it costs the client.
 */
#include <stdio.h>
#include <string.h>

#include "edge/http/http_priv.h"
#include "engine/base/timestamp.h"
#include "writer/question/question.h"

#define PLACEMENTS_DEFAULT 20
#define PAST_MAX_AGE_S     60 /* a seq may come to stand for something else after a lost journal */
#define PLACEMENT_JSON_MAX 160
#define HISTORY_JSON_MAX   (256 + QUESTION_CELL_MAX * PLACEMENT_JSON_MAX)
#define HISTORY_NO_BOUND   UINT64_MAX

_Static_assert(QUESTION_CELL_MAX == 100, "as http_history_get() says");
_Static_assert(PLACEMENTS_DEFAULT <= QUESTION_CELL_MAX, "no more than may be asked for");

bool http_history_is_asked(const struct http_head *h)
{
	return http_query(h->query, "seq").at != NULL || http_query(h->query, "at").at != NULL;
}

static void bad_request(struct worker *w, struct conn *c, const char *text)
{
	http_reply_error(w, c, HTTP_ERROR_BAD_REQUEST, text);
}

/* False: it was answered. */
static bool history_ask(struct worker *w, struct conn *c, const struct room *r,
			const struct question *ask)
{
	struct mail_request *m;

	px_assert(ask->kind != QUESTION_ROLLBACK); /* those are the operator's */
	if (!conn_may_ask(w, c)) {
		http_reply_refusal(w, c, REFUSAL_TOO_FAST, 1000);
		return false;
	}
	m = worker_ask(w, c, MAIL_QUESTION, r->number);
	if (m == NULL) {
		http_reply_refusal(w, c, REFUSAL_OVERLOADED, 1000);
		return false;
	}
	m->question = (struct mail_question){.asked_ns = w->now.mono_ns, .ask = *ask};
	http_wait(w, c, HTTP_WHAT_HISTORY);
	return true;
}

/* --- a board ---------------------------------------------------------------------------------- */

static int hex_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c == 0 ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);

	return at != NULL ? (int)(at - digits) : -1;
}

/* A moment out of a query: colons and a plus come as %3A and %2B from those who are careful. */
static bool moment_parse(struct span text, uint64_t *ret_ms)
{
	char plain[TIMESTAMP_BYTES + 8];
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];

		if (c == '%' && text.len - i > 2 && hex_of(text.at[i + 1]) >= 0 &&
		    hex_of(text.at[i + 2]) >= 0) {
			c = (char)(hex_of(text.at[i + 1]) * 16 + hex_of(text.at[i + 2]));
			i += 2;
		}
		if (len == sizeof(plain))
			return false;
		plain[len++] = c;
	}
	return timestamp_parse(plain, len, ret_ms) == 0;
}

/* Which version the answer is shows only when it comes, and the head is gone by then: what the
 * client has is kept until then, as one line. Without memory it is sent the board. */
static void tags_keep(struct conn *c, struct http_list tags)
{
	struct http_list all = tags;
	struct span tag;
	size_t len = 0;

	px_assert(c->body_blob == NULL);
	while (http_list_next(&all, &tag))
		len += tag.len + 1;
	if (len == 0)
		return;
	c->body_blob = blob_new(len);
	if (c->body_blob == NULL)
		return;
	len = 0;
	while (http_list_next(&tags, &tag)) {
		if (len > 0)
			c->body_blob->bytes[len++] = ',';
		memcpy(c->body_blob->bytes + len, tag.at, tag.len);
		len += tag.len;
	}
	px_assert(len <= c->body_blob->len); /* the same elements as were counted */
	c->body_blob->len = len;
}

static void reply_board(struct worker *w, struct conn *c, uint16_t board,
			const struct told_board *told)
{
	struct blob *kept = c->body_blob;
	struct http_list tags = {.name = "If-None-Match"};

	c->body_blob = NULL;
	if (kept != NULL)
		tags.value = (struct span){(const char *)kept->bytes, kept->len};
	http_reply_board(w, c, board, &told->bitmap, told->at_ms, PAST_MAX_AGE_S, tags);
	blob_unref(kept);
}

void http_history_board(struct worker *w, struct conn *c, const struct http_head *h,
			const struct room *r, enum board_form form)
{
	struct span seq_text = http_query(h->query, "seq"), at_text = http_query(h->query, "at");
	struct question ask = {.kind = QUESTION_BOARD,
			       .board = {.seq = HISTORY_NO_BOUND,
					 .at_ms = HISTORY_NO_BOUND,
					 .form = (uint8_t)form}};

	if (seq_text.at != NULL && at_text.at != NULL) {
		bad_request(w, c, "give seq or at, not both");
		return;
	}
	if (seq_text.at != NULL &&
	    !http_decimal(seq_text, MESSAGE_NUMBERS_END - 1, &ask.board.seq)) {
		bad_request(w, c, "seq must be a number, as in X-Board-Seq");
		return;
	}
	if (at_text.at != NULL && !moment_parse(at_text, &ask.board.at_ms)) {
		bad_request(
			w, c,
			"at must be a time like 2017-03-31T18:00:00Z, or milliseconds since 1970");
		return;
	}
	if (history_ask(w, c, r, &ask))
		tags_keep(c, h->if_none_match);
}

/* --- a pixel ---------------------------------------------------------------------------------- */

void http_history_get(struct worker *w, struct conn *c, const struct http_request *q)
{
	struct span before_text = http_query(q->head->query, "before");
	struct span limit_text = http_query(q->head->query, "limit");
	uint64_t before = HISTORY_NO_BOUND, limit = PLACEMENTS_DEFAULT;
	struct question ask = {.kind = QUESTION_CELL};
	const struct face *f = room_face(q->room);

	px_assert(q->room != NULL);
	if (q->x >= f->width || q->y >= f->height) {
		http_reply_refusal(w, c, REFUSAL_OUT_OF_BOUNDS, 0);
		return;
	}
	if (before_text.at != NULL &&
	    !http_decimal(before_text, MESSAGE_NUMBERS_END - 1, &before)) {
		bad_request(w, c, "before must be a seq: the value of next in the previous answer");
		return;
	}
	if (limit_text.at != NULL &&
	    (!http_decimal(limit_text, QUESTION_CELL_MAX, &limit) || limit == 0)) {
		bad_request(w, c, "limit must be a number from 1 to 100");
		return;
	}
	ask.cell = (struct question_cell){.before_seq = before,
					  .max = (uint32_t)limit,
					  .x = (uint16_t)q->x,
					  .y = (uint16_t)q->y};
	c->http_x = q->x;
	c->http_y = q->y;
	(void)history_ask(w, c, q->room, &ask);
}

static void placement_json(struct json_out *j, const struct told_placement *p)
{
	json_open_object(j, NULL);
	json_put_number(j, "seq", p->seq);
	json_put_number(j, "placed_at", p->placed_at_ms);
	if (p->rollback != 0) {
		json_put_null(j, "user");
		json_put_number(j, "rollback", p->rollback);
	} else {
		json_put_hex(j, "user", p->user, USER_BYTES);
	}
	json_put_number(j, "color", p->color);
	json_close(j);
}

static void reply_cell(struct worker *w, struct conn *c, const struct told_cell *told)
{
	struct blob *blob = told->placements != NULL ? blob_new(HISTORY_JSON_MAX) : NULL;
	struct told_placement found;
	struct json_out j;
	size_t count;

	if (blob == NULL) {
		http_reply_refusal(w, c, REFUSAL_OVERLOADED, 1000);
		return;
	}
	count = told->placements->len / sizeof(found);
	px_assert(count <= QUESTION_CELL_MAX);
	px_assert(told->placements->len == count * sizeof(found)); /* whole ones */
	j = json_out_of(blob->bytes, HISTORY_JSON_MAX);
	json_open_object(&j, NULL);
	json_put_number(&j, "x", c->http_x);
	json_put_number(&j, "y", c->http_y);
	json_open_array(&j, "placements");
	for (size_t i = 0; i < count; i++) {
		memcpy(&found, told->placements->bytes + i * sizeof(found), sizeof(found));
		placement_json(&j, &found);
	}
	json_close(&j);
	if (told->next_seq != 0)
		json_put_number(&j, "next", told->next_seq);
	else
		json_put_null(&j, "next");
	json_put_bool(&j, "complete", told->complete);
	json_close(&j);
	http_reply_json(w, c, 200, "Cache-Control: no-store\r\n", &j, blob);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void reply_gone(struct worker *w, struct conn *c, const struct told_since *told)
{
	char body[320], text[160], at[TIMESTAMP_BYTES];
	struct json_out j = json_out_of(body, sizeof(body));

	if (told->seq == 0) {
		http_reply_error(w, c, HTTP_ERROR_HISTORY_GONE,
				 "no history is kept for that moment");
		return;
	}
	timestamp_print(told->at_ms, at);
	snprintf(text, sizeof(text),
		 "history does not reach back that far: ask for seq %llu or at %s, or later",
		 (unsigned long long)told->seq, at);
	json_open_object(&j, NULL);
	json_open_object(&j, "error");
	json_put_text(&j, "code", http_error_str(HTTP_ERROR_HISTORY_GONE));
	json_put_text(&j, "message", text);
	json_put_number(&j, "since_seq", told->seq);
	json_put_number(&j, "since_ms", told->at_ms);
	json_close(&j);
	json_close(&j);
	http_reply_json(w, c, http_error_status(HTTP_ERROR_HISTORY_GONE),
			"Cache-Control: no-store\r\n", &j, NULL);
}

void http_history_mail(struct worker *w, struct conn *c, const struct mail_answer *a)
{
	const struct history_result *result = &a->history;
	char text[96];

	px_assert(c->state == CONN_WAIT);
	px_assert(a->head.type == MAIL_HISTORY);
	px_assert(result->kind == QUESTION_BOARD || result->kind == QUESTION_CELL);
	switch ((enum history_verdict)result->verdict) {
	case HISTORY_FOUND:
		if (result->kind == QUESTION_BOARD)
			reply_board(w, c, a->head.board, &result->board);
		else
			reply_cell(w, c, &result->cell);
		return;
	case HISTORY_NOT_YET:
		snprintf(text, sizeof(text),
			 "that moment is in the future: the board is at seq %llu",
			 (unsigned long long)result->present_seq);
		http_reply_error(w, c, HTTP_ERROR_NOT_YET, text);
		return;
	case HISTORY_GONE:
		reply_gone(w, c, &result->since);
		return;
	case HISTORY_FAILED:
		http_reply_error(w, c, HTTP_ERROR_HISTORY_UNREADABLE,
				 "the journal cannot be read: see the server's log");
		return;
	case HISTORY_AWAY:
		http_reply_error(w, c, HTTP_ERROR_HISTORY_AWAY,
				 "the journal does not reach back that far, and the database is "
				 "not reachable: try again later");
		return;
	case HISTORY_BUSY:
	default:
		http_reply_error(w, c, HTTP_ERROR_HISTORY_BUSY,
				 "the past is still being read: try again in a moment");
		return;
	}
}
