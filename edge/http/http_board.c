/*
 * http_board.c - /boards and the paths below it: descriptions, pictures, single pixels.
 *
 * Requests that the atomics of a room can answer are answered immediately; for the others the
 * writer is asked, and http_mail() continues when its answer arrives.
 */
#include <stdio.h>
#include <string.h>

#include "edge/picture/pack.h"
#include "edge/codec/session.h"
#include "edge/http/http_priv.h"
#include "engine/base/hash.h"

#define BOARD_JSON_MAX   (FACE_JSON_BYTES_MAX + 128) /* what changes all the time, too */
#define BITMAP_MAX_AGE_S 3
#define ETAG_CHARS       64
#define FIELDS_CHARS     512

static const struct {
	const char *coding; /* in Accept-Encoding; NULL: none */
	const char *etag;   /* what tells its ETag from the others' */
	const char *content_type;
} forms[BOARD_FORMS] = {
	[FORM_IDENTITY] = {NULL, "raw", "application/octet-stream"},
	[FORM_GZIP] = {"gzip", "gzip", "application/octet-stream"},
	[FORM_ZSTD] = {"zstd", "zstd", "application/octet-stream"},
	[FORM_PNG] = {NULL, "png", "image/png"},
};

/* --- descriptions ----------------------------------------------------------------------------- */

static void board_json(struct json_out *j, const struct room *r)
{
	const struct face *face = room_face(r);

	json_open_object(j, NULL);
	json_put_members(j, face->json, face->json_len);
	json_put_number(j, "epoch", atomic_load(&r->epoch));
	json_put_number(j, "seq", atomic_load(&r->seq));
	json_put_number(j, "online", room_online(r));
	json_close(j);
}

void http_boards_get(struct worker *w, struct conn *c, const struct http_request *q)
{
	const struct rooms *rooms = w->shared->rooms;
	size_t room = (size_t)(rooms->end + 1) * BOARD_JSON_MAX;
	struct blob *blob = blob_new(room);
	struct json_out j;

	(void)q;
	if (blob == NULL) {
		http_reply_refusal(w, c, REFUSAL_OVERLOADED, 1000);
		return;
	}
	j = json_out_of(blob->bytes, room);
	json_open_array(&j, NULL);
	for (uint32_t i = 0; i < rooms->end; i++)
		if (rooms->at[i] != NULL)
			board_json(&j, rooms->at[i]);
	json_close(&j);
	http_reply_json(w, c, 200, "Cache-Control: no-cache\r\n", &j, blob);
}

void http_board_get(struct worker *w, struct conn *c, const struct http_request *q)
{
	struct blob *blob = blob_new(BOARD_JSON_MAX);
	struct json_out j;

	px_assert(q->room != NULL); /* http_route_run() */
	if (blob == NULL) {
		http_reply_refusal(w, c, REFUSAL_OVERLOADED, 1000);
		return;
	}
	j = json_out_of(blob->bytes, BOARD_JSON_MAX);
	board_json(&j, q->room);
	http_reply_json(w, c, 200, "Cache-Control: no-cache\r\n", &j, blob);
}

/* --- the whole board -------------------------------------------------------------------------- */

static enum board_form form_choose(const struct http_head *h)
{
	unsigned zstd = http_coding_weight(h->accept_encoding, "zstd");
	unsigned gzip = http_coding_weight(h->accept_encoding, "gzip");

	if (zstd > 0 && zstd >= gzip)
		return FORM_ZSTD;
	return gzip > 0 ? FORM_GZIP : FORM_IDENTITY;
}

/* Which version of which board: what its ETag and its fields say. */
struct board_version {
	enum board_form form;
	uint32_t epoch;
	uint32_t tag; /* of its face */
	uint64_t seq;
	uint64_t at_ms; /* of its newest placement, for a board of the past; 0: not known */
	uint32_t max_age_s;
};

/* The same epoch and seq may be those of another board: its directory was replaced. And a picture
 * is another one when the palette is. */
static void etag_print(const struct board_version *v, char out[static ETAG_CHARS])
{
	int len = snprintf(out, ETAG_CHARS, "\"%u-%llu-%s-%x\"", v->epoch,
			   (unsigned long long)v->seq, forms[v->form].etag, v->tag);

	px_assert(len > 0 && len < ETAG_CHARS);
}

