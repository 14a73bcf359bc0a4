/*
 * copy.c - consistent copies of boards: for clients that fetch one, and for snapshots.
 *
 * A request joins the next copy that starts after it arrived. A copy takes several turns; when it
 * is finished, the packer makes each requested form once, for all. A snapshot, and a receiver that
 * begins with a copy (full.c), need copies of all boards started at one lsn, so while that is
 * pending no other copy starts.
 *
 *   IDLE > WANTED > BOARDS > PEOPLE > REQUESTS > SETTLE > WRITING > IDLE
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/base/log.h"
#include "writer/writer_priv.h"

/* --- for clients ------------------------------------------------------------------------------ */

void copy_want(struct writer *w, unsigned worker, const struct mail_request *m)
{
	struct writer_board *b = writer_board_at(w, m->head.board);

	px_assert(b != NULL); /* workers know which boards are served */
	px_assert(m->bitmap.form < BOARD_FORMS);
	px_assert(worker < w->config.worker_count); /* a bit of the mask */
	b->wants[m->bitmap.form] |= 1ULL << worker;
	busy_add(w, b);
}

static void bitmap_answer(struct writer *w, const struct pack_job *done)
{
	px_assert(done->workers != 0 && done->form < BOARD_FORMS); /* as copy_pack() asked */
	px_assert(done->copy != NULL); /* its reference came back with the job */
	for (unsigned i = 0; i < w->config.worker_count; i++) {
		struct mail_answer *a;

		if (!(done->workers & 1ULL << i))
			continue;
		a = writer_answer(w, i, MAIL_BITMAP, (struct mail_client){0}, done->board);
		a->bitmap =
			(struct bitmap){.blob = done->blob != NULL ? blob_ref(done->blob) : NULL,
					.seq = done->copy->seq,
					.epoch = done->copy->epoch,
					.tag = done->face->tag,
					.form = done->form};
	}
}

static void packed_take(struct writer *w)
{
	const struct pack_job *done;

	while ((done = spsc_peek(w->config.pack_done)) != NULL) {
		bitmap_answer(w, done);
		blob_unref(done->blob);
		board_copy_unref(done->copy);
		face_unref(done->face);
		spsc_pop(w->config.pack_done);
	}
}

/* A finished copy goes to the packer once per form that somebody waits for. */
static void copy_pack(struct writer *w, struct writer_board *b, struct board_copy *copy)
{
	px_assert(copy->epoch == b->live.epoch && copy->seq <= b->live.seq); /* one epoch a run */
	for (unsigned form = 0; form < BOARD_FORMS; form++) {
		struct pack_job job = {.copy = copy,
				       .face = b->face,
				       .board = b->meta.board,
				       .account = &w->packed_bytes,
				       .workers = b->copy_wants[form],
				       .form = (uint8_t)form};
		struct pack_job *slot;

		b->copy_wants[form] = 0;
		if (job.workers == 0)
			continue;
		px_assert(b->room != NULL); /* copy_want() asks for served boards only */
		slot = spsc_push(w->config.pack_jobs);
		if (slot == NULL) {
			bitmap_answer(w, &job); /* without blob: overloaded */
			continue;
		}
		*slot = job;
		(void)board_copy_ref(copy);
		(void)face_ref(b->face);
	}
	if (spsc_publish(w->config.pack_jobs))
		w->config.wake_packer(w->config.arg);
}

static void copy_finish(struct writer *w, struct writer_board *b, struct board_copy *copy)
{
	metric_add(&w->metrics.copies, 1);
	copy_pack(w, b, copy);
	for (unsigned t = 0; t < COPY_TAKERS; t++)
		if (b->takers & 1u << t) {
			px_assert(t != COPY_SNAPSHOT || w->snapshot == SNAPSHOT_BOARDS);
			px_assert(t != COPY_FULL || w->full_phase == FULL_MAKING);
			px_assert(b->taken[t] == NULL);
			b->taken[t] = board_copy_ref(copy);
		}
	b->takers = 0;
	board_copy_unref(copy);
}

