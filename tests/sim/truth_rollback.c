/*
 * truth_rollback.c - placements taken back: what the journal must hold of it. See truth.h.
 *
 * When truth_verify() comes to a rollback's record, the plan is made anew from the placements that
 * stand before it, by the rule of docs/protocol.md and without the code that is tested. The cells
 * that follow are compared with it. The server planned for an older board, as it was when it was
 * asked: a cell on which somebody placed since then is left out, so those that are left out are all
 * newer than those that are not.
 *
 * Memory: what was asked for; one plan for the rollback at hand, allocated once for each rollback.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "tests/sim/truth_priv.h"

struct cell {
	uint8_t shown, kept;
	bool hit;
	uint64_t last_seq; /* of its newest placement; 0: there is none */
};

struct plan {
	unsigned board;
	uint64_t placements, first_seq;
	uint32_t cells_len;
	struct cell *cells;
	/* what the journal has of it so far */
	uint32_t left;     /* of its cells */
	uint64_t next_lsn; /* of the next one */
	uint32_t next_cell;
	uint64_t newest_seq; /* of the newest placement under a cell that was set */
};

static const char *name_of(const struct truth *t, unsigned board)
{
	return t->boards[board].name;
}

/* --- what was asked and told ---------------------------------------------------------------- */

size_t truth_rollback_ask(struct truth *t, const struct truth_rollback *ask)
{
	t->wanted = truth_grown(t->wanted, t->wanted_len, &t->wanted_max, sizeof(*t->wanted));
	t->wanted[t->wanted_len] = (struct wanted){.ask = *ask, .state = WANTED_OPEN};
	return t->wanted_len++;
}

void truth_rollback_told(struct truth *t, size_t number, const struct truth_rolled_back *told)
{
	px_assert(number < t->wanted_len && t->wanted[number].state == WANTED_OPEN);
	truth_check((told->lsn != 0) == (told->placements > 0),
		    "board %s: rollback %lu of %lu placements",
		    name_of(t, t->wanted[number].ask.board), told->lsn, told->placements);
	t->wanted[number].told = *told;
	t->wanted[number].state = told->lsn != 0 ? WANTED_TOLD : WANTED_REFUSED;
}

void truth_rollback_refused(struct truth *t, size_t number)
{
	px_assert(number < t->wanted_len && t->wanted[number].state == WANTED_OPEN);
	t->wanted[number].state = WANTED_REFUSED;
}

void truth_rollback_tried(struct truth *t, const struct truth_rollback *ask, uint64_t known_lsn,
			  const struct truth_rolled_back *told)
{
	t->tried = truth_grown(t->tried, t->tried_len, &t->tried_max, sizeof(*t->tried));
	t->tried[t->tried_len++] = (struct tried){*ask, known_lsn, *told};
}

void truth_rollbacks_listed(struct truth *t, unsigned board, uint64_t known_lsn,
			    const struct truth_rolled_back *list, size_t count)
{
	struct rollback_list *l;

	t->lists = truth_grown(t->lists, t->lists_len, &t->lists_max, sizeof(*t->lists));
	l = &t->lists[t->lists_len++];
	*l = (struct rollback_list){.board = board, .known_lsn = known_lsn, .count = count};
	l->at = malloc((count + 1) * sizeof(*list));
	px_assert(l->at != NULL);
	if (count > 0)
		memcpy(l->at, list, count * sizeof(*list));
}

uint64_t truth_rollback_pick(const struct truth *t, unsigned board, uint64_t draw)
{
	uint64_t found = 0;

	for (size_t i = 0; i < t->wanted_len; i++) {
		size_t at = (i + draw) % t->wanted_len;

		if (t->wanted[at].ask.board == board && t->wanted[at].state == WANTED_TOLD)
			found = t->wanted[at].told.lsn;
	}
	return found;
}

bool truth_rollback_takes(const struct truth *t, unsigned board, uint64_t lsn)
{
	for (size_t i = 0; i < t->wanted_len; i++)
		if (t->wanted[i].ask.board == board && t->wanted[i].state == WANTED_TOLD &&
		    t->wanted[i].told.lsn == lsn)
			return t->wanted[i].ask.undoes == 0;
	return false;
}

uint64_t truth_rollback_newest(const struct truth *t, unsigned board)
{
	uint64_t newest = 0;

	for (size_t i = 0; i < t->wanted_len; i++)
		if (t->wanted[i].ask.board == board && t->wanted[i].state == WANTED_TOLD &&
		    t->wanted[i].told.lsn > newest)
			newest = t->wanted[i].told.lsn;
	return newest;
}

