/*
 * journal.c - group commit: one batch on its way to the disk while the next one fills.
 *
 * Owner      the writer thread.
 * Memory     two batch buffers, from journal_new(); they change roles with every commit. Each has
 *            room for a segment's header in front, which is written together with the first batch.
 * In flight  one commit (a write, linked to a sync if required) or one sync alone. A buffer
 *            belongs to the ring until its last event.
 * Files      made and closed by the keeper; in between they are the journal's alone.
 *
 *	append ──▶ filling ──turn──▶ in flight ──done──▶ settled
 *	                                 │ failed: segment given up, never synced again
 *	                                 ├──▶ the same batch, sealed again, to a fresh segment
 *	                                 └──▶ no fresh segment: dropped, REFUSING
 *
 * The chain value, the lsn and the offset move only when a commit has succeeded: so a failed batch
 * can be written again, or forgotten, without undoing anything.
 */
#include "persist/journal/journal_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/assert.h"

#define SEGMENT_BYTES_MIN 4096u
#define GATHER_RECORDS    256u /* a commit of so many is worth its sync: the next does not wait */
#define GATHER_BYTES      (256u << 10) /* with so much waiting none waits longer */

void journal_check(const struct journal *j)
{
	const struct batch_buffer *filling = &j->buffers[j->filling];
	const struct batch_buffer *other = &j->buffers[j->filling ^ 1];
	bool is_still = j->state == JOURNAL_REFUSING || j->state == JOURNAL_CLOSED;

	px_assert(j->durable <= j->settled && j->settled <= j->appended);
	px_assert(j->appended - j->settled == filling->records + other->records);
	px_assert(filling->payload_bytes <= j->config.batch_bytes_max);
	px_assert(other->records == 0 || j->flight.kind == FLIGHT_COMMIT);
	px_assert((j->flight.kind == FLIGHT_NONE) == (j->flight.events == 0));
	px_assert(j->segment.fd >= 0 || j->flight.kind == FLIGHT_NONE);
	px_assert(j->segment.fd < 0 || j->segment.offset <= j->config.segment_bytes);
	px_assert(j->segment.fd < 0 || j->state == JOURNAL_OPEN || j->state == JOURNAL_CLOSING);
	px_assert(!is_still || j->appended == j->settled); /* nobody waits for what never comes */
	px_assert(j->durable == j->settled || j->config.sync != JOURNAL_SYNC_COMMIT);
	px_assert(j->durable < j->settled || !j->unsynced);
	px_assert(j->prepared_count + j->requested <= SEGMENTS_AHEAD);
	px_assert(!j->unsynced || (j->segment.fd >= 0 && j->segment.begun));
	px_assert(j->state != JOURNAL_REFUSING || (j->error < 0 && j->prepared_count == 0));
	px_assert(j->segment.fd < 0 || j->segment.number < j->next_segment);
	px_assert(j->trim_count <= TRIMS_MAX);
}

int journal_new(const struct journal_config *config, const struct journal_start *start,
		struct ring *ring, struct keeper *keeper, struct journal **ret_journal)
{
	struct journal *j;

	px_assert(start->next_lsn > 0);                       /* counted from 1 */
	px_assert(start->next_segment > start->trim_segment); /* a number is used once */
	if (config->segment_bytes < SEGMENT_BYTES_MIN || config->batch_bytes_max < RECORD_BYTES_MAX)
		return -EINVAL;
	j = calloc(1, sizeof(*j));
	if (j == NULL)
		return -ENOMEM;
	j->config = *config;
	if (j->config.batch_bytes_max > config->segment_bytes / 4)
		j->config.batch_bytes_max = (uint32_t)(config->segment_bytes / 4);
	for (int i = 0; i < 2; i++) {
		j->buffers[i].bytes =
			calloc(1, SEGMENT_HEADER_BYTES + batch_bytes(j->config.batch_bytes_max));
		if (j->buffers[i].bytes == NULL) {
			journal_free(j);
			return -ENOMEM;
		}
	}
	j->ring = ring;
	j->keeper = keeper;
	j->segment.fd = -1;
	j->next_segment = start->next_segment;
	j->restart = start->restart;
	j->journal_id = start->journal_id;
	j->chain = start->chain;
	j->appended = start->next_lsn - 1;
	j->settled = j->appended;
	j->durable = j->appended;
	if (start->trim_segment != 0)
		j->trims[j->trim_count++] =
			(struct trim){.segment = start->trim_segment, .bytes = start->trim_bytes};
	journal_check(j);
	*ret_journal = j;
	return 0;
}

