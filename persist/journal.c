/*
 * journal.c - group commit: one batch on its way to the disk, the next one filling.
 *
 * Owner      the writer thread.
 * Memory     two batch buffers, from journal_new(); they change roles with every commit. Each has room
 *            for a segment's header in front, which goes out together with the first batch.
 * In flight  one commit (a write, linked to a sync where wanted) or one sync alone. A buffer belongs to
 *            the ring until its last event.
 * Files      made and closed by the keeper; between that they are ours alone.
 *
 *	append ──▶ filling ──turn──▶ in flight ──done──▶ settled
 *	                                 │ failed: segment given up, never synced again
 *	                                 ├──▶ the same batch, sealed anew, to a fresh segment
 *	                                 └──▶ no fresh segment: dropped, REFUSING
 *
 * The chain value, the lsn and the offset move only when a commit has succeeded: so what failed can be
 * written anew, or forgotten, without undoing anything.
 */
#include "persist/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/assert.h"
#include "engine/log.h"

#define SEGMENTS_AHEAD    1u /* made, beyond the one in use */
#define SEGMENT_BYTES_MIN 4096u
#define TRIMS_MAX         4u
#define RETRY_NS          NS_PER_SEC

struct batch_buffer {
	uint8_t *bytes; /* room for segment header, batch header, payload, padding */
	uint32_t payload_bytes;
	uint32_t records;
};

enum flight_kind { FLIGHT_NONE, FLIGHT_COMMIT, FLIGHT_SYNC };

struct flight {
	enum flight_kind kind;
	bool synced;     /* a commit with a sync behind it */
	bool closing;    /* a commit of the closing batch */
	uint32_t events; /* still to come */
	int32_t write_res;
	int32_t sync_res;
	const uint8_t *at; /* what is left to write, and where to */
	size_t len;
	uint64_t offset;
	size_t total;   /* of the whole write */
	uint64_t chain; /* after it */
	uint64_t started_ns;
};

struct segment {
	int fd; /* -1: none */
	uint32_t number;
	uint64_t offset; /* end of what is settled */
	bool begun;      /* its header is settled */
};

struct trim {
	uint32_t segment;
	uint64_t bytes;
};

struct journal {
	struct journal_config config;
	struct ring *ring;
	struct keeper *keeper;
	struct batch_buffer buffers[2];
	uint32_t filling; /* index; the other one is in flight or empty */
	uint32_t generation;
	struct flight flight;
	struct segment segment;
	struct keeper_prepared prepared[SEGMENTS_AHEAD];
	uint32_t prepared_count;
	uint32_t requested;
	uint32_t next_segment;
	struct trim trims[TRIMS_MAX];
	uint32_t trim_count;
	enum journal_state state;
	int error;
	bool restart;
	bool dropped;
	bool unsynced; /* something settled was not synced */
	uint64_t sync_due_ns;
	uint64_t retry_ns;
	uint64_t journal_id;
	uint64_t chain;
	uint64_t appended;
	uint64_t settled;
	uint64_t durable;
	struct journal_stats stats;
};

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

static void state_set(struct journal *j, enum journal_state next)
{
	px_assert(states[j->state].moves & MOVE(next));
	if (next == JOURNAL_REFUSING)
		log_error("journal_refusing settled_lsn=%" PRIu64 " error=%d: placements are "
			  "refused until the disk takes them again",
			  j->settled, j->error);
	else if (j->state == JOURNAL_REFUSING && next == JOURNAL_OPEN)
		log_info("journal_open settled_lsn=%" PRIu64 ": placements are taken again",
			 j->settled);
	j->state = next;
}

static void job_submit(struct journal *j, const struct keeper_job *job)
{
	/* At most a few segments are with us, each with a few jobs: the queue is never full. */
	bool taken = keeper_submit(j->keeper, job);

	px_assert(taken);
}

