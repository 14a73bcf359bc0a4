/*
 * preview.c - GET /about and GET /boards/{board}, each over a connection that is closed afterwards.
 *
 * The features are a flat list of plain words, so they are searched rather than parsed.
 */
#include "tools/loadgen/pixel/preview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/codec/message.h"
#include "edge/fetch/http_fetch.h"

/* NULL: there is no such answer. The caller frees. */
static char *body_fetch(const struct target *target, struct http_answer *a, const char *path)
{
	struct http_fetch *f = NULL;
	char *body = NULL;

	if (http_fetch_open(target, &f) == 0 && http_fetch_call(f, "GET", path, a) == 0) {
		if (a->status == 200)
			body = (char *)a->body;
		else
			free(a->body);
	}
	http_fetch_close(f);
	return body;
}

static bool has_feature(const char *about, const char *quoted)
{
	const char *list = strstr(about, "\"features\"");
	const char *end = list == NULL ? NULL : strchr(list, ']');
	const char *at = list == NULL ? NULL : strstr(list, quoted);

	return at != NULL && end != NULL && at < end;
}

static uint32_t colors_of(const char *board)
{
	struct msg_face *face = malloc(sizeof(*face));
	uint32_t colors = 0;

	if (face != NULL && message_decode_face(board, strlen(board), face) == 0)
		colors = face->palette_len;
	free(face);
	return colors;
}

void preview_fetch(const struct target *target, const char *board, struct preview *ret_preview)
{
	struct http_answer *a = malloc(sizeof(*a));
	char path[128], *body;

	*ret_preview = (struct preview){0};
	if (a == NULL)
		return;
	body = body_fetch(target, a, "/about");
	ret_preview->tells_face = body != NULL && has_feature(body, "\"board\"");
	free(body);
	(void)snprintf(path, sizeof(path), "/boards/%s", board);
	body = body_fetch(target, a, path);
	ret_preview->colors = body != NULL ? colors_of(body) : 0;
	free(body);
	free(a);
}
