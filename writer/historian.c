/*
 * historian.c - see historian.h.
 *
 * Owner   the historian's thread.
 * Memory  a reader's window; the boards of the last questions, BOARDS_KEPT of them, and
 *         a copy while one is packed; an answer, which becomes the client's.
 *
 *	jobs ──▶ begin ──▶ step ... step ──▶ answer ──▶ done
 *	                     └──▶ too long: busy. A board stays as far as it got, and the same
 *	                          question continues from there
 *
 * A client that steps through time, as a player does, finds the board of the step before: each
 * record is read once.
 */
#include "writer/historian.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "edge/picture/pack.h"
#include "engine/base/assert.h"
#include "engine/base/blob.h"
#include "engine/base/log.h"
#include "persist/history/history_board.h"
#include "persist/history/history_cell.h"
#include "writer/historian_rollback.h"
#include "writer/writer.h"

#define BOARDS_KEPT      2
#define QUESTION_NS      (3 * NS_PER_SEC)  /* a question may take so long */
#define PART_NS          (20 * NS_PER_SEC) /* one about a cell, until it has read one part */
#define WAITED_NS        (10 * NS_PER_SEC) /* who waited longer is told to come again */
#define FAILURES_SAID_NS (60 * NS_PER_SEC)

struct kept {
	struct history_board board;
	uint64_t used; /* the count of the last question */
	bool filled;
};

struct historian {
	struct historian_config config;
	struct now now;
	struct history *history;
	struct packer *packer;
	struct historian_rollback *rollback;
	struct kept kept[BOARDS_KEPT];
	struct kept *at; /* of the question at hand */
	struct history_moment moment;
	struct history_cell cell;
	struct history_job job;
	uint64_t questions;
	uint64_t began_ns;
	uint64_t said_ns; /* when a failure was last logged; 0: never */
	bool busy;
};

int historian_new(const struct historian_config *config, struct historian **ret_historian)
{
	struct historian *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return -ENOMEM;
	h->config = *config;
	if (history_new(config->disk, &h->history) < 0 || packer_new(&h->packer) < 0 ||
	    historian_rollback_new(h->history, h->packer, &h->rollback) < 0) {
		historian_free(h);
		return -ENOMEM;
	}
	*ret_historian = h;
	return 0;
}

void historian_free(struct historian *h)
{
	if (h == NULL)
		return;
	for (unsigned i = 0; i < BOARDS_KEPT; i++)
		history_board_fini(&h->kept[i].board);
	if (h->busy) {
		question_drop(&h->job.ask);
		face_unref(h->job.face);
	}
	historian_rollback_free(h->rollback);
	packer_free(h->packer);
	history_free(h->history);
	free(h);
}

/* --- answers ---------------------------------------------------------------------------------- */

/* With what the job has by now. */
static void answer(struct historian *h)
{
	struct history_job *done = spsc_push(h->config.done);

	px_assert(h->busy);      /* each question has one answer */
	px_assert(done != NULL); /* the writer lets no more out than it holds */
	*done = h->job;
	h->busy = false;
	if (spsc_publish(h->config.done))
		h->config.wake_writer(h->config.arg);
}

static void answer_history(struct historian *h, const struct history_result *result)
{
	px_assert(h->job.ask.kind != QUESTION_ROLLBACK);
	h->job.history = *result;
	h->job.history.kind = h->job.ask.kind;
	answer(h);
}

static void answer_verdict(struct historian *h, enum history_verdict verdict)
{
	answer_history(h, &(struct history_result){.verdict = (uint8_t)verdict});
}

static void answer_failed(struct historian *h, int error)
{
	px_assert(error < 0);
	if (error == PAST_AWAY &&
	    h->job.ask.kind != QUESTION_ROLLBACK) { /* a disk may say it too */
		answer_verdict(h, HISTORY_AWAY);
		return;
	}
	if (h->said_ns == 0 || h->now.mono_ns - h->said_ns > FAILURES_SAID_NS) {
		h->said_ns = h->now.mono_ns;
		log_error("history_failed board=%s error=\"%s\" remedy=\"pixeld journal verify\"",
			  h->job.room->name, strerror(-error));
	}
	if (h->job.ask.kind != QUESTION_ROLLBACK) {
		answer_verdict(h, HISTORY_FAILED);
		return;
	}
	h->job.rollback.verdict = ROLLBACK_FAILED;
	answer(h);
}

