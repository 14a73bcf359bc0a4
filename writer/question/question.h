/*
 * question.h - questions about the past and about rollbacks, and what comes of them.
 *
 * Workers ask, the writer passes on, the historian answers. Plain data; a question owns the order
 * of a rollback, a result one reference to each of its blobs, and who has it last ends it.
 */
#ifndef PX_QUESTION_QUESTION_H
#define PX_QUESTION_QUESTION_H

#include <stdbool.h>
#include <stdint.h>

#include "edge/picture/bitmap.h"
#include "engine/placement_filter.h"
#include "engine/user.h"

/* --- what is asked ---------------------------------------------------------------------------- */

enum question_kind {
	QUESTION_BOARD,    /* as it was: a history_result */
	QUESTION_CELL,     /* who placed it: a history_result */
	QUESTION_ROLLBACK, /* a rollback_result */
};

/* Everything up to both. */
struct question_board {
	uint64_t seq;   /* UINT64_MAX: whichever */
	uint64_t at_ms; /* likewise */
	uint8_t form;   /* enum board_form */
};

#define QUESTION_CELL_MAX 100 /* placements of one answer */

struct question_cell {
	uint64_t before_seq; /* only placements below it; UINT64_MAX: from the newest on */
	uint32_t max;        /* 1..QUESTION_CELL_MAX */
	uint16_t x, y;
};

enum rollback_op {
	ROLLBACK_DO,
	ROLLBACK_TRY,     /* says what it would do */
	ROLLBACK_PREVIEW, /* shows the board as it would be */
	ROLLBACK_LIST,    /* all that were */
};

/* What a rollback is to do. */
struct rollback_order {
	struct placement_filter filter; /* upto_seq UINT64_MAX: as the board is now */
	uint64_t undoes;                /* the rollback that is to end; 0: a new one, by `filter` */
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

void question_drop(const struct question *q);

/* --- what was: QUESTION_BOARD, QUESTION_CELL -------------------------------------------------- */

enum history_verdict {
	HISTORY_FOUND,
	HISTORY_BUSY,    /* too many ask, or it takes longer than one question may: again soon */
	HISTORY_NOT_YET, /* that moment is still to come */
	HISTORY_GONE,    /* history does not reach back so far */
	HISTORY_FAILED,  /* the disk or the journal is broken: the log says how */
	HISTORY_AWAY,    /* the database has it, or may, and cannot be asked now */
};

struct told_board {
	struct bitmap bitmap;
	uint64_t at_ms; /* the latest time of all placements on it; 0: there are none */
};

/* One of the placements of a cell. */
struct told_placement {
	uint64_t seq;
	uint64_t placed_at_ms;
	uint64_t rollback; /* that set it; 0: a person did */
	uint8_t user[USER_BYTES];
	uint8_t color;
};

struct told_cell {
	struct blob *placements; /* of struct told_placement, newest first; NULL: no memory */
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
	ROLLBACK_BUSY,      /* another one is at work, or too many questions: again soon */
	ROLLBACK_UNKNOWN,   /* there is none of this name to be undone */
	ROLLBACK_IS_UNDONE, /* it was undone already */
	ROLLBACK_TOO_LARGE, /* more cells than change at once */
	ROLLBACK_NO_COLOR,  /* a cell would show a color that the palette does not have any more */
	ROLLBACK_REFUSED,   /* the journal cannot be written now; nothing was changed */
	ROLLBACK_GONE,      /* the journal that is kept does not know the board */
	ROLLBACK_FAILED,    /* the disk or the journal is broken: the log says how */
};

struct told_rollback {
	uint64_t rollback;     /* its name; 0: it was not made */
	uint64_t undoes;       /* another one's name; 0: none */
	uint64_t undone_by;    /* LIST: likewise */
	uint64_t placed_at_ms; /* LIST: when */
	uint64_t placements;   /* taken back, or given again */
	uint64_t cells;        /* changed, or would change */
	uint64_t cells_max;    /* may change at once */
	uint64_t out_of_reach; /* cells left alone because history does not reach back to them */
	uint64_t since_seq;    /* placements up to it are out of reach */
	uint64_t seq;          /* DO: of the board with it */
	struct placement_filter filter;
	uint16_t x, y, x_last, y_last; /* where cells change; only with cells */
};

struct rollback_result {
	/* Of struct told_rollback. DO, TRY: one, of DONE and TOO_LARGE; LIST: any number, oldest
	 * first. NULL: no memory. */
	struct blob *told;
	struct blob *preview; /* PREVIEW: a PNG; NULL: likewise */
	uint8_t op;           /* enum rollback_op */
	uint8_t verdict;      /* enum rollback_verdict */
};

void rollback_result_drop(const struct rollback_result *r);

#endif