static void board_fields(const struct board_version *v, char out[static FIELDS_CHARS])
{
	struct text_out t = text_out_of(out, FIELDS_CHARS);
	char etag[ETAG_CHARS];

	px_assert(v->form < BOARD_FORMS);
	etag_print(v, etag);
	text_print(&t,
		   "Cache-Control: public, max-age=%u\r\nETag: %s\r\n"
		   "X-Board-Epoch: %u\r\nX-Board-Seq: %llu\r\n",
		   v->max_age_s, etag, v->epoch, (unsigned long long)v->seq);
	if (v->at_ms != 0)
		text_print(&t, "X-Board-Time: %llu\r\n", (unsigned long long)v->at_ms);
	if (forms[v->form].coding != NULL)
		text_print(&t, "Content-Encoding: %s\r\n", forms[v->form].coding);
	px_assert(!t.bad);
	(void)text_end(&t);
}

/* Weak comparison: a proxy that recodes a body makes its ETag weak. */
static bool tags_have(struct http_list tags, const struct board_version *v)
{
	char etag[ETAG_CHARS], weak[ETAG_CHARS + 2];

	etag_print(v, etag);
	snprintf(weak, sizeof(weak), "W/%s", etag);
	return http_list_has_exactly(tags, etag) || http_list_has_exactly(tags, weak) ||
	       span_equals(tags.value, "*");
}

/* Answers with 304 when the client has this version: in this form, or plain where it is packed. */
static bool reply_not_modified(struct worker *w, struct conn *c, struct http_list tags,
			       const struct board_version *version)
{
	struct board_version v = *version;
	char fields[FIELDS_CHARS];

	if (!tags_have(tags, &v)) {
		if (forms[v.form].coding == NULL)
			return false;
		v.form = FORM_IDENTITY;
		if (!tags_have(tags, &v))
			return false;
	}
	board_fields(&v, fields);
	http_reply(
		w, c,
		&(struct http_reply){.status = 304, .fields = fields, .varies_by_encoding = true});
	return true;
}

static void get_present(struct worker *w, struct conn *c, const struct http_head *h,
			const struct room *r, enum board_form form)
{
	const struct board_version v = {.form = form,
					.epoch = atomic_load(&r->epoch),
					.tag = room_face(r)->tag,
					.seq = atomic_load(&r->seq),
					.max_age_s = BITMAP_MAX_AGE_S};

	if (reply_not_modified(w, c, h->if_none_match, &v))
		return;
	http_wait(w, c, HTTP_WHAT_BITMAP);
	bitmaps_want(w, c, r->number, form);
}

void http_reply_board(struct worker *w, struct conn *c, uint16_t board, const struct bitmap *bitmap,
		      uint64_t at_ms, uint32_t max_age_s, struct http_list tags)
{
	const struct room *r = w->shared->rooms->at[board];
	struct board_version v = {.epoch = bitmap->epoch,
				  .tag = bitmap->tag,
				  .seq = bitmap->seq,
				  .at_ms = at_ms,
				  .max_age_s = max_age_s};
	char fields[FIELDS_CHARS];

	px_assert(bitmap->form < BOARD_FORMS);
	px_assert(r != NULL); /* rooms stay */
	if (bitmap->blob == NULL) {
		http_reply_refusal(w, c, REFUSAL_OVERLOADED, 1000);
		return;
	}
	v.form = pack_form(room_face(r), bitmap->blob, (enum board_form)bitmap->form);
	if (reply_not_modified(w, c, tags, &v))
		return;
	board_fields(&v, fields);
	http_reply(w, c,
		   &(struct http_reply){.status = 200,
					.content_type = forms[v.form].content_type,
					.varies_by_encoding = true,
					.fields = fields,
					.body = bitmap->blob->bytes,
					.body_len = bitmap->blob->len,
					.blob = blob_ref(bitmap->blob)});
}

