/*
 * postgres_past.c - see postgres_past.h.
 *
 * Owner   its caller's thread. Memory: one connection, and the row being read.
 *
 *	CLOSED ──▶ OPEN ──▶ BEGIN, ledger ──▶ rows ──▶ COMMIT ──▶ OPEN ... no questions ──▶ CLOSED
 *	  ▲          └── fails immediately: an old connection that broke: CLOSED, no pause
 *	  └── a pause ◀── fails otherwise
 *
 * Rows are found by the primary key (board, epoch, seq): in each partition, merged. That needs no
 * index of its own, and PostgreSQL reads the table in the order in which it was written.
 */
#include "persist/postgres/postgres_past.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/log.h"
#include "persist/postgres/postgres_link.h"
#include "persist/postgres/postgres_row.h"

#define ANSWER_NS (2 * NS_PER_SEC)
#define ANSWER_MS (uint32_t)(ANSWER_NS / NS_PER_MS)
#define PAUSE_NS  (10 * NS_PER_SEC) /* in which a failure is not tried again */
#define REST_NS   (30 * NS_PER_SEC) /* and the connection is closed */
#define SAID_NS   (60 * NS_PER_SEC)
#define SQL_CHARS 768

struct postgres_past {
	struct postgres_past_config config;
	struct postgres_link link;
	bool proven;       /* the connection has answered before */
	uint64_t used_ns;  /* when something was asked last */
	uint64_t pause_ns; /* no connection before; 0: none had to be given up */
	uint64_t said_ns;  /* when a failure was last logged; 0: never */
};

int postgres_past_new(const struct postgres_past_config *config, struct postgres_past **ret_past)
{
	struct postgres_past *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	p->config = *config;
	p->link = (struct postgres_link){
		.dsn = config->dsn, .abort = config->abort, .timeout_ms = ANSWER_MS};
	*ret_past = p;
	return 0;
}

static void past_close(struct postgres_past *p)
{
	postgres_link_close(&p->link);
	p->proven = false;
}

void postgres_past_free(struct postgres_past *p)
{
	if (p != NULL)
		past_close(p);
	free(p);
}

uint64_t postgres_past_rest(struct postgres_past *p, struct now now)
{
	if (p == NULL || p->link.conn == NULL)
		return POSTGRES_PAST_IDLE;
	if (now.mono_ns - p->used_ns < REST_NS)
		return REST_NS - (now.mono_ns - p->used_ns);
	past_close(p);
	return POSTGRES_PAST_IDLE;
}

/* --- one transaction -------------------------------------------------------------------------- */

/* One core of the database at most, and no longer than we wait for it. */
static enum receiver_verdict past_open(struct postgres_past *p)
{
	char sql[SQL_CHARS];
	enum receiver_verdict verdict = postgres_link_open(&p->link);

	snprintf(sql, sizeof(sql),
		 "SET application_name = 'pixeld history'; SET client_min_messages = error; "
		 "SET statement_timeout = %u; SET lock_timeout = %u; "
		 "SET idle_in_transaction_session_timeout = %u; "
		 "SET max_parallel_workers_per_gather = 0; SET jit = off; "
		 /* a window is a walk along an index: to sort it all would look cheaper */
		 "SET enable_sort = off; SET enable_seqscan = off",
		 ANSWER_MS, ANSWER_MS / 2, 2 * ANSWER_MS);
	return verdict == RECEIVER_OK ? postgres_ask(&p->link, sql, NULL) : verdict;
}

static enum receiver_verdict past_begin(struct postgres_past *p,
					struct postgres_past_ledger *ret_ledger)
{
	struct postgres_answer answer = {.rows = 0};
	enum receiver_verdict verdict = RECEIVER_OK;

