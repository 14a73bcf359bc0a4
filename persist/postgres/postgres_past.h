/*
 * postgres_past.h - placements of the past, out of the table pixeld.placements.
 *
 * In windows, parts of what a board has: each is one transaction that only reads, and says with its
 * rows what the ledger says at that moment. Nothing is asked of a database whose ledger is another
 * journal's.
 *
 * One thread, which may block: a call takes ANSWER_NS of postgres_past.c at most (but for the
 * look-up of a host's name) and ends within a moment when `abort` becomes true. The connection is
 * opened by the first question and closed when none came for a while. After a failure there is a
 * pause, in which every call fails at once.
 *
 * Calls return 0; 1: nothing was told yet, call again; POSTGRES_PAST_AWAY. What was told before a
 * failure is true, but may not be all.
 */
#ifndef PX_POSTGRES_POSTGRES_PAST_H
#define PX_POSTGRES_POSTGRES_PAST_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/clock.h"
#include "persist/format/record.h"

#define POSTGRES_PAST_AWAY (-EHOSTUNREACH)
#define POSTGRES_PAST_ROWS 50000u  /* that are told: 5 MB on the wire, never held */
#define POSTGRES_PAST_RUNS 500000u /* that are counted */
#define POSTGRES_PAST_IDLE UINT64_MAX

struct postgres_past;

struct postgres_past_config {
	const char *dsn;           /* the caller's */
	uint64_t journal_id;       /* ours */
	const _Atomic bool *abort; /* the caller's */
};

/* What the ledger says: records of the journal. */
struct postgres_past_ledger {
	uint64_t first_lsn; /* the first that was received, */
	uint64_t lsn;       /* and the last */
};

/* -ENOMEM. */
int postgres_past_new(const struct postgres_past_config *config, struct postgres_past **ret_past);
void postgres_past_free(struct postgres_past *p); /* NULL is fine */

/* Nobody asks: nanoseconds until it wants to be told so again, POSTGRES_PAST_IDLE: never. */
uint64_t postgres_past_rest(struct postgres_past *p, struct now now);

typedef void postgres_past_row(void *arg, const struct record_placement *p);

struct postgres_past_window {
	uint64_t seq; /* the placements of the board behind seq of epoch */
	uint32_t epoch;
	uint32_t max; /* of them, POSTGRES_PAST_ROWS at most */
	uint16_t board;
};

/* In their order. */
int postgres_past_rows(struct postgres_past *p, struct now now,
		       const struct postgres_past_window *window, postgres_past_row *each,
		       void *arg, struct postgres_past_ledger *ret_ledger);

struct postgres_past_cell {
	uint64_t before_seq;
	uint32_t max;
	uint16_t board;
	uint16_t x, y;
};

/* Those of one cell with a seq below before_seq, newest first, `max` at most; and the first seq of
 * the board that is there, 0: none. */
int postgres_past_cell(struct postgres_past *p, struct now now,
		       const struct postgres_past_cell *cell, postgres_past_row *each, void *arg,
		       uint64_t *ret_first_seq);

/* Rows of one epoch. Without a gap in it: last - first + 1 rows. */
struct postgres_past_run {
	uint32_t epoch;
	uint64_t first_seq, last_seq, rows;
};

/* Counted instead of told, by epoch: POSTGRES_PAST_RUNS at most. */
int postgres_past_runs(struct postgres_past *p, struct now now,
		       const struct postgres_past_window *window,
		       void (*each)(void *arg, const struct postgres_past_run *run), void *arg,
		       struct postgres_past_ledger *ret_ledger);

#endif