static void answer_gone(struct historian *h, uint16_t board)
{
	struct history_result result = {.verdict = HISTORY_GONE};
	int rc = history_board_since(h->history, board, &result.since.seq, &result.since.at_ms);

	if (rc < 0 && rc != -ENODATA)
		answer_failed(h, rc);
	else
		answer_history(h, &result);
}

static void answer_board(struct historian *h)
{
	const struct history_board *b = &h->at->board;
	enum board_form form = (enum board_form)h->job.ask.board.form;
	struct history_result result = {.verdict = HISTORY_FOUND};
	struct board_copy *copy;

	px_assert(h->job.ask.kind == QUESTION_BOARD && b->number == h->job.room->number);
	if (b->board == NULL) {
		answer_gone(h, b->number);
		return;
	}
	(void)board_copy_begin(b->board, b->epoch, b->seq);
	copy = board_copy_step(b->board, SIZE_MAX);
	px_assert(copy != NULL);
	result.board = (struct told_board){
		.bitmap = {.blob = packer_run(h->packer, h->job.face, copy, form),
			   .seq = b->seq,
			   .epoch = b->epoch,
			   .tag = h->job.face->tag,
			   .form = (uint8_t)form},
		.at_ms = b->at_ms};
	board_copy_unref(copy);
	answer_history(h, &result);
}

static void answer_cell(struct historian *h)
{
	const struct history_cell *c = &h->cell;
	struct blob *blob = blob_new(c->count * sizeof(struct told_placement));
	struct history_result result = {.verdict = HISTORY_FOUND};

	px_assert(c->count <= c->max); /* no more than were asked for */
	for (uint32_t i = 0; blob != NULL && i < c->count; i++) {
		const struct record_placement *p = &c->found[i];
		struct told_placement m = {
			.seq = p->seq, .placed_at_ms = p->placed_at_ms, .color = p->color};

		m.rollback = record_is_restored(p) ? p->request : 0;
		memcpy(m.user, p->user, sizeof(m.user));
		memcpy(blob->bytes + i * sizeof(m), &m, sizeof(m));
	}
	px_assert(!c->complete || c->next_seq == 0); /* all there ever was has nothing older */
	result.cell = (struct told_cell){
		.placements = blob, .next_seq = c->next_seq, .complete = c->complete};
	answer_history(h, &result);
}

/* --- questions -------------------------------------------------------------------------------- */

/* The kept board from which it is shortest to the moment, else the one that was not used longest.
 * */
static struct kept *kept_choose(struct historian *h)
{
	const struct history_moment *m = &h->moment;
	struct kept *best = NULL, *oldest = &h->kept[0];

	for (unsigned i = 0; i < BOARDS_KEPT; i++) {
		struct kept *k = &h->kept[i];

		if (k->used < oldest->used)
			oldest = k;
		if (!k->filled || k->board.number != h->job.board || k->board.seq > m->seq ||
		    k->board.at_ms > m->at_ms)
			continue;
		if (best == NULL || k->board.seq > best->board.seq)
			best = k;
	}
	if (best == NULL) {
		best = oldest;
		history_board_fini(&best->board);
		history_board_init(&best->board, h->job.board);
		best->filled = true;
	}
	px_assert(best->filled && best->board.number == h->job.board);
	best->used = h->questions;
	return best;
}

static int board_begin(struct historian *h)
{
	h->moment = (struct history_moment){h->job.ask.board.seq, h->job.ask.board.at_ms};
	h->at = kept_choose(h);
	return history_board_begin(h->history, &h->at->board, &h->moment);
}

_Static_assert(QUESTION_CELL_MAX <= HISTORY_CELL_MAX, "as many as may be asked for");

static int cell_begin(struct historian *h)
{
	const struct question_cell *ask = &h->job.ask.cell;

	/* Looked at where it was asked. */
	px_assert(ask->max >= 1 && ask->max <= QUESTION_CELL_MAX);
	h->cell.board = h->job.board;
	h->cell.x = ask->x;
	h->cell.y = ask->y;
	h->cell.before_seq = ask->before_seq;
	h->cell.max = ask->max;
	history_cell_begin(h->history, &h->cell);
	return 0;
}