	/* Reads the clock itself: it is what this thread waits in. */
	p->link.until_ns = clock_now().mono_ns + ANSWER_NS;
	if (p->link.conn == NULL)
		verdict = past_open(p);
	if (verdict == RECEIVER_OK)
		verdict = postgres_ask(&p->link,
				       "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
				       "SELECT journal_id, first_lsn, lsn FROM pixeld.ledger",
				       &answer);
	if (verdict != RECEIVER_OK)
		return verdict;
	if (answer.rows != 1)
		return postgres_fail(&p->link, RECEIVER_STOP,
				     "the ledger is empty: nothing was received yet");
	if ((uint64_t)strtoll(answer.values[0], NULL, 10) != p->config.journal_id)
		return postgres_fail(&p->link, RECEIVER_STOP,
				     "wrong database: it belongs to another journal");
	ret_ledger->first_lsn = strtoull(answer.values[1], NULL, 10);
	ret_ledger->lsn = strtoull(answer.values[2], NULL, 10);
	return RECEIVER_OK;
}

static int past_failed(struct postgres_past *p, struct now now)
{
	bool again = p->proven && !p->link.gave_up;

	past_close(p);
	if (again)
		return 1;
	p->pause_ns = clock_now().mono_ns + PAUSE_NS;
	if (atomic_load_explicit(p->config.abort, memory_order_acquire))
		return POSTGRES_PAST_AWAY;
	if (p->said_ns == 0 || now.mono_ns - p->said_ns > SAID_NS) {
		p->said_ns = now.mono_ns;
		log_warn("history_away why=\"%s\"", p->link.why);
	}
	return POSTGRES_PAST_AWAY;
}

static bool is_paused(const struct postgres_past *p, struct now now)
{
	return p->pause_ns != 0 && now.mono_ns < p->pause_ns;
}

/* `ask` reads rows between BEGIN and COMMIT. */
static int past_ask(struct postgres_past *p, struct now now,
		    enum receiver_verdict (*ask)(struct postgres_past *p, void *arg), void *arg,
		    struct postgres_past_ledger *ret_ledger)
{
	struct postgres_past_ledger ledger;
	enum receiver_verdict verdict;

	if (is_paused(p, now))
		return POSTGRES_PAST_AWAY;
	p->used_ns = now.mono_ns;
	verdict = past_begin(p, &ledger);
	if (verdict == RECEIVER_OK) {
		p->proven = false; /* from here on rows are told: that is not done twice */
		verdict = ask(p, arg);
	}
	if (verdict == RECEIVER_OK)
		verdict = postgres_ask(&p->link, "COMMIT", NULL);
	if (verdict != RECEIVER_OK)
		return past_failed(p, now);
	p->proven = true;
	*ret_ledger = ledger;
	return 0;
}

/* --- rows ------------------------------------------------------------------------------------- */

struct rows_ask {
	char sql[SQL_CHARS];
	struct postgres_row_reader reader;
	postgres_past_row *each;
	void *arg;
};

static int rows_take(void *arg, const void *bytes, size_t len)
{
	struct bytes in = bytes_of(bytes, len);
	struct rows_ask *r = arg;
	struct record_placement p;
	int rc;

	while ((rc = postgres_row_read(&r->reader, &in, &p)) == 1)
		r->each(r->arg, &p);
	return rc;
}

static enum receiver_verdict rows_run(struct postgres_past *p, void *arg)
{
	struct rows_ask *r = arg;
	enum receiver_verdict verdict;

	p->link.why[0] = '\0';
	verdict = postgres_copy_out(&p->link, r->sql, rows_take, r);
	if (verdict == RECEIVER_OK ? !r->reader.ended : p->link.why[0] == '\0')
		return postgres_fail(
			&p->link, RECEIVER_STOP,
			"the rows of pixeld.placements do not have the form that pixeld writes");
	return verdict;
}

