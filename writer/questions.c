/*
 * questions.c - questions about the past, on their way to the historian and back.
 *
 * The writer itself reads nothing of the past: it adds what is durable now, and passes the question
 * on. A bounded number is out at a time; further clients are asked to retry.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "writer/writer_priv.h"

/* All is kept, and the beginning is not there: a snapshot has the boards, so nothing else says that
 * somebody removed files. */
void questions_begin_tell(const struct writer *w, uint64_t first_lsn, const char *first_file)
{
	const struct settings *s = w->config.settings;

	if (s->journal_keep_bytes == 0 && s->journal_free_bytes == 0 && first_lsn > 1)
		log_warn("history_begins lsn=%llu file=%s what=\"older files of the journal are "
			 "gone: removed by hand, or by a limit of an earlier run\" "
			 "remedy=\"restore older journal-*.seg from a copy, if that history is "
			 "wanted\"",
			 (unsigned long long)first_lsn, first_file);
}

struct history_job questions_job(unsigned worker, const struct mail_request *m)
{
	px_assert(m->head.type == MAIL_QUESTION);
	return (struct history_job){.ask = m->question.ask,
				    .client = m->head.client,
				    .asked_ns = m->question.asked_ns,
				    .board = m->head.board,
				    .worker = (uint8_t)worker};
}

static void job_answer(struct writer *w, const struct history_job *job)
{
	struct mail_answer *a =
		writer_answer(w, job->worker, MAIL_HISTORY, job->client, job->board);

	px_assert(job->ask.kind != QUESTION_ROLLBACK); /* rollback.c answers those */
	px_assert(job->history.kind == job->ask.kind); /* who drops the answer goes by it */
	a->history = job->history;
	if (job->history.verdict == HISTORY_BUSY)
		metric_add(&w->metrics.history_busy, 1);
	if (job->history.verdict == HISTORY_AWAY)
		metric_add(&w->metrics.history_away, 1);
	face_unref(job->face);
}

bool questions_pass(struct writer *w, struct writer_board *b, struct history_job *job)
{
	struct history_job *slot = NULL;

	px_assert(job->board == b->meta.board && b->room != NULL);
	px_assert(job->offer == NULL); /* the historian makes it */
	if (w->config.history_jobs != NULL && w->history_out < HISTORY_JOBS_MAX &&
	    copy_has_memory(w, b))
		slot = spsc_push(w->config.history_jobs);
	if (slot == NULL)
		return false;
	job->room = b->room;
	job->face = face_ref(b->face);
	job->upto_lsn = w->lsn_applied;
	job->seq = b->live.seq;
	*slot = *job;
	w->history_out++;
	metric_add(&w->metrics.history_asked, 1);
	if (spsc_publish(w->config.history_jobs))
		w->config.wake_historian(w->config.arg);
	return true;
}

void questions_want(struct writer *w, unsigned worker, const struct mail_request *m)
{
	struct writer_board *b = writer_board_at(w, m->head.board);
	struct history_job job = questions_job(worker, m);

	px_assert(b != NULL); /* workers know which boards are served */
	if (questions_pass(w, b, &job))
		return;
	job.history = (struct history_result){.kind = job.ask.kind, .verdict = HISTORY_BUSY};
	job_answer(w, &job);
}

/* What it brings counts as long as it lives: clients may be slow. */
static void job_account(struct writer *w, const struct history_job *job)
{
	struct blob *blobs[2] = {NULL, NULL};

	if (job->ask.kind == QUESTION_ROLLBACK) {
		blobs[0] = job->rollback.told;
		blobs[1] = job->rollback.preview;
	} else if (job->history.verdict == HISTORY_FOUND) {
		blobs[0] = job->ask.kind == QUESTION_BOARD ? job->history.board.bitmap.blob
							   : job->history.cell.placements;
	}
	for (unsigned i = 0; i < 2; i++)
		if (blobs[i] != NULL)
			blob_account(blobs[i], &w->packed_bytes);
}

void questions_take(struct writer *w)
{
	const struct history_job *done;

	while (w->config.history_done != NULL &&
	       (done = spsc_peek(w->config.history_done)) != NULL) {
		px_assert(w->history_out > 0); /* as many come back as went out */
		px_assert(done->upto_lsn <= w->lsn_applied);
		job_account(w, done);
		if (done->ask.kind == QUESTION_ROLLBACK)
			rollback_planned(w, done);
		else
			job_answer(w, done);
		w->history_out--;
		spsc_pop(w->config.history_done);
	}
}

void questions_job_drop(const struct history_job *job)
{
	px_assert(job->offer == NULL || job->ask.kind == QUESTION_ROLLBACK);
	if (job->ask.kind == QUESTION_ROLLBACK)
		rollback_result_drop(&job->rollback);
	else
		history_result_drop(&job->history);
	question_drop(&job->ask);
	face_unref(job->face);
	free(job->offer);
}

static void jobs_free(struct spsc *jobs)
{
	const struct history_job *job;

	while (jobs != NULL && (job = spsc_peek(jobs)) != NULL) {
		questions_job_drop(job);
		spsc_pop(jobs);
	}
}

void questions_drop(struct writer *w)
{
	jobs_free(w->config.history_jobs);
	jobs_free(w->config.history_done);
}
