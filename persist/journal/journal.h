/*
 * journal.h - the order of everything, on disk before anybody is told.
 *
 * Called on the writer thread only, from its turn:
 *
 *	journal_append()          as often as records come
 *	journal_done()            for each event of this ring whose op kind is journal_op_is()
 *	journal_turn()            once per turn: starts the next group commit, takes segments
 *	journal_take_drop()       true: everything above journal_settled() is gone, undo it
 *	journal_settled()         records up to here may be applied and acknowledged
 *
 * One group commit is in flight; the next fills meanwhile. Nothing waits; "full" is -ENOBUFS.
 *
 *	        segment there      write or sync failed, and no fresh segment
 *	WAITING ─────────────▶ OPEN ─────────────────────────────▶ REFUSING
 *	   ▲ ◀─────────────────┘ ▲                                    │
 *	   segment is full       └────────────────────────────────────┘ the keeper made a segment
 *
 *	WAITING ──▶ REFUSING too, when no segment can be made
 *	journal_stop(): WAITING, OPEN ──▶ CLOSING ──▶ CLOSED; REFUSING ──▶ CLOSED
 */
#ifndef PX_JOURNAL_JOURNAL_H
#define PX_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/clock.h"
#include "engine/base/histogram.h"
#include "engine/ring/op.h"
#include "engine/ring/ring.h"
#include "persist/format/journal_format.h"
#include "persist/journal/keeper.h"
#include "persist/format/record.h"

struct journal;

/* Op kinds of the journal in tags (op.h): 200..219 on the writer's ring. */
enum journal_op {
	JOURNAL_OP_WRITE = 200,
	JOURNAL_OP_SYNC = 201,
};

static inline bool journal_op_is(unsigned kind)
{
	return kind >= 200 && kind <= 219;
}

enum journal_state {
	JOURNAL_WAITING, /* no segment yet, or it is full; records are taken while there is room */
	JOURNAL_OPEN,
	JOURNAL_REFUSING, /* the disk does not take it; tried again every second */
	JOURNAL_CLOSING,  /* stop was asked: drains, then writes the closing batch */
	JOURNAL_CLOSED,
	JOURNAL_STATE_MAX
};

const char *journal_state_str(enum journal_state state);

struct journal_config {
	uint64_t segment_bytes;   /* of a file; default 64 MiB */
	uint32_t batch_bytes_max; /* of a group commit; at most 1/4 segment */
	enum journal_sync sync;
	uint32_t interval_ms;        /* between syncs with JOURNAL_SYNC_INTERVAL */
	uint32_t gather_us;          /* the shortest time between two commits; 0: none */
	struct histogram *commit_us; /* how long group commits take; may be NULL */
};

#define JOURNAL_BATCH_BYTES_DEFAULT (7u << 19) /* 3.5 MiB: a rollback of a whole frame is one */

/* Where to go on; from recovery (recover.h). */
struct journal_start {
	uint64_t journal_id;
	uint64_t next_lsn;
	uint64_t chain;
	uint64_t trim_bytes; /* the last segment holds this much; cut when the next one has begun */
	uint32_t trim_segment; /* 0: none */
	uint32_t next_segment; /* number of the first one that this run makes */
	bool restart;          /* the first segment continues a snapshot: SEGMENT_RESTART */
};

struct journal_stats {
	uint64_t commits;
	uint64_t records;
	uint64_t bytes; /* headers and padding included */
	uint64_t syncs;
	uint64_t segments; /* begun */
	uint64_t failures; /* writes and syncs that failed */
	uint64_t rewrites; /* batches written anew to a fresh segment */
	uint64_t drops;    /* times that unsettled records were dropped */
	uint64_t prepare_failures;
};

/* -EINVAL, -ENOMEM. ring, keeper stay the caller's. */
int journal_new(const struct journal_config *config, const struct journal_start *start,
		struct ring *ring, struct keeper *keeper, struct journal **ret_journal);

/* NULL is fine. No operation is in flight: after CLOSED, or after the ring is gone. */
void journal_free(struct journal *j);

/* Takes a copy; its lsn is journal_appended() afterwards. -ENOBUFS: the buffer is full, try later.
 * -EMSGSIZE: larger than a record or a batch may be.
 * REFUSING: the error that caused it, -EIO, -ENOSPC, ...; CLOSING and CLOSED: -ESHUTDOWN. */
int journal_append(struct journal *j, const struct record *r);

/* Room for so many bytes of records, in this turn for sure; 0 when refusing. What is appended
 * behind each other into this room is one batch: all of it is recovered, or none. */
uint32_t journal_room(const struct journal *j);

/* The most that journal_room() ever is. */
uint32_t journal_room_max(const struct journal *j);

/* Commits gather for so long from now on, instead of config.gather_us. */
void journal_gather_set(struct journal *j, uint32_t gather_us);

void journal_turn(struct journal *j, struct now now);
void journal_done(struct journal *j, uint64_t tag, int32_t res, struct now now);

uint64_t journal_appended(const struct journal *j); /* lsn of the newest record */
uint64_t journal_settled(const struct journal *j);  /* see enum journal_sync */
uint64_t journal_durable(const struct journal *j);  /* synced; settled, with commit */

/* true, once after each drop: records above journal_settled() are lost, and journal_appended() is
 * journal_settled(). Give back their seqs and charges; nobody was told of them. */
bool journal_take_drop(struct journal *j);

/* Takes no more records, settles what is there, writes the closing batch. CLOSED is reached by more
 * turns; when the disk fails meanwhile, without the closing batch. */
void journal_stop(struct journal *j);

enum journal_state journal_state(const struct journal *j);
int journal_error(
	const struct journal *j); /* 0, or the -errno that a segment could not be had for */
const struct journal_stats *journal_stats(const struct journal *j);

/* Nanoseconds in which no commit starts anyhow: whoever only brings records need not wake the
 * writer. 0: the next record starts one. */
uint64_t journal_gather_ns(const struct journal *j, struct now now);

/* Nanoseconds until journal_turn() has something to do by time alone; UINT64_MAX: nothing. */
uint64_t journal_wait_ns(const struct journal *j, struct now now);

#endif
