/*
 * journal_segment.c - the states of a journal, and its files from the keeper and back to it.
 *
 * Owner   the writer thread. The keeper makes a file, the journal takes it as prepared, uses it as
 *         the current segment, and gives it back to be closed. A number is used for one file only.
 */
#include "persist/journal/journal_priv.h"

#include <inttypes.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"

#define RETRY_NS NS_PER_SEC

#define MOVE(state) (1u << (state))

static const struct {
	const char *name;
	unsigned moves;
} states[JOURNAL_STATE_MAX] = {
	[JOURNAL_WAITING] = {"waiting",
			     MOVE(JOURNAL_OPEN) | MOVE(JOURNAL_REFUSING) | MOVE(JOURNAL_CLOSING)},
	[JOURNAL_OPEN] = {"open",
			  MOVE(JOURNAL_WAITING) | MOVE(JOURNAL_REFUSING) | MOVE(JOURNAL_CLOSING)},
	[JOURNAL_REFUSING] = {"refusing", MOVE(JOURNAL_OPEN) | MOVE(JOURNAL_CLOSED)},
	[JOURNAL_CLOSING] = {"closing", MOVE(JOURNAL_CLOSED)},
	[JOURNAL_CLOSED] = {"closed", 0},
};

const char *journal_state_str(enum journal_state state)
{
	return state < JOURNAL_STATE_MAX ? states[state].name : "unknown";
}

void journal_state_set(struct journal *j, enum journal_state next)
{
	px_assert(next < JOURNAL_STATE_MAX);
	px_assert(states[j->state].moves & MOVE(next));
	px_assert(next != JOURNAL_REFUSING || j->error < 0); /* what journal_append() says then */
	if (next == JOURNAL_REFUSING)
		log_error("journal_refusing settled_lsn=%" PRIu64
			  " error=%d: placements are refused until the disk accepts writes again",
			  j->settled, j->error);
	else if (j->state == JOURNAL_REFUSING && next == JOURNAL_OPEN)
		log_info("journal_open settled_lsn=%" PRIu64 ": placements are accepted again",
			 j->settled);
	j->state = next;
}

static void job_submit(struct journal *j, const struct keeper_job *job)
{
	/* At most a few segments are with us, each with a few jobs: the queue is never full. */
	bool taken = keeper_submit(j->keeper, job);

	px_assert(taken);
}

void journal_drop(struct journal *j, int error, struct now now)
{
	px_assert(j->flight.kind == FLIGHT_NONE); /* the ring does not read the buffers any more */
	px_assert(j->segment.fd < 0);
	px_assert(j->prepared_count == 0); /* else the batch could go there */
	for (int i = 0; i < 2; i++) {
		j->buffers[i].payload_bytes = 0;
		j->buffers[i].records = 0;
	}
	if (j->appended != j->settled) {
		j->dropped = true;
		j->stats.drops++;
	}
	j->appended = j->settled;
	j->error = error;
	j->retry_ns = now.mono_ns + RETRY_NS;
	journal_state_set(j, j->state == JOURNAL_CLOSING ? JOURNAL_CLOSED : JOURNAL_REFUSING);
}

static void prepare_failed(struct journal *j, int error, struct now now)
{
	bool stuck = j->segment.fd < 0 && j->flight.kind == FLIGHT_NONE && j->prepared_count == 0;

	px_assert(error < 0);
	j->stats.prepare_failures++;
	j->retry_ns = now.mono_ns + RETRY_NS;
	j->error = error;
	if (stuck && j->state != JOURNAL_REFUSING && j->state != JOURNAL_CLOSED)
		journal_drop(j, error, now);
}

void journal_prepared_collect(struct journal *j, struct now now)
{
	struct keeper_prepared p;

	while (keeper_prepared_take(j->keeper, &p)) {
		px_assert(j->requested > 0);
		px_assert(p.segment < j->next_segment); /* as we asked for it */
		j->requested--;
		if (p.error < 0) {
			prepare_failed(j, p.error, now);
			continue;
		}
		px_assert(j->prepared_count < SEGMENTS_AHEAD);
		j->prepared[j->prepared_count++] = p;
		if (j->state != JOURNAL_REFUSING)
			j->error = 0;
	}
}

