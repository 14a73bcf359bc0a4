/*
 * http_route.c - the paths and the methods of each: one table.
 *
 * The handler of a request, 404, 405 and the answer to OPTIONS all come from the table, so that
 * they cannot contradict one another. A path that is not in it is looked up among the page's files.
 */
#include <stdio.h>
#include <string.h>

#include "edge/http/http_priv.h"
#include "web/web_asset.h"

#define ALLOW_CHARS     64
#define QUERY_KEYS_MAX  2
#define PATH_NUMBER_MAX 999999999 /* beyond every board; larger numbers count as this one */

_Static_assert(PATH_NUMBER_MAX >= BOARD_SIDE_MAX, "out of bounds stays so");

struct http_route {
	const char *pattern; /* {board}, {x} and {y} stand for one segment each */
	http_handler *get;   /* GET and HEAD; NULL: the path does not know the method */
	http_handler *put;
	http_handler *post;
	const char *query[QUERY_KEYS_MAX]; /* parameters that have a meaning here */
	bool is_public; /* pages of any site may read it: what is no secret and does not act */
	bool is_test;   /* there only with --test-echo */
};

static const struct http_route routes[] = {
	{"/boards", .get = http_boards_get, .is_public = true},
	{"/boards/{board}", .get = http_board_get, .is_public = true},
	{"/boards/{board}/bitmap", .get = http_bitmap_get, .query = {"seq", "at"},
	 .is_public = true},
	{"/boards/{board}/image.png", .get = http_picture_get, .query = {"seq", "at"},
	 .is_public = true},
	{"/boards/{board}/pixels/{x}/{y}", .get = http_pixel_get, .put = http_pixel_put,
	 .is_public = true},
	{"/boards/{board}/pixels/{x}/{y}/history", .get = http_history_get,
	 .query = {"before", "limit"}, .is_public = true},
	{"/boards/{board}/rollback", .post = http_rollback_post},
	{"/boards/{board}/rollback/preview.png", .post = http_rollback_preview_post},
	{"/boards/{board}/rollbacks", .get = http_rollbacks_get},
	{"/session", .post = http_session_post, .query = {"board"}},
	{"/ws", .get = http_ws_get},
	{"/about", .get = http_about_get, .is_public = true},
	{"/metrics", .get = http_metrics_get},
	{"/healthz", .get = http_health_get},
	{"/readyz", .get = http_ready_get},
	{"/test/echo", .get = http_echo_get, .post = http_echo_post, .is_test = true},
};

static const struct http_route asset_route = {"", .get = http_asset_get};
/* "*" stands for the server: its methods are those of any path. It comes with OPTIONS only, so the
 * handlers are never called. */
static const struct http_route asterisk_route = {"*", .get = http_asset_get, .put = http_pixel_put,
						 .post = http_session_post};

/* --- paths ------------------------------------------------------------------------------------ */

/* A decimal without sign, blanks or leading zero, whatever its size. */
static bool path_number(struct span text, uint32_t *ret)
{
	uint64_t v = 0;

	if (text.len == 0 || (text.len > 1 && text.at[0] == '0'))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(text.at[i] - '0');
		if (v > PATH_NUMBER_MAX)
			v = PATH_NUMBER_MAX;
	}
	*ret = (uint32_t)v;
	return true;
}

/* The segment that stands where the pattern has {name}. */
static bool segment_take(char name, struct span segment, struct http_request *q)
{
	px_assert(name == 'x' || name == 'y' || name == 'b'); /* of a pattern in the table */
	if (name == 'x')
		return path_number(segment, &q->x);
	if (name == 'y')
		return path_number(segment, &q->y);
	q->board = segment;
	return segment.len > 0;
}

static bool path_matches(const char *pattern, struct span path, struct http_request *q)
{
	size_t at = 0;

	q->board.at = NULL;
	for (; *pattern != '\0'; pattern++) {
		struct span segment = {path.at + at, 0};

		if (*pattern != '{') {
			if (at == path.len || path.at[at] != *pattern)
				return false;
			at++;
			continue;
		}
		while (at < path.len && path.at[at] != '/') {
			segment.len++;
			at++;
		}
		if (!segment_take(pattern[1], segment, q))
			return false;
		pattern = strchr(pattern, '}');
		px_assert(pattern != NULL);
	}
	return at == path.len;
}