/* --- the plan made anew --------------------------------------------------------------------- */

static bool is_of(unsigned client, const uint8_t wanted[static USER_BYTES])
{
	uint8_t user[USER_BYTES];

	truth_user(client, user);
	return memcmp(user, wanted, sizeof(user)) == 0;
}

static bool filter_takes(const struct truth *t, unsigned board, const struct placement_filter *f,
			 uint64_t seq, const struct placed *p)
{
	uint32_t x = p->cell % t->boards[board].width, y = p->cell / t->boards[board].width;

	return seq <= f->upto_seq && p->at_ms >= f->from_ms && p->at_ms < f->to_ms && x >= f->x &&
	       x <= f->x_last && y >= f->y && y <= f->y_last &&
	       (!f->by_color || p->color == f->color) && (!f->by_user || is_of(p->client, f->user));
}

/* What a plan is made for. */
struct question {
	unsigned board;
	uint64_t undoes; /* a rollback that counts as ended; 0: none */
	const struct placement_filter *filter;
	uint64_t end_seq;  /* of placements before it */
	uint64_t upto_lsn; /* of rollbacks up to it */
};

/* Whether one that is in force takes it. */
static bool others_take(const struct truth *t, const struct question *q, uint64_t seq,
			const struct placed *p)
{
	for (size_t i = 0; i < t->rolled_back_len; i++) {
		const struct rolled_back *o = &t->rolled_back[i];
		bool is_undone = o->undone_by != 0 && o->undone_by <= q->upto_lsn;

		if (o->board == q->board && o->record.undoes == 0 && o->lsn <= q->upto_lsn &&
		    !is_undone && o->lsn != q->undoes &&
		    filter_takes(t, q->board, &o->record.filter, seq, p))
			return true;
	}
	return false;
}

static void plan_free(struct plan *plan)
{
	if (plan != NULL)
		free(plan->cells);
	free(plan);
}

static struct plan *plan_make(const struct truth *t, const struct question *q)
{
	const struct truth_board *b = &t->boards[q->board];
	const struct fold *f = &t->folds[q->board];
	struct plan *plan = calloc(1, sizeof(*plan));

	px_assert(plan != NULL);
	plan->board = q->board;
	plan->cells_len = b->width * b->height;
	plan->cells = calloc(plan->cells_len, sizeof(*plan->cells));
	px_assert(plan->cells != NULL);
	for (uint64_t seq = f->first_seq; seq < q->end_seq; seq++) {
		const struct placed *p = truth_placed(t, q->board, seq);
		struct cell *c = &plan->cells[p->cell];
		bool is_hit;

		c->shown = p->color;
		c->last_seq = seq;
		if (p->rollback != 0 || others_take(t, q, seq, p))
			continue;
		is_hit = filter_takes(t, q->board, q->filter, seq, p);
		if (is_hit && plan->placements++ == 0)
			plan->first_seq = seq;
		c->hit |= is_hit;
		if (!is_hit || q->undoes != 0)
			c->kept = p->color;
	}
	return plan;
}

static bool cell_changes(const struct cell *c)
{
	return c->hit && c->kept != c->shown;
}

/* --- what the journal has ------------------------------------------------------------------- */

static struct rolled_back *rolled_back_find(const struct truth *t, uint64_t lsn)
{
	for (size_t i = 0; i < t->rolled_back_len; i++)
		if (t->rolled_back[i].lsn == lsn)
			return &t->rolled_back[i];
	return NULL;
}

static bool filters_match(const struct placement_filter *ask, const struct placement_filter *is)
{
	return ask->from_ms == is->from_ms && ask->to_ms == is->to_ms && ask->x == is->x &&
	       ask->y == is->y && ask->x_last == is->x_last && ask->y_last == is->y_last &&
	       ask->by_user == is->by_user && ask->by_color == is->by_color &&
	       (!ask->by_color || ask->color == is->color) &&
	       (!ask->by_user || memcmp(ask->user, is->user, sizeof(is->user)) == 0) &&
	       is->upto_seq <= ask->upto_seq;
}

