/*
 * http_priv.h - shared by the files of HTTP. On the worker's thread.
 */
#ifndef PX_HTTP_HTTP_PRIV_H
#define PX_HTTP_HTTP_PRIV_H

#include "edge/codec/http_error.h"
#include "edge/conn/ask.h"
#include "edge/conn/state.h"
#include "edge/http/bitmaps.h"
#include "edge/http/http.h"
#include "edge/mail/mail.h"
#include "engine/base/json_out.h"

#define HTTP_ORIGIN_WHY "pages of this origin are not allowed here: the server does not list it"

struct web_asset;

/* --- http.c: requests ------------------------------------------------------------------------- */
enum http_what {
	HTTP_WHAT_NONE,
	HTTP_WHAT_PUT,
	HTTP_WHAT_PIXEL,
	HTTP_WHAT_SESSION,
	HTTP_WHAT_BITMAP,
	HTTP_WHAT_HISTORY,
	HTTP_WHAT_ROLLBACK
};
/* A request as its handler gets it; valid during the call. */
struct http_request {
	const struct http_head *head;
	const uint8_t *body;            /* head->content_length bytes */
	const struct http_route *route; /* NULL: nothing is at the path */
	struct span board;       /* {board}, as written in the path; absent: the path has none */
	const struct room *room; /* the board with that name; NULL: there is none */
	uint32_t x, y;           /* {x}, {y}: may be outside the board */
	const struct web_asset *asset; /* set if the path is one of the page's */
};
/* Answers, or asks the writer and waits. */
typedef void http_handler(struct worker *w, struct conn *c, const struct http_request *q);
http_handler http_asset_get, http_metrics_get, http_health_get, http_ready_get;
http_handler http_about_get;
http_handler http_session_post, http_ws_get, http_echo_get, http_echo_post;
void http_input(struct worker *w, struct conn *c); /* c->in may hold a request */
enum http_token { HTTP_TOKEN_NONE, HTTP_TOKEN_BAD, HTTP_TOKEN_GOOD };
/* Checks the token of a request. GOOD: user is set, and ret_ends_s unless it is NULL. */
enum http_token http_token_look(struct worker *w, const struct http_head *h,
				uint8_t user[static USER_BYTES], uint64_t *ret_ends_s);
bool http_session(struct worker *w, const struct http_head *h, uint8_t user[static USER_BYTES]);
/* Appends the Set-Cookie line that gives the user a session; also returns the token in ret_token.
 * false: out of memory, and nothing was appended. */
bool http_cookie_line(struct worker *w, const struct conn *c, const uint8_t user[static USER_BYTES],
		      struct text_out *fields, char *ret_token);
/* A request starts with these bytes: clears everything left of the one before. */
void http_begin(struct conn *c, const uint8_t *bytes, size_t len);
bool http_session_is_allowed(struct worker *w, const struct conn *c);  /* counts it */
void http_wait(struct worker *w, struct conn *c, enum http_what what); /* for the writer's answer */

/* --- http_route.c: the table of paths and methods --------------------------------------------- */
/* Fills in what the path of q->head says. */
void http_route_find(struct worker *w, struct http_request *q);
void http_route_run(struct worker *w, struct conn *c, const struct http_request *q);
/* Whether pages of any site may read it: it is not secret and has no effect. */
bool http_route_is_public(const struct http_request *q);

/* --- http_origin.c: pages of other sites ------------------------------------------------------ */
/* Whether a page of the request's Origin may act here: browsers send our cookie with it. Logs a
 * refusal. */
bool http_origin_is_allowed(struct worker *w, const struct http_head *h);
void http_origin_begin(struct conn *c); /* no head is read yet */
void http_origin_take(struct worker *w, struct conn *c, const struct http_head *h, bool is_public);
/* Append the lines that let the right pages read the answer; for the answer to OPTIONS also what
 * they may ask for. */
void http_origin_fields(const struct worker *w, const struct conn *c, struct text_out *fields);
void http_origin_preflight(const struct conn *c, const char *allow, struct text_out *fields);
bool http_origin_varies(const struct worker *w); /* whether an answer depends on Origin */

/* --- http_board.c: boards and pixels, and the writer's answers -------------------------------- */
http_handler http_boards_get, http_board_get, http_bitmap_get, http_picture_get;
http_handler http_pixel_get, http_pixel_put;
void http_bitmap(struct worker *w, struct conn *c, uint16_t board, const struct bitmap *bitmap);
/* Answers with a board, or 304 when `tags` include it. at_ms: time of its newest placement, 0: not
 * sent; max_age_s: how long caches may keep it. */
void http_reply_board(struct worker *w, struct conn *c, uint16_t board, const struct bitmap *bitmap,
		      uint64_t at_ms, uint32_t max_age_s, struct http_list tags);

/* false: not a number up to `max` */
bool http_decimal(struct span text, uint64_t max, uint64_t *ret);

/* --- http_history.c: the past ----------------------------------------------------------------- */
bool http_history_is_asked(const struct http_head *h); /* for a board at a seq or a time */
void http_history_board(struct worker *w, struct conn *c, const struct http_head *h,
			const struct room *r, enum board_form form);
http_handler http_history_get; /* of a pixel */
void http_history_mail(struct worker *w, struct conn *c, const struct mail_answer *a);

/* --- http_rollback.c: placements taken back, by the operator ---------------------------------- */
http_handler http_rollback_post, http_rollback_preview_post, http_rollbacks_get;
void http_rollback_mail(struct worker *w, struct conn *c, const struct mail_answer *a);

/* --- http_reply.c: answers -------------------------------------------------------------------- */
struct http_reply {
	unsigned status;
	const char *content_type; /* NULL: no body */
	const char *fields;       /* more header lines, each with its CRLF; may be NULL */
	const void *body;
	size_t body_len;
	struct blob *blob; /* owner of the body, its reference taken over; NULL: copied or static */
	bool body_is_static;
	bool varies_by_encoding;
};
void http_reply(struct worker *w, struct conn *c, const struct http_reply *r);
void http_reply_refusal(struct worker *w, struct conn *c, enum refusal why, uint32_t wait_ms);
/* Answers with the JSON in j. `fields` as in struct http_reply; `blob`: owner of j's room, whose
 * reference it takes over; NULL: the JSON is copied. */
void http_reply_json(struct worker *w, struct conn *c, unsigned status, const char *fields,
		     struct json_out *j, struct blob *blob);
/* The text is for people. */
void http_reply_error(struct worker *w, struct conn *c, enum http_error e, const char *text);
void http_reply_not_allowed(struct worker *w, struct conn *c, const char *allow); /* 405 */

/* --- http_send.c ------------------------------------------------------------------------------ */
void http_send_start(struct worker *w, struct conn *c); /* sends all of out and body */

#endif