/* NULL: there is nothing at this path. */
static const struct http_route *route_of(struct worker *w, struct http_request *q)
{
	struct span path = q->head->path;

	px_assert(path.len > 0); /* http_head_parse() */
	if (span_equals(path, "*"))
		return &asterisk_route;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (routes[i].is_test && !w->shared->test_echo)
			continue;
		if (path_matches(routes[i].pattern, path, q))
			return &routes[i];
	}
	q->board.at = NULL;
	q->asset = web_asset_find(path.at, path.len);
	return q->asset != NULL ? &asset_route : NULL;
}

void http_route_find(struct worker *w, struct http_request *q)
{
	px_assert(q->head != NULL && q->room == NULL && q->asset == NULL);
	q->route = route_of(w, q);
	if (q->board.at != NULL)
		q->room = rooms_find(w->shared->rooms, q->board.at, q->board.len);
}

bool http_route_is_public(const struct http_request *q)
{
	return q->route == NULL || q->route->is_public;
}

/* --- methods ---------------------------------------------------------------------------------- */

static http_handler *handler_of(const struct http_route *r, enum http_method method)
{
	switch (method) {
	case HTTP_GET:
	case HTTP_HEAD:
		return r->get;
	case HTTP_PUT:
		return r->put;
	case HTTP_POST:
		return r->post;
	case HTTP_DELETE:
	case HTTP_OPTIONS:
	case HTTP_OTHER:
	default:
		return NULL;
	}
}

static void allow_print(const struct http_route *r, char out[static ALLOW_CHARS])
{
	int len = snprintf(out, ALLOW_CHARS, "%s%s%sOPTIONS", r->get != NULL ? "GET, HEAD, " : "",
			   r->put != NULL ? "PUT, " : "", r->post != NULL ? "POST, " : "");

	px_assert(len > 0 && len < ALLOW_CHARS);
}

static void reply_options(struct worker *w, struct conn *c, const struct http_route *r)
{
	char allow[ALLOW_CHARS], lines[512];
	struct text_out fields = text_out_of(lines, sizeof(lines));

	allow_print(r, allow);
	text_print(&fields, "Allow: %s\r\n", allow);
	http_origin_preflight(c, allow, &fields);
	px_assert(!fields.bad);
	http_reply(w, c, &(struct http_reply){.status = 204, .fields = text_end(&fields)});
}

static void reply_not_allowed(struct worker *w, struct conn *c, const struct http_route *r)
{
	char allow[ALLOW_CHARS];

	allow_print(r, allow);
	http_reply_not_allowed(w, c, allow);
}

/* --- dispatch --------------------------------------------------------------------------------- */

/* A parameter that comes twice has two meanings, and two readers may choose differently. */
static const char *repeated_parameter(const struct http_route *r, struct span query)
{
	for (unsigned i = 0; i < QUERY_KEYS_MAX && r->query[i] != NULL; i++)
		if (http_query_count(query, r->query[i]) > 1)
			return r->query[i];
	return NULL;
}

void http_route_run(struct worker *w, struct conn *c, const struct http_request *q)
{
	const struct http_route *r = q->route;
	const char *repeated = r != NULL ? repeated_parameter(r, q->head->query) : NULL;
	http_handler *run = r != NULL ? handler_of(r, q->head->method) : NULL;
	char text[64];

	if (r == NULL) {
		http_reply_error(w, c, HTTP_ERROR_NOT_FOUND, "there is nothing at this path");
	} else if (q->head->method == HTTP_OPTIONS) {
		/* of any board: a browser that asks for a page of another site must get to the 404
		 * */
		reply_options(w, c, r);
	} else if (q->board.at != NULL && q->room == NULL) {
		http_reply_refusal(w, c, REFUSAL_UNKNOWN_BOARD, 0);
	} else if (run == NULL) {
		reply_not_allowed(w, c, r);
	} else if (repeated != NULL) {
		snprintf(text, sizeof(text), "the parameter %s occurs twice", repeated);
		http_reply_error(w, c, HTTP_ERROR_BAD_REQUEST, text);
	} else {
		px_assert((q->asset != NULL) == (r == &asset_route)); /* handlers go by them */
		run(w, c, q);
	}
}