/* Who asked for it: whoever was told its lsn, else one who was told nothing. */
static struct wanted *wanted_find(struct truth *t, unsigned board, uint64_t lsn,
				  const struct record_rollback *r)
{
	struct wanted *found = NULL;

	for (size_t i = 0; i < t->wanted_len; i++) {
		struct wanted *w = &t->wanted[i];
		bool is_told = w->state == WANTED_TOLD && w->told.lsn == lsn;

		if (w->ask.board != board || w->kept_lsn != 0 || w->ask.undoes != r->undoes ||
		    (r->undoes == 0 && !filters_match(&w->ask.filter, &r->filter)))
			continue;
		if (is_told || (w->state == WANTED_OPEN && found == NULL))
			found = w;
		if (is_told)
			break;
	}
	return found;
}

static void undone_check(struct truth *t, unsigned board, uint64_t lsn,
			 const struct record_rollback *r)
{
	struct rolled_back *undone = rolled_back_find(t, r->undoes);

	truth_check(undone != NULL && undone->board == board && undone->record.undoes == 0,
		    "board %s: rollback %lu undoes %lu, which is none of this board",
		    name_of(t, board), lsn, r->undoes);
	truth_check(undone->undone_by == 0, "board %s: rollback %lu is undone twice",
		    name_of(t, board), r->undoes);
	truth_check(memcmp(&undone->record.filter, &r->filter, sizeof(r->filter)) == 0,
		    "board %s: rollback %lu undoes %lu by another filter", name_of(t, board), lsn,
		    r->undoes);
	undone->undone_by = lsn;
}

static void told_check(const struct truth *t, unsigned board, uint64_t lsn, const struct wanted *w,
		       const struct record_rollback *r)
{
	if (w->state != WANTED_TOLD)
		return;
	truth_check(w->told.placements == r->placements && w->told.cells == r->cells &&
			    w->told.undoes == r->undoes && w->told.upto_seq == r->filter.upto_seq &&
			    w->told.seq == t->folds[board].next_seq - 1 + r->cells,
		    "board %s: rollback %lu was answered with %lu placements, %lu cells, seq %lu; "
		    "the journal has %lu, %u, and seq %lu before it",
		    name_of(t, board), lsn, w->told.placements, w->told.cells, w->told.seq,
		    r->placements, r->cells, t->folds[board].next_seq - 1);
}

void undo_record(struct truth *t, unsigned board, uint64_t lsn, const struct record_rollback *r)
{
	struct wanted *w = wanted_find(t, board, lsn, r);
	struct rolled_back *made;

	truth_check(w != NULL, "board %s: nobody asked for rollback %lu, or it was refused",
		    name_of(t, board), lsn);
	w->kept_lsn = lsn;
	told_check(t, board, lsn, w, r);
	px_assert(t->plan == NULL);
	t->plan = plan_make(t, &(struct question){.board = board,
						  .undoes = r->undoes,
						  .filter = &r->filter,
						  .end_seq = t->folds[board].next_seq,
						  .upto_lsn = lsn});
	truth_check(t->retains || (t->plan->placements == r->placements &&
				   t->plan->first_seq == r->first_seq),
		    "board %s: rollback %lu takes %lu placements from seq %lu on; it should take "
		    "%lu from seq %lu on",
		    name_of(t, board), lsn, r->placements, r->first_seq, t->plan->placements,
		    t->plan->first_seq);
	if (r->undoes != 0)
		undone_check(t, board, lsn, r);
	t->plan->left = r->cells;
	t->plan->next_lsn = lsn + 1;
	t->rolled_back = truth_grown(t->rolled_back, t->rolled_back_len, &t->rolled_back_max,
				     sizeof(*t->rolled_back));
	made = &t->rolled_back[t->rolled_back_len++];
	*made = (struct rolled_back){.lsn = lsn,
				     .board = board,
				     .board_seq = t->folds[board].next_seq - 1,
				     .record = *r};
	t->counts.rollbacks++;
}

/* Whatever can still be read: something on it is taken, and it had the color before. */
static bool cell_may_change(const struct truth *t, const struct plan *plan, uint32_t at,
			    uint8_t color)
{
	const struct rolled_back *r = &t->rolled_back[t->rolled_back_len - 1];
	bool had = color == 0, is_taken = false;

	for (uint64_t seq = t->folds[plan->board].first_seq; seq <= r->board_seq; seq++) {
		const struct placed *p = truth_placed(t, plan->board, seq);

		if (p->cell != at)
			continue;
		had |= p->color == color;
		is_taken |=
			p->rollback == 0 && filter_takes(t, plan->board, &r->record.filter, seq, p);
	}
	return had && is_taken && plan->cells[at].shown != color;
}

