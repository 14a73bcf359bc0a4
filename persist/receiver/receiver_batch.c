/*
 * receiver_batch.c - one batch of a receiver: read from the journal, handed over, flushed.
 *
 * A batch is what one flush keeps: many whole batches of the journal, so that the position ends
 * where the journal has a fingerprint.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "persist/receiver/receiver_priv.h"

#define UNREADABLE_TURNS 100 /* with RECEIVER_POLL_NS: so long a durable record may hide */
#define BEHIND_BATCHES   10  /* from here on the log says so */
#define BEHIND_SAY_NS    (60 * NS_PER_SEC)

uint64_t receiver_batch_most(const struct receiver *r)
{
	uint64_t most = receiver_pace_records(&r->pace, r->now.mono_ns);

	if (most > r->config.batch_records)
		most = r->config.batch_records;
	return r->narrow != 0 && r->narrow < most ? r->narrow : most;
}

static bool batch_is_full(const struct receiver *r)
{
	return r->batch_records >= receiver_batch_most(r) ||
	       r->batch_bytes >= r->config.batch_bytes;
}

/* What is received has to continue what was received. */
static bool piece_fits(struct receiver *r)
{
	const struct journal_piece *piece = &r->piece;
	char why[RECEIVER_WHY_BYTES];
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
	if (!piece->is_partial && (piece->chain_before == 0 || piece->chain_before == r->at.chain))
		return true;
	snprintf(why, sizeof(why),
		 "it has another history: its record %" PRIu64
		 " is not the one in the journal in %s, which was restored to an older state and "
		 "continued from there. Restore the "
		 "database to that moment, or give the server an empty database",
		 r->at.lsn, r->config.data);
	receiver_stop_for(r, why);
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

static void placements_count(struct receiver *r)
{
	struct record_cells cells = {&r->last, 0};
	const struct record_placement *p;

	while ((p = record_cells_next(&cells)) != NULL) {
		r->batch_placements++;
		r->batch_placed_at_ms = p->placed_at_ms;
	}
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
		placements_count(r);
		verdict = r->config.ops->event(r->config.self, r->batch_lsn, &r->last);
	}
	r->batch_bytes += (uint64_t)(piece->records.at - begin);
	r->batch_chain = bytes_left(&piece->records) == 0 ? piece->chain_after : 0;
	return verdict;
}

/* At most once a minute; and once when it is over. */
static void behind_say(struct receiver *r)
{
	uint64_t behind = receiver_durable_lsn(r) - r->at.lsn;

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
	receiver_position_set(r, to);
	receiver_pace_batch(&r->pace, r->batch_records, r->now.mono_ns);
	receiver_count(&r->records, r->batch_records);
	receiver_count(&r->placements, r->batch_placements);
	receiver_count(&r->batches, 1);
	receiver_fresh_set(r, to->lsn >= durable ? r->now.wall_ms : r->batch_placed_at_ms);
	if (!r->was_following)
		log_info("receiver_following receiver=%s lsn=%" PRIu64 " behind_records=%" PRIu64,
			 r->config.ops->name, to->lsn, receiver_durable_lsn(r) - to->lsn);
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
		return RECEIVER_POLL_NS;
	r->unreadable = 0;
	receiver_stop_reading(r, -EBADMSG);
	return 0;
}

uint64_t receiver_batch_run(struct receiver *r, uint64_t durable)
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
		receiver_stop_reading(r, rc);
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
	receiver_verdict_take(r, verdict);
	return 0;
}
