/*
 * rollback.c - see rollback.h.
 *
 * Owner   its caller's thread. Memory: the list of rollbacks, for good; during a plan the board
 *         twice and a byte for each cell.
 *
 *	begin ──▶ LIST: rollbacks up to now ──▶ FOLD: placements from the oldest on ──▶ DONE
 *	            └──▶ DONE (begin_list)        └──▶ FOLD again after a hole
 *
 * `shown` is the present board: every placement. `kept` is the board as it would become: the
 * placements that no rollback in force would take. Only cells on which a placement changes sides
 * (HIT) may differ; others keep what they show, whatever this plan knows about them.
 */
#include "persist/history/rollback.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "persist/history/history_board.h"

enum phase { PHASE_IDLE, PHASE_LIST, PHASE_FOLD, PHASE_DONE };

enum cell_flag {
	CELL_HIT = 1,    /* a placement on it is taken back, or given again */
	CELL_KEPT = 2,   /* `kept` has its color from a placement */
	CELL_UNSURE = 4, /* else from before what can be read, and something there was taken */
};

struct rollback_plan {
	struct history *history;
	struct rollback_question question;
	struct rollback_answer answer;
	enum phase phase;
	bool list_only;
	uint64_t gap_last_lsn; /* of the last hole that the fold met; 0: none */
	/* LIST: kept from plan to plan */
	struct rollback *list;
	size_t count, room;
	struct history_cursor list_cursor;
	/* FOLD */
	struct history_board shown;
	struct board *kept;
	uint8_t *flags;                           /* per cell: enum cell_flag */
	const struct placement_filter **in_force; /* of the others, those of this board */
	size_t in_force_count;
};

bool placement_filter_takes(const struct placement_filter *f, const struct record_placement *p)
{
	if (p->seq > f->upto_seq || p->placed_at_ms < f->from_ms || p->placed_at_ms >= f->to_ms)
		return false;
	if (p->x < f->x || p->x > f->x_last || p->y < f->y || p->y > f->y_last)
		return false;
	if (f->by_color && p->color != f->color)
		return false;
	return !f->by_user || memcmp(p->user, f->user, sizeof(f->user)) == 0;
}

int rollback_plan_new(struct history *history, struct rollback_plan **ret_plan)
{
	struct rollback_plan *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	p->history = history;
	p->list_cursor.next_lsn = 1;
	*ret_plan = p;
	return 0;
}

static void fold_drop(struct rollback_plan *p)
{
	history_board_fini(&p->shown);
	board_free(p->kept);
	free(p->flags);
	p->kept = NULL;
	p->flags = NULL;
}

void rollback_plan_drop(struct rollback_plan *p)
{
	fold_drop(p);
	free(p->in_force);
	p->in_force = NULL;
	p->phase = PHASE_IDLE;
}

void rollback_plan_free(struct rollback_plan *p)
{
	if (p == NULL)
		return;
	rollback_plan_drop(p);
	free(p->list);
	free(p);
}

static void plan_begin(struct rollback_plan *p, const struct rollback_question *question)
{
	rollback_plan_drop(p);
	p->question = *question;
	p->phase = PHASE_LIST;
}

void rollback_plan_begin(struct rollback_plan *p, const struct rollback_question *question)
{
	plan_begin(p, question);
	p->list_only = false;
}

void rollback_plan_begin_list(struct rollback_plan *p)
{
	plan_begin(p, &(struct rollback_question){.board = 0});
	p->list_only = true;
}

/* --- the rollbacks that were ------------------------------------------------------------------ */

static struct rollback *rollback_find(struct rollback_plan *p, uint64_t lsn)
{
	size_t low = 0, high = p->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (p->list[middle].lsn < lsn)
			low = middle + 1;
		else
			high = middle;
	}
	return low < p->count && p->list[low].lsn == lsn ? &p->list[low] : NULL;
}

static int list_take(void *arg, uint64_t lsn, const struct record *record)
{
	struct rollback_plan *p = arg;
	struct rollback *undone;

	if (record->type != RECORD_ROLLBACK)
		return 0;
	if (p->count == p->room) {
		size_t room = p->room == 0 ? 16 : 2 * p->room;
		struct rollback *list = realloc(p->list, room * sizeof(*list));

		if (list == NULL)
			return -ENOMEM;
		p->list = list;
		p->room = room;
	}
	undone = record->rollback.undoes != 0 ? rollback_find(p, record->rollback.undoes) : NULL;
	if (undone != NULL)
		undone->undone_by = lsn;
	p->list[p->count++] = (struct rollback){.lsn = lsn, .record = record->rollback};
	return 0;
}