static int rollback_begin(struct historian *h)
{
	historian_rollback_begin(h->rollback, &h->job);
	return 0;
}

static int begin(struct historian *h)
{
	switch ((enum question_kind)h->job.ask.kind) {
	case QUESTION_BOARD:
		return board_begin(h);
	case QUESTION_CELL:
		return cell_begin(h);
	case QUESTION_ROLLBACK:
		return rollback_begin(h);
	default:
		px_unreachable("question to the historian");
	}
}

static bool is_to_come(const struct historian *h)
{
	const struct question_board *ask = &h->job.ask.board;

	if (h->job.ask.kind != QUESTION_BOARD)
		return false;
	if (ask->seq != UINT64_MAX)
		return ask->seq > h->job.seq;
	return ask->at_ms > h->now.wall_ms;
}

static void question_begin(struct historian *h, const struct history_job *job)
{
	int rc;

	px_assert(!h->busy);
	h->job = *job;
	h->busy = true;
	h->questions++;
	h->began_ns = h->now.mono_ns;
	if (h->now.mono_ns - h->job.asked_ns > WAITED_NS && h->job.ask.kind != QUESTION_ROLLBACK) {
		answer_verdict(h, HISTORY_BUSY);
		return;
	}
	if (is_to_come(h)) {
		answer_history(h, &(struct history_result){.verdict = HISTORY_NOT_YET,
							   .present_seq = h->job.seq});
		return;
	}
	rc = history_look(h->history, h->job.upto_lsn);
	if (rc == 0)
		rc = begin(h);
	if (rc < 0)
		answer_failed(h, rc);
}

static struct past_ask past_ask(const struct historian *h)
{
	const struct face *face = h->job.face;
	struct past_ask ask = {.history = h->history, .now = h->now, .seq = h->job.seq};

	ask.meta = (struct record_board){.width = face->width,
					 .height = face->height,
					 .board = h->job.board,
					 .bits = face->bits};
	return ask;
}

static void board_step(struct historian *h)
{
	struct past_ask ask = past_ask(h);
	int rc = past_board_step(h->config.past, &ask, &h->at->board, &h->moment);

	px_assert(h->busy && h->at->board.number == h->job.board);
	if (rc < 0) {
		if (rc != PAST_AWAY)
			history_board_fini(&h->at->board);
		answer_failed(h, rc);
	} else if (rc == 0) {
		answer_board(h);
	} else if (h->now.mono_ns - h->began_ns > QUESTION_NS) {
		answer_verdict(h, HISTORY_BUSY);
	}
}

static void cell_step(struct historian *h)
{
	uint64_t took_ns = h->now.mono_ns - h->began_ns;
	uint64_t limit_ns = h->cell.source != SOURCE_JOURNAL ? QUESTION_NS : PART_NS;
	struct past_ask ask = past_ask(h);
	int rc = past_cell_step(h->config.past, &ask, &h->cell);

	px_assert(h->busy && h->cell.board == h->job.board);
	if (rc < 0)
		answer_failed(h, rc);
	else if (rc == 0 || (took_ns > QUESTION_NS && history_cell_end(&h->cell)))
		answer_cell(h);
	else if (took_ns > limit_ns)
		answer_verdict(h, HISTORY_BUSY);
}

/* An operator's: takes as long as it takes. */
static void rollback_step(struct historian *h)
{
	int rc = historian_rollback_step(h->rollback, &h->job);

	if (rc < 0)
		answer_failed(h, rc);
	else if (rc == 0)
		answer(h);
}

uint64_t historian_turn(struct historian *h, struct now now)
{
	const struct history_job *job;

	h->now = now;
	if (!h->busy) {
		job = spsc_peek(h->config.jobs);
		if (job == NULL)
			return past_rest(h->config.past, now);
		question_begin(h, job);
		spsc_pop(h->config.jobs);
		return 0;
	}
	if (h->job.ask.kind == QUESTION_BOARD)
		board_step(h);
	else if (h->job.ask.kind == QUESTION_CELL)
		cell_step(h);
	else
		rollback_step(h);
	return 0;
}
