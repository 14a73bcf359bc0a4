/*
 * history_board.h - a board as it was: at a seq or at a time.
 *
 * From the newest snapshot that is not newer than the moment, or from where this board stands
 * already, else from the first record kept; then the journal, in steps. Who asks for later and
 * later moments (a timelapse) reads everything once.
 */
#ifndef PX_HISTORY_HISTORY_BOARD_H
#define PX_HISTORY_HISTORY_BOARD_H

#include <stdbool.h>

#include "engine/board.h"
#include "persist/history/history.h"

/* Everything up to both. A time is by the order of the journal: what stands before the first
 * placement that is later. */
struct history_moment {
	uint64_t seq;   /* UINT64_MAX: whichever */
	uint64_t at_ms; /* likewise */
};

struct history_board {
	uint16_t number;
	struct record_board meta; /* while board is there */
	struct board *board;      /* NULL: history does not reach the moment */
	uint64_t seq;
	uint64_t at_ms; /* the latest time of all placements on it; 0: there are none */
	uint32_t epoch;
	enum history_source source;
	/* private */
	struct history_cursor cursor;
};

void history_board_init(struct history_board *b, uint16_t number);
void history_board_fini(struct history_board *b);

/* After a history_look(). Chooses where to begin: 0 or -errno. */
int history_board_begin(struct history *h, struct history_board *b,
			const struct history_moment *moment);

/* The same from a snapshot of this lsn (-ENODATA: it is not there, or does not have the board), or,
 * with 0, from the first record kept. */
int history_board_begin_at(struct history *h, struct history_board *b, uint64_t snapshot_lsn);

/* The same from as far back as record `from` on allows: record 1, or the oldest snapshot that needs
 * nothing before `from`. -ENODATA: there is none. */
int history_board_begin_oldest(struct history *h, struct history_board *b, uint64_t from);

/* 1: call again; 0: it stands at the moment, or board is NULL; -errno. */
int history_board_step(struct history *h, struct history_board *b,
		       const struct history_moment *moment);

/* With another source than the journal: an empty board, before the first placement; and the next
 * placement, whoever tells it: 0, HISTORY_STOP: it is behind the moment, -EBADMSG: it does not
 * follow. And the journal goes on with what is behind `lsn`. */
int history_board_begin_empty(struct history_board *b, const struct record_board *meta);
int history_board_take(struct history_board *b, const struct record_placement *p,
		       const struct history_moment *moment);
void history_board_join(struct history_board *b, uint64_t lsn);

/* Since when the board is known: the oldest snapshot that has it. For sentences about moments that
 * history does not reach. -ENODATA: none has it. */
int history_board_since(struct history *h, uint16_t number, uint64_t *ret_seq, uint64_t *ret_ms);

/* The board of this name, by the newest snapshot, else by the journal. 0, -ENODATA, -errno. */
int history_board_find(struct history *h, const char *name, struct record_board *ret_meta);

#endif
