/*
 * receiver.h - anything that gets the whole journal, once and in order: PostgreSQL, ...
 *
 * A receiver is a table of functions (receiver_ops) over an object of its own. The driver in
 * receiver.c reads the journal for it on a thread that may block, and never delays placing: a
 * receiver that is slow or gone falls behind on disk. Its position is stored with what it received
 * and moves with it atomically; after any failure the driver asks the receiver for its position and
 * sends what follows. So a crash at any point causes neither a gap nor a repetition.
 *
 *	       init                     close
 *	START ─────▶ FOLLOWING ───────────────────────▶ WAITING ──▶ START
 *	  │             ▲│                                 ▲   a while
 *	  ├─▶ COPYING ──┘│                                 │
 *	  └─────┴────────┴──▶ STOPPED ─────────────────────┘   a minute
 *
 *	receiver_stop(): FOLLOWING reads the rest of the journal, then CLOSED; others immediately
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

/* The outcome of a call. */
enum receiver_verdict {
	RECEIVER_OK,
	RECEIVER_RETRY,   /* passes by itself, or is repaired without our help */
	RECEIVER_REFUSED, /* something handed over since the last flush is not accepted */
	RECEIVER_STOP,    /* an operator has to decide; why() says what */
	RECEIVER_COPY,    /* from init() only: start with a copy of the boards */
};

struct receiver_board {
	struct record_board meta;
	uint32_t colors; /* in the palette; 0: no longer served */
	uint32_t rgb[BOARD_COLORS_MAX];
};

struct receiver_journal {
	uint64_t journal_id;
	uint64_t oldest_lsn;                 /* where a receiver that has nothing starts */
	const struct receiver_board *boards; /* every board that records may refer to */
	uint32_t board_count;
};

struct receiver_position {
	uint64_t lsn;   /* everything up to it was received for good */
	uint64_t chain; /* fingerprint of the journal up to lsn; 0: not known */
	bool is_new;    /* nothing was received yet */
};

/* All are called on the receiver's thread; they may block, but must give up when the server ends.
 * After any verdict but OK the next call is close(), except that COPY is followed by copy() or
 * close(). REFUSED when no event was handed over counts as STOP. */
struct receiver_ops {
	const char *name;

	/* Prepares it. The position it returns is authoritative; a new one is just before
	 * oldest_lsn. COPY: it has no position, or cannot continue from the one it has. */
	enum receiver_verdict (*init)(void *self, const struct receiver_journal *journal,
				      struct receiver_position *ret_position);

	/* All boards as of `at`; valid until it returns. Stores them and the position `at`, both or
	 * neither; the records after it follow. NULL: init() never returns COPY. */
	enum receiver_verdict (*copy)(void *self, const struct receiver_position *at,
				      const struct full_copy *boards);

	/* The next record, in order of lsn. Need not be stored before flush(). */
	enum receiver_verdict (*event)(void *self, uint64_t lsn, const struct record *record);

	/* Stores all events since the last flush and moves the position to `to`, both or neither.
	 * RETRY may also mean that it is not known which; the next init() resolves that. */
	enum receiver_verdict (*flush)(void *self, const struct receiver_position *to);

	/* Discards whatever was not flushed. init() may follow. May be called without init(). */
	void (*close)(void *self);

	/* What the last verdict other than OK was about and what can be done; one sentence. */
	const char *(*why)(const void *self);
};

struct receiver_config {
	const struct receiver_ops *ops;
	void *self;
	const char *data; /* directory of the journal */
	uint64_t journal_id;
	const struct receiver_board *boards; /* the caller's; see receiver_boards_set() */
	uint32_t board_count;
	uint32_t batch_records; /* a flush after this many records, */
	uint64_t batch_bytes;   /* or this many bytes of journal, */
	uint64_t batch_age_ns;  /* or once the oldest record has waited this long */
	/* limit while users are placing, see receiver_pace.h; 0: no limit */
	uint64_t gentle_per_second;
	uint64_t seed;          /* of the jitter */
	struct full_copy *copy; /* the writer fills it; NULL: for one that never asks for a copy */
	void *arg;
	uint64_t (*durable_lsn)(void *arg); /* of the journal, at this moment */
	void (*wake_writer)(void *arg);     /* `copy` is requested */
};

enum receiver_state {
	RECEIVER_START,
	RECEIVER_COPYING, /* waits for the copy, or stores it */
	RECEIVER_FOLLOWING,
	RECEIVER_WAITING,
	RECEIVER_STOPPED,
	RECEIVER_CLOSED,
	RECEIVER_STATES
};

const char *receiver_state_str(enum receiver_state state);

struct receiver;

/* Copies `config`. -ENOMEM, or the disk's error. */
int receiver_new(const struct receiver_config *config, struct now now,
		 struct receiver **ret_receiver);
void receiver_free(struct receiver *r); /* NULL is allowed; its thread must have ended */

/* On the receiver's thread: at most one batch. Returns nanoseconds until it wants to be called
 * again. */
uint64_t receiver_turn(struct receiver *r, struct now now);

/* --- any thread --- */

/* The palettes of the boards have changed: init() is called again with `boards`, which are as many
 * as in the config, from malloc(), and the receiver's from here on. */
void receiver_boards_set(struct receiver *r, struct receiver_board *boards);

/* Asks for the end: see the states above. Wake its thread afterwards. */
void receiver_stop(struct receiver *r);
bool receiver_is_closed(const struct receiver *r);

/* All records up to here were received; 0: not known yet. Retention keeps those after it. */
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

/* Each number is consistent by itself; together they may be of different moments. */
void receiver_look(const struct receiver *r, struct now now, struct receiver_status *ret_status);

/* It has reached its destination in this run and found that it holds this journal's history. false
 * after a stop: an operator then has to decide. */
bool receiver_is_trusted(const struct receiver *r);

const char *receiver_name(const struct receiver *r);

#endif
