/*
 * receiver.c - the driver of a receiver: its states, its start and its end; see receiver.h.
 *
 * Owner   the receiver's thread; the functions marked so in receiver.h read atomics.
 * Memory  the journal reader's window.
 */
#include "persist/receiver/receiver.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "persist/receiver/receiver_priv.h"

const char *receiver_state_str(enum receiver_state state)
{
	static const char *const names[RECEIVER_STATES] = {
		[RECEIVER_START] = "start",         [RECEIVER_COPYING] = "copying",
		[RECEIVER_FOLLOWING] = "following", [RECEIVER_WAITING] = "waiting",
		[RECEIVER_STOPPED] = "stopped",     [RECEIVER_CLOSED] = "closed",
	};

	return state < RECEIVER_STATES ? names[state] : "unknown";
}

int receiver_new(const struct receiver_config *config, struct now now,
		 struct receiver **ret_receiver)
{
	struct receiver *r = calloc(1, sizeof(*r));
	int rc;

	if (r == NULL)
		return -ENOMEM;
	r->config = *config;
	r->fresh_ms = now.wall_ms;
	rc = disk_open(config->data, 0, 0, &r->disk);
	if (rc == 0)
		rc = journal_reader_new(r->disk, &r->reader);
	if (rc < 0) {
		receiver_free(r);
		return rc;
	}
	*ret_receiver = r;
	return 0;
}

void receiver_free(struct receiver *r)
{
	if (r == NULL)
		return;
	journal_reader_free(r->reader);
	disk_close(r->disk);
	free(r->boards);
	free(atomic_load(&r->boards_next));
	free(r);
}

void receiver_state_set(struct receiver *r, enum receiver_state next)
{
	static const uint8_t legal[RECEIVER_STATES] = {
		[RECEIVER_START] = 1u << RECEIVER_COPYING | 1u << RECEIVER_FOLLOWING |
				   1u << RECEIVER_WAITING | 1u << RECEIVER_STOPPED |
				   1u << RECEIVER_CLOSED,
		[RECEIVER_COPYING] = 1u << RECEIVER_FOLLOWING | 1u << RECEIVER_WAITING |
				     1u << RECEIVER_STOPPED | 1u << RECEIVER_CLOSED,
		[RECEIVER_FOLLOWING] = 1u << RECEIVER_START | 1u << RECEIVER_WAITING |
				       1u << RECEIVER_STOPPED | 1u << RECEIVER_CLOSED,
		[RECEIVER_WAITING] = 1u << RECEIVER_START | 1u << RECEIVER_CLOSED,
		[RECEIVER_STOPPED] = 1u << RECEIVER_START | 1u << RECEIVER_CLOSED,
	};

	px_assert(legal[r->state] & 1u << next);
	r->state = next;
	atomic_store_explicit(&r->state_seen, next, memory_order_relaxed);
}

uint64_t receiver_durable_lsn(const struct receiver *r)
{
	return r->config.durable_lsn(r->config.arg);
}

static bool is_stopping(const struct receiver *r)
{
	return atomic_load(&r->stopping);
}

void receiver_count(_Atomic uint64_t *m, uint64_t n)
{
	atomic_fetch_add_explicit(m, n, memory_order_relaxed);
}

/* --- starting --------------------------------------------------------------------------------- */

void receiver_position_set(struct receiver *r, const struct receiver_position *at)
{
	r->at = *at;
	atomic_store_explicit(&r->lsn, at->lsn, memory_order_release);
}

/* Its position is the truth, but it has to be one of this journal. */
static bool position_take(struct receiver *r, const struct receiver_position *at)
{
	uint64_t durable = receiver_durable_lsn(r);
	char why[RECEIVER_WHY_BYTES];

	if (at->lsn > durable) {
		snprintf(why, sizeof(why),
			 "it is ahead: it holds records up to %" PRIu64
			 ", and the journal in %s ends "
			 "with %" PRIu64
			 ". The data directory is older than the database, or a different one: "
			 "restore a newer copy of it, or restore the database to that moment, or "
			 "give "
			 "the server an empty database",
			 at->lsn, r->config.data, durable);
		receiver_stop_for(r, why);
		return false;
	}
	if (at->lsn < r->at.lsn)
		log_warn("receiver_went_back receiver=%s from_lsn=%" PRIu64 " to_lsn=%" PRIu64
			 " it holds less than before, as after a restore: what is missing is sent "
			 "again",
			 r->config.ops->name, r->at.lsn, at->lsn);
	receiver_position_set(r, at);
	return true;
}