static bool copy_begin(struct writer_board *b)
{
	if (board_copy_begin(b->live.board, b->live.epoch, b->live.seq) == NULL)
		return false;
	px_assert(b->takers == 0); /* those of the copy before have it */
	memcpy(b->copy_wants, b->wants, sizeof(b->wants));
	memset(b->wants, 0, sizeof(b->wants));
	return true;
}

/* Slow readers hold the versions that they are being sent. Together those may take so much; while
 * it is used up no copy begins for clients, who wait until some are read, or get 503. */
bool copy_has_memory(const struct writer *w, const struct writer_board *b)
{
	uint64_t max = 8 * (uint64_t)board_bytes(b->live.board);

	if (max < PACKED_BYTES_MIN)
		max = PACKED_BYTES_MIN;
	return atomic_load_explicit(&w->packed_bytes, memory_order_relaxed) < max;
}

static bool copy_is_wanted(const struct writer_board *b)
{
	for (unsigned form = 0; form < BOARD_FORMS; form++)
		if (b->wants[form] != 0)
			return true;
	return false;
}

bool copy_has_work(const struct writer_board *b)
{
	return board_copy_is_making(b->live.board) || copy_is_wanted(b);
}

/* --- of all boards at one lsn ----------------------------------------------------------------- */

void copy_all_drop(struct writer *w, enum copy_taker taker)
{
	px_assert(taker < COPY_TAKERS);
	for (uint32_t i = 0; i < w->boards_end; i++) {
		struct writer_board *b = w->boards[i];

		if (b == NULL)
			continue;
		board_copy_unref(b->taken[taker]);
		b->taken[taker] = NULL;
		b->takers &=
			(uint8_t) ~(1u << taker); /* one in the making ends as one for clients */
	}
}

bool copy_all_begin(struct writer *w, enum copy_taker taker)
{
	for (uint32_t i = 0; i < w->boards_end; i++)
		if (w->boards[i] != NULL && board_copy_is_making(w->boards[i]->live.board))
			return false;
	for (uint32_t i = 0; i < w->boards_end; i++) {
		struct writer_board *b = w->boards[i];

		if (b == NULL)
			continue;
		px_assert(b->taken[taker] == NULL);
		if (!copy_begin(b)) { /* older versions are still being packed */
			copy_all_drop(w, taker);
			return false;
		}
		b->takers |= (uint8_t)(1u << taker);
		busy_add(w, b);
	}
	return true;
}

bool copy_all_are_made(const struct writer *w, enum copy_taker taker)
{
	for (uint32_t i = 0; i < w->boards_end; i++)
		if (w->boards[i] != NULL && w->boards[i]->takers & 1u << taker)
			return false;
	return true;
}

/* While somebody waits for that, no other copy begins. */
static bool copy_all_is_wanted(const struct writer *w)
{
	return w->snapshot == SNAPSHOT_WANTED || w->full_phase == FULL_WANTED;
}

/* --- for snapshots ---------------------------------------------------------------------------- */

static void image_drop(struct writer *w)
{
	copy_all_drop(w, COPY_SNAPSHOT);
	w->snapshot = SNAPSHOT_IDLE;
}

static void snapshot_begin(struct writer *w)
{
	px_assert(restore_is_journalled(w)); /* it was when this was wanted, and stays so */
	if (!copy_all_begin(w, COPY_SNAPSHOT))
		return;
	for (uint32_t i = 0; i < w->boards_end; i++)
		if (w->boards[i] != NULL)
			w->boards[i]->snapshot_newest_ms = w->boards[i]->live.newest_ms;
	w->image =
		(struct snapshot_image){.lsn = w->lsn_applied,
					.journal_id = w->start.journal_id,
					.wall_ms = w->now.wall_ms,
					.boards = w->image_boards,
					.people = w->image_people,
					.requests = w->image_requests,
					.sync = (enum journal_sync)w->config.settings->journal_sync,
					.clean = w->stop == STOP_SNAPSHOT};
	w->snapshot = SNAPSHOT_BOARDS;
}

