/*
 * rollback.c - placements taken back: planned by the historian, one change here.
 *
 *	want ──▶ PLANNING ──▶ READY ──▶ JOURNALLED ──▶ settled: applied, answered
 *	              │          │           └──▶ dropped: refused
 *	              └──────────┴──▶ answered with the reason why not
 *
 * The plan is for the board as it was when the question arrived. Later placements are newer than
 * anything that is taken, so cells touched meanwhile are left out. Record and cells go into one
 * batch of the journal, and the cells onto the board in one turn, before one frame: nobody ever
 * sees half of it.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "writer/writer_priv.h"

static void job_answer(struct writer *w, const struct history_job *job,
		       enum rollback_verdict verdict)
{
	struct mail_answer *a =
		writer_answer(w, job->worker, MAIL_ROLLBACK, job->client, job->board);

	px_assert(job->ask.kind == QUESTION_ROLLBACK);
	a->rollback = job->rollback;
	a->rollback.op = job->ask.rollback.op;
	a->rollback.verdict = (uint8_t)verdict;
	if (verdict == ROLLBACK_BUSY)
		metric_add(&w->metrics.history_busy, 1);
	question_drop(&job->ask);
	face_unref(job->face);
	free(job->offer);
}

/* The work at hand ends. */
static void work_answer(struct writer *w, enum rollback_verdict verdict)
{
	struct rollback_work *work = &w->rollback;

	px_assert(work->phase != ROLLBACK_IDLE);
	px_assert(work->job.ask.rollback.op == ROLLBACK_DO); /* the others are never at work */
	job_answer(w, &work->job, verdict);
	free(work->touched);
	*work = (struct rollback_work){.phase = ROLLBACK_IDLE};
}

void rollback_end(struct writer *w)
{
	struct rollback_work *work = &w->rollback;

	if (work->phase == ROLLBACK_READY || work->phase == ROLLBACK_JOURNALLED)
		questions_job_drop(&work->job);
	free(work->touched);
}

/* --- asked ------------------------------------------------------------------------------------ */

/* What is one batch, and one frame. */
static uint32_t cells_max(const struct writer *w, const struct writer_board *b)
{
	uint32_t room =
		(journal_room_max(w->journal) - 2 * RECORD_BYTES_MAX) / RECORD_PLACEMENT_BYTES;

	px_assert(journal_room_max(w->journal) > 2 * RECORD_BYTES_MAX); /* of a quarter segment */
	px_assert(b->live.changed_max > 0); /* it is served, so it has frames */
	return room < b->live.changed_max ? room : b->live.changed_max;
}

/* From now on cells that somebody places on are told apart. */
static bool work_begin(struct writer *w, const struct writer_board *b)
{
	struct rollback_work *work = &w->rollback;

	if (work->phase != ROLLBACK_IDLE)
		return false;
	px_assert(work->touched == NULL &&
		  work->job.offer == NULL); /* the last one took them along */
	work->touched = calloc((board_cells(b->live.board) + 7) / 8, 1);
	if (work->touched == NULL)
		return false;
	work->phase = ROLLBACK_PLANNING;
	work->job.board = b->meta.board;
	return true;
}

void rollback_want(struct writer *w, unsigned worker, const struct mail_request *m)
{
	struct writer_board *b = writer_board_at(w, m->head.board);
	struct history_job job = questions_job(worker, m);
	bool is_do = job.ask.rollback.op == ROLLBACK_DO;

	px_assert(b != NULL); /* workers know which boards are served */
	job.cells_max = cells_max(w, b);
	if (is_do && !work_begin(w, b)) {
		job_answer(w, &job, ROLLBACK_BUSY);
		return;
	}
	if (questions_pass(w, b, &job))
		return;
	w->rollback.job = is_do ? job : w->rollback.job;
	if (is_do)
		work_answer(w, ROLLBACK_BUSY);
	else
		job_answer(w, &job, ROLLBACK_BUSY);
}

