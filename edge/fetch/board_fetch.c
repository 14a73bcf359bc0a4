/*
 * board_fetch.c - the bitmap over a connection of its own, closed afterwards: nothing stays open
 * between the rare moments when a whole board is needed.
 */
#include "edge/fetch/board_fetch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "edge/fetch/http_fetch.h"

#define AGAIN_NS    50000000
#define AGAIN_TIMES 200

static int answer_take(struct http_answer *a, struct board_bytes *ret_board)
{
	struct board_bytes b = {.bytes = a->body, .len = a->body_len};
	uint64_t epoch;

	if (a->status == 404)
		return -ENOENT;
	if (a->status != 200 || a->body == NULL)
		return -EBADMSG;
	if (http_answer_number(a, "X-Board-Seq", &b.seq) < 0 ||
	    http_answer_number(a, "X-Board-Epoch", &epoch) < 0 || epoch > UINT32_MAX)
		return -EBADMSG;
	b.epoch = (uint32_t)epoch;
	*ret_board = b;
	return 0;
}

int board_fetch(const struct target *target, const char *board, struct board_bytes *ret_board)
{
	struct http_answer *a = malloc(sizeof(*a));
	struct http_fetch *f = NULL;
	char path[128];
	int r;

	if (a == NULL)
		return -ENOMEM;
	(void)snprintf(path, sizeof(path), "/boards/%s/bitmap", board);
	r = http_fetch_open(target, &f);
	if (r == 0)
		r = http_fetch_call(f, "GET", path, a);
	if (r == 0) {
		r = answer_take(a, ret_board);
		if (r < 0)
			free(a->body);
	}
	http_fetch_close(f);
	free(a);
	return r;
}

int board_fetch_from(const struct target *target, const char *board, uint32_t epoch, uint64_t seq,
		     struct board_bytes *ret_board)
{
	const struct timespec pause = {.tv_nsec = AGAIN_NS};

	for (int i = 0; i < AGAIN_TIMES; i++) {
		struct board_bytes b = {0};
		int r = board_fetch(target, board, &b);

		if (r < 0)
			return r;
		if (b.epoch != epoch || b.seq >= seq) {
			*ret_board = b;
			return 0;
		}
		free(b.bytes);
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	return -ETIMEDOUT;
}
