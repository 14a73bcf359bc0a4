/*
 * rollback.h - placements taken back: which ones, and what the board shows then.
 *
 * Of each cell a board shows the newest placement that no rollback in force takes; without one,
 * what it showed when history begins. A rollback takes what its filter says, of what was placed
 * before it, and is in force until another one undoes it. What it changes stands in the journal
 * right behind its record, as placements of nobody (record_is_restored()): who folds placements
 * needs to know nothing of rollbacks.
 *
 * A plan reads the journal twice, in bounded steps: once for the rollbacks (what was read is kept
 * for the next plan), once for the placements. Where retention has removed the beginning, it goes
 * from the oldest snapshot; what was placed before cannot be taken, and cells that would need to
 * know are counted (out_of_reach) and left alone. Owner: one thread, which may block.
 */
#ifndef PX_HISTORY_ROLLBACK_H
#define PX_HISTORY_ROLLBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/board.h"
#include "engine/delta.h"
#include "persist/history/history.h"

/* A rollback that was, or the end of one. */
struct rollback {
	uint64_t lsn; /* of its record: its name */
	struct record_rollback record;
	uint64_t undone_by; /* lsn; 0: in force */
};

struct rollback_question {
	uint16_t board;
	uint64_t undoes; /* the lsn of the rollback that is to end; 0: a new one, by `filter` */
	struct placement_filter filter;
};

struct rollback_answer {
	uint64_t placements;           /* taken back, or given again */
	uint64_t first_seq;            /* the oldest of them; 0: there are none */
	uint64_t upto_seq;             /* what was looked at */
	uint64_t since_seq;            /* placements up to it are out of reach; 0: none are */
	uint64_t out_of_reach;         /* cells of which it is not known what they would show */
	uint32_t cells;                /* would change */
	uint16_t x, y, x_last, y_last; /* where; only with cells */
	uint8_t color_max;             /* the highest that one of them would show */
};

bool placement_filter_takes(const struct placement_filter *f, const struct record_placement *p);

struct rollback_plan;

/* `history` stays the caller's. -ENOMEM. */
int rollback_plan_new(struct history *history, struct rollback_plan **ret_plan);
void rollback_plan_free(struct rollback_plan *p); /* NULL is fine */

/* After history_look(): the plan is for the board as it is at what may be read. */
void rollback_plan_begin(struct rollback_plan *p, const struct rollback_question *question);

/* The same, but only reads which rollbacks there were: then rollback_plan_list(). */
void rollback_plan_begin_list(struct rollback_plan *p);

/* 1: call again; 0: it stands. -ENOENT: no rollback of this board has the name; -EALREADY: it is
 * undone already; -EAGAIN: retention removed what was to be read, begin again; -ENODATA: the
 * journal does not know the board; -ENOMEM; -EBADMSG; what the disk said. */
int rollback_plan_step(struct rollback_plan *p);

/* After 0; valid until the next _begin. The question of one that undoes has the undone one's
 * filter.
 */
const struct rollback_question *rollback_plan_question(const struct rollback_plan *p);
const struct rollback_answer *rollback_plan_answer(const struct rollback_plan *p);
/* All cells that would change, each with the color that it shows then. */
void rollback_plan_cells(const struct rollback_plan *p, struct delta_cell *out);

/* The board as it would be; the plan stands no longer. */
struct board *rollback_plan_preview(struct rollback_plan *p);
void rollback_plan_drop(struct rollback_plan *p); /* gives its memory back */

/* All that are known, of all boards, oldest first. */
const struct rollback *rollback_plan_list(const struct rollback_plan *p, size_t *ret_count);

#endif