static int in_force_collect(struct rollback_plan *p)
{
	p->in_force = calloc(p->count + 1, sizeof(const struct placement_filter *));
	p->in_force_count = 0;
	if (p->in_force == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < p->count; i++) {
		const struct rollback *r = &p->list[i];

		if (r->record.board == p->question.board && r->record.undoes == 0 &&
		    r->undone_by == 0 && r->lsn != p->question.undoes)
			p->in_force[p->in_force_count++] = &r->record.filter;
	}
	return 0;
}

/* --- the placements --------------------------------------------------------------------------- */

static int kept_begin(struct rollback_plan *p)
{
	struct history_board *b = &p->shown;
	struct board_copy *copy;
	int rc = board_new(b->meta.width, b->meta.height, b->meta.bits, &p->kept);

	if (rc < 0)
		return rc;
	p->flags = calloc(board_cells(p->kept), 1);
	if (p->flags == NULL)
		return -ENOMEM;
	(void)board_copy_begin(b->board, b->epoch, b->seq);
	copy = board_copy_step(b->board, SIZE_MAX);
	px_assert(copy != NULL);
	board_load(p->kept, copy->bytes, copy->len);
	board_copy_unref(copy);
	p->answer.since_seq = b->seq;
	return 0;
}

/* From as far back as what is kept from `from` on allows. */
static int fold_begin(struct rollback_plan *p, uint64_t from)
{
	int rc;

	fold_drop(p);
	history_board_init(&p->shown, p->question.board);
	p->answer = (struct rollback_answer){.x = UINT16_MAX, .y = UINT16_MAX};
	p->gap_last_lsn = 0;
	p->phase = PHASE_FOLD;
	rc = history_board_begin_oldest(p->history, &p->shown, from);
	if (rc == 0 && p->shown.board != NULL)
		rc = kept_begin(p);
	return rc < 0 ? rc : 1;
}

/* The list is complete. */
static int question_check(struct rollback_plan *p)
{
	struct rollback_question *q = &p->question;
	const struct rollback *undone = q->undoes != 0 ? rollback_find(p, q->undoes) : NULL;

	if (q->undoes != 0 &&
	    (undone == NULL || undone->record.board != q->board || undone->record.undoes != 0))
		return -ENOENT;
	if (undone != NULL && undone->undone_by != 0)
		return -EALREADY;
	if (undone != NULL)
		q->filter = undone->record.filter;
	return in_force_collect(p);
}

static bool others_take(const struct rollback_plan *p, const struct record_placement *placement)
{
	for (size_t i = 0; i < p->in_force_count; i++)
		if (placement_filter_takes(p->in_force[i], placement))
			return true;
	return false;
}

/* Whether a rollback that is known gave the color: the fold makes that itself. One that came with
 * an import is a placement like others. When the rollback looked further back than we can, what
 * lies under the cell is not known here. */
static bool is_of_rollback(struct rollback_plan *p, const struct record_placement *placement,
			   uint8_t *flags)
{
	const struct rollback *r =
		record_is_restored(placement) ? rollback_find(p, placement->request) : NULL;

	if (r != NULL && p->answer.since_seq != 0 && r->record.first_seq <= p->answer.since_seq)
		*flags |= CELL_UNSURE;
	return r != NULL;
}

static void hit_take(struct rollback_plan *p, const struct record_placement *placement,
		     uint8_t *flags)
{
	*flags |= CELL_HIT;
	if (p->answer.placements++ == 0)
		p->answer.first_seq = placement->seq;
}

static int placement_take(struct rollback_plan *p, const struct record_placement *placement)
{
	struct history_board *b = &p->shown;
	uint32_t cell = (uint32_t)placement->y * b->meta.width + placement->x;
	bool is_hit;

	if (placement->x >= b->meta.width || placement->y >= b->meta.height ||
	    placement->color >= 1u << b->meta.bits || placement->seq <= b->seq)
		return -EBADMSG;
	b->seq = placement->seq;
	(void)board_set(b->board, cell, placement->color);
	if (is_of_rollback(p, placement, &p->flags[cell]) || others_take(p, placement))
		return 0;
	is_hit = placement_filter_takes(&p->question.filter, placement);
	if (is_hit)
		hit_take(p, placement, &p->flags[cell]);
	if (is_hit && p->question.undoes == 0)
		return 0;
	(void)board_set(p->kept, cell, placement->color);
	p->flags[cell] |= CELL_KEPT;
	return 0;
}