static void snapshot_boards_done(struct writer *w)
{
	uint32_t n = 0;

	if (!copy_all_are_made(w, COPY_SNAPSHOT))
		return;
	for (uint32_t i = 0; i < w->boards_end; i++) {
		const struct writer_board *b = w->boards[i];
		struct board_copy *copy;

		if (b == NULL)
			continue;
		copy = b->taken[COPY_SNAPSHOT];
		px_assert(copy != NULL); /* of each board that there was at the lsn */
		px_assert(b->snapshot_newest_ms <= b->live.newest_ms);
		w->image_boards[n++] =
			(struct snapshot_board){b->meta, copy, b->snapshot_newest_ms};
	}
	w->image.board_count = n;
	w->people_cursor = 0;
	w->snapshot = SNAPSHOT_PEOPLE;
}

static void snapshot_people_step(struct writer *w)
{
	uint32_t room = (uint32_t)w->config.settings->people_max * 2 - w->image.people_count;
	uint32_t n =
		people_copy(w->people, &w->people_cursor, w->image_people + w->image.people_count,
			    room < PEOPLE_COPY_STEP ? room : PEOPLE_COPY_STEP);

	px_assert(room > 0); /* or 0 copied would not mean that all are */
	w->image.people_count += n;
	if (n > 0)
		return;
	requests_copy_begin(w->requests);
	w->snapshot = SNAPSHOT_REQUESTS;
}

static void snapshot_requests_step(struct writer *w)
{
	uint32_t n = requests_copy(w->requests, w->now.wall_ms, w->now.mono_ns / NS_PER_MS,
				   w->image_requests + w->image.requests_count, REQUESTS_COPY_STEP);

	w->image.requests_count += n;
	px_assert(w->image.requests_count <= w->config.settings->requests_max);
	if (n > 0)
		return;
	w->after_lsn = journal_appended(w->journal);
	w->snapshot = SNAPSHOT_SETTLE;
}

static void snapshot_submit(struct writer *w)
{
	px_assert(w->image.lsn <= w->after_lsn); /* boards first, who placed on them behind */
	if (journal_settled(w->journal) < w->after_lsn)
		return;
	if (keeper_snapshot_submit(w->keeper, &w->image))
		w->snapshot = SNAPSHOT_WRITING;
}

static void snapshot_take(struct writer *w)
{
	int error;

	if (keeper_snapshot_take(w->keeper, &error) == NULL)
		return;
	px_assert(w->snapshot == SNAPSHOT_WRITING);
	px_assert(w->image.lsn >= w->snapshot_lsn); /* the next one is never older */
	if (error == 0) {
		metric_add(&w->metrics.snapshots, 1);
		w->snapshot_lsn = w->image.lsn;
		log_info("snapshot lsn=%llu people=%u requests=%u",
			 (unsigned long long)w->image.lsn, w->image.people_count,
			 w->image.requests_count);
	} else {
		metric_add(&w->metrics.snapshot_failures, 1);
		log_warn("snapshot_failed error=\"%s\" what=\"the journal has everything; retried "
			 "later\"",
			 strerror(-error));
	}
	image_drop(w);
	if (w->stop == STOP_SNAPSHOT)
		w->stop = STOP_DONE;
}

/* Is one to begin? What the journal does not know of stays out of snapshots: who reads it without
 * this one, or after it is gone, would meet placements of a board or an epoch that nothing tells
 * of. Until those records are in it there is nothing new either. */
static bool snapshot_is_due(struct writer *w)
{
	bool news = w->lsn_applied > w->snapshot_lsn;

	px_assert(w->snapshot == SNAPSHOT_IDLE); /* the image is ours */
	if (!restore_is_journalled(w)) {
		if (w->stop == STOP_SNAPSHOT)
			w->stop = STOP_DONE;
		return false;
	}
	return w->stop == STOP_SNAPSHOT || (news && w->now.mono_ns >= writer_snapshot_ns(w));
}