void journal_free(struct journal *j)
{
	if (j == NULL)
		return;
	free(j->buffers[0].bytes);
	free(j->buffers[1].bytes);
	free(j);
}

/* --- appending ------------------------------------------------------------------------------ */

uint32_t journal_room(const struct journal *j)
{
	const struct batch_buffer *b = &j->buffers[j->filling];

	if (j->state != JOURNAL_OPEN && j->state != JOURNAL_WAITING)
		return 0;
	px_assert(b->payload_bytes <= j->config.batch_bytes_max);
	return j->config.batch_bytes_max - b->payload_bytes;
}

uint32_t journal_room_max(const struct journal *j)
{
	return j->config.batch_bytes_max;
}

int journal_append(struct journal *j, const struct record *r)
{
	struct batch_buffer *b = &j->buffers[j->filling];
	uint8_t *at = b->bytes + SEGMENT_HEADER_BYTES + BATCH_HEADER_BYTES + b->payload_bytes;
	size_t bytes = record_bytes(r);
	uint8_t *end;

	if (j->state == JOURNAL_REFUSING)
		return j->error;
	if (j->state == JOURNAL_CLOSING || j->state == JOURNAL_CLOSED)
		return -ESHUTDOWN;
	if (bytes > j->config.batch_bytes_max || bytes > RECORD_BODY_BYTES_MAX + RECORD_HEAD_BYTES)
		return -EMSGSIZE;
	if (journal_room(j) < bytes)
		return -ENOBUFS;
	end = record_put(at, r);
	px_assert(end == at + bytes); /* the room that was looked for is what it took */
	px_assert(!j->dropped);       /* journal_take_drop() comes first: it gives lsns back */
	b->payload_bytes += (uint32_t)bytes;
	b->records++;
	j->appended++;
	return 0;
}

/* --- the turn ------------------------------------------------------------------------------- */

/* A closing batch always fits behind. */
static bool batch_fits(const struct journal *j, const struct batch_buffer *b)
{
	uint64_t end = j->segment.offset + (j->segment.begun ? 0 : SEGMENT_HEADER_BYTES) +
		       batch_bytes(b->payload_bytes) + (b->records > 0 ? BATCH_HEADER_BYTES : 0);

	px_assert((b->records == 0) == (b->payload_bytes == 0)); /* no record is empty */
	return end <= j->config.segment_bytes;
}

static bool sync_is_due(const struct journal *j, struct now now)
{
	return j->unsynced && j->config.sync == JOURNAL_SYNC_INTERVAL &&
	       now.mono_ns >= j->sync_due_ns;
}

/* Records that come one by one share a commit: none starts sooner than gather_us after the one
 * before, unless much is waiting. After a pause the first one goes at once. */
static bool gathering(const struct journal *j, const struct batch_buffer *b, struct now now)
{
	return b->records > 0 && j->state == JOURNAL_OPEN && b->payload_bytes < GATHER_BYTES &&
	       b->payload_bytes < j->config.batch_bytes_max / 4 && now.mono_ns < j->gather_until_ns;
}

/* Before a segment is left for good, and before the closing batch, what it holds is synced: later
 * headers call it durable. */
