/*
 * writer.c - the turn of the writer, its making and its end.
 *
 * Fixed order: disk completions, faces of boards, requests of workers, answers of the historian,
 * group commit, what was dropped, a rollback, what is settled, frames, copies, answers out. Each
 * with a budget.
 */
#include "writer/writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "engine/memory/pages.h"
#include "writer/writer_priv.h"

#define RING_SQ_ENTRIES   64
#define RING_CQ_ENTRIES   256
#define GATHER_ROUND_PART 50 /* of a round that commits gather for under load */
#define GATHER_US_MAX     20000

/* --- making --------------------------------------------------------------------------------------
 * */

static size_t image_people_bytes(const struct writer *w)
{
	return (size_t)w->config.settings->people_max * 2 * sizeof(struct person);
}

static size_t image_requests_bytes(const struct writer *w)
{
	return (size_t)w->config.settings->requests_max * sizeof(struct request);
}

static int memory_new(struct writer *w)
{
	int rc;

	w->maker.metrics = &w->metrics;
	w->pending = calloc(PENDING_MAX, sizeof(*w->pending));
	w->image_boards = calloc(ROOMS_MAX, sizeof(*w->image_boards));
	w->image_people = pages_new(image_people_bytes(w), "people of a snapshot");
	w->image_requests = pages_new(image_requests_bytes(w), "requests of a snapshot");
	if (w->pending == NULL || w->image_boards == NULL || w->image_people == NULL ||
	    w->image_requests == NULL)
		return -ENOMEM;
	rc = people_new((uint32_t)w->config.settings->people_max, &w->people);
	if (rc < 0)
		return rc;
	return requests_new((uint32_t)w->config.settings->requests_max, &w->requests);
}

void writer_pace_set(struct writer *w, const struct settings *s)
{
	struct writer_pace *pace = &w->pace;

	atomic_store_explicit(&pace->cut_interval_ns, s->cut_interval_ms * NS_PER_MS,
			      memory_order_relaxed);
	atomic_store_explicit(&pace->status_interval_ns, s->status_interval_ms * NS_PER_MS,
			      memory_order_relaxed);
	atomic_store_explicit(&pace->snapshot_interval_ns, s->snapshot_interval_s * NS_PER_SEC,
			      memory_order_relaxed);
	atomic_store_explicit(&pace->gather_us, s->journal_gather_ms * 1000, memory_order_relaxed);
}

int writer_new(const struct writer_config *config, struct now now, struct writer **ret_writer,
	       char why[static RECOVER_WHY_BYTES])
{
	struct writer *w = calloc(1, sizeof(*w));
	int rc;

	if (w == NULL)
		return EXIT_FAILED;
	px_assert(config->read_only || !config->check_only);
	w->config = *config;
	w->now = now;
	w->snapshot_begun_ns = now.mono_ns;
	writer_pace_set(w, config->settings);
	rc = !config->check_only && memory_new(w) < 0 ? EXIT_FAILED : EXIT_PASS;
	if (rc != 0)
		snprintf(why, RECOVER_WHY_BYTES,
			 "not enough memory for people-max and requests-max");
	else
		rc = restore_run(w, why);
	if (rc != 0) {
		writer_free(w);
		return rc;
	}
	atomic_store(&w->durable_lsn, w->start.next_lsn - 1);
	*ret_writer = w;
	return 0;
}

void writer_board_free(struct writer_board *b)
{
	board_free(b->live.board);
	for (unsigned e = 0; e < ROOM_LOGS; e++)
		room_log_free(b->frames.logs[e]);
	free(b->room);
	face_unref(b->face);
	free(b->live.changed);
	free(b->frames.half_colors);
	free(b->live.placers);
	refill_free(b);
	free(b);
}

void writer_free(struct writer *w)
{
	if (w == NULL)
		return;
	copy_free(w);
	full_free(w);
	questions_drop(w);
	rollback_end(w);
	ring_close(w->ring);
	journal_free(w->journal);
	for (uint32_t i = 0; i < w->boards_end; i++)
		if (w->boards[i] != NULL)
			writer_board_free(w->boards[i]);
	faces_free(w);
	requests_free(w->requests);
	people_free(w->people);
	pages_free(w->image_people, image_people_bytes(w));
	pages_free(w->image_requests, image_requests_bytes(w));
	free(w->image_boards);
	free(w->pending);
	free(w);
}

