/*
 * rollback.h - placements taken back: which ones, and what the board shows then.
 *
 * Each cell of a board shows the newest placement that no rollback in force takes; without one,
 * what it showed when history begins. A rollback takes the placements that its filter matches among
 * those before it, and is in force until another rollback undoes it. The cells that it changes
 * follow its record in the journal as placements without a user (record_is_restored()), so code
 * that replays placements need not know about rollbacks.
 *
 * A plan reads the journal twice, in bounded steps: once for the rollbacks (what was read is kept
 * for the next plan), once for the placements. If retention has removed the beginning, the plan
 * starts from the oldest snapshot; placements before it cannot be taken, and cells that depend on
 * them are counted (out_of_reach) and left alone. Owner: one thread, which may block.
 */
#ifndef PX_HISTORY_ROLLBACK_H
#define PX_HISTORY_ROLLBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/board.h"
#include "engine/delta.h"
#include "persist/history/history.h"

/* A past rollback, or one that undid another. */
struct rollback {
	uint64_t lsn; /* of its record, and its name */
	struct record_rollback record;
	uint64_t undone_by; /* lsn; 0: in force */
};

struct rollback_question {
	uint16_t board;
	uint64_t undoes; /* lsn of the rollback to undo; 0: a new one, by `filter` */
	struct placement_filter filter;
};

struct rollback_answer {
	uint64_t placements;           /* taken back, or restored */
	uint64_t first_seq;            /* of the oldest of them; 0: there are none */
	uint64_t upto_seq;             /* everything up to it was examined */
	uint64_t since_seq;            /* placements up to it are out of reach; 0: none are */
	uint64_t out_of_reach;         /* cells whose color without the rollback is not known */
	uint32_t cells;                /* number that would change */
	uint16_t x, y, x_last, y_last; /* the rectangle of those cells; only with cells > 0 */
	uint8_t color_max;             /* the highest that one of those cells would show */
};

bool placement_filter_takes(const struct placement_filter *f, const struct record_placement *p);

struct rollback_plan;

/* `history` stays the caller's. -ENOMEM. */
int rollback_plan_new(struct history *history, struct rollback_plan **ret_plan);
void rollback_plan_free(struct rollback_plan *p); /* NULL is allowed */

/* After history_look(): the plan is for the board at the lsn given there. */
void rollback_plan_begin(struct rollback_plan *p, const struct rollback_question *question);

/* The same, but only reads which rollbacks there were, for rollback_plan_list(). */
void rollback_plan_begin_list(struct rollback_plan *p);

/* 1: call again; 0: the plan is complete. -ENOENT: no rollback of this board has that lsn;
 * -EALREADY: it is already undone; -EAGAIN: retention removed what was to be read, begin again;
 * -ENODATA: the journal does not know the board; -ENOMEM; -EBADMSG; the disk's error. */
int rollback_plan_step(struct rollback_plan *p);

/* After 0; valid until the next _begin. A question that undoes has the filter of the rollback it
 * undoes. */
const struct rollback_question *rollback_plan_question(const struct rollback_plan *p);
const struct rollback_answer *rollback_plan_answer(const struct rollback_plan *p);
/* Writes all cells that would change (answer.cells of them), each with its new color. */
void rollback_plan_cells(const struct rollback_plan *p, struct delta_cell *out);

/* The board as it would become. It stays the plan's and is valid until the next _begin or _drop;
 * the plan is no longer complete after this. */
struct board *rollback_plan_preview(struct rollback_plan *p);
void rollback_plan_drop(struct rollback_plan *p); /* frees its memory */

/* All known rollbacks of all boards, oldest first. Valid until the next _begin. */
const struct rollback *rollback_plan_list(const struct rollback_plan *p, size_t *ret_count);

#endif
