/*
 * writer_history.c - questions about the past, on their way to the historian and back.
 *
 * The writer reads nothing of the past itself: it knows what is durable now, says so, and passes
 * the question on. A bounded number is out at a time; more are told to come again.
 */
#include <string.h>

#include "server/writer_priv.h"

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
}

void history_want(struct writer *w, unsigned worker, const struct mail_request *m)
{
	struct writer_board *b = writer_board_at(w, m->board);
	struct history_job job = {.ask = *m, .worker = (uint8_t)worker, .verdict = HISTORY_BUSY};
	struct history_job *slot = NULL;

	px_assert(b != NULL); /* workers know which boards are served */
	if (w->config.history_jobs != NULL && w->history_out < HISTORY_JOBS_MAX &&
	    copy_has_memory(w, b))
		slot = spsc_push(w->config.history_jobs);
	if (slot == NULL) {
		job_answer(w, &job);
		return;
	}
	job.room = b->room;
	job.upto_lsn = w->lsn_applied;
	job.seq = b->seq_applied;
	*slot = job;
	w->history_out++;
	metric_add(&w->metrics.history_asked, 1);
	if (spsc_publish(w->config.history_jobs))
		w->config.wake_historian(w->config.arg);
}

void history_take(struct writer *w)
{
	const struct history_job *done;

	while (w->config.history_done != NULL &&
	       (done = spsc_peek(w->config.history_done)) != NULL) {
		if (done->blob != NULL)
			blob_account(done->blob, &w->packed_bytes);
		job_answer(w, done);
		w->history_out--;
		spsc_pop(w->config.history_done);
	}
}

void history_drop(struct writer *w)
{
	const struct history_job *done;

	while (w->config.history_done != NULL &&
	       (done = spsc_peek(w->config.history_done)) != NULL) {
		blob_unref(done->blob);
		spsc_pop(w->config.history_done);
	}
}