int writer_start(struct writer *w, struct keeper *keeper, struct now now)
{
	const struct settings *s = w->config.settings;
	struct ring_config ring = {.sq_entries = RING_SQ_ENTRIES, .cq_entries = RING_CQ_ENTRIES};
	struct journal_config journal = {.segment_bytes = s->journal_segment_bytes,
					 .batch_bytes_max = JOURNAL_BATCH_BYTES_DEFAULT,
					 .sync = (enum journal_sync)s->journal_sync,
					 .interval_ms = (uint32_t)s->journal_interval_ms,
					 .gather_us = (uint32_t)s->journal_gather_ms * 1000,
					 .commit_us = &w->commits};
	int rc;

	px_assert(w->journal == NULL); /* once, behind writer_new() */
	px_assert(!w->config.read_only);
	w->now = now;
	w->keeper = keeper;
	if (journal.batch_bytes_max > journal.segment_bytes / 4)
		journal.batch_bytes_max = (uint32_t)(journal.segment_bytes / 4);
	rc = ring_open(&ring, &w->ring);
	if (rc == 0)
		rc = journal_new(&journal, &w->start, w->ring, keeper, &w->journal);
	if (rc == 0)
		rc = restore_journal(w);
	return rc;
}

/* --- answers ---------------------------------------------------------------------------------- */

struct mail_answer *writer_answer(struct writer *w, unsigned worker, enum mail_answer_type type,
				  struct mail_client client, uint16_t board)
{
	struct mail_answer *a = spsc_push(w->config.answers[worker]);

	px_assert(worker < w->config.worker_count);
	px_assert(a != NULL); /* a worker asks no more than its answers hold */
	a->head = (struct mail_head){.client = client, .board = board, .type = (uint8_t)type};
	w->mailed |= 1ULL << worker;
	return a;
}

void writer_refuse(struct writer *w, unsigned worker, const struct mail_head *asked,
		   uint64_t request, enum refusal why, uint64_t wait_ms)
{
	struct mail_answer *a = writer_answer(w, worker, MAIL_REFUSED, asked->client, asked->board);

	px_assert(why < REFUSAL_MAX);
	px_assert(asked->type == MAIL_PLACE || asked->type == MAIL_SUBSCRIBE);
	a->refused = (struct mail_refused){.request = request,
					   .wait_ms = wait_ms > UINT32_MAX ? UINT32_MAX
									   : (uint32_t)wait_ms,
					   .refusal = (uint8_t)why,
					   .asked = asked->type};
	metric_add(&w->refused[why], 1);
}

struct writer_board *writer_board_at(struct writer *w, uint16_t number)
{
	struct writer_board *b = number < w->boards_end ? w->boards[number] : NULL;

	px_assert(b == NULL || b->meta.board == number);
	return b != NULL && b->room != NULL ? b : NULL;
}

static void pixel(struct writer *w, unsigned worker, const struct mail_request *m)
{
	struct writer_board *b = writer_board_at(w, m->head.board);
	struct mail_answer *a = writer_answer(w, worker, MAIL_PIXEL, m->head.client, m->head.board);
	uint32_t cell;

	px_assert(b != NULL); /* workers know which boards are served, and how large they are */
	px_assert(m->pixel.x < b->meta.width && m->pixel.y < b->meta.height);
	cell = m->pixel.y * b->meta.width + m->pixel.x;
	a->pixel = (struct mail_pixel){.color = board_get(b->live.board, cell)};
	if (b->live.placers != NULL && b->live.placers[cell].placed_at_ms != 0) {
		a->pixel.is_known = true;
		a->pixel.placed_at_ms = b->live.placers[cell].placed_at_ms;
		memcpy(a->pixel.user, b->live.placers[cell].user, sizeof(a->pixel.user));
	}
}

static void request_run(struct writer *w, unsigned worker, const struct mail_request *m)
{
	switch ((enum mail_request_type)m->head.type) {
	case MAIL_PLACE:
		accept_place(w, worker, m);
		return;
	case MAIL_SUBSCRIBE:
		cut_subscribe(w, worker, m);
		return;
	case MAIL_ASK_YOU:
		accept_you(w, worker, m);
		return;
	case MAIL_ASK_PIXEL:
		pixel(w, worker, m);
		return;
	case MAIL_ASK_BITMAP:
		copy_want(w, worker, m);
		return;
	case MAIL_QUESTION:
		if (m->question.ask.kind == QUESTION_ROLLBACK)
			rollback_want(w, worker, m);
		else
			questions_want(w, worker, m);
		return;
	default:
		px_unreachable("mail to the writer");
	}
}

