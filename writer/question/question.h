/*
 * question.h - questions about the past and about rollbacks, and their results.
 *
 * Workers ask, the writer passes on, the historian answers. Plain data. A question owns the order
 * of a rollback, a result one reference to each of its blobs; the last holder drops it.
 */
#ifndef PX_QUESTION_QUESTION_H
#define PX_QUESTION_QUESTION_H

#include <stdbool.h>
#include <stdint.h>

#include "edge/picture/bitmap.h"
#include "engine/placement_filter.h"
#include "engine/user.h"

/* --- questions -------------------------------------------------------------------------------- */

enum question_kind {
	QUESTION_BOARD,    /* a board as it was: a history_result */
	QUESTION_CELL,     /* who placed a cell: a history_result */
	QUESTION_ROLLBACK, /* a rollback_result */
};

/* Both limits apply. */
struct question_board {
	uint64_t seq;   /* UINT64_MAX: no limit */
	uint64_t at_ms; /* wall clock; UINT64_MAX: no limit */
	uint8_t form;   /* enum board_form */
};

#define QUESTION_CELL_MAX 100 /* most placements in one answer */

struct question_cell {
	uint64_t before_seq; /* only placements below it; UINT64_MAX: from the newest on */
	uint32_t max;        /* 1..QUESTION_CELL_MAX */
	uint16_t x, y;
};

enum rollback_op {
	ROLLBACK_DO,
	ROLLBACK_TRY,     /* reports what it would do */
	ROLLBACK_PREVIEW, /* shows the board as it would become */
	ROLLBACK_LIST,    /* lists all that were made */
};

/* What a rollback is to do. */
struct rollback_order {
	struct placement_filter filter; /* upto_seq UINT64_MAX: the board's present seq */
	uint64_t undoes;                /* lsn of the rollback to undo; 0: a new one, by `filter` */
};

struct question_rollback {
	struct rollback_order *order; /* from malloc(); LIST: NULL */
	uint8_t op;                   /* enum rollback_op */
};

struct question {
	uint8_t kind; /* enum question_kind */
	union {
		struct question_board board;
		struct question_cell cell;
		struct question_rollback rollback;
	};
};

/* Frees what the question owns. */
void question_drop(const struct question *q);

/* --- the past: QUESTION_BOARD, QUESTION_CELL -------------------------------------------------- */

enum history_verdict {
	HISTORY_FOUND,
	HISTORY_BUSY, /* too many questions, or it takes longer than one question may: retry soon */
	HISTORY_NOT_YET, /* that moment is in the future */
	HISTORY_GONE,    /* history does not reach back that far */
	HISTORY_FAILED,  /* the disk or the journal is damaged: the log has the details */
	HISTORY_AWAY,    /* the database has it, or may have it, and cannot be asked now */
};

struct told_board {
	struct bitmap bitmap;
	uint64_t at_ms; /* the latest time of all placements on it; 0: there are none */
};

/* One placement of a cell. */
struct told_placement {
	uint64_t seq;
	uint64_t placed_at_ms;
	uint64_t rollback; /* lsn of the rollback that set it; 0: a user did */
	uint8_t user[USER_BYTES];
	uint8_t color;
};

struct told_cell {
	struct blob *placements; /* of struct told_placement, newest first; NULL: out of memory */
	uint64_t next_seq;       /* older ones are below it; 0: there are none */
	bool complete;           /* with next_seq 0: nothing older is missing */
};

/* Where the history of the board begins. */
struct told_since {
	uint64_t seq; /* 0: there is none */
	uint64_t at_ms;
};

struct history_result {
	uint8_t kind;    /* enum question_kind */
	uint8_t verdict; /* enum history_verdict */
	union {
		struct told_board board; /* FOUND, of QUESTION_BOARD */
		struct told_cell cell;   /* FOUND, of QUESTION_CELL */
		uint64_t present_seq;    /* NOT_YET */
		struct told_since since; /* GONE */
	};
};

void history_result_drop(const struct history_result *r);

/* --- placements taken back: QUESTION_ROLLBACK ------------------------------------------------- */

enum rollback_verdict {
	ROLLBACK_DONE,
	ROLLBACK_BUSY,      /* another one is in progress, or too many questions: retry soon */
	ROLLBACK_UNKNOWN,   /* there is no rollback of this name to undo */
	ROLLBACK_IS_UNDONE, /* it was already undone */
	ROLLBACK_TOO_LARGE, /* more cells than may change at once */
	ROLLBACK_NO_COLOR,  /* a cell would show a color that is no longer in the palette */
	ROLLBACK_REFUSED,   /* the journal cannot be written now; nothing changed */
	ROLLBACK_GONE,      /* the journal that is kept does not have the board */
	ROLLBACK_FAILED,    /* the disk or the journal is damaged: the log has the details */
};

struct told_rollback {
	uint64_t rollback;     /* its name (the lsn of its record); 0: it was not made */
	uint64_t undoes;       /* name of the one it undid; 0: none */
	uint64_t undone_by;    /* LIST: name of the one that undid it; 0: none */
	uint64_t placed_at_ms; /* LIST: when */
	uint64_t placements;   /* taken back, or restored */
	uint64_t cells;        /* changed, or would change */
	uint64_t cells_max;    /* most that may change at once */
	uint64_t out_of_reach; /* cells left alone because history does not reach back to them */
	uint64_t since_seq;    /* placements up to it are out of reach */
	uint64_t seq;          /* DO: the board's seq after it */
	struct placement_filter filter;
	uint16_t x, y, x_last, y_last; /* the rectangle of those cells; only with cells > 0 */
};

struct rollback_result {
	/* Of struct told_rollback. DO, TRY: one, with DONE and TOO_LARGE; LIST: any number, oldest
	 * first. NULL: out of memory. */
	struct blob *told;
	struct blob *preview; /* PREVIEW: a PNG; NULL: out of memory */
	uint8_t op;           /* enum rollback_op */
	uint8_t verdict;      /* enum rollback_verdict */
};

void rollback_result_drop(const struct rollback_result *r);

#endif
