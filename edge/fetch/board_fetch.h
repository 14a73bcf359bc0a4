/*
 * board_fetch.h - GET /boards/{board}/bitmap: a whole board with its seq.
 *
 * Blocking, any thread.
 */
#ifndef PX_FETCH_BOARD_FETCH_H
#define PX_FETCH_BOARD_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "edge/fetch/target.h"

struct board_bytes {
	uint8_t *bytes; /* malloc()ed; the owner frees */
	size_t len;
	uint64_t seq;
	uint32_t epoch;
};

/* One request. 0 or -errno: the connection's; -ENOENT: no such board; -EBADMSG: not a 200 with
 * X-Board-Seq and X-Board-Epoch. */
int board_fetch(const struct target *target, const char *board, struct board_bytes *ret_board);

/* Repeats the request every 50 ms, for at most 10 s, until the board is at `seq` or later
 * (-ETIMEDOUT), or in another epoch. */
int board_fetch_from(const struct target *target, const char *board, uint32_t epoch, uint64_t seq,
		     struct board_bytes *ret_board);

#endif