/* The journal takes nothing now: it refuses, or the board's own records wait for it. */
static bool board_is_refused(const struct writer *w, const struct writer_board *b)
{
	return journal_room(w->journal) == 0 || !b->is_journalled;
}

void rollback_planned(struct writer *w, const struct history_job *done)
{
	enum rollback_verdict verdict = (enum rollback_verdict)done->rollback.verdict;

	px_assert(done->offer == NULL ||
		  (done->ask.rollback.op == ROLLBACK_DO && verdict == ROLLBACK_DONE));
	if (done->ask.rollback.op != ROLLBACK_DO) {
		if (done->ask.rollback.op == ROLLBACK_TRY && verdict == ROLLBACK_DONE &&
		    board_is_refused(w, w->boards[done->board]))
			verdict = ROLLBACK_REFUSED; /* as the real one would be */
		job_answer(w, done, verdict);
		return;
	}
	px_assert(w->rollback.phase == ROLLBACK_PLANNING);
	px_assert(w->rollback.job.board == done->board); /* `touched` is of that board */
	w->rollback.job = *done;
	w->rollback.phase = ROLLBACK_READY;
	if (done->offer == NULL) /* it cannot be done, or takes nothing */
		work_answer(w, verdict);
}

/* --- journalled ------------------------------------------------------------------------------- */

static bool is_touched(const struct rollback_work *work, uint32_t cell)
{
	return work->touched[cell / 8] & 1u << (cell % 8);
}

void rollback_touch(struct writer *w, uint16_t board, uint32_t cell)
{
	struct rollback_work *work = &w->rollback;

	px_assert(work->phase != ROLLBACK_IDLE); /* else nobody asks what was touched */
	if (work->job.board == board)
		work->touched[cell / 8] |= (uint8_t)(1u << (cell % 8));
}

/* Leaves the cells that nobody placed on since the plan; what waits for the disk counts too. */
static void offer_trim(struct writer *w)
{
	struct rollback_offer *offer = w->rollback.job.offer;
	uint32_t left = 0;

	px_assert(w->rollback.phase == ROLLBACK_READY); /* what is journalled stays as it is */
	for (uint64_t i = w->pending_head; i != w->pending_tail; i++) {
		const struct pending *p = &w->pending[i % PENDING_MAX];

		if (p->kind == PENDING_PLACE)
			rollback_touch(w, p->board, p->place.cell);
	}
	for (uint32_t i = 0; i < offer->count; i++)
		if (!is_touched(&w->rollback, offer->cells[i].cell))
			offer->cells[left++] = offer->cells[i];
	offer->count = left;
}

static void append(struct writer *w, const struct record *r)
{
	if (journal_append(w->journal, r) < 0)
		px_unreachable("a journal that had room");
}

/* The room is there: nothing fails from here on. */
static void work_journal(struct writer *w, const struct writer_board *b,
			 const struct pending_rollback *p)
{
	struct history_job *job = &w->rollback.job;
	const struct rollback_offer *offer = job->offer;
	struct record head = {.type = RECORD_ROLLBACK,
			      .rollback = {.undoes = job->ask.rollback.order->undoes,
					   .placed_at_ms = p->placed_at_ms,
					   .placements = offer->placements,
					   .first_seq = offer->first_seq,
					   .cells = offer->count,
					   .epoch = b->live.epoch,
					   .board = b->meta.board,
					   .filter = offer->filter}};
	struct record cell = {.type = RECORD_PLACEMENT,
			      .placement = {.request = p->name,
					    .placed_at_ms = p->placed_at_ms,
					    .epoch = b->live.epoch,
					    .board = b->meta.board}};

	append(w, &head);
	px_assert(journal_appended(w->journal) == p->name);
	for (uint32_t i = 0; i < offer->count; i++) {
		cell.placement.seq = p->first_seq + i;
		cell.placement.x = (uint16_t)(offer->cells[i].cell % b->meta.width);
		cell.placement.y = (uint16_t)(offer->cells[i].cell / b->meta.width);
		cell.placement.color = offer->cells[i].color;
		append(w, &cell);
	}
}

