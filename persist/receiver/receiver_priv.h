/*
 * receiver_priv.h - internals of a receiver's driver, for receiver.c, receiver_batch.c and
 * receiver_trouble.c only.
 *
 * receiver.c          states, start, following, end, answers to other threads
 * receiver_batch.c    one batch: reading, handing over, flushing
 * receiver_trouble.c  retrying, stopping, quarantine
 */
#ifndef PX_RECEIVER_RECEIVER_PRIV_H
#define PX_RECEIVER_RECEIVER_PRIV_H

#include <stdatomic.h>

#include "persist/disk/disk.h"
#include "persist/journal/journal_reader.h"
#include "persist/receiver/receiver.h"
#include "persist/receiver/receiver_pace.h"

#define RECEIVER_POLL_NS   (50 * NS_PER_MS)
#define RECEIVER_WHY_BYTES 800

struct receiver {
	struct receiver_config config;
	struct disk *disk;
	struct journal_reader *reader;
	struct journal_piece piece; /* the rest of the reader's last one */
	enum receiver_state state;
	struct receiver_position at;
	struct now now;
	uint64_t due_ns;    /* WAITING, STOPPED: until then */
	uint64_t wait_ns;   /* the last wait; 0: all is well */
	uint64_t behind_ns; /* since when there is something to receive; 0: there is nothing */
	uint64_t behind_said_ns;
	uint64_t narrow;   /* most records in a batch; 0: no limit */
	uint64_t skip_lsn; /* this record is in the quarantine */
	uint64_t draws;
	uint32_t unreadable;
	struct receiver_pace pace;
	bool sought;
	bool was_following; /* since the last start or trouble */

	/* the current batch */
	struct record last; /* in a batch of one: the record to quarantine */
	uint64_t batch_lsn;
	uint64_t batch_chain;
	uint64_t batch_records, batch_placements, batch_bytes;
	uint64_t batch_placed_at_ms;

	char why[RECEIVER_WHY_BYTES]; /* of the last stop */

	struct receiver_board *boards; /* instead of those of the config; NULL: none arrived yet */
	_Atomic(struct receiver_board *) boards_next; /* on their way; NULL: none */

	/* read by any thread */
	_Atomic bool stopping;
	_Atomic uint32_t state_seen;
	_Atomic uint64_t lsn;
	_Atomic uint64_t fresh_ms; /* wall time: nothing older is missing */
	_Atomic uint64_t records, placements, batches, retries, stops, quarantined;
};

/* --- receiver.c --- */

void receiver_state_set(struct receiver *r, enum receiver_state next);
void receiver_position_set(struct receiver *r, const struct receiver_position *at);
void receiver_fresh_set(struct receiver *r, uint64_t wall_ms);
void receiver_count(_Atomic uint64_t *m, uint64_t n);
uint64_t receiver_durable_lsn(const struct receiver *r);

/* --- receiver_batch.c --- */

/* The number of records that makes a batch full now. */
uint64_t receiver_batch_most(const struct receiver *r);

/* Requires something durable beyond the position. Returns nanoseconds until the next turn. */
uint64_t receiver_batch_run(struct receiver *r, uint64_t durable);

/* --- receiver_trouble.c: these set the next state --- */

void receiver_verdict_take(struct receiver *r, enum receiver_verdict verdict);

/* Logged once. Looked at again every minute, so the server need not be restarted. */
void receiver_stop_for(struct receiver *r, const char *why);

/* `error` is the reader's. */
void receiver_stop_reading(struct receiver *r, int error);

#endif