bool journal_prepare_is_wanted(const struct journal *j)
{
	if (j->state == JOURNAL_CLOSED)
		return false;
	return j->prepared_count + j->requested < SEGMENTS_AHEAD;
}

/* A number is used once, also when its file could not be made: nothing is ever written over. */
void journal_prepare_request(struct journal *j, struct now now)
{
	while (journal_prepare_is_wanted(j) && now.mono_ns >= j->retry_ns) {
		const struct keeper_job job = {
			.kind = KEEPER_PREPARE,
			.segment = j->next_segment++,
			.bytes = j->config.segment_bytes,
		};

		job_submit(j, &job);
		j->requested++;
	}
}

bool journal_segment_take(struct journal *j)
{
	const struct keeper_prepared *p = &j->prepared[0];

	px_assert(j->segment.fd < 0);
	if (j->prepared_count == 0)
		return false;
	px_assert(p->fd >= 0 && p->segment > j->segment.number); /* later ones overrule earlier */
	px_assert(!j->unsynced); /* the one before was synced, or given up */
	j->segment = (struct segment){.fd = p->fd, .number = p->segment};
	j->prepared_count--;
	memmove(&j->prepared[0], &j->prepared[1], j->prepared_count * sizeof(j->prepared[0]));
	if (j->state == JOURNAL_WAITING || j->state == JOURNAL_REFUSING)
		journal_state_set(j, JOURNAL_OPEN);
	j->error = 0;
	return true;
}

void journal_segment_close(struct journal *j)
{
	px_assert(j->segment.fd >= 0 && j->flight.kind == FLIGHT_NONE);
	px_assert(!j->unsynced); /* later headers call what it holds durable */
	job_submit(j, &(struct keeper_job){.kind = KEEPER_CLOSE, .fd = j->segment.fd});
	j->segment.fd = -1;
}

/* A file that failed is not written or synced again by us. What was on its way to it is made zeros,
 * so that it does not come back after a crash; the rest is cut off when the next segment has
 * begun. */
void journal_segment_abandon(struct journal *j, size_t blank_bytes)
{
	const struct keeper_job job = {
		.kind = KEEPER_BLANK,
		.fd = j->segment.fd,
		.offset = j->segment.offset,
		.bytes = blank_bytes,
	};

	px_assert(j->segment.fd >= 0 && j->flight.kind == FLIGHT_NONE);
	px_assert(blank_bytes <= j->config.segment_bytes - j->segment.offset);
	if (j->trim_count < TRIMS_MAX)
		j->trims[j->trim_count++] =
			(struct trim){.segment = j->segment.number, .bytes = j->segment.offset};
	j->unsynced = false; /* what is not durable now never will be, by us */
	if (blank_bytes > 0)
		job_submit(j, &job);
	else
		journal_segment_close(j);
	j->segment.fd = -1;
}

/* The present segment's header is durable: what lies beyond the ends of earlier ones is
 * overruled. */
void journal_trims_submit(struct journal *j)
{
	px_assert(j->segment.begun && !j->unsynced);
	for (uint32_t i = 0; i < j->trim_count; i++) {
		const struct keeper_job job = {
			.kind = KEEPER_TRIM,
			.segment = j->trims[i].segment,
			.bytes = j->trims[i].bytes,
		};

		px_assert(j->trims[i].segment != j->segment.number); /* it is overruled, not this */
		job_submit(j, &job);
	}
	j->trim_count = 0;
}

void journal_leftovers_close(struct journal *j)
{
	px_assert(j->state == JOURNAL_CLOSED); /* else one of them is the next segment */
	for (uint32_t i = 0; i < j->prepared_count; i++)
		job_submit(j, &(struct keeper_job){.kind = KEEPER_CLOSE, .fd = j->prepared[i].fd});
	j->prepared_count = 0;
}
