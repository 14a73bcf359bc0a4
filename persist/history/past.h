/*
 * past.h - the past from wherever it is kept: the journal first, and what retention has removed
 * from it from the database.
 *
 * The steps of history_board.h and history_cell.h, with the same meaning, over both sources. With
 * NULL for `past` they use the journal alone. One thread, the historian's; it may block, as
 * postgres_past.h says.
 *
 * A board is replayed from its first placement on, and each placement must follow the one before,
 * also where the journal takes over: with a hole anywhere the board is not returned. A cell's
 * placements are returned as they are found, and called complete when all placements of its board
 * are there: they are counted, and the result is kept for an hour.
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
	/* Any thread: whether the database is known to hold this journal and to be in order. If
	 * not, it is not asked. */
	bool (*is_trusted)(void *arg);
};

/* -ENOMEM; copies `config` */
int past_new(const struct past_config *config, struct past **ret_past);
void past_free(struct past *p); /* NULL is allowed */

/* For a turn without a question: nanoseconds until it wants to be called again; UINT64_MAX:
 * never. */
uint64_t past_rest(struct past *p, struct now now);

/* What a question needs besides itself. */
struct past_ask {
	struct history *history;
	struct now now;
	struct record_board meta; /* of the board */
	uint64_t seq;             /* the board's, at the lsn given to history_look() */
};

/* After history_board_begin(), which leaves a board that is being read from the database alone. 1:
 * call again; 0: the board is as it was at the moment, or `board` is NULL; PAST_AWAY: only the
 * database may have it, and it cannot be asked; otherwise -errno. */
int past_board_step(struct past *p, const struct past_ask *ask, struct history_board *b,
		    const struct history_moment *moment);

/* The same for a cell. PAST_AWAY only when nothing was found: otherwise what was found is the
 * answer, and next_seq says where to continue once the database is back. */
int past_cell_step(struct past *p, const struct past_ask *ask, struct history_cell *c);

#endif