static void snapshot_run(struct writer *w)
{
	switch (w->snapshot) {
	case SNAPSHOT_IDLE:
		if (!snapshot_is_due(w))
			return;
		w->snapshot_begun_ns = w->now.mono_ns;
		w->snapshot = SNAPSHOT_WANTED;
		return;
	case SNAPSHOT_WANTED:
		snapshot_begin(w);
		return;
	case SNAPSHOT_BOARDS:
		snapshot_boards_done(w);
		return;
	case SNAPSHOT_PEOPLE:
		snapshot_people_step(w);
		return;
	case SNAPSHOT_REQUESTS:
		snapshot_requests_step(w);
		return;
	case SNAPSHOT_SETTLE:
		snapshot_submit(w);
		return;
	case SNAPSHOT_WRITING:
		snapshot_take(w);
		return;
	default:
		px_unreachable("phase of a snapshot");
	}
}

/* --- every turn ------------------------------------------------------------------------------- */

void copy_drop(struct writer *w)
{
	if (w->snapshot != SNAPSHOT_IDLE && w->snapshot != SNAPSHOT_WRITING) {
		image_drop(w); /* people may hold a charge, requests a placement taken back */
		w->snapshot = SNAPSHOT_WANTED;
	}
}

/* What holds between two turns, of boards that something is to be done for. */
static void copy_check(struct writer *w)
{
	const struct writer_board *b;

	for (uint32_t i = 0; (b = busy_next(w, &i)) != NULL;) {
		px_assert(b->takers == 0 || board_copy_is_making(b->live.board));
		px_assert(b->room != NULL || !copy_is_wanted(b)); /* others nobody sees */
		px_assert(b->taken[COPY_SNAPSHOT] == NULL || w->snapshot >= SNAPSHOT_BOARDS);
		px_assert(b->taken[COPY_FULL] == NULL || w->full_phase == FULL_MAKING);
	}
}

void copy_run(struct writer *w)
{
	struct writer_board *b;

	packed_take(w);
	for (uint32_t i = 0; (b = busy_next(w, &i)) != NULL;) {
		struct board_copy *copy;

		if (board_copy_is_making(b->live.board)) {
			copy = board_copy_step(b->live.board, COPY_STEP_BYTES);
			if (copy != NULL)
				copy_finish(w, b, copy);
		} else if (!copy_all_is_wanted(w) && copy_is_wanted(b) && copy_has_memory(w, b)) {
			(void)copy_begin(b); /* no: all versions are in use, next turn */
		}
	}
	snapshot_run(w);
	full_run(w);
	copy_check(w);
}

/* How long until there is something to do that nobody wakes us for. */
uint64_t copy_wait_ns(struct writer *w)
{
	uint64_t wait = full_wait_ns(w);
	struct writer_board *b;

	if (w->snapshot == SNAPSHOT_BOARDS || w->snapshot == SNAPSHOT_PEOPLE ||
	    w->snapshot == SNAPSHOT_REQUESTS)
		return 0;
	if (w->snapshot == SNAPSHOT_WANTED || w->snapshot == SNAPSHOT_SETTLE)
		wait = wait < NS_PER_MS ? wait : NS_PER_MS;
	for (uint32_t i = 0; (b = busy_next(w, &i)) != NULL;) {
		if (board_copy_is_making(b->live.board))
			return 0;
		if (copy_is_wanted(b)) /* no version or no memory is free */
			wait = wait < NS_PER_MS ? wait : NS_PER_MS;
	}
	return wait;
}

void copy_free(struct writer *w)
{
	const struct pack_job *job;

	while (w->config.pack_jobs != NULL && (job = spsc_peek(w->config.pack_jobs)) != NULL) {
		board_copy_unref(job->copy); /* the packer is gone */
		face_unref(job->face);
		spsc_pop(w->config.pack_jobs);
	}
	if (w->config.pack_done != NULL)
		while ((job = spsc_peek(w->config.pack_done)) != NULL) {
			blob_unref(job->blob);
			board_copy_unref(job->copy);
			face_unref(job->face);
			spsc_pop(w->config.pack_done);
		}
	image_drop(w);
}