static void follow_begin(struct receiver *r)
{
	r->sought = false;
	receiver_pace_start(&r->pace, r->config.gentle_per_second, receiver_durable_lsn(r),
			    r->now.mono_ns);
	receiver_state_set(r, RECEIVER_FOLLOWING);
}

static void copy_ask(struct receiver *r)
{
	px_assert(r->config.copy != NULL);
	px_assert(r->config.ops->copy != NULL);
	receiver_state_set(r, RECEIVER_COPYING);
	full_copy_ask(r->config.copy);
	r->config.wake_writer(r->config.arg);
}

static uint64_t start(struct receiver *r)
{
	struct receiver_journal journal = {
		.journal_id = r->config.journal_id,
		.boards = r->config.boards,
		.board_count = r->config.board_count,
	};
	struct receiver_position at = {.lsn = 0};
	enum receiver_verdict verdict;
	int rc = journal_reader_oldest(r->reader, &journal.oldest_lsn);

	if (rc < 0) {
		receiver_stop_reading(r, rc);
		return 0;
	}
	if (journal.oldest_lsn == 0)
		journal.oldest_lsn = receiver_durable_lsn(r) + 1;
	verdict = r->config.ops->init(r->config.self, &journal, &at);
	if (verdict == RECEIVER_COPY) {
		copy_ask(r);
		return 0;
	}
	if (verdict != RECEIVER_OK) {
		receiver_verdict_take(r, verdict);
		return 0;
	}
	if (!position_take(r, &at))
		return 0;
	if (at.is_new)
		log_info("receiver_attached receiver=%s from_lsn=%" PRIu64 " %s",
			 r->config.ops->name, at.lsn + 1,
			 at.lsn == 0 ? "the beginning of the journal"
				     : "older records are no longer in the journal");
	follow_begin(r);
	return 0;
}

/* The copy is handed over when all of it is durable: what lies behind that may still be another. */
static uint64_t copying(struct receiver *r)
{
	struct full_copy *copy = r->config.copy;
	struct receiver_position at = {.lsn = 0};
	enum receiver_verdict verdict;
	uint32_t boards;
	int rc;

	if (!full_copy_is_ready(copy) || receiver_durable_lsn(r) < copy->lsn)
		return RECEIVER_POLL_NS;
	at.lsn = copy->lsn;
	boards = copy->count;
	rc = journal_reader_chain(r->reader, at.lsn, &at.chain);
	if (rc < 0) {
		full_copy_return(copy);
		receiver_stop_reading(r, rc);
		return 0;
	}
	verdict = r->config.ops->copy(r->config.self, &at, copy);
	full_copy_return(copy);
	if (verdict != RECEIVER_OK) {
		receiver_verdict_take(r, verdict);
		return 0;
	}
	receiver_position_set(r, &at);
	log_info("receiver_copied receiver=%s lsn=%" PRIu64 " boards=%" PRIu32, r->config.ops->name,
		 at.lsn, boards);
	follow_begin(r);
	return 0;
}

void receiver_fresh_set(struct receiver *r, uint64_t wall_ms)
{
	atomic_store_explicit(&r->fresh_ms, wall_ms, memory_order_relaxed);
}

/* --- following -------------------------------------------------------------------------------- */

static void close_all(struct receiver *r)
{
	r->config.ops->close(r->config.self);
	receiver_state_set(r, RECEIVER_CLOSED);
	log_info("receiver_closed receiver=%s lsn=%" PRIu64 " behind_records=%" PRIu64,
		 r->config.ops->name, r->at.lsn,
		 receiver_durable_lsn(r) > r->at.lsn ? receiver_durable_lsn(r) - r->at.lsn : 0);
}

