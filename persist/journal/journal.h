/*
 * journal.h - the order of everything, on disk before anything is acknowledged.
 *
 * Called on the writer thread only, from its turn:
 *
 *	journal_append()          as often as records arrive
 *	journal_done()            for each event of this ring whose op kind is journal_op_is()
 *	journal_turn()            once per turn: starts the next group commit, takes segments
 *	journal_take_drop()       true: everything above journal_settled() is lost, undo it
 *	journal_settled()         records up to here may be applied and acknowledged
 *
 * One group commit is in flight while the next one fills. Nothing waits; "full" is -ENOBUFS.
 *
 *	        segment ready      write or sync failed, and no fresh segment
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
	JOURNAL_WAITING, /* no segment yet, or it is full; accepts records while there is room */
	JOURNAL_OPEN,
	JOURNAL_REFUSING, /* the disk failed; tried again every second */
	JOURNAL_CLOSING,  /* stop was asked for: drains, then writes the closing batch */
	JOURNAL_CLOSED,
	JOURNAL_STATE_MAX
};

const char *journal_state_str(enum journal_state state);

struct journal_config {
	uint64_t segment_bytes;   /* size of a file; default 64 MiB */
	uint32_t batch_bytes_max; /* of a group commit; at most 1/4 of a segment */
	enum journal_sync sync;
	uint32_t interval_ms;        /* between syncs with JOURNAL_SYNC_INTERVAL */
	uint32_t gather_us;          /* the shortest time between two commits; 0: none */
	struct histogram *commit_us; /* duration of group commits; may be NULL */
};

#define JOURNAL_BATCH_BYTES_DEFAULT (7u << 19) /* 3.5 MiB: a rollback of a whole frame is one */

/* Where to continue, from recovery (recover.h). */
struct journal_start {
	uint64_t journal_id;
	uint64_t next_lsn;
	uint64_t chain;
	/* bytes in use of the last segment; it is truncated to them once the next segment is in
	 * use */
	uint64_t trim_bytes;
	uint32_t trim_segment; /* 0: none */
	uint32_t next_segment; /* number of the first segment that this run makes */
	bool restart;          /* the first segment continues a snapshot: SEGMENT_RESTART */
};

struct journal_stats {
	uint64_t commits;
	uint64_t records;
	uint64_t bytes; /* including headers and padding */
	uint64_t syncs;
	uint64_t segments; /* put into use */
	uint64_t failures; /* writes and syncs that failed */
	uint64_t rewrites; /* batches written again to a fresh segment */
	uint64_t drops;    /* how often unsettled records were dropped */
	uint64_t prepare_failures;
};

/* -EINVAL, -ENOMEM. Copies `config` and `start`; ring and keeper stay the caller's. */
int journal_new(const struct journal_config *config, const struct journal_start *start,
		struct ring *ring, struct keeper *keeper, struct journal **ret_journal);

/* NULL is allowed. No operation may be in flight: call it after CLOSED, or after the ring is
 * gone. */
void journal_free(struct journal *j);

/* Copies the record; its lsn is journal_appended() afterwards. -ENOBUFS: the buffer is full, try
 * later. -EMSGSIZE: larger than a record or a batch may be. In REFUSING the error that caused it
 * (-EIO, -ENOSPC, ...); in CLOSING and CLOSED -ESHUTDOWN. */
int journal_append(struct journal *j, const struct record *r);

/* Bytes of records that will certainly fit in this turn; 0 in REFUSING. Records appended one after
 * another into this room are one batch: recovery finds all of them or none. */
uint32_t journal_room(const struct journal *j);

/* The most that journal_room() can ever return. */
uint32_t journal_room_max(const struct journal *j);

/* From now on commits gather this long, instead of config.gather_us. */
void journal_gather_set(struct journal *j, uint32_t gather_us);

/* Once per turn, after the events. Starts at most one commit or sync. */
void journal_turn(struct journal *j, struct now now);

/* An event of one of its operations: `res` as the ring reported it. */
void journal_done(struct journal *j, uint64_t tag, int32_t res, struct now now);

uint64_t journal_appended(const struct journal *j); /* lsn of the newest record */
uint64_t journal_settled(const struct journal *j);  /* see enum journal_sync */

/* synced; the same as settled with JOURNAL_SYNC_COMMIT */
uint64_t journal_durable(const struct journal *j);

/* true once after each drop: records above the settled lsn are lost, and journal_appended() equals
 * journal_settled(). Give back their seqs and charges; none of them was acknowledged. */
bool journal_take_drop(struct journal *j);

/* Accepts no more records, settles those there are and writes the closing batch. Further turns lead
 * to CLOSED; if the disk fails meanwhile, without the closing batch. */
void journal_stop(struct journal *j);

enum journal_state journal_state(const struct journal *j);

/* 0, or the -errno for which there is no segment. */
int journal_error(const struct journal *j);
const struct journal_stats *journal_stats(const struct journal *j);

/* Nanoseconds during which no commit can start in any case: a caller that only brings records need
 * not wake the writer. 0: the next record starts one. */
uint64_t journal_gather_ns(const struct journal *j, struct now now);

/* Nanoseconds until time alone gives journal_turn() something to do; UINT64_MAX: never. */
uint64_t journal_wait_ns(const struct journal *j, struct now now);

#endif
