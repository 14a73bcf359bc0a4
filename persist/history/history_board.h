/*
 * history_board.h - a board as it was, at a seq or at a time.
 *
 * Starts from the newest snapshot that is not after the moment, or from the state the board is
 * already in, otherwise from the oldest record kept; then replays the journal in steps. A caller
 * that asks for ever later moments (a timelapse) reads everything once. Owner: one thread, which
 * may block.
 */
#ifndef PX_HISTORY_HISTORY_BOARD_H
#define PX_HISTORY_HISTORY_BOARD_H

#include <stdbool.h>

#include "engine/board.h"
#include "persist/history/history.h"

/* Both limits apply. A time follows the order of the journal: it means everything before the first
 * placement that is later. */
struct history_moment {
	uint64_t seq;   /* UINT64_MAX: no limit */
	uint64_t at_ms; /* wall clock; UINT64_MAX: no limit */
};

struct history_board {
	uint16_t number;
	struct record_board meta; /* valid while `board` is set */
	struct board *board;      /* NULL: history does not reach the moment */
	uint64_t seq;
	uint64_t at_ms; /* the latest time of all placements on it; 0: there are none */
	uint32_t epoch;
	enum history_source source;
	/* private */
	struct history_cursor cursor;
};

/* Needs no memory; the board is made by the first step that finds it. */
void history_board_init(struct history_board *b, uint16_t number);
void history_board_fini(struct history_board *b);

/* After a history_look(). Chooses where to start. 0 or -errno. */
int history_board_begin(struct history *h, struct history_board *b,
			const struct history_moment *moment);

/* The same, from the snapshot with this lsn (-ENODATA: it is missing, or does not have the board),
 * or, with 0, from the oldest record kept. */
int history_board_begin_at(struct history *h, struct history_board *b, uint64_t snapshot_lsn);

/* The same, from as far back as the records from `from` on allow: record 1, or the oldest snapshot
 * that needs nothing before `from`. -ENODATA: there is none. */
int history_board_begin_oldest(struct history *h, struct history_board *b, uint64_t from);

/* 1: call again; 0: the board is as it was at the moment, or `board` is NULL; -errno. */
int history_board_step(struct history *h, struct history_board *b,
		       const struct history_moment *moment);

/* With another source than the journal. _begin_empty() makes an empty board, before its first
 * placement (0, -ENOMEM). _take() applies the next placement from any source: 0; HISTORY_STOP: it
 * is after the moment, the board is unchanged; -EBADMSG: it does not follow the one before. _join()
 * lets the journal continue after `lsn`. */
int history_board_begin_empty(struct history_board *b, const struct record_board *meta);
int history_board_take(struct history_board *b, const struct record_placement *p,
		       const struct history_moment *moment);
void history_board_join(struct history_board *b, uint64_t lsn);

/* The seq and time since when the board is known, by the oldest snapshot that has it: for messages
 * about moments that history does not reach. -ENODATA: no snapshot has it. */
int history_board_since(struct history *h, uint16_t number, uint64_t *ret_seq, uint64_t *ret_ms);

/* The board with this name, by the newest snapshot, otherwise by the journal. 0, -ENODATA,
 * -errno. */
int history_board_find(struct history *h, const char *name, struct record_board *ret_meta);

#endif