static uint64_t follow(struct receiver *r)
{
	uint64_t durable = receiver_durable_lsn(r);
	uint64_t waited, rest;

	receiver_pace_look(&r->pace, durable, r->now.mono_ns);
	if (durable <= r->at.lsn) {
		r->behind_ns = 0;
		receiver_fresh_set(r, r->now.wall_ms);
		if (!is_stopping(r))
			return RECEIVER_POLL_NS;
		close_all(r);
		return 0;
	}
	if (r->behind_ns == 0)
		r->behind_ns = r->now.mono_ns;
	waited = r->now.mono_ns - r->behind_ns;
	if (!is_stopping(r) && durable - r->at.lsn < receiver_batch_most(r) &&
	    waited < r->config.batch_age_ns)
		return RECEIVER_POLL_NS < r->config.batch_age_ns - waited
			       ? RECEIVER_POLL_NS
			       : r->config.batch_age_ns - waited;
	rest = is_stopping(r) ? 0 : receiver_pace_rest_ns(&r->pace, r->now.mono_ns);
	if (rest > 0)
		return rest;
	return receiver_batch_run(r, durable);
}

/* Only init() looks at boards. One that follows has no batch at hand between two turns: it starts
 * again, from its own position. */
static void boards_take(struct receiver *r)
{
	struct receiver_board *boards;

	if (r->state == RECEIVER_COPYING || r->state == RECEIVER_CLOSED || is_stopping(r))
		return;
	boards = atomic_exchange(&r->boards_next, NULL);
	if (boards == NULL)
		return;
	free(r->boards);
	r->boards = boards;
	r->config.boards = boards;
	if (r->state != RECEIVER_FOLLOWING)
		return;
	px_assert(r->batch_records == 0);
	r->config.ops->close(r->config.self);
	receiver_state_set(r, RECEIVER_START);
}

uint64_t receiver_turn(struct receiver *r, struct now now)
{
	r->now = now;
	boards_take(r);
	if (is_stopping(r) && r->state != RECEIVER_FOLLOWING && r->state != RECEIVER_CLOSED) {
		close_all(r);
		return 0;
	}
	switch (r->state) {
	case RECEIVER_START:
		return start(r);
	case RECEIVER_COPYING:
		return copying(r);
	case RECEIVER_FOLLOWING:
		return follow(r);
	case RECEIVER_WAITING:
	case RECEIVER_STOPPED:
		if (now.mono_ns < r->due_ns)
			return r->due_ns - now.mono_ns;
		receiver_state_set(r, RECEIVER_START);
		return 0;
	case RECEIVER_CLOSED:
	case RECEIVER_STATES:
		break;
	}
	return RECEIVER_IDLE;
}

/* --- any thread ------------------------------------------------------------------------------- */

void receiver_boards_set(struct receiver *r, struct receiver_board *boards)
{
	free(atomic_exchange(&r->boards_next, boards)); /* older ones that were not taken yet */
}

void receiver_stop(struct receiver *r)
{
	atomic_store(&r->stopping, true); /* before the caller looks whether its thread dozes */
}

bool receiver_is_closed(const struct receiver *r)
{
	return atomic_load_explicit(&r->state_seen, memory_order_relaxed) == RECEIVER_CLOSED;
}

uint64_t receiver_lsn(const struct receiver *r)
{
	return atomic_load_explicit(&r->lsn, memory_order_acquire);
}

bool receiver_is_trusted(const struct receiver *r)
{
	return receiver_lsn(r) != 0 &&
	       atomic_load_explicit(&r->state_seen, memory_order_relaxed) != RECEIVER_STOPPED;
}

const char *receiver_name(const struct receiver *r)
{
	return r->config.ops->name;
}

static uint64_t look(const _Atomic uint64_t *m)
{
	return atomic_load_explicit(m, memory_order_relaxed);
}

void receiver_look(const struct receiver *r, struct now now, struct receiver_status *ret_status)
{
	uint64_t lsn = receiver_lsn(r);
	uint64_t durable = receiver_durable_lsn(r);
	uint64_t fresh_ms = look(&r->fresh_ms);

	*ret_status = (struct receiver_status){
		.state = (enum receiver_state)atomic_load_explicit(&r->state_seen,
								   memory_order_relaxed),
		.lsn = lsn,
		.lag_records = durable > lsn ? durable - lsn : 0,
		.lag_ms = durable > lsn && now.wall_ms > fresh_ms ? now.wall_ms - fresh_ms : 0,
		.records = look(&r->records),
		.placements = look(&r->placements),
		.batches = look(&r->batches),
		.retries = look(&r->retries),
		.stops = look(&r->stops),
		.quarantined = look(&r->quarantined),
	};
}