/* The board may have had another palette when the historian judged. */
static bool offer_is_in_palette(const struct rollback_offer *offer, const struct face *f)
{
	for (uint32_t i = 0; i < offer->count; i++)
		if (offer->cells[i].color >= f->palette_len)
			return false;
	return true;
}

void rollback_run(struct writer *w)
{
	struct rollback_work *work = &w->rollback;
	struct writer_board *b;
	struct pending *p;

	if (work->phase != ROLLBACK_READY)
		return;
	px_assert(work->job.offer != NULL); /* without one it was answered */
	px_assert(work->job.offer->count <= work->job.cells_max);
	b = w->boards[work->job.board];
	if (board_is_refused(w, b)) {
		work_answer(w, ROLLBACK_REFUSED);
		return;
	}
	if (!offer_is_in_palette(work->job.offer, b->face)) {
		work_answer(w, ROLLBACK_NO_COLOR);
		return;
	}
	if (journal_room(w->journal) <
	    (work->job.offer->count * RECORD_PLACEMENT_BYTES) + 2 * RECORD_BYTES_MAX)
		return; /* behind the next commit there is */
	p = order_pend(w, work->job.worker, b->meta.board, work->job.client, PENDING_ROLLBACK);
	if (p == NULL)
		return;
	offer_trim(w);
	p->rollback = (struct pending_rollback){.first_seq = order_next(b),
						.name = journal_appended(w->journal) + 1,
						.placed_at_ms = w->now.wall_ms};
	work_journal(w, b, &p->rollback);
	order_give_out(b, p->rollback.first_seq, work->job.offer->count);
	p->lsn = journal_appended(w->journal);
	px_assert(p->lsn ==
		  p->rollback.name + work->job.offer->count); /* one batch, the cells too */
	work->phase = ROLLBACK_JOURNALLED;
}

void rollback_undo(struct writer *w, const struct pending *p)
{
	px_assert(w->rollback.phase == ROLLBACK_JOURNALLED);
	px_assert(w->rollback.job.board == p->board);
	order_take_back(w->boards[p->board], p->rollback.first_seq, w->rollback.job.offer->count);
	work_answer(w, ROLLBACK_REFUSED);
}

/* --- settled ---------------------------------------------------------------------------------- */

static void work_tell(struct writer *w, const struct pending *p, const struct writer_board *b)
{
	struct history_job *job = &w->rollback.job;
	struct told_rollback told;

	px_assert(job->rollback.told->len == sizeof(told)); /* made before the offer */
	px_assert(b->live.seq + 1 == p->rollback.first_seq + job->offer->count); /* just applied */
	memcpy(&told, job->rollback.told->bytes, sizeof(told));
	told.rollback = p->rollback.name;
	told.cells = job->offer->count;
	told.seq = b->live.seq;
	memcpy(job->rollback.told->bytes, &told, sizeof(told));
	metric_add(&w->metrics.rollbacks, 1);
	metric_add(&w->metrics.restored, told.cells);
	log_info("rollback name=%llu board=%s undoes=%llu placements=%llu cells=%llu seq=%llu",
		 (unsigned long long)told.rollback, b->room->name, (unsigned long long)told.undoes,
		 (unsigned long long)told.placements, (unsigned long long)told.cells,
		 (unsigned long long)told.seq);
}

bool rollback_settle(struct writer *w, const struct pending *p)
{
	struct writer_board *b = w->boards[p->board];
	const struct rollback_offer *offer = w->rollback.job.offer;
	const struct change change = {.cause = CHANGE_ROLLBACK,
				      .epoch = b->live.epoch,
				      .first = p->rollback.first_seq,
				      .at_ms = p->rollback.placed_at_ms,
				      .count = offer->count,
				      .cells = offer->cells};

	px_assert(w->rollback.phase == ROLLBACK_JOURNALLED);
	px_assert(w->rollback.job.board == p->board && p->kind == PENDING_ROLLBACK);
	if (!order_apply(w, b, &change))
		return false;
	work_tell(w, p, b);
	work_answer(w, ROLLBACK_DONE);
	return true;
}
