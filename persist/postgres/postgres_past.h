/*
 * postgres_past.h - past placements, from the table pixeld.placements.
 *
 * Reads in windows, parts of what a board has. Each window is one read-only transaction that
 * returns, with its rows, the ledger at that moment. A database whose ledger belongs to another
 * journal is not asked.
 *
 * One thread, which may block: a call takes at most ANSWER_NS of postgres_past.c (apart from
 * resolving a host name) and ends promptly when `abort` becomes true. The first question opens the
 * connection; it is closed when none has arrived for a while. A failure is followed by a pause
 * during which every call fails immediately.
 *
 * Calls return 0; 1: nothing was handed over yet, call again; POSTGRES_PAST_AWAY. What was handed
 * over before a failure is correct, but may be incomplete.
 */
#ifndef PX_POSTGRES_POSTGRES_PAST_H
#define PX_POSTGRES_POSTGRES_PAST_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/clock.h"
#include "persist/format/record.h"

#define POSTGRES_PAST_AWAY (-EHOSTUNREACH)
#define POSTGRES_PAST_ROWS 50000u  /* most per window: 5 MB on the wire, never held */
#define POSTGRES_PAST_RUNS 500000u /* most that one call counts */
#define POSTGRES_PAST_IDLE UINT64_MAX

struct postgres_past;

struct postgres_past_config {
	const char *dsn;           /* stays the caller's */
	uint64_t journal_id;       /* ours */
	const _Atomic bool *abort; /* true: give up waiting; stays the caller's */
};

/* What the ledger records, as lsns of the journal. */
struct postgres_past_ledger {
	uint64_t first_lsn; /* the first record received, */
	uint64_t lsn;       /* and the last */
};

/* Copies `config`, but not what it points to. -ENOMEM. */
int postgres_past_new(const struct postgres_past_config *config, struct postgres_past **ret_past);
void postgres_past_free(struct postgres_past *p); /* NULL is allowed */

/* For a turn without a question: nanoseconds until it wants to be called again; POSTGRES_PAST_IDLE:
 * never. */
uint64_t postgres_past_rest(struct postgres_past *p, struct now now);

typedef void postgres_past_row(void *arg, const struct record_placement *p);

struct postgres_past_window {
	uint64_t seq; /* placements of the board after seq of epoch */
	uint32_t epoch;
	uint32_t max; /* most of them; at most POSTGRES_PAST_ROWS */
	uint16_t board;
};

/* In order of epoch and seq. */
int postgres_past_rows(struct postgres_past *p, struct now now,
		       const struct postgres_past_window *window, postgres_past_row *each,
		       void *arg, struct postgres_past_ledger *ret_ledger);

struct postgres_past_cell {
	uint64_t before_seq;
	uint32_t max;
	uint16_t board;
	uint16_t x, y;
};

/* The placements of one cell with a seq below before_seq, newest first, `max` at most; and the
 * lowest seq of the board in the database, 0: none. */
int postgres_past_cell(struct postgres_past *p, struct now now,
		       const struct postgres_past_cell *cell, postgres_past_row *each, void *arg,
		       uint64_t *ret_first_seq);

/* Rows of one epoch. No gap: rows == last - first + 1. */
struct postgres_past_run {
	uint32_t epoch;
	uint64_t first_seq, last_seq, rows;
};

/* Counts them per epoch instead of returning them: POSTGRES_PAST_RUNS rows at most. */
int postgres_past_runs(struct postgres_past *p, struct now now,
		       const struct postgres_past_window *window,
		       void (*each)(void *arg, const struct postgres_past_run *run), void *arg,
		       struct postgres_past_ledger *ret_ledger);

#endif