int postgres_past_rows(struct postgres_past *p, struct now now,
		       const struct postgres_past_window *window, postgres_past_row *each,
		       void *arg, struct postgres_past_ledger *ret_ledger)
{
	struct rows_ask r = {.each = each, .arg = arg};

	snprintf(r.sql, sizeof(r.sql),
		 "COPY (SELECT %s FROM pixeld.placements WHERE board = %u "
		 "AND (epoch, seq) > (%" PRIu32 ", %" PRIu64 ") ORDER BY epoch, seq LIMIT %u) "
		 "TO STDOUT (FORMAT binary)",
		 postgres_row_columns, window->board, window->epoch, window->seq, window->max);
	return past_ask(p, now, rows_run, &r, ret_ledger);
}

/* --- a cell ----------------------------------------------------------------------------------- */

struct cell_ask {
	struct rows_ask rows;
	uint16_t board;
	uint64_t first_seq;
};

static enum receiver_verdict cell_run(struct postgres_past *p, void *arg)
{
	struct cell_ask *c = arg;
	enum receiver_verdict verdict;
	char sql[SQL_CHARS];
	int64_t first = 0;

	snprintf(sql, sizeof(sql),
		 "SELECT seq FROM pixeld.placements WHERE board = %u ORDER BY epoch, seq LIMIT 1",
		 c->board);
	verdict = postgres_ask_number(&p->link, sql, 0, &first);
	c->first_seq = (uint64_t)first;
	return verdict == RECEIVER_OK ? rows_run(p, &c->rows) : verdict;
}

int postgres_past_cell(struct postgres_past *p, struct now now,
		       const struct postgres_past_cell *cell, postgres_past_row *each, void *arg,
		       uint64_t *ret_first_seq)
{
	struct cell_ask c = {.rows = {.each = each, .arg = arg}, .board = cell->board};
	uint64_t before = cell->before_seq < INT64_MAX ? cell->before_seq : INT64_MAX;
	struct postgres_past_ledger ledger;
	int rc;

	/* By seq alone, which rises with the epoch: by both, the primary key would seem to be
	 * sorted already, and would be read to its beginning for a cell that has little. */
	snprintf(c.rows.sql, sizeof(c.rows.sql),
		 "COPY (SELECT %s FROM pixeld.placements WHERE board = %u AND x = %u AND y = %u "
		 "AND seq < %" PRIu64 " ORDER BY seq DESC LIMIT %u) TO STDOUT (FORMAT binary)",
		 postgres_row_columns, cell->board, cell->x, cell->y, before, cell->max);
	rc = past_ask(p, now, cell_run, &c, &ledger);
	if (rc == 0)
		*ret_first_seq = c.first_seq;
	return rc;
}

/* --- counting --------------------------------------------------------------------------------- */

struct runs_ask {
	char sql[SQL_CHARS];
	void (*each)(void *arg, const struct postgres_past_run *run);
	void *arg;
};

static void run_take(void *arg, const int64_t *values)
{
	const struct runs_ask *r = arg;

	r->each(r->arg, &(struct postgres_past_run){.epoch = (uint32_t)values[0],
						    .first_seq = (uint64_t)values[1],
						    .last_seq = (uint64_t)values[2],
						    .rows = (uint64_t)values[3]});
}

static enum receiver_verdict runs_run(struct postgres_past *p, void *arg)
{
	struct runs_ask *r = arg;

	return postgres_each(&p->link, r->sql, run_take, r);
}

int postgres_past_runs(struct postgres_past *p, struct now now,
		       const struct postgres_past_window *window,
		       void (*each)(void *arg, const struct postgres_past_run *run), void *arg,
		       struct postgres_past_ledger *ret_ledger)
{
	struct runs_ask r = {.each = each, .arg = arg};

	snprintf(r.sql, sizeof(r.sql),
		 "SELECT epoch, min(seq), max(seq), count(*) FROM "
		 "(SELECT epoch, seq FROM pixeld.placements WHERE board = %u "
		 "AND (epoch, seq) > (%" PRIu32 ", %" PRIu64 ") ORDER BY epoch, seq LIMIT %u) w "
		 "GROUP BY epoch ORDER BY epoch",
		 window->board, window->epoch, window->seq, window->max);
	return past_ask(p, now, runs_run, &r, ret_ledger);
}