void http_bitmap(struct worker *w, struct conn *c, uint16_t board, const struct bitmap *bitmap)
{
	px_assert(c->state == CONN_WAIT && c->http_what == HTTP_WHAT_BITMAP);
	http_reply_board(w, c, board, bitmap, 0, BITMAP_MAX_AGE_S,
			 (struct http_list){.name = NULL});
}

static void get_whole(struct worker *w, struct conn *c, const struct http_request *q,
		      enum board_form form)
{
	px_assert(q->room != NULL); /* http_route_run() answers for boards that are none */
	if (http_history_is_asked(q->head))
		http_history_board(w, c, q->head, q->room, form);
	else
		get_present(w, c, q->head, q->room, form);
}

void http_bitmap_get(struct worker *w, struct conn *c, const struct http_request *q)
{
	get_whole(w, c, q, form_choose(q->head));
}

void http_picture_get(struct worker *w, struct conn *c, const struct http_request *q)
{
	get_whole(w, c, q, FORM_PNG);
}

/* --- one pixel -------------------------------------------------------------------------------- */

/* A decimal without sign, spaces, leading zeros or overflow; false: not one. */
bool http_decimal(struct span text, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (text.len == 0 || text.len > 19 || (text.len > 1 && text.at[0] == '0'))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(text.at[i] - '0');
	}
	*ret = v;
	return v <= max;
}

void http_pixel_get(struct worker *w, struct conn *c, const struct http_request *q)
{
	const struct face *f = room_face(q->room);
	struct mail_request *m;

	px_assert(q->room != NULL);
	if (q->x >= f->width || q->y >= f->height) {
		http_reply_refusal(w, c, REFUSAL_OUT_OF_BOUNDS, 0);
		return;
	}
	m = worker_ask(w, c, MAIL_ASK_PIXEL, q->room->number);
	if (m == NULL) {
		http_reply_refusal(w, c, REFUSAL_OVERLOADED, 1000);
		return;
	}
	m->pixel = (struct mail_ask_pixel){(uint16_t)q->x, (uint16_t)q->y};
	c->http_x = q->x;
	c->http_y = q->y;
	http_wait(w, c, HTTP_WHAT_PIXEL);
}

/* A request of the same key is the same request: its number is the key's hash. */
static uint64_t request_number(struct worker *w, const struct http_head *h)
{
	uint64_t number;

	if (h->idempotency_key.len > 0)
		number = hash64(h->idempotency_key.at, h->idempotency_key.len, 2) | 1;
	else
		number = hash64(&w->now.mono_ns, sizeof(w->now.mono_ns),
				++w->mailbox.without_key * WORKERS_MAX + w->config.index) &
			 ~1ULL;
	return number & (MESSAGE_NUMBERS_END - 1); /* JSON clients are told it in `you` */
}

void http_pixel_put(struct worker *w, struct conn *c, const struct http_request *q)
{
	const struct http_head *h = q->head;
	struct mail_request *m;
	uint32_t color;

	px_assert(q->room != NULL && h->content_length <= BODY_BYTES_MAX);
	px_assert(!(c->flags & CONN_USER)); /* http_begin() */
	if (message_decode_color(q->body, (size_t)h->content_length, &color) < 0) {
		http_reply_error(w, c, HTTP_ERROR_BAD_REQUEST, "the body must be {\"color\": n}");
		return;
	}
	if (!http_origin_is_allowed(w, h)) {
		http_reply_error(w, c, HTTP_ERROR_NOT_ALLOWED, HTTP_ORIGIN_WHY);
		return;
	}
	if (!http_session(w, h, c->user)) {
		http_reply_refusal(w, c, REFUSAL_NO_SESSION, 0);
		return;
	}
	c->flags |= CONN_USER;
	if (!conn_may_ask(w, c)) {
		http_reply_refusal(w, c, REFUSAL_TOO_FAST, 1000);
		return;
	}
	m = worker_ask(w, c, MAIL_PLACE, q->room->number);
	if (m == NULL) {
		http_reply_refusal(w, c, REFUSAL_OVERLOADED, 1000);
		return;
	}
	m->place = (struct mail_place){.request = request_number(w, h),
				       .asked_ns = w->now.mono_ns,
				       .x = q->x,
				       .y = q->y,
				       .color = color,
				       .nameless = h->idempotency_key.len == 0};
	memcpy(m->place.user, c->user, sizeof(m->place.user));
	http_wait(w, c, HTTP_WHAT_PUT);
}