/* True: some queue may hold more. */
static bool requests_run(struct writer *w)
{
	bool more = false;

	for (unsigned i = 0; i < w->config.worker_count; i++) {
		struct spsc *q = w->config.requests[i];
		const struct mail_request *m, *ahead;
		unsigned n = 0;

		while (n < REQUESTS_PER_TURN && (m = spsc_peek(q)) != NULL) {
			ahead = spsc_peek_ahead(q, PREFETCH_AHEAD);
			if (ahead != NULL)
				accept_prefetch(w, ahead);
			request_run(w, i, m);
			spsc_pop(q);
			n++;
		}
		more |= n == REQUESTS_PER_TURN;
	}
	return more;
}

/* --- the turn --------------------------------------------------------------------------------- */

static void events_run(struct writer *w)
{
	uint32_t n;

	do {
		n = ring_reap(w->ring, w->events, EVENTS_PER_REAP);
		for (uint32_t i = 0; i < n; i++) {
			px_assert(journal_op_is(op_tag_unpack(w->events[i].tag).kind));
			journal_done(w->journal, w->events[i].tag, w->events[i].res, w->now);
		}
	} while (n == EVENTS_PER_REAP);
}

/* Right behind whatever can drop: a request that came in between would wait for an lsn that is
 * gone. */
static void drop_run(struct writer *w)
{
	if (!journal_take_drop(w->journal))
		return;
	px_assert(w->lsn_applied <= journal_settled(w->journal)); /* what is applied stays */
	order_drop(w);
	restore_dropped(w);
	copy_drop(w);
	log_error("journal_dropped error=\"%s\" what=\"nothing was acknowledged; "
		  "placements get 503\"",
		  strerror(-journal_error(w->journal)));
}

/* When rounds take long the cores are busy sending, and nobody sees a placement sooner than at the
 * next round: then commits get larger, not more. */
static uint32_t gather_us(const struct writer *w)
{
	uint64_t gather = atomic_load_explicit(&w->pace.gather_us, memory_order_relaxed);
	uint64_t share = w->config.round_ns(w->config.arg) / GATHER_ROUND_PART / 1000;

	if (gather == 0 || share <= gather)
		return (uint32_t)gather;
	return (uint32_t)(share < GATHER_US_MAX ? share : GATHER_US_MAX);
}

static void journal_run(struct writer *w)
{
	journal_gather_set(w->journal, gather_us(w));
	journal_turn(w->journal, w->now);
	drop_run(w);
	px_assert(journal_durable(w->journal) >= writer_durable_lsn(w)); /* receivers have it */
	atomic_store_explicit(&w->durable_lsn, journal_durable(w->journal), memory_order_release);
	if (journal_state(w->journal) == JOURNAL_OPEN ||
	    journal_state(w->journal) == JOURNAL_WAITING)
		(void)restore_journal(w); /* what a drop took; nothing else to do otherwise */
	atomic_store_explicit(&w->ready, journal_state(w->journal) == JOURNAL_OPEN,
			      memory_order_relaxed);
}

/* People behind their requests: who has some stays. True: more may be over. */
static bool memory_expire(struct writer *w)
{
	uint64_t mono_ms = w->now.mono_ns / NS_PER_MS;
	bool more = requests_expire(w->requests, REQUESTS_EXPIRE_STEP, mono_ms);

	people_expire(w->people, PEOPLE_EXPIRE_STEP, w->cooldown_ms, w->boards_end, mono_ms);
	atomic_store_explicit(&w->metrics.pushed_out, requests_pushed_out(w->requests),
			      memory_order_relaxed);
	return more;
}

static void stop_run(struct writer *w)
{
	if (w->stop == STOP_JOURNAL && journal_state(w->journal) == JOURNAL_CLOSED &&
	    w->pending_head == w->pending_tail && w->snapshot == SNAPSHOT_IDLE)
		w->stop = STOP_SNAPSHOT;
	if (w->stop == STOP_DONE)
		atomic_store_explicit(&w->stopped, true, memory_order_release);
}

/* What holds between the fields at the end of every turn. */
static void writer_check(const struct writer *w)
{
	uint64_t waiting = w->pending_tail - w->pending_head;

	px_assert(w->boards_end <= ROOMS_MAX && w->rooms.end <= ROOMS_MAX);
	px_assert(waiting <= PENDING_MAX);
	px_assert(w->lsn_applied <= journal_settled(w->journal));
	px_assert(waiting == 0 || w->pending[w->pending_head % PENDING_MAX].lsn >= w->lsn_applied);
	px_assert(waiting > 0 || w->lsn_applied == journal_settled(w->journal));
	px_assert(w->snapshot_lsn <= w->lsn_applied);
	px_assert(w->history_out <= HISTORY_JOBS_MAX);
	px_assert((w->rollback.phase == ROLLBACK_IDLE) == (w->rollback.touched == NULL));
	px_assert(w->rollback.phase != ROLLBACK_PLANNING || w->history_out > 0);
	px_assert(w->rollback.phase != ROLLBACK_READY || w->rollback.job.offer != NULL);
	px_assert(w->rollback.phase != ROLLBACK_JOURNALLED || waiting > 0);
	px_assert(w->stop < STOP_SNAPSHOT || waiting == 0); /* everybody has an answer */
}

