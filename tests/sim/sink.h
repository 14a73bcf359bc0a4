/*
 * sink.h - a receiver's other end that outlives the simulated server: a database in memory, with
 * everything that a database does to those who write to it.
 *
 * It keeps what was flushed, and fails in every way that receiver.h names: it is away, for a moment
 * or for long; the connection is lost within a batch, before its end is kept, or behind that, so
 * that nobody knows; it takes its time; it refuses a record for good, when that is handed over or
 * only when the batch ends, or a whole batch for once; it wants somebody to decide; it was put back
 * to an older state; it tells of a position that the journal does not have yet.
 *
 * That it is called as receiver.h says is checked on the spot: records in order, none left out but
 * what it refuses, nothing but close() after a failure. sink_verify_*() compares what it keeps with
 * the journal: every record once, in order, as it is there; what it refused is in the quarantine.
 * One thread.
 */
#ifndef PX_TESTS_SIM_SINK_H
#define PX_TESTS_SIM_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "persist/receiver/receiver.h"

struct sink;

extern const struct receiver_ops sink_ops;

struct sink *sink_new(uint64_t seed);
void sink_free(struct sink *s);

/* It is never put back: what it had passed may be gone from the journal. */
void sink_hold(struct sink *s);

void sink_clock_set(struct sink *s, uint64_t now_ns);
void sink_calm(struct sink *s);        /* no more failures, and it is back */
void sink_cut(struct sink *s);         /* the server is gone */
void sink_abort(struct sink *s);       /* the server ends and waits no longer */
uint64_t sink_busy_ns(struct sink *s); /* the calls since it was asked last took so long */

uint64_t sink_lsn(const struct sink *s); /* it has everything up to this record */

void sink_verify_begin(struct sink *s);
void sink_verify_record(struct sink *s, uint64_t lsn, const struct record *r);
/* The journal ends with this record. */
void sink_verify_end(struct sink *s, uint64_t last_lsn);
/* After sink_verify_end(): it has everything. */
void sink_check_all(const struct sink *s);

struct sink_counts {
	uint64_t kept, flushes, away, lost_before, lost_after, lost_within, refused, stopped,
		put_back, ahead, slow, quarantined;
};
struct sink_counts sink_counts(const struct sink *s);

#endif
