/*
 * questions.c - questions about the past, on their way to the historian and back.
 *
 * The writer reads nothing of the past itself: it knows what is durable now, says so, and passes
 * the question on. A bounded number is out at a time; more are told to come again.
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

static void job_answer(struct writer *w, const struct history_job *job)
{
	struct mail_answer *a =
		writer_answer(w, job->worker, (enum mail_type)job->ask.type, job->ask.client);

	a->board = job->ask.board;
	a->form = job->ask.form;
	a->verdict = job->verdict;
	a->known = job->complete;
	a->seq = job->ret_seq;
	a->placed_at_ms = job->since_ms;
	a->bitmap = (struct bitmap){job->blob, job->ret_seq, job->epoch};
	if (job->verdict == HISTORY_BUSY)
		metric_add(&w->metrics.history_busy, 1);
	if (job->verdict == HISTORY_AWAY)
		metric_add(&w->metrics.history_away, 1);
}

bool questions_pass(struct writer *w, struct writer_board *b, struct history_job *job)
{
	struct history_job *slot = NULL;

	if (w->config.history_jobs != NULL && w->history_out < HISTORY_JOBS_MAX &&
	    copy_has_memory(w, b))
		slot = spsc_push(w->config.history_jobs);
	if (slot == NULL)
		return false;
	job->room = b->room;
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
	struct writer_board *b = writer_board_at(w, m->board);
	struct history_job job = {.ask = *m, .worker = (uint8_t)worker, .verdict = HISTORY_BUSY};

	px_assert(b != NULL); /* workers know which boards are served */
	if (!questions_pass(w, b, &job))
		job_answer(w, &job);
}

void questions_take(struct writer *w)
{
	const struct history_job *done;

	while (w->config.history_done != NULL &&
	       (done = spsc_peek(w->config.history_done)) != NULL) {
		if (done->blob != NULL)
			blob_account(done->blob, &w->packed_bytes);
		if (done->ask.type == MAIL_ROLLBACK)
			rollback_planned(w, done);
		else
			job_answer(w, done);
		w->history_out--;
		spsc_pop(w->config.history_done);
	}
}

static void jobs_free(struct spsc *jobs)
{
	const struct history_job *job;

	while (jobs != NULL && (job = spsc_peek(jobs)) != NULL) {
		blob_unref(job->blob);
		if (job->ask.type == MAIL_ROLLBACK)
			free(job->ask.rollback);
		free(job->offer);
		spsc_pop(jobs);
	}
}

void questions_drop(struct writer *w)
{
	jobs_free(w->config.history_jobs);
	jobs_free(w->config.history_done);
}