static void mail_out(struct writer *w)
{
	for (unsigned i = 0; i < w->config.worker_count; i++) {
		bool mailed = w->mailed & 1ULL << i;

		if (mailed)
			(void)spsc_publish(w->config.answers[i]);
		if (mailed || w->cut_any)
			w->config.wake_worker(w->config.arg, i);
	}
	w->mailed = 0;
	w->cut_any = false;
}

static uint64_t wait_ns(struct writer *w)
{
	uint64_t wait = cut_wait_ns(w);
	uint64_t journal = journal_wait_ns(w->journal, w->now);
	uint64_t copy = copy_wait_ns(w);
	uint64_t snapshot = writer_snapshot_ns(w) > w->now.mono_ns
				    ? writer_snapshot_ns(w) - w->now.mono_ns
				    : 100 * NS_PER_MS;

	if (w->stop != STOP_NO)
		wait = wait < NS_PER_MS ? wait : NS_PER_MS;
	wait = copy < wait ? copy : wait;
	wait = journal < wait ? journal : wait;
	return snapshot < wait ? snapshot : wait;
}

uint64_t writer_turn(struct writer *w, struct now now, bool *ret_nap)
{
	uint64_t wait, gather;
	bool more;

	px_assert(w->journal != NULL); /* behind writer_start() */
	w->now = now;
	events_run(w);
	drop_run(w);
	faces_run(w);
	more = requests_run(w);
	questions_take(w);
	journal_run(w);
	rollback_run(w);
	order_settle(w);
	cut_run(w);
	copy_run(w);
	busy_run(w);
	more |= memory_expire(w);
	stop_run(w);
	writer_check(w);
	mail_out(w);
	ring_submit(w->ring);
	wait = more ? 0 : wait_ns(w);
	gather = journal_gather_ns(w->journal, w->now);
	*ret_nap = gather > 0;
	return gather > 0 && gather < wait ? gather : wait;
}

void writer_stop(struct writer *w)
{
	if (w->stop != STOP_NO)
		return;
	w->stop = STOP_JOURNAL;
	journal_stop(w->journal);
}

/* --- looking in ------------------------------------------------------------------------------- */

bool writer_is_stopped(const struct writer *w)
{
	return atomic_load_explicit(&w->stopped, memory_order_acquire);
}

bool writer_has_mail(struct writer *w)
{
	for (unsigned i = 0; i < w->config.worker_count; i++)
		if (spsc_peek(w->config.requests[i]) != NULL)
			return true;
	return full_has_mail(w) || faces_have_mail(w) || spsc_peek(w->config.pack_done) != NULL ||
	       (w->config.history_done != NULL && spsc_peek(w->config.history_done) != NULL);
}

struct ring *writer_ring(struct writer *w)
{
	return w->ring;
}

struct rooms *writer_rooms(struct writer *w)
{
	return &w->rooms;
}

uint64_t writer_journal_id(const struct writer *w)
{
	return w->start.journal_id;
}

const struct record_board *writer_board_meta(const struct writer *w, uint32_t number)
{
	return number < w->boards_end && w->boards[number] != NULL ? &w->boards[number]->meta
								   : NULL;
}

bool writer_board_is_new(const struct writer *w, uint32_t number)
{
	return !w->boards[number]->is_journalled;
}

uint64_t writer_durable_lsn(const struct writer *w)
{
	return atomic_load_explicit(&w->durable_lsn, memory_order_acquire);
}

bool writer_is_ready(const struct writer *w)
{
	return atomic_load_explicit(&w->ready, memory_order_relaxed);
}

const struct writer_metrics *writer_metrics(const struct writer *w)
{
	return &w->metrics;
}

const struct histogram *writer_acks(const struct writer *w)
{
	return &w->acks;
}

const struct histogram *writer_commits(const struct writer *w)
{
	return &w->commits;
}

uint64_t writer_refused(const struct writer *w, enum refusal why)
{
	px_assert(why < REFUSAL_MAX);
	return metric_get(&w->refused[why]);
}
