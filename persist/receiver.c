/*
 * receiver.c - the driver of a receiver; see receiver.h.
 *
 * Owner   the receiver's thread; the functions that say so read atomics.
 * Memory  the journal reader's window.
 *
 * A batch is what one flush keeps: many whole batches of the journal, so that the position ends
 * where the journal has a fingerprint. A batch that is refused is tried again in halves: what is
 * good is kept, and the one record that is not goes to the quarantine. More than a few of them are
 * no accident of records: then the receiver stops.
 */
#include "persist/receiver.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/assert.h"
#include "engine/hash.h"
#include "engine/log.h"
#include "persist/disk.h"
#include "persist/journal_reader.h"
#include "persist/receiver_pace.h"
#include "persist/receiver_quarantine.h"

#define POLL_NS          (50 * NS_PER_MS)
#define WAIT_NS_MIN      (200 * NS_PER_MS)
#define WAIT_NS_MAX      (30 * NS_PER_SEC)
#define STOPPED_NS       (60 * NS_PER_SEC)
#define UNREADABLE_TURNS 100 /* with POLL_NS: so long a durable record may hide */
#define QUARANTINE_MAX   100 /* since the start */
#define WHY_BYTES        800
#define BEHIND_BATCHES   10 /* from here on the log says so */
#define BEHIND_SAY_NS    (60 * NS_PER_SEC)

struct receiver {
	struct receiver_config config;
	struct disk *disk;
	struct journal_reader *reader;
	struct journal_piece piece; /* what is left of the reader's last one */
	enum receiver_state state;
	struct receiver_position at;
	struct now now;
	uint64_t due_ns;    /* WAITING, STOPPED: until then */
	uint64_t wait_ns;   /* the last one; 0: all is well */
	uint64_t behind_ns; /* since when there is something to receive; 0: nothing is */
	uint64_t behind_said_ns;
	uint64_t narrow;   /* no more records than this in a batch; 0: no limit */
	uint64_t skip_lsn; /* this one is in the quarantine */
	uint64_t draws;
	uint32_t unreadable;
	struct receiver_pace pace;
	bool sought;
	bool was_following; /* since the last start or trouble */

	/* the batch at hand */
	struct record last; /* when it is a batch of one: what to quarantine */
	uint64_t batch_lsn;
	uint64_t batch_chain;
	uint64_t batch_records, batch_placements, batch_bytes;
	uint64_t batch_placed_at_ms;

	char why[WHY_BYTES]; /* of the last stop */

	/* for any thread */
	_Atomic bool stopping;
	_Atomic uint32_t state_seen;
	_Atomic uint64_t lsn;
	_Atomic uint64_t fresh_ms; /* wall time: nothing older is missing */
	_Atomic uint64_t records, placements, batches, retries, stops, quarantined;
};

const char *receiver_state_str(enum receiver_state state)
{
	static const char *const names[RECEIVER_STATES] = {
		[RECEIVER_START] = "start",     [RECEIVER_FOLLOWING] = "following",
		[RECEIVER_WAITING] = "waiting", [RECEIVER_STOPPED] = "stopped",
		[RECEIVER_CLOSED] = "closed",
	};

	return state < RECEIVER_STATES ? names[state] : "unknown";
}

int receiver_new(const struct receiver_config *config, struct receiver **ret_receiver)
{
	struct receiver *r = calloc(1, sizeof(*r));
	int rc;

	if (r == NULL)
		return -ENOMEM;
	r->config = *config;
	r->fresh_ms = clock_now().wall_ms;
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
	free(r);
}

