/*
 * order.c - the one order: a change gets its seqs here, waits for the journal, and is applied when
 * it is settled.
 *
 *	order_next ──▶ journalled ──▶ order_give_out ──▶ pending ──┬─▶ settled: applied, answered
 *	                                                           └─▶ dropped: undone, refused
 *
 * What waits for the journal is in `pending`, oldest first. Nothing is answered before it is
 * applied, and nothing is applied before the journal has settled it.
 */
#include <string.h>

#include "writer/writer_priv.h"

struct pending *order_pend(struct writer *w, unsigned worker, uint16_t board,
			   struct mail_client client, enum pending_kind kind)
{
	struct pending *p;

	if (w->pending_tail - w->pending_head == PENDING_MAX)
		return NULL;
	px_assert(worker < w->config.worker_count);
	p = &w->pending[w->pending_tail++ % PENDING_MAX];
	p->lsn = journal_appended(w->journal);
	p->client = client;
	p->board = board;
	p->worker = (uint8_t)worker;
	p->kind = (uint8_t)kind;
	return p;
}

void order_unpend(struct writer *w)
{
	px_assert(w->pending_tail != w->pending_head);
	w->pending_tail--;
}

uint64_t order_next(const struct writer_board *b)
{
	px_assert(b->seq_numbered >= b->live.seq); /* nothing is applied that has no number */
	return b->seq_numbered + 1;
}

void order_give_out(struct writer_board *b, uint64_t first, uint32_t count)
{
	px_assert(first == order_next(b));
	px_assert(b->is_journalled); /* its record stands in front of its placements */
	b->seq_numbered += count;
}

void order_take_back(struct writer_board *b, uint64_t first, uint32_t count)
{
	px_assert(first + count == order_next(b)); /* from the newest back */
	px_assert(first > b->live.seq);            /* what is applied stays */
	b->seq_numbered -= count;
}

/* --- settled ---------------------------------------------------------------------------------- */

bool order_apply(struct writer *w, struct writer_board *b, const struct change *c)
{
	enum apply_verdict verdict;

	px_assert(c->count <= b->live.changed_max);
	while ((verdict = apply_change(&b->live, c)) == APPLY_FULL)
		if (!cut_board(w, b))
			return false;
	px_assert(verdict == APPLY_DONE);
	busy_add(w, b);
	return true;
}

static bool settle_place(struct writer *w, const struct pending *p)
{
	const struct pending_place *place = &p->place;
	struct writer_board *b = w->boards[p->board];
	const struct delta_cell cell = {place->cell, place->color};
	const struct change change = {.cause = CHANGE_PLACEMENT,
				      .epoch = b->live.epoch,
				      .first = place->seq,
				      .at_ms = place->placed_at_ms,
				      .count = 1,
				      .cells = &cell,
				      .user = place->user};
	uint64_t unchanged = b->live.unchanged;

	px_assert(place->seq == b->live.seq + 1); /* they are settled in the order of their seqs */
	if (!order_apply(w, b, &change))
		return false;
	metric_add(&w->metrics.placed_noop, b->live.unchanged - unchanged);
	if (w->rollback.phase != ROLLBACK_IDLE)
		rollback_touch(w, p->board, place->cell);
	accept_tell_place(w, p);
	return true;
}

/* False: a reader is in the way of a frame, and so of what comes behind it. */
static bool pending_settle(struct writer *w, const struct pending *p)
{
	switch ((enum pending_kind)p->kind) {
	case PENDING_PLACE:
		return settle_place(w, p);
	case PENDING_ROLLBACK:
		return rollback_settle(w, p);
	case PENDING_REPEAT:
		accept_tell_repeat(w, p);
		return true;
	case PENDING_YOU:
		accept_tell_you(w, p);
		return true;
	default:
		px_unreachable("kind of what waits");
	}
}

/* The board is larger than any cache: the cell comes while others are applied. */
static void settle_prefetch(const struct writer *w, uint64_t at)
{
	const struct pending *p = &w->pending[at % PENDING_MAX];

	if (at < w->pending_tail && p->kind == PENDING_PLACE)
		apply_prefetch(&w->boards[p->board]->live, p->place.cell);
}

void order_settle(struct writer *w)
{
	uint64_t settled = journal_settled(w->journal);

	px_assert(w->lsn_applied <= settled); /* what is settled stays so */
	while (w->pending_head != w->pending_tail) {
		struct pending *p = &w->pending[w->pending_head % PENDING_MAX];

		if (p->lsn > settled)
			break;
		px_assert(p->lsn >= w->lsn_applied); /* in the order of the journal */
		settle_prefetch(w, w->pending_head + PREFETCH_AHEAD);
		if (!pending_settle(w, p))
			return;
		w->lsn_applied = p->lsn;
		w->pending_head++;
	}
	if (w->pending_head == w->pending_tail)
		w->lsn_applied = settled;
}

/* --- dropped ---------------------------------------------------------------------------------- */

/* Undoes the newest requests, as far as the journal has dropped them. Returns where they begin. */
static uint64_t drop_undo(struct writer *w, uint64_t settled)
{
	uint64_t first = w->pending_tail;

	for (; first != w->pending_head; first--) {
		const struct pending *p = &w->pending[(first - 1) % PENDING_MAX];

		if (p->lsn <= settled)
			break;
		if (p->kind == PENDING_PLACE)
			accept_undo(w, p);
		else if (p->kind == PENDING_ROLLBACK)
			rollback_undo(w, p);
	}
	return first;
}

/* Whether it waits for nothing that was dropped: what a person has, and a placement that is
 * settled though others behind it are not. */
static bool drop_is_outlived(const struct writer *w, const struct pending *p)
{
	return p->kind == PENDING_YOU ||
	       (p->kind == PENDING_REPEAT && p->repeat.seq < order_next(w->boards[p->board]));
}

static void drop_refuse(struct writer *w, const struct pending *p)
{
	const struct mail_head asked = {.client = p->client, .board = p->board, .type = MAIL_PLACE};
	uint64_t request = p->kind == PENDING_PLACE ? p->place.request : p->repeat.request;

	px_assert(p->kind == PENDING_PLACE || p->kind == PENDING_REPEAT);
	writer_refuse(w, p->worker, &asked, request, REFUSAL_UNAVAILABLE, 1000);
}

void order_drop(struct writer *w)
{
	uint64_t settled = journal_settled(w->journal);
	uint64_t end = w->pending_tail;

	px_assert(journal_appended(w->journal) == settled); /* no lsn is out that is not settled */
	w->pending_tail = drop_undo(w, settled);
	for (uint64_t at = w->pending_tail; at != end; at++) {
		const struct pending *p = &w->pending[at % PENDING_MAX];
		struct pending *kept = &w->pending[w->pending_tail % PENDING_MAX];

		if (drop_is_outlived(w, p)) {
			*kept = *p;
			kept->lsn = settled;
			w->pending_tail++;
		} else if (p->kind != PENDING_ROLLBACK) {
			drop_refuse(w, p);
		}
	}
	for (uint32_t i = 0; i < w->boards_end; i++)
		px_assert(w->boards[i] == NULL ||
			  w->boards[i]->seq_numbered >= w->boards[i]->live.seq);
}