void undo_cell(struct truth *t, unsigned board, uint64_t lsn, const struct record_placement *p)
{
	struct plan *plan = t->plan;
	uint32_t at = p->y * t->boards[board].width + p->x;
	const struct cell *c;

	truth_check(plan != NULL && plan->left > 0 && plan->board == board &&
			    lsn == plan->next_lsn &&
			    p->request == t->rolled_back[t->rolled_back_len - 1].lsn,
		    "board %s, seq %lu: a cell of rollback %lu, which is not before it",
		    name_of(t, board), p->seq, p->request);
	truth_check(at >= plan->next_cell && at < plan->cells_len,
		    "board %s, seq %lu: the cells of rollback %lu are not in order",
		    name_of(t, board), p->seq, p->request);
	c = &plan->cells[at];
	truth_check(t->retains ? cell_may_change(t, plan, at, p->color)
			       : cell_changes(c) && c->kept == p->color,
		    "board %s: rollback %lu makes (%u, %u) from %u to %u; it should be %u%s",
		    name_of(t, board), p->request, p->x, p->y, c->shown, p->color, c->kept,
		    c->hit ? "" : ", and nothing on it is taken");
	if (c->last_seq > plan->newest_seq)
		plan->newest_seq = c->last_seq;
	plan->cells[at].hit = false; /* it is set */
	plan->next_cell = at + 1;
	plan->next_lsn++;
	plan->left--;
	t->counts.restored++;
}

void undo_check_whole(struct truth *t)
{
	const struct plan *plan = t->plan;
	const struct rolled_back *r;

	if (plan == NULL)
		return;
	r = &t->rolled_back[t->rolled_back_len - 1];
	truth_check(plan->left == 0, "board %s: %u cells of rollback %lu are missing",
		    name_of(t, plan->board), plan->left, r->lsn);
	for (uint32_t i = 0; i < plan->cells_len && !t->retains; i++)
		truth_check(!cell_changes(&plan->cells[i]) ||
				    (plan->cells[i].last_seq > plan->newest_seq &&
				     plan->cells[i].last_seq > r->record.filter.upto_seq),
			    "board %s: rollback %lu left cell %u out, though nobody placed there "
			    "meanwhile",
			    name_of(t, plan->board), r->lsn, i);
	plan_free(t->plan);
	t->plan = NULL;
}

/* --- the end of a reading ------------------------------------------------------------------- */

static void part_check(const struct truth *t, const struct rolled_back *r)
{
	const struct seen *s = &t->seen[r->board];

	for (uint64_t seq = r->board_seq + 1; seq < r->board_seq + r->record.cells; seq++)
		truth_check(seq >= s->max || s->hash[seq] == 0,
			    "board %s: somebody had the board at seq %lu, within rollback %lu",
			    name_of(t, r->board), seq, r->lsn);
}

static void row_check(const struct truth *t, const struct rollback_list *l,
		      const struct truth_rolled_back *row, const struct rolled_back *r)
{
	truth_check(
		row->lsn == r->lsn && row->undoes == r->record.undoes &&
			row->placements == r->record.placements && row->cells == r->record.cells &&
			row->upto_seq == r->record.filter.upto_seq,
		"board %s: rollback %lu is listed as %lu", name_of(t, l->board), r->lsn, row->lsn);
	/* later ones may have ended it since the list was made */
	truth_check(row->undone_by == r->undone_by ||
			    (row->undone_by == 0 && r->undone_by > l->known_lsn),
		    "board %s: rollback %lu is listed as undone by %lu; the journal has %lu",
		    name_of(t, l->board), r->lsn, row->undone_by, r->undone_by);
}

static void list_check(const struct truth *t, const struct rollback_list *l)
{
	size_t at = 0;

	for (size_t i = 0; i < t->rolled_back_len; i++) {
		const struct rolled_back *r = &t->rolled_back[i];

		if (r->board != l->board ||
		    (t->retains && (at == l->count || l->at[at].lsn != r->lsn)))
			continue; /* also one that retention has removed */
		truth_check(at < l->count || r->lsn > l->known_lsn,
			    "board %s: rollback %lu was told, and then not listed",
			    name_of(t, l->board), r->lsn);
		if (at < l->count)
			row_check(t, l, &l->at[at++], r);
	}
	truth_check(at == l->count, "LOST: board %s: rollback %lu was listed", name_of(t, l->board),
		    l->at[at].lsn);
}

