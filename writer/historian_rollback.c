/* historian_rollback.c - see historian_rollback.h. Memory: that of a plan (rollback.h). */
#include "writer/historian_rollback.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/blob.h"

struct historian_rollback {
	struct rollback_plan *plan;
	struct packer *packer;
};

int historian_rollback_new(struct history *history, struct packer *packer,
			   struct historian_rollback **ret_rollback)
{
	struct historian_rollback *r = calloc(1, sizeof(*r));

	if (r == NULL || rollback_plan_new(history, &r->plan) < 0) {
		free(r);
		return -ENOMEM;
	}
	r->packer = packer;
	*ret_rollback = r;
	return 0;
}

void historian_rollback_free(struct historian_rollback *r)
{
	if (r == NULL)
		return;
	rollback_plan_free(r->plan);
	free(r);
}

void historian_rollback_begin(struct historian_rollback *r, const struct history_job *job)
{
	const struct rollback_order *order = job->ask.rollback.order;
	struct rollback_question q = {.board = job->board};

	px_assert((order == NULL) == (job->ask.rollback.op == ROLLBACK_LIST));
	if (job->ask.rollback.op == ROLLBACK_LIST) {
		rollback_plan_begin_list(r->plan);
		return;
	}
	q.undoes = order->undoes;
	q.filter = order->filter;
	if (q.filter.upto_seq > job->seq)
		q.filter.upto_seq = job->seq;
	rollback_plan_begin(r->plan, &q);
}

/* --- answers ---------------------------------------------------------------------------------- */

static enum rollback_verdict told_make(struct history_job *job, const struct rollback_answer *a,
				       const struct placement_filter *filter)
{
	const struct told_rollback told = {.undoes = job->ask.rollback.order->undoes,
					   .placements = a->placements,
					   .cells = a->cells,
					   .cells_max = job->cells_max,
					   .out_of_reach = a->out_of_reach,
					   .since_seq = a->since_seq,
					   .filter = *filter,
					   .x = a->x,
					   .y = a->y,
					   .x_last = a->x_last,
					   .y_last = a->y_last};

	px_assert(job->rollback.told == NULL); /* one answer a question */
	job->rollback.told = blob_new(sizeof(told));
	if (job->rollback.told == NULL)
		return ROLLBACK_BUSY;
	memcpy(job->rollback.told->bytes, &told, sizeof(told));
	return ROLLBACK_DONE;
}

static enum rollback_verdict offer_make(struct historian_rollback *r, struct history_job *job,
					const struct rollback_answer *a,
					const struct placement_filter *filter)
{
	struct rollback_offer *offer;

	px_assert(a->cells <= job->cells_max); /* behind answer_judge() */
	px_assert(job->offer == NULL);
	if (a->placements == 0)
		return ROLLBACK_DONE;
	offer = malloc(sizeof(*offer) + a->cells * sizeof(offer->cells[0]));
	if (offer == NULL)
		return ROLLBACK_BUSY;
	*offer = (struct rollback_offer){.filter = *filter,
					 .placements = a->placements,
					 .first_seq = a->first_seq,
					 .count = a->cells};
	rollback_plan_cells(r->plan, offer->cells);
	job->offer = offer;
	return ROLLBACK_DONE;
}

/* What stands in the way of the real one stands in the way of a dry run. */
static enum rollback_verdict answer_judge(const struct history_job *job,
					  const struct rollback_answer *a)
{
	if (a->cells > job->cells_max)
		return ROLLBACK_TOO_LARGE;
	if (a->cells > 0 && a->color_max >= job->face->palette_len)
		return ROLLBACK_NO_COLOR;
	return ROLLBACK_DONE;
}

static enum rollback_verdict preview_make(struct historian_rollback *r, struct history_job *job,
					  const struct rollback_answer *a)
{
	struct board *board;
	struct board_copy *copy;

	board = rollback_plan_preview(r->plan);
	(void)board_copy_begin(board, 0, a->upto_seq);
	copy = board_copy_step(board, SIZE_MAX);
	px_assert(copy != NULL);
	job->rollback.preview = packer_run(r->packer, job->face, copy, FORM_PNG);
	board_copy_unref(copy);
	return job->rollback.preview != NULL ? ROLLBACK_DONE : ROLLBACK_BUSY;
}

static struct told_rollback told_of(const struct rollback *r)
{
	return (struct told_rollback){.rollback = r->lsn,
				      .undoes = r->record.undoes,
				      .undone_by = r->undone_by,
				      .placed_at_ms = r->record.placed_at_ms,
				      .placements = r->record.placements,
				      .cells = r->record.cells,
				      .filter = r->record.filter};
}

static enum rollback_verdict list_make(struct historian_rollback *r, struct history_job *job)
{
	size_t count, at = 0;
	const struct rollback *list = rollback_plan_list(r->plan, &count);
	struct told_rollback told;
	struct blob *blob;

	blob = blob_new(count * sizeof(told));
	if (blob == NULL)
		return ROLLBACK_BUSY;
	for (size_t i = 0; i < count; i++) {
		if (list[i].record.board != job->board)
			continue;
		told = told_of(&list[i]);
		memcpy(blob->bytes + at, &told, sizeof(told));
		at += sizeof(told);
	}
	px_assert(at <= blob->len); /* those of other boards are left out */
	blob->len = at;
	job->rollback.told = blob;
	return ROLLBACK_DONE;
}

static enum rollback_verdict answer_make(struct historian_rollback *r, struct history_job *job)
{
	struct placement_filter filter;
	const struct rollback_answer *a;
	enum rollback_verdict verdict;

	if (job->ask.rollback.op == ROLLBACK_LIST)
		return list_make(r, job);
	a = rollback_plan_answer(r->plan);
	if (job->ask.rollback.op == ROLLBACK_PREVIEW)
		return preview_make(r, job, a);
	filter = rollback_plan_question(r->plan)->filter;
	verdict = told_make(job, a, &filter);
	if (verdict == ROLLBACK_DONE)
		verdict = answer_judge(job, a);
	if (verdict == ROLLBACK_DONE && job->ask.rollback.op == ROLLBACK_DO)
		verdict = offer_make(r, job, a, &filter);
	return verdict;
}

int historian_rollback_step(struct historian_rollback *r, struct history_job *job)
{
	int rc = rollback_plan_step(r->plan);
	enum rollback_verdict verdict = ROLLBACK_FAILED;

	if (rc == 1)
		return 1;
	if (rc == 0)
		verdict = answer_make(r, job);
	else if (rc == -ENOENT)
		verdict = ROLLBACK_UNKNOWN;
	else if (rc == -EALREADY)
		verdict = ROLLBACK_IS_UNDONE;
	else if (rc == -ENODATA)
		verdict = ROLLBACK_GONE;
	else if (rc == -ENOMEM)
		verdict = ROLLBACK_BUSY;
	px_assert(job->offer == NULL || verdict == ROLLBACK_DONE);
	job->rollback.verdict = (uint8_t)verdict;
	rollback_plan_drop(r->plan);
	return verdict == ROLLBACK_FAILED ? rc : 0;
}
