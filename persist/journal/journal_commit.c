/*
 * journal_commit.c - what is in flight between the journal and the disk, and how it ends.
 *
 * Owner      the writer thread.
 * In flight  a write, linked to a sync where the mode or the moment requires one; or one sync
 *            alone. Its buffer is not touched before the last event. Short writes continue where
 *            they ended.
 */
#include "persist/journal/journal_priv.h"

#include <errno.h>
#include <inttypes.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"

_Static_assert(SEGMENT_HEADER_BYTES % JOURNAL_ALIGN == 0 && BATCH_HEADER_BYTES % JOURNAL_ALIGN == 0,
	       "every batch begins aligned, where journal_claim_find() looks");

static struct batch_buffer *flight_buffer(struct journal *j)
{
	return &j->buffers[j->filling ^ 1];
}

static void flight_arm(struct journal *j)
{
	struct flight *f = &j->flight;
	bool synced = f->kind == FLIGHT_SYNC || f->synced;

	px_assert(f->kind != FLIGHT_NONE && f->events == 0);
	px_assert(f->kind == FLIGHT_SYNC || f->len > 0); /* a write of nothing would never end */
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

	px_assert(j->segment.offset == 0); /* it stands in front of everything */
	px_assert(j->segment.number != 0 && j->journal_id != 0); /* or it would be read as bad */
	segment_header_put(out, &h);
}

/* Seals buffer `b` for the present segment and sends it. The first batch of a segment is synced in
 * every mode: so recovery knows for sure that a run began, and with which `sync`. */
void journal_commit_arm(struct journal *j, struct batch_buffer *b, bool closing, struct now now)
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

	px_assert(j->flight.kind == FLIGHT_NONE && j->segment.fd >= 0);
	px_assert(b == flight_buffer(j)); /* the other one fills meanwhile */
	px_assert(closing == (b->records == 0));
	px_assert(j->segment.offset + total <= j->config.segment_bytes);
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

void journal_sync_arm(struct journal *j, struct now now)
{
	px_assert(j->flight.kind == FLIGHT_NONE && j->segment.begun);
	px_assert(j->unsynced); /* else a sync would say nothing new */
	j->flight = (struct flight){.kind = FLIGHT_SYNC, .started_ns = now.mono_ns};
	flight_arm(j);
}

static void sync_succeed(struct journal *j)
{
	px_assert(j->segment.begun); /* so the header that overrules is durable, too */
	j->unsynced = false;
	j->durable = j->settled;
	j->stats.syncs++;
	journal_trims_submit(j);
}

static void commit_succeed(struct journal *j, const struct flight *f, struct now now)
{
	struct batch_buffer *b = flight_buffer(j);

	px_assert(f->offset + f->len == j->segment.offset + f->total); /* all of it is written */
	px_assert(f->closing == (b->records == 0));
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
		px_assert(j->settled == j->appended && j->durable == j->settled);
		journal_segment_close(j);
		journal_state_set(j, JOURNAL_CLOSED);
	}
}

static void commit_fail(struct journal *j, const struct flight *f, int error, struct now now)
{
	px_assert(error < 0);
	log_error("journal_write_failed segment=%u offset=%" PRIu64 " error=%d", j->segment.number,
		  j->segment.offset, error);
	j->stats.failures++;
	journal_segment_abandon(j, f->total);
	if (!journal_segment_take(j)) {
		journal_drop(j, error, now);
		return;
	}
	j->stats.rewrites++;
	journal_commit_arm(j, flight_buffer(j), f->closing, now);
}

/* With `interval` and `off`: what was not synced stays as the system has it; the next segment goes
 * on from there. Who chose those modes chose this risk; here at least it is told. */
static void sync_fail(struct journal *j, int error)
{
	px_assert(j->config.sync != JOURNAL_SYNC_COMMIT); /* there each commit has its own */
	log_error("journal_sync_failed segment=%u durable_lsn=%" PRIu64 " settled_lsn=%" PRIu64
		  " error=%d: a power cut may lose the records between them",
		  j->segment.number, j->durable, j->settled, error);
	j->stats.failures++;
	journal_segment_abandon(j, 0);
}

static void commit_finish(struct journal *j, struct now now)
{
	struct flight f = j->flight;

	if (f.write_res == -EINTR || (f.write_res > 0 && (size_t)f.write_res < f.len)) {
		size_t step = f.write_res > 0 ? (size_t)f.write_res : 0;

		px_assert(step < f.len); /* something is left to write */
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

static void flight_end(struct journal *j, struct now now)
{
	struct flight *f = &j->flight;

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

void journal_done(struct journal *j, uint64_t tag, int32_t res, struct now now)
{
	struct op_tag op = op_tag_unpack(tag);
	struct flight *f = &j->flight;

	px_assert(f->events > 0);
	px_assert(op.generation == (j->generation & OP_GENERATION_MASK));
	px_assert(op.kind == JOURNAL_OP_SYNC || op.kind == JOURNAL_OP_WRITE);
	px_assert(op.kind == JOURNAL_OP_SYNC || f->kind == FLIGHT_COMMIT);
	if (op.kind == JOURNAL_OP_WRITE)
		f->write_res = res;
	else
		f->sync_res = res;
	f->events--;
	if (f->events == 0)
		flight_end(j, now);
	journal_check(j);
}