static void work_start(struct journal *j, struct now now)
{
	struct batch_buffer *b = &j->buffers[j->filling];
	bool closing = j->state == JOURNAL_CLOSING && b->records == 0;
	bool fits = batch_fits(j, b);

	px_assert(j->segment.fd >= 0 && j->flight.kind == FLIGHT_NONE);
	if (b->records == 0 && !closing) {
		if (sync_is_due(j, now))
			journal_sync_arm(j, now);
		return;
	}
	if (gathering(j, b, now))
		return;
	if (j->unsynced && (closing || !fits || sync_is_due(j, now))) {
		journal_sync_arm(j, now);
		return;
	}
	if (!fits) {
		journal_segment_close(j);
		if (!journal_segment_take(j)) {
			if (j->state == JOURNAL_OPEN)
				journal_state_set(j, JOURNAL_WAITING);
			return;
		}
		px_assert(batch_fits(j, b)); /* in an empty one: it is a quarter at most */
	}
	j->filling ^= 1;
	px_assert(j->buffers[j->filling].records == 0); /* the last flight emptied it */
	if (b->records < GATHER_RECORDS)
		j->gather_until_ns = now.mono_ns + j->config.gather_us * 1000ULL;
	journal_commit_arm(j, b, closing, now);
}

static void turn(struct journal *j, struct now now)
{
	journal_prepared_collect(j, now);
	if (j->state == JOURNAL_CLOSED) {
		journal_leftovers_close(j);
		return;
	}
	journal_prepare_request(j, now);
	if (j->flight.kind != FLIGHT_NONE)
		return;
	if (j->segment.fd < 0 && !journal_segment_take(j)) {
		if (j->state == JOURNAL_OPEN)
			journal_state_set(j, JOURNAL_WAITING);
		return;
	}
	work_start(j, now);
	journal_prepare_request(j, now);
}

void journal_turn(struct journal *j, struct now now)
{
	turn(j, now);
	journal_check(j);
}

void journal_gather_set(struct journal *j, uint32_t gather_us)
{
	j->config.gather_us = gather_us;
}

uint64_t journal_gather_ns(const struct journal *j, struct now now)
{
	return j->gather_until_ns > now.mono_ns ? j->gather_until_ns - now.mono_ns : 0;
}

uint64_t journal_wait_ns(const struct journal *j, struct now now)
{
	uint64_t at = UINT64_MAX;

	if (journal_prepare_is_wanted(j))
		at = j->retry_ns;
	if (j->unsynced && j->config.sync == JOURNAL_SYNC_INTERVAL && j->sync_due_ns < at)
		at = j->sync_due_ns;
	if (j->buffers[j->filling].records > 0 && j->flight.kind == FLIGHT_NONE &&
	    j->state == JOURNAL_OPEN && j->gather_until_ns < at)
		at = j->gather_until_ns;
	if (at == UINT64_MAX)
		return UINT64_MAX;
	return at > now.mono_ns ? at - now.mono_ns : 0;
}

void journal_stop(struct journal *j)
{
	if (j->state == JOURNAL_REFUSING)
		journal_state_set(j, JOURNAL_CLOSED);
	else if (j->state != JOURNAL_CLOSING && j->state != JOURNAL_CLOSED)
		journal_state_set(j, JOURNAL_CLOSING);
}

/* --- answers -------------------------------------------------------------------------------- */

bool journal_take_drop(struct journal *j)
{
	bool dropped = j->dropped;

	px_assert(!dropped || j->appended == j->settled); /* before the next append */
	j->dropped = false;
	return dropped;
}

uint64_t journal_appended(const struct journal *j)
{
	return j->appended;
}

uint64_t journal_settled(const struct journal *j)
{
	return j->settled;
}

uint64_t journal_durable(const struct journal *j)
{
	return j->durable;
}

enum journal_state journal_state(const struct journal *j)
{
	return j->state;
}

int journal_error(const struct journal *j)
{
	return j->error;
}

const struct journal_stats *journal_stats(const struct journal *j)
{
	return &j->stats;
}