/* --- the writer's answers --------------------------------------------------------------------- */

static void reply_session(struct worker *w, struct conn *c, const struct mail_you *you)
{
	const struct room *r = w->shared->rooms->at[c->http_board];
	char lines[FIELDS_CHARS], token[SESSION_TOKEN_CHARS_MAX], body[512];
	char request[TEXT_NUMBER_CHARS_MAX + 1];
	struct text_out fields = text_out_of(lines, sizeof(lines));
	struct json_out j = json_out_of(body, sizeof(body));

	px_assert(c->flags & CONN_USER);
	if (!http_cookie_line(w, c, c->user, &fields, token)) {
		http_reply_refusal(w, c, REFUSAL_OVERLOADED, 1000);
		return;
	}
	text_put(&fields, "Cache-Control: no-store\r\n");
	px_assert(!fields.bad);
	snprintf(request, sizeof(request), "%llu", (unsigned long long)you->last_request);
	json_open_object(&j, NULL);
	json_put_text(&j, "token", token);
	json_put_hex(&j, "user", c->user, USER_BYTES);
	json_put_text(&j, "board", r->name);
	json_put_number(&j, "wait_ms", you->wait_ms);
	json_put_text(&j, "last_request", request);
	json_put_number(&j, "last_seq", you->last_seq);
	json_close(&j);
	http_reply_json(w, c, 200, text_end(&fields), &j, NULL);
}

static void reply_pixel(struct worker *w, struct conn *c, const struct mail_pixel *pixel)
{
	char body[256];
	struct json_out j = json_out_of(body, sizeof(body));

	json_open_object(&j, NULL);
	json_put_number(&j, "x", c->http_x);
	json_put_number(&j, "y", c->http_y);
	json_put_number(&j, "color", pixel->color);
	if (pixel->is_known) {
		json_put_hex(&j, "user", pixel->user, USER_BYTES);
		json_put_number(&j, "placed_at", pixel->placed_at_ms);
	} else {
		json_put_null(&j, "user");
		json_put_null(&j, "placed_at");
	}
	json_close(&j);
	http_reply_json(w, c, 200, "Cache-Control: no-store\r\n", &j, NULL);
}

static void reply_placed(struct worker *w, struct conn *c, const struct mail_placed *placed)
{
	char body[128];
	struct json_out j = json_out_of(body, sizeof(body));

	px_assert(placed->seq > 0); /* it is durable: it has its place in the order */
	json_open_object(&j, NULL);
	json_put_number(&j, "seq", placed->seq);
	json_put_number(&j, "cooldown_ms", placed->wait_ms);
	json_close(&j);
	http_reply_json(w, c, 200, "Cache-Control: no-store\r\n", &j, NULL);
}

void http_mail(struct worker *w, struct conn *c, const struct mail_answer *a)
{
	px_assert(c->state == CONN_WAIT);
	switch ((enum http_what)c->http_what) {
	case HTTP_WHAT_PUT:
		px_assert(a->head.type == MAIL_PLACED || a->head.type == MAIL_REFUSED);
		if (a->head.type == MAIL_PLACED)
			reply_placed(w, c, &a->placed);
		else
			http_reply_refusal(w, c, (enum refusal)a->refused.refusal,
					   a->refused.wait_ms);
		return;
	case HTTP_WHAT_PIXEL:
		px_assert(a->head.type == MAIL_PIXEL);
		reply_pixel(w, c, &a->pixel);
		return;
	case HTTP_WHAT_SESSION:
		px_assert(a->head.type == MAIL_YOU);
		reply_session(w, c, &a->you);
		return;
	case HTTP_WHAT_HISTORY:
		http_history_mail(w, c, a);
		return;
	case HTTP_WHAT_ROLLBACK:
		http_rollback_mail(w, c, a);
		return;
	case HTTP_WHAT_NONE:
	case HTTP_WHAT_BITMAP: /* bitmaps.c has asked for it, and gives it */
	default:
		px_unreachable("answer to a request that was not made");
	}
}