static void state_set(struct receiver *r, enum receiver_state next)
{
	static const uint8_t legal[RECEIVER_STATES] = {
		[RECEIVER_START] = 1u << RECEIVER_FOLLOWING | 1u << RECEIVER_WAITING |
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

static uint64_t durable_lsn(const struct receiver *r)
{
	return r->config.durable_lsn(r->config.arg);
}

static bool is_stopping(const struct receiver *r)
{
	return atomic_load_explicit(&r->stopping, memory_order_acquire);
}

static void count(_Atomic uint64_t *m, uint64_t n)
{
	atomic_fetch_add_explicit(m, n, memory_order_relaxed);
}

/* --- trouble ---------------------------------------------------------------------------------- */

static void batch_forget(struct receiver *r)
{
	r->batch_records = 0;
	r->batch_placements = 0;
	r->batch_bytes = 0;
	r->sought = false;
	r->was_following = false;
}

/* Twice as long each time, and never quite as long as others wait. */
static void retry(struct receiver *r)
{
	uint64_t draw = hash64(&r->draws, sizeof(r->draws), r->config.seed);

	r->draws++;
	r->wait_ns = r->wait_ns == 0 ? WAIT_NS_MIN : 2 * r->wait_ns;
	r->wait_ns = r->wait_ns < WAIT_NS_MAX ? r->wait_ns : WAIT_NS_MAX;
	r->due_ns = r->now.mono_ns + r->wait_ns / 2 + draw % (r->wait_ns / 2);
	count(&r->retries, 1);
	log_warn("receiver_waiting receiver=%s lsn=%" PRIu64 " again_in_ms=%" PRIu64 " why=\"%s\"",
		 r->config.ops->name, r->at.lsn,
		 (uint64_t)((r->due_ns - r->now.mono_ns) / NS_PER_MS),
		 r->config.ops->why(r->config.self));
	r->config.ops->close(r->config.self);
	batch_forget(r);
	state_set(r, RECEIVER_WAITING);
}

/* Said once: it is looked at again every minute, so that nobody has to restart the server. */
static void stop(struct receiver *r, const char *why)
{
	if (strncmp(r->why, why, WHY_BYTES - 1) != 0) {
		log_error("receiver_stopped receiver=%s lsn=%" PRIu64 " why=\"%s\" "
			  "placing goes on; looked at again every minute",
			  r->config.ops->name, r->at.lsn, why);
		snprintf(r->why, WHY_BYTES, "%s", why);
	}
	count(&r->stops, 1);
	r->due_ns = r->now.mono_ns + STOPPED_NS;
	r->config.ops->close(r->config.self);
	batch_forget(r);
	state_set(r, RECEIVER_STOPPED);
}

/* One record is left of what was refused. */
static bool quarantine(struct receiver *r)
{
	char why[WHY_BYTES];
	int rc;

	if (atomic_load_explicit(&r->quarantined, memory_order_relaxed) >= QUARANTINE_MAX) {
		snprintf(why, sizeof(why),
			 "%d placements are in quarantine since the start and the next is refused "
			 "too, so it is the table: %s",
			 QUARANTINE_MAX, r->config.ops->why(r->config.self));
		stop(r, why);
		return false;
	}
	rc = receiver_quarantine(r->disk, r->config.ops->name, r->batch_lsn, &r->last);
	if (rc < 0) {
		snprintf(why, sizeof(why),
			 "record %" PRIu64 " is refused (%s), and the quarantine "
			 "cannot be written: %s",
			 r->batch_lsn, r->config.ops->why(r->config.self), strerror(-rc));
		stop(r, why);
		return false;
	}
	count(&r->quarantined, 1);
	log_error("receiver_quarantine receiver=%s lsn=%" PRIu64
		  " file=%s/quarantine-%s.csv why=\"%s\" the others go on",
		  r->config.ops->name, r->batch_lsn, r->config.data, r->config.ops->name,
		  r->config.ops->why(r->config.self));
	r->skip_lsn = r->batch_lsn;
	return true;
}

static void refused(struct receiver *r)
{
	if (r->batch_records > 1) {
		if (r->narrow == 0)
			log_warn("receiver_refused receiver=%s lsn=%" PRIu64 " records=%" PRIu64
				 " why=\"%s\" the one at fault is looked for",
				 r->config.ops->name, r->at.lsn, r->batch_records,
				 r->config.ops->why(r->config.self));
		r->narrow = r->batch_records / 2;
	} else if (!quarantine(r)) {
		return;
	}
	r->config.ops->close(r->config.self);
	batch_forget(r);
	state_set(r, RECEIVER_START);
}

static void verdict_take(struct receiver *r, enum receiver_verdict verdict)
{
	switch (verdict) {
	case RECEIVER_OK:
		return;
	case RECEIVER_RETRY:
		retry(r);
		return;
	case RECEIVER_REFUSED:
		refused(r);
		return;
	case RECEIVER_STOP:
		stop(r, r->config.ops->why(r->config.self));
		return;
	}
	px_unreachable("verdict of a receiver");
}

static void stop_reading(struct receiver *r, int error)
{
	char why[WHY_BYTES];
	uint64_t oldest = 0;

	(void)journal_reader_oldest(r->reader, &oldest);
	if (error == -ENODATA)
		snprintf(why, sizeof(why),
			 "it holds records up to %" PRIu64 ", and the journal in %s begins with "
			 "%" PRIu64 ": those between are not there any more. Put the missing "
			 "journal files back, or accept the gap: %s",
			 r->at.lsn, r->config.data, oldest,
			 "docs/operations.md, PostgreSQL, says how");
	else if (error == -EBADMSG)
		snprintf(why, sizeof(why), "%s. Stop the server and run `pixeld journal verify %s`",
			 journal_reader_why(r->reader), r->config.data);
	else
		snprintf(why, sizeof(why), "the journal in %s cannot be read: %s", r->config.data,
			 strerror(-error));
	stop(r, why);
}

/* --- starting --------------------------------------------------------------------------------- */

static void position_set(struct receiver *r, const struct receiver_position *at)
{
	r->at = *at;
	atomic_store_explicit(&r->lsn, at->lsn, memory_order_release);
}

/* Its position is the truth, but it has to be one of this journal. */
static bool position_take(struct receiver *r, const struct receiver_position *at)
{
	uint64_t durable = durable_lsn(r);
	char why[WHY_BYTES];

	if (at->lsn > durable) {
		snprintf(why, sizeof(why),
			 "it is ahead: it holds records up to %" PRIu64
			 ", and the journal in %s ends "
			 "with %" PRIu64
			 ". The data directory is older than the database, or another: "
			 "restore a newer copy of it, or restore the database to that moment, or "
			 "give "
			 "the server an empty database",
			 at->lsn, r->config.data, durable);
		stop(r, why);
		return false;
	}
	if (at->lsn < r->at.lsn)
		log_warn("receiver_went_back receiver=%s from_lsn=%" PRIu64 " to_lsn=%" PRIu64
			 " it holds less than before, as after a restore: what is missing is sent "
			 "again",
			 r->config.ops->name, r->at.lsn, at->lsn);
	position_set(r, at);
	return true;
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
		stop_reading(r, rc);
		return 0;
	}
	if (journal.oldest_lsn == 0)
		journal.oldest_lsn = durable_lsn(r) + 1;
	verdict = r->config.ops->init(r->config.self, &journal, &at);
	if (verdict != RECEIVER_OK) {
		verdict_take(r, verdict);
		return 0;
	}
	if (!position_take(r, &at))
		return 0;
	if (at.is_new)
		log_info("receiver_attached receiver=%s from_lsn=%" PRIu64 " %s",
			 r->config.ops->name, at.lsn + 1,
			 at.lsn == 0 ? "the beginning of the journal"
				     : "older records are not in the journal any more");
	r->sought = false;
	receiver_pace_start(&r->pace, durable_lsn(r));
	state_set(r, RECEIVER_FOLLOWING);
	return 0;
}

static void fresh_set(struct receiver *r, uint64_t wall_ms)
{
	atomic_store_explicit(&r->fresh_ms, wall_ms, memory_order_relaxed);
}

/* --- following -------------------------------------------------------------------------------- */

static uint64_t batch_records_most(const struct receiver *r)
{
	uint64_t most = receiver_pace_is_gentle(&r->pace, r->now.mono_ns) ? r->config.gentle_records
									  : r->config.batch_records;

	return r->narrow != 0 && r->narrow < most ? r->narrow : most;
}

static bool batch_is_full(const struct receiver *r)
{
	return r->batch_records >= batch_records_most(r) || r->batch_bytes >= r->config.batch_bytes;
}

/* What is received has to continue what was received. */
static bool piece_fits(struct receiver *r)
{
	const struct journal_piece *piece = &r->piece;
	char why[WHY_BYTES];
	uint64_t expected = r->batch_records > 0 ? r->batch_lsn + 1 : r->at.lsn + 1;

	if (piece->first_lsn > expected) {
		log_warn("receiver_gap receiver=%s from_lsn=%" PRIu64 " to_lsn=%" PRIu64
			 " the journal lost these records in a crash, as journal-sync allows",
			 r->config.ops->name, expected, piece->first_lsn - 1);
		return true;
	}
	if (r->batch_records > 0 || r->at.chain == 0)
		return true;
	/* With a fingerprint it stands at the end of a batch, in the history that it follows. */
	if (!piece->is_cut && (piece->chain_before == 0 || piece->chain_before == r->at.chain))
		return true;
	snprintf(why, sizeof(why),
		 "it follows another history: its record %" PRIu64 " is not the one of the journal "
		 "in %s, which was put back to an older state and went on from there. Restore the "
		 "database to that moment, or give the server an empty database",
		 r->at.lsn, r->config.data);
	stop(r, why);
	return false;
}

/* 1: a piece is at hand; 0: none is there; -errno. */
static int piece_get(struct receiver *r, uint64_t durable)
{
	int rc = 0;

	if (bytes_left(&r->piece.records) > 0 && r->sought)
		return 1;
	if (!r->sought)
		rc = journal_reader_seek(r->reader, r->at.lsn + 1);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc; /* the first segment is being made */
	r->sought = true;
	r->piece = (struct journal_piece){.first_lsn = 0};
	return journal_reader_next(r->reader, durable, &r->piece);
}

static enum receiver_verdict piece_hand_over(struct receiver *r)
{
	struct journal_piece *piece = &r->piece;
	const uint8_t *begin = piece->records.at;
	enum receiver_verdict verdict = RECEIVER_OK;

	while (verdict == RECEIVER_OK && bytes_left(&piece->records) > 0 &&
	       !(r->narrow != 0 && r->batch_records >= r->narrow)) {
		if (record_get(&piece->records, &r->last) < 0)
			px_unreachable("a record in a batch whose checksum is right");
		r->batch_lsn = piece->first_lsn++;
		r->batch_records++;
		if (r->batch_lsn == r->skip_lsn)
			continue;
		if (r->last.type == RECORD_PLACEMENT) {
			r->batch_placements++;
			r->batch_placed_at_ms = r->last.placement.placed_at_ms;
		}
		verdict = r->config.ops->event(r->config.self, r->batch_lsn, &r->last);
	}
	r->batch_bytes += (uint64_t)(piece->records.at - begin);
	r->batch_chain = bytes_left(&piece->records) == 0 ? piece->chain_after : 0;
	return verdict;
}

/* At most once a minute; and once when it is over. */
static void behind_say(struct receiver *r)
{
	uint64_t behind = durable_lsn(r) - r->at.lsn;

	if (behind > BEHIND_BATCHES * (uint64_t)r->config.batch_records &&
	    (r->behind_said_ns == 0 || r->now.mono_ns - r->behind_said_ns >= BEHIND_SAY_NS)) {
		r->behind_said_ns = r->now.mono_ns;
		log_warn("receiver_behind receiver=%s lsn=%" PRIu64 " behind_records=%" PRIu64
			 " they wait in the journal",
			 r->config.ops->name, r->at.lsn, behind);
	} else if (r->behind_said_ns != 0 && behind < r->config.batch_records) {
		r->behind_said_ns = 0;
		log_info("receiver_caught_up receiver=%s lsn=%" PRIu64, r->config.ops->name,
			 r->at.lsn);
	}
}

static void batch_kept(struct receiver *r, const struct receiver_position *to, uint64_t durable)
{
	position_set(r, to);
	count(&r->records, r->batch_records);
	count(&r->placements, r->batch_placements);
	count(&r->batches, 1);
	fresh_set(r, to->lsn >= durable ? r->now.wall_ms : r->batch_placed_at_ms);
	if (!r->was_following)
		log_info("receiver_following receiver=%s lsn=%" PRIu64 " behind_records=%" PRIu64,
			 r->config.ops->name, to->lsn, durable_lsn(r) - to->lsn);
	behind_say(r);
	r->was_following = true;
	r->why[0] = 0;
	r->wait_ns = 0;
	r->behind_ns = 0;
	r->narrow *= 2; /* and back to no limit, once it says nothing */
	if (r->narrow >= r->config.batch_records)
		r->narrow = 0;
	r->batch_records = 0;
	r->batch_placements = 0;
	r->batch_bytes = 0;
}

/* Nothing to read although it is durable: for a moment that may be; longer it is damage. */
static uint64_t nothing_read(struct receiver *r)
{
	if (++r->unreadable < UNREADABLE_TURNS)
		return POLL_NS;
	r->unreadable = 0;
	stop_reading(r, -EBADMSG);
	return 0;
}

static uint64_t batch_run(struct receiver *r, uint64_t durable)
{
	struct receiver_position to;
	enum receiver_verdict verdict = RECEIVER_OK;
	int rc = 1;

	while (verdict == RECEIVER_OK && !batch_is_full(r)) {
		rc = piece_get(r, durable);
		if (rc <= 0)
			break;
		if (!piece_fits(r))
			return 0;
		verdict = piece_hand_over(r);
	}
	if (verdict == RECEIVER_OK && r->batch_records == 0 && rc < 0) {
		stop_reading(r, rc);
		return 0;
	}
	if (verdict == RECEIVER_OK && r->batch_records == 0)
		return nothing_read(r);
	/* What was read before the reader failed is kept; it fails again at the next turn. */
	r->unreadable = 0;
	to = (struct receiver_position){.lsn = r->batch_lsn, .chain = r->batch_chain};
	if (verdict == RECEIVER_OK)
		verdict = r->config.ops->flush(r->config.self, &to);
	if (verdict == RECEIVER_OK)
		batch_kept(r, &to, durable);
	verdict_take(r, verdict);
	return 0;
}

static void close_all(struct receiver *r)
{
	r->config.ops->close(r->config.self);
	state_set(r, RECEIVER_CLOSED);
	log_info("receiver_closed receiver=%s lsn=%" PRIu64 " behind_records=%" PRIu64,
		 r->config.ops->name, r->at.lsn,
		 durable_lsn(r) > r->at.lsn ? durable_lsn(r) - r->at.lsn : 0);
}

static uint64_t follow(struct receiver *r)
{
	uint64_t durable = durable_lsn(r);
	uint64_t waited, rest;

	receiver_pace_look(&r->pace, durable, r->now.mono_ns);
	if (durable <= r->at.lsn) {
		r->behind_ns = 0;
		fresh_set(r, r->now.wall_ms);
		if (!is_stopping(r))
			return POLL_NS;
		close_all(r);
		return 0;
	}
	if (r->behind_ns == 0)
		r->behind_ns = r->now.mono_ns;
	waited = r->now.mono_ns - r->behind_ns;
	if (!is_stopping(r) && durable - r->at.lsn < batch_records_most(r) &&
	    waited < r->config.batch_age_ns)
		return POLL_NS < r->config.batch_age_ns - waited ? POLL_NS
								 : r->config.batch_age_ns - waited;
	rest = is_stopping(r) ? 0 : receiver_pace_rest_ns(&r->pace, r->now.mono_ns);
	if (rest > 0)
		return rest;
	receiver_pace_batch(&r->pace, r->now.mono_ns);
	return batch_run(r, durable);
}

uint64_t receiver_turn(struct receiver *r, struct now now)
{
	r->now = now;
	if (is_stopping(r) && r->state != RECEIVER_FOLLOWING && r->state != RECEIVER_CLOSED) {
		close_all(r);
		return 0;
	}
	switch (r->state) {
	case RECEIVER_START:
		return start(r);
	case RECEIVER_FOLLOWING:
		return follow(r);
	case RECEIVER_WAITING:
	case RECEIVER_STOPPED:
		if (now.mono_ns < r->due_ns)
			return r->due_ns - now.mono_ns;
		state_set(r, RECEIVER_START);
		return 0;
	case RECEIVER_CLOSED:
	case RECEIVER_STATES:
		break;
	}
	return RECEIVER_IDLE;
}

/* --- any thread ------------------------------------------------------------------------------- */

void receiver_stop(struct receiver *r)
{
	atomic_store_explicit(&r->stopping, true, memory_order_release);
}

bool receiver_is_closed(const struct receiver *r)
{
	return atomic_load_explicit(&r->state_seen, memory_order_relaxed) == RECEIVER_CLOSED;
}

uint64_t receiver_lsn(const struct receiver *r)
{
	return atomic_load_explicit(&r->lsn, memory_order_acquire);
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
	uint64_t durable = durable_lsn(r);
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