static int fold_take(void *arg, uint64_t lsn, const struct record *record)
{
	struct rollback_plan *p = arg;
	struct history_board *b = &p->shown;
	struct record_cells cells = {record, 0};
	const struct record_placement *placement;
	int rc = 0;

	(void)lsn;
	if (record->type == RECORD_BOARD && record->board.board == b->number && b->board == NULL) {
		b->meta = record->board;
		rc = board_new(b->meta.width, b->meta.height, b->meta.bits, &b->board);
		return rc < 0 ? rc : kept_begin(p);
	}
	while (rc == 0 && b->board != NULL && (placement = record_cells_next(&cells)) != NULL &&
	       placement->board == b->number)
		rc = placement_take(p, placement);
	return rc;
}

static void gap_take(void *arg, uint64_t first_lsn, uint64_t last_lsn)
{
	struct rollback_plan *p = arg;

	(void)first_lsn;
	p->gap_last_lsn = last_lsn;
}

/* --- what comes out --------------------------------------------------------------------------- */

/* The next cell that would change, from *at on; false: there is none. */
static bool cell_next(const struct rollback_plan *p, uint32_t *at, struct delta_cell *ret_cell)
{
	for (; *at < board_cells(p->kept); ++*at) {
		struct delta_cell c = {*at, board_get(p->kept, *at)};

		if (!(p->flags[*at] & CELL_HIT) || c.color == board_get(p->shown.board, *at) ||
		    (p->flags[*at] & (CELL_KEPT | CELL_UNSURE)) == CELL_UNSURE)
			continue;
		++*at;
		*ret_cell = c;
		return true;
	}
	return false;
}

static void answer_fill(struct rollback_plan *p)
{
	struct rollback_answer *a = &p->answer;
	struct delta_cell c;

	for (uint32_t at = 0; at < board_cells(p->kept); at++)
		if ((p->flags[at] & (CELL_HIT | CELL_KEPT | CELL_UNSURE)) ==
		    (CELL_HIT | CELL_UNSURE))
			a->out_of_reach++;
	for (uint32_t at = 0; cell_next(p, &at, &c); a->cells++) {
		uint16_t x = (uint16_t)(c.cell % p->shown.meta.width);
		uint16_t y = (uint16_t)(c.cell / p->shown.meta.width);

		a->x = x < a->x ? x : a->x;
		a->y = y < a->y ? y : a->y;
		a->x_last = x > a->x_last ? x : a->x_last;
		a->y_last = y > a->y_last ? y : a->y_last;
		a->color_max = c.color > a->color_max ? c.color : a->color_max;
	}
	a->upto_seq = p->shown.seq;
	p->phase = PHASE_DONE;
}

static int list_step(struct rollback_plan *p)
{
	const struct history_handler handler = {.arg = p, .record = list_take};
	int rc = history_step(p->history, &p->list_cursor, &handler);

	if (rc != 0)
		return rc;
	if (p->list_only) {
		p->phase = PHASE_DONE;
		return 0;
	}
	rc = question_check(p);
	return rc < 0 ? rc : fold_begin(p, history_first(p->history));
}

static int fold_step(struct rollback_plan *p)
{
	const struct history_handler handler = {.arg = p, .record = fold_take, .gap = gap_take};
	int rc = history_step(p->history, &p->shown.cursor, &handler);

	if (p->gap_last_lsn != 0) /* lost long ago, or removed meanwhile: what is behind it */
		return fold_begin(p, p->gap_last_lsn + 1);
	if (rc != 0)
		return rc;
	if (p->shown.board == NULL)
		return -ENODATA;
	answer_fill(p);
	return 0;
}

int rollback_plan_step(struct rollback_plan *p)
{
	px_assert(p->phase == PHASE_LIST || p->phase == PHASE_FOLD);
	return p->phase == PHASE_LIST ? list_step(p) : fold_step(p);
}

const struct rollback_question *rollback_plan_question(const struct rollback_plan *p)
{
	return &p->question;
}

const struct rollback_answer *rollback_plan_answer(const struct rollback_plan *p)
{
	px_assert(p->phase == PHASE_DONE);
	return &p->answer;
}

void rollback_plan_cells(const struct rollback_plan *p, struct delta_cell *out)
{
	uint32_t at = 0;

	px_assert(p->phase == PHASE_DONE);
	while (cell_next(p, &at, out))
		out++;
}

struct board *rollback_plan_preview(struct rollback_plan *p)
{
	struct delta_cell c;
	uint32_t at = 0;

	px_assert(p->phase == PHASE_DONE);
	p->phase = PHASE_IDLE;
	while (cell_next(p, &at, &c))
		(void)board_set(p->shown.board, c.cell, c.color);
	return p->shown.board;
}

const struct rollback *rollback_plan_list(const struct rollback_plan *p, size_t *ret_count)
{
	*ret_count = p->count;
	return p->list;
}