/* --- dry runs ------------------------------------------------------------------------------- */

/* Whether a board at this seq has what was made up to upto_lsn, and nothing else. */
static bool is_moment(const struct truth *t, unsigned board, uint64_t seq, uint64_t upto_lsn)
{
	for (size_t i = 0; i < t->rolled_back_len; i++) {
		const struct rolled_back *r = &t->rolled_back[i];

		if (r->board == board && r->record.cells > 0 &&
		    (r->lsn <= upto_lsn) != (r->board_seq < seq))
			return false;
	}
	return true;
}

/* Whether the answer is right if the rollbacks up to this lsn were there. With an upto of its own
 * it does not tell for which board it is, and so which cells would change. */
static bool tried_is_right(const struct truth *t, const struct tried *a, uint64_t upto_lsn)
{
	const struct rolled_back *undone = rolled_back_find(t, a->ask.undoes);
	bool is_exact = a->ask.undoes == 0 && a->told.upto_seq < a->ask.filter.upto_seq;
	struct question q = {.board = a->ask.board,
			     .undoes = a->ask.undoes,
			     .filter = undone != NULL ? &undone->record.filter : &a->ask.filter,
			     .end_seq = t->folds[a->ask.board].next_seq,
			     .upto_lsn = upto_lsn};
	struct placement_filter filter = *q.filter;
	struct plan *plan;
	uint64_t cells = 0;
	bool is_right;

	filter.upto_seq = a->told.upto_seq;
	q.filter = &filter;
	if (is_exact && !is_moment(t, a->ask.board, a->told.upto_seq, upto_lsn))
		return false;
	if (is_exact)
		q.end_seq = a->told.upto_seq + 1;
	plan = plan_make(t, &q);
	for (uint32_t i = 0; i < plan->cells_len; i++)
		cells += cell_changes(&plan->cells[i]);
	is_right = plan->placements == a->told.placements && (!is_exact || cells == a->told.cells);
	plan_free(plan);
	return is_right;
}

static void tried_check(const struct truth *t, const struct tried *a)
{
	bool is_right = a->known_lsn == 0 && tried_is_right(t, a, 0);

	for (size_t i = 0; i < t->rolled_back_len && !is_right; i++)
		is_right = t->rolled_back[i].board == a->ask.board &&
			   t->rolled_back[i].lsn >= a->known_lsn &&
			   tried_is_right(t, a, t->rolled_back[i].lsn);
	truth_check(is_right,
		    "board %s: a dry run up to seq %lu would take %lu placements and change %lu "
		    "cells, which is never right",
		    name_of(t, a->ask.board), a->told.upto_seq, a->told.placements, a->told.cells);
}

static void lists_drop(struct truth *t)
{
	for (size_t i = 0; i < t->lists_len; i++)
		free(t->lists[i].at);
	t->lists_len = 0;
}

void undo_verify_begin(struct truth *t)
{
	t->rolled_back_len = 0;
	t->counts.rollbacks = t->counts.restored = 0;
	for (size_t i = 0; i < t->wanted_len; i++)
		t->wanted[i].kept_lsn = 0;
}

void undo_verify_end(struct truth *t)
{
	undo_check_whole(t);
	for (size_t i = 0; i < t->wanted_len; i++)
		truth_check(t->wanted[i].state != WANTED_TOLD ||
				    t->wanted[i].kept_lsn == t->wanted[i].told.lsn,
			    "LOST: board %s: rollback %lu was answered; the journal has it not",
			    name_of(t, t->wanted[i].ask.board), t->wanted[i].told.lsn);
	for (size_t i = 0; i < t->rolled_back_len; i++)
		part_check(t, &t->rolled_back[i]);
	for (size_t i = 0; i < t->lists_len; i++)
		list_check(t, &t->lists[i]);
	lists_drop(t);
	for (size_t i = 0; i < t->tried_len && !t->retains; i++)
		tried_check(t, &t->tried[i]);
	t->counts.past_checked += t->tried_len;
	t->tried_len = 0;
}

void undo_free(struct truth *t)
{
	plan_free(t->plan);
	lists_drop(t);
	free(t->lists);
	free(t->tried);
	free(t->wanted);
	free(t->rolled_back);
}
