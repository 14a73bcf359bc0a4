/*
 * past.h - the past from wherever it is kept: the journal first, and what it does not have any more
 * from the database.
 *
 * The steps of history_board.h and history_cell.h, with the same meaning, over both. With NULL for
 * `past` they are those of the journal alone. One thread, the historian's: it may block, as
 * postgres_past.h says.
 *
 * A board is folded from its first placement on, and each must follow the one before, also where
 * the journal takes over: a hole anywhere, and it is not told. A cell's placements are told as they
 * are there, and called complete when all of its board's are: they are counted, and that is
 * remembered for an hour.
 */
#ifndef PX_HISTORY_PAST_H
#define PX_HISTORY_PAST_H

#include "persist/history/history_board.h"
#include "persist/history/history_cell.h"
#include "persist/postgres/postgres_past.h"

#define PAST_AWAY POSTGRES_PAST_AWAY

struct past;

struct past_config {
	struct postgres_past_config postgres;
	void *arg;
	/* Any thread: somebody has seen that the database is this journal's, and nothing is wrong
	 * with it. Else it is not asked. */
	bool (*is_trusted)(void *arg);
};

int past_new(const struct past_config *config, struct past **ret_past); /* -ENOMEM */
void past_free(struct past *p);                                         /* NULL is fine */

/* Nobody asks: nanoseconds until it wants to be told so again; UINT64_MAX: never. */
uint64_t past_rest(struct past *p, struct now now);

/* Who asks. */
struct past_ask {
	struct history *history;
	struct now now;
	struct record_board meta; /* of the board */
	uint64_t seq;             /* the board's, at what history_look() was told */
};

/* After history_board_begin(), which knows of boards that stand in the database. 1: call again; 0:
 * it stands at the moment, or board is NULL; PAST_AWAY: only the database may have it, and cannot
 * be asked; else -errno. */
int past_board_step(struct past *p, const struct past_ask *ask, struct history_board *b,
		    const struct history_moment *moment);

/* Likewise. PAST_AWAY only where nothing was found: else that is the answer, and next_seq says
 * where to go on when the database is back. */
int past_cell_step(struct past *p, const struct past_ask *ask, struct history_cell *c);

#endif
