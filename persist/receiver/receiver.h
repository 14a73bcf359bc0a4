/*
 * receiver.h - whoever gets everything that is in the journal, once and in order: PostgreSQL, ...
 *
 * A receiver is a table of functions (receiver_ops) over something of its own. The driver here
 * reads the journal for it, on a thread where blocking is allowed, and never in the way of placing:
 * a receiver that is slow or gone falls behind on disk. The position lives with what was received,
 * and moves with it in one step; after any failure the receiver is asked where it stands, and gets
 * what follows. So a crash anywhere makes neither gap nor repetition.
 *
 *	       init                     close
 *	START ─────▶ FOLLOWING ───────────────────────▶ WAITING ──▶ START
 *	  │             ▲│                                 ▲   a while
 *	  ├─▶ COPYING ──┘│                                 │
 *	  └─────┴────────┴──▶ STOPPED ─────────────────────┘   a minute
 *
 *	receiver_stop(): FOLLOWING goes on to the end of the journal, then CLOSED; others at once
 */
#ifndef PX_RECEIVER_RECEIVER_H
#define PX_RECEIVER_RECEIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/clock.h"
#include "engine/board.h"
#include "engine/full_copy.h"
#include "persist/format/record.h"

#define RECEIVER_IDLE UINT64_MAX

/* What became of a call. */
enum receiver_verdict {
	RECEIVER_OK,
	RECEIVER_RETRY,   /* lifts by itself, or by somebody who does not know of us */
	RECEIVER_REFUSED, /* something that was handed over since the last flush is not taken */
	RECEIVER_STOP,    /* somebody has to decide; why() says what */
	RECEIVER_COPY,    /* of init() alone: it begins with a copy of the boards */
};

struct receiver_board {
	struct record_board meta;
	uint32_t colors; /* of the palette; 0: not served any more */
	uint32_t rgb[BOARD_COLORS_MAX];
};

struct receiver_journal {
	uint64_t journal_id;
	uint64_t oldest_lsn;                 /* where one that has nothing begins */
	const struct receiver_board *boards; /* all that records may be about */
	uint32_t board_count;
};

struct receiver_position {
	uint64_t lsn;   /* everything up to it was received, for good */
	uint64_t chain; /* fingerprint of the journal up to lsn; 0: not known */
	bool is_new;    /* it has received nothing yet */
};

/* All called on the receiver's thread; they may block, but give up when the server ends. After any
 * other verdict than OK the next call is close(), but for COPY, after which it is copy() or
 * close(). REFUSED where no event was handed over is STOP. */
struct receiver_ops {
	const char *name;

	/* Makes it ready. Its position is the truth; one that is new stands before oldest_lsn.
	 * COPY: it has no position, or one that it does not go on from. */
	enum receiver_verdict (*init)(void *self, const struct receiver_journal *journal,
				      struct receiver_position *ret_position);

	/* All boards as the records up to `at` made them; valid until it returns. Keeps them and
	 * the position `at`, both or neither; the records behind it follow. NULL: init() never
	 * asks. */
	enum receiver_verdict (*copy)(void *self, const struct receiver_position *at,
				      const struct full_copy *boards);

	/* The next record, in order of lsn. Need not be kept before flush(). */
	enum receiver_verdict (*event)(void *self, uint64_t lsn, const struct record *record);

	/* Keeps all events since the last flush and moves the position to `to`, both or neither.
	 * RETRY may also mean that it is not known which; init() will tell. */
	enum receiver_verdict (*flush)(void *self, const struct receiver_position *to);

	/* Whatever was not flushed is forgotten. init() may follow. Also without init(). */
	void (*close)(void *self);

	/* A sentence on the last verdict that was not OK, and what can be done. */
	const char *(*why)(const void *self);
};

struct receiver_config {
	const struct receiver_ops *ops;
	void *self;
	const char *data; /* the directory of the journal */
	uint64_t journal_id;
	const struct receiver_board *boards; /* the caller's, as long as the receiver lives */
	uint32_t board_count;
	uint32_t batch_records;     /* a flush behind so many; */
	uint64_t batch_bytes;       /* or so much of journal; */
	uint64_t batch_age_ns;      /* or when the oldest has waited so long */
	uint64_t gentle_per_second; /* records while people place, see receiver_pace.h; 0: all */
	uint64_t seed;              /* of the jitter */
	struct full_copy *copy;     /* the writer fills it; NULL: for one that never asks */
	void *arg;
	uint64_t (*durable_lsn)(void *arg); /* of the journal, now */
	void (*wake_writer)(void *arg);     /* `copy` is asked for */
};

enum receiver_state {
	RECEIVER_START,
	RECEIVER_COPYING, /* waits for the copy, or hands it over */
	RECEIVER_FOLLOWING,
	RECEIVER_WAITING,
	RECEIVER_STOPPED,
	RECEIVER_CLOSED,
	RECEIVER_STATES
};

const char *receiver_state_str(enum receiver_state state);

struct receiver;

/* -ENOMEM, or what the disk said. */
int receiver_new(const struct receiver_config *config, struct now now,
		 struct receiver **ret_receiver);
void receiver_free(struct receiver *r); /* NULL is fine; its thread is gone */

/* The receiver's thread: at most one batch. Nanoseconds until it wants to be called again. */
uint64_t receiver_turn(struct receiver *r, struct now now);

/* --- any thread --- */

void receiver_stop(struct receiver *r);
bool receiver_is_closed(const struct receiver *r);

/* Records up to here were received; 0: not known yet. Retention keeps what lies behind. */
uint64_t receiver_lsn(const struct receiver *r);

struct receiver_status {
	enum receiver_state state;
	uint64_t lsn;
	uint64_t lag_records;
	uint64_t lag_ms; /* nothing older than this is missing */
	uint64_t records;
	uint64_t placements;
	uint64_t batches;
	uint64_t retries;
	uint64_t stops;
	uint64_t quarantined;
};
void receiver_look(const struct receiver *r, struct now now, struct receiver_status *ret_status);

/* It has met what it sends to in this run, and has seen that it is ours and not of another history.
 * What made it stop, somebody has to decide. */
bool receiver_is_trusted(const struct receiver *r);

const char *receiver_name(const struct receiver *r);

#endif