int journal_new(const struct journal_config *config, const struct journal_start *start,
		struct ring *ring, struct keeper *keeper, struct journal **ret_journal)
{
	struct journal *j;

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

/* --- appending -------------------------------------------------------------------------------- */

uint32_t journal_room(const struct journal *j)
{
	const struct batch_buffer *b = &j->buffers[j->filling];

	if (j->state != JOURNAL_OPEN && j->state != JOURNAL_WAITING)
		return 0;
	return (j->config.batch_bytes_max - b->payload_bytes) / RECORD_BYTES_MAX;
}

int journal_append(struct journal *j, const struct record *r)
{
	struct batch_buffer *b = &j->buffers[j->filling];
	uint8_t *at = b->bytes + SEGMENT_HEADER_BYTES + BATCH_HEADER_BYTES + b->payload_bytes;

	if (j->state == JOURNAL_REFUSING)
		return j->error;
	if (j->state == JOURNAL_CLOSING || j->state == JOURNAL_CLOSED)
		return -ESHUTDOWN;
	if (journal_room(j) == 0)
		return -ENOBUFS;
	b->payload_bytes += (uint32_t)(record_put(at, r) - at);
	b->records++;
	j->appended++;
	return 0;
}

/* --- segments --------------------------------------------------------------------------------- */

static void drop(struct journal *j, int error, struct now now)
{
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
	state_set(j, j->state == JOURNAL_CLOSING ? JOURNAL_CLOSED : JOURNAL_REFUSING);
}

static void prepare_failed(struct journal *j, int error, struct now now)
{
	bool stuck = j->segment.fd < 0 && j->flight.kind == FLIGHT_NONE && j->prepared_count == 0;

	j->stats.prepare_failures++;
	j->retry_ns = now.mono_ns + RETRY_NS;
	j->error = error;
	if (stuck && j->state != JOURNAL_REFUSING && j->state != JOURNAL_CLOSED)
		drop(j, error, now);
}

static void prepared_collect(struct journal *j, struct now now)
{
	struct keeper_prepared p;

	while (keeper_prepared_take(j->keeper, &p)) {
		px_assert(j->requested > 0);
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

static bool prepare_is_wanted(const struct journal *j)
{
	if (j->state == JOURNAL_CLOSED)
		return false;
	return j->prepared_count + j->requested < SEGMENTS_AHEAD;
}

/* A number is used once, also when its file could not be made: nothing is ever written over. */
static void prepare_request(struct journal *j, struct now now)
{
	while (prepare_is_wanted(j) && now.mono_ns >= j->retry_ns) {
		const struct keeper_job job = {
			.kind = KEEPER_PREPARE,
			.segment = j->next_segment++,
			.bytes = j->config.segment_bytes,
		};

		job_submit(j, &job);
		j->requested++;
	}
}

static bool segment_take(struct journal *j)
{
	const struct keeper_prepared *p = &j->prepared[0];

	px_assert(j->segment.fd < 0);
	if (j->prepared_count == 0)
		return false;
	j->segment = (struct segment){.fd = p->fd, .number = p->segment};
	j->prepared_count--;
	memmove(&j->prepared[0], &j->prepared[1], j->prepared_count * sizeof(j->prepared[0]));
	if (j->state == JOURNAL_WAITING || j->state == JOURNAL_REFUSING)
		state_set(j, JOURNAL_OPEN);
	j->error = 0;
	return true;
}

static void segment_close(struct journal *j)
{
	job_submit(j, &(struct keeper_job){.kind = KEEPER_CLOSE, .fd = j->segment.fd});
	j->segment.fd = -1;
}

/* A file that failed is not written or synced again by us. What was on its way to it is made zeros, so
 * that it does not come back after a crash; the rest is cut off when the next segment has begun. */
static void segment_abandon(struct journal *j, size_t blank_bytes)
{
	const struct keeper_job job = {
		.kind = KEEPER_BLANK,
		.fd = j->segment.fd,
		.offset = j->segment.offset,
		.bytes = blank_bytes,
	};

	if (j->trim_count < TRIMS_MAX)
		j->trims[j->trim_count++] =
			(struct trim){.segment = j->segment.number, .bytes = j->segment.offset};
	if (blank_bytes > 0)
		job_submit(j, &job);
	else
		segment_close(j);
	j->segment.fd = -1;
	j->unsynced = false;
}

/* The present segment's header is durable: what lies beyond the ends of earlier ones is overruled. */
static void trims_submit(struct journal *j)
{
	for (uint32_t i = 0; i < j->trim_count; i++) {
		const struct keeper_job job = {
			.kind = KEEPER_TRIM,
			.segment = j->trims[i].segment,
			.bytes = j->trims[i].bytes,
		};

		job_submit(j, &job);
	}
	j->trim_count = 0;
}

/* --- commits ---------------------------------------------------------------------------------- */

static void flight_arm(struct journal *j)
{
	struct flight *f = &j->flight;
	bool synced = f->kind == FLIGHT_SYNC || f->synced;

	j->generation++;
	f->events = 0;
	f->write_res = 0;
	f->sync_res = 0;
	if (f->kind == FLIGHT_COMMIT) {
		ring_write(j->ring, j->segment.fd, f->at, f->len, f->offset, synced,
			   op_tag_pack(JOURNAL_OP_WRITE, j->generation, 0));
		f->events++;
	}
	if (synced) {
		ring_fdatasync(j->ring, j->segment.fd,
			       op_tag_pack(JOURNAL_OP_SYNC, j->generation, 0));
		f->events++;
	}
}

static void segment_header_seal(struct journal *j, uint8_t *out, struct now now)
{
	const struct segment_header h = {
		.journal_id = j->journal_id,
		.segment_bytes = j->config.segment_bytes,
		.first_lsn = j->settled + 1,
		.chain = j->chain,
		.durable_lsn = j->durable,
		.wall_ms = now.wall_ms,
		.segment = j->segment.number,
		.flags = j->restart ? SEGMENT_RESTART : 0,
		.sync = j->config.sync,
	};

	segment_header_put(out, &h);
}

/* Seals buffer `b` for the present segment and sends it. The first batch of a segment is synced in every
 * mode: so recovery knows for sure that a run began, and with which `sync`. */
static void commit_arm(struct journal *j, struct batch_buffer *b, bool closing, struct now now)
{
	uint8_t *batch = b->bytes + SEGMENT_HEADER_BYTES;
	uint8_t *from = j->segment.begun ? batch : b->bytes;
	const struct batch_header h = {
		.journal_id = j->journal_id,
		.first_lsn = j->settled + 1,
		.durable_lsn = j->durable,
		.chain = j->chain,
		.payload_bytes = b->payload_bytes,
		.records = b->records,
		.flags = closing ? BATCH_CLOSING : 0,
	};
	size_t total = (size_t)(batch - from) + batch_bytes(b->payload_bytes);

	if (!j->segment.begun)
		segment_header_seal(j, from, now);
	j->flight = (struct flight){
		.kind = FLIGHT_COMMIT,
		.synced = closing || !j->segment.begun || j->config.sync == JOURNAL_SYNC_COMMIT,
		.closing = closing,
		.at = from,
		.len = total,
		.total = total,
		.offset = j->segment.offset,
		.chain = batch_seal(batch, &h, j->segment.number),
		.started_ns = now.mono_ns,
	};
	flight_arm(j);
}

static void sync_arm(struct journal *j, struct now now)
{
	j->flight = (struct flight){.kind = FLIGHT_SYNC, .started_ns = now.mono_ns};
	flight_arm(j);
}

static struct batch_buffer *flight_buffer(struct journal *j)
{
	return &j->buffers[j->filling ^ 1];
}

static void sync_succeed(struct journal *j)
{
	j->unsynced = false;
	j->durable = j->settled;
	j->stats.syncs++;
	trims_submit(j);
}

static void commit_succeed(struct journal *j, const struct flight *f, struct now now)
{
	struct batch_buffer *b = flight_buffer(j);

	if (!j->segment.begun)
		j->stats.segments++;
	j->segment.begun = true;
	j->segment.offset += f->total;
	j->restart = false;
	j->chain = f->chain;
	j->settled += b->records;
	j->stats.commits++;
	j->stats.records += b->records;
	j->stats.bytes += f->total;
	b->records = 0;
	b->payload_bytes = 0;
	if (j->config.commit_us != NULL)
		histogram_add(j->config.commit_us, (now.mono_ns - f->started_ns) / 1000);
	if (f->synced) {
		sync_succeed(j);
	} else if (!j->unsynced) {
		j->unsynced = true;
		j->sync_due_ns = now.mono_ns + j->config.interval_ms * NS_PER_MS;
	}
	if (f->closing) {
		segment_close(j);
		state_set(j, JOURNAL_CLOSED);
	}
}

static void commit_fail(struct journal *j, const struct flight *f, int error, struct now now)
{
	log_error("journal_write_failed segment=%u offset=%" PRIu64 " error=%d", j->segment.number,
		  j->segment.offset, error);
	j->stats.failures++;
	segment_abandon(j, f->total);
	if (!segment_take(j)) {
		drop(j, error, now);
		return;
	}
	j->stats.rewrites++;
	commit_arm(j, flight_buffer(j), f->closing, now);
}

/* With `interval` and `off`: what was not synced stays as the system has it; the next segment goes on
 * from there. Who chose those modes chose this risk; here at least it is told. */
static void sync_fail(struct journal *j, int error)
{
	log_error("journal_sync_failed segment=%u durable_lsn=%" PRIu64 " settled_lsn=%" PRIu64
		  " error=%d: records between them may be lost by a power cut",
		  j->segment.number, j->durable, j->settled, error);
	j->stats.failures++;
	segment_abandon(j, 0);
}

static void commit_finish(struct journal *j, struct now now)
{
	struct flight f = j->flight;

	if (f.write_res == -EINTR || (f.write_res > 0 && (size_t)f.write_res < f.len)) {
		size_t step = f.write_res > 0 ? (size_t)f.write_res : 0;

		j->flight.at += step;
		j->flight.len -= step;
		j->flight.offset += step;
		flight_arm(j);
		return;
	}
	j->flight.kind = FLIGHT_NONE;
	if (f.write_res <= 0)
		commit_fail(j, &f, f.write_res < 0 ? f.write_res : -EIO, now);
	else if (f.sync_res < 0)
		commit_fail(j, &f, f.sync_res, now);
	else
		commit_succeed(j, &f, now);
}

void journal_done(struct journal *j, uint64_t tag, int32_t res, struct now now)
{
	struct op_tag op = op_tag_unpack(tag);
	struct flight *f = &j->flight;

	px_assert(f->events > 0);
	px_assert(op.generation == (j->generation & OP_GENERATION_MASK));
	if (op.kind == JOURNAL_OP_WRITE)
		f->write_res = res;
	else
		f->sync_res = res;
	f->events--;
	if (f->events > 0)
		return;
	if (f->kind == FLIGHT_COMMIT) {
		commit_finish(j, now);
		return;
	}
	f->kind = FLIGHT_NONE;
	if (f->sync_res < 0)
		sync_fail(j, f->sync_res);
	else
		sync_succeed(j);
}

/* --- the turn --------------------------------------------------------------------------------- */

/* A closing batch always fits behind. */
static bool batch_fits(const struct journal *j, const struct batch_buffer *b)
{
	uint64_t end = j->segment.offset + (j->segment.begun ? 0 : SEGMENT_HEADER_BYTES) +
		       batch_bytes(b->payload_bytes) + (b->records > 0 ? BATCH_HEADER_BYTES : 0);

	return end <= j->config.segment_bytes;
}

static bool sync_is_due(const struct journal *j, struct now now)
{
	return j->unsynced && j->config.sync == JOURNAL_SYNC_INTERVAL &&
	       now.mono_ns >= j->sync_due_ns;
}

/* Before a segment is left for good, and before the closing batch, what it holds is synced: later headers
 * call it durable. */
static void work_start(struct journal *j, struct now now)
{
	struct batch_buffer *b = &j->buffers[j->filling];
	bool closing = j->state == JOURNAL_CLOSING && b->records == 0;
	bool fits = batch_fits(j, b);

	if (b->records == 0 && !closing) {
		if (sync_is_due(j, now))
			sync_arm(j, now);
		return;
	}
	if (j->unsynced && (closing || !fits || sync_is_due(j, now))) {
		sync_arm(j, now);
		return;
	}
	if (!fits) {
		segment_close(j);
		if (!segment_take(j)) {
			if (j->state == JOURNAL_OPEN)
				state_set(j, JOURNAL_WAITING);
			return;
		}
	}
	j->filling ^= 1;
	commit_arm(j, b, closing, now);
}

static void leftovers_close(struct journal *j)
{
	for (uint32_t i = 0; i < j->prepared_count; i++)
		job_submit(j, &(struct keeper_job){.kind = KEEPER_CLOSE, .fd = j->prepared[i].fd});
	j->prepared_count = 0;
}

void journal_turn(struct journal *j, struct now now)
{
	prepared_collect(j, now);
	if (j->state == JOURNAL_CLOSED) {
		leftovers_close(j);
		return;
	}
	prepare_request(j, now);
	if (j->flight.kind != FLIGHT_NONE)
		return;
	if (j->segment.fd < 0 && !segment_take(j)) {
		if (j->state == JOURNAL_OPEN)
			state_set(j, JOURNAL_WAITING);
		return;
	}
	work_start(j, now);
	prepare_request(j, now);
}

uint64_t journal_wait_ns(const struct journal *j, struct now now)
{
	uint64_t at = UINT64_MAX;

	if (prepare_is_wanted(j))
		at = j->retry_ns;
	if (j->unsynced && j->config.sync == JOURNAL_SYNC_INTERVAL && j->sync_due_ns < at)
		at = j->sync_due_ns;
	if (at == UINT64_MAX)
		return UINT64_MAX;
	return at > now.mono_ns ? at - now.mono_ns : 0;
}

void journal_stop(struct journal *j)
{
	if (j->state == JOURNAL_REFUSING)
		state_set(j, JOURNAL_CLOSED);
	else if (j->state != JOURNAL_CLOSING && j->state != JOURNAL_CLOSED)
		state_set(j, JOURNAL_CLOSING);
}

/* --- answers ---------------------------------------------------------------------------------- */

bool journal_take_drop(struct journal *j)
{
	bool dropped = j->dropped;

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
