/*
 * postgres.c - the receiver for PostgreSQL; see postgres.h.
 *
 * Owner   the receiver's thread. Memory: one buffer of rows.
 *
 *	event ──▶ BEGIN, lock the ledger ──▶ COPY ──▶ rows ...  ──▶ flush: end of COPY,
 *	                                      ▲ a new day: its partition ┘   ledger, COMMIT
 *
 * The ledger's row is locked first and read again, so a session of an earlier connection that might
 * still commit has either done so or never will: what the ledger says then is final.
 */
#include "persist/postgres/postgres.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "persist/postgres/postgres_priv.h"
#include "persist/postgres/postgres_row.h"
#include "persist/postgres/postgres_trouble.h"

#define BUFFER_BYTES (64u << 10)
#define SQL_BYTES    4096
#define DAYS_MAX     64

struct postgres {
	struct postgres_config config;
	struct postgres_link link;
	uint64_t lsn;            /* where the ledger stands */
	uint64_t copy_rows;      /* of the COPY at hand */
	uint64_t batch_rows;     /* since BEGIN */
	uint32_t days[DAYS_MAX]; /* partitions that are there */
	uint32_t day_count;
	size_t len; /* of buffer */
	bool in_transaction;
	bool copying;
	bool warned; /* of settings that endanger what is received */
	uint8_t buffer[BUFFER_BYTES];
};

int postgres_new(const struct postgres_config *config, struct postgres **ret_postgres)
{
	struct postgres *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	p->config = *config;
	p->link = (struct postgres_link){
		.dsn = config->dsn,
		.abort = config->abort,
		.timeout_ms = config->timeout_ms,
	};
	*ret_postgres = p;
	return 0;
}

static void pg_close(void *self)
{
	struct postgres *p = self;

	postgres_link_close(&p->link);
	p->in_transaction = false;
	p->copying = false;
	p->day_count = 0;
	p->len = 0;
	p->batch_rows = 0;
}

void postgres_free(struct postgres *p)
{
	if (p != NULL)
		pg_close(p);
	free(p);
}

static const char *pg_why(const void *self)
{
	const struct postgres *p = self;

	return p->link.why;
}

/* --- what comes before rows ------------------------------------------------------------------- */

static void warn_off(const char *name, const char *value, const char *what)
{
	if (strcmp(value, "off") == 0)
		log_warn("postgres_setting %s=off %s", name, what);
}

/* Locks are waited for half as long as the connection is; a session that lost us ends by itself,
 * so that its lock on the ledger does not stay. */
static enum receiver_verdict session_set(struct postgres *p)
{
	char sql[SQL_BYTES];
	struct postgres_answer answer;
	enum receiver_verdict verdict;

	snprintf(sql, sizeof(sql),
		 "SET client_min_messages = error; SET lock_timeout = %u; "
		 "SET idle_in_transaction_session_timeout = %u; SET tcp_keepalives_idle = 10; "
		 "SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3; "
		 "SELECT pg_is_in_recovery(), current_setting('fsync'), "
		 "current_setting('synchronous_commit'), current_setting('full_page_writes')",
		 p->config.timeout_ms / 2, 2 * p->config.timeout_ms);
	verdict = postgres_ask(&p->link, sql, &answer);
	if (verdict != RECEIVER_OK)
		return verdict;
	if (!p->warned) {
		warn_off("fsync", answer.values[1],
			 "a crash of its machine may corrupt the whole database");
		warn_off("synchronous_commit", answer.values[2],
			 "after a crash it may lack rows that it had confirmed; they are sent "
			 "again while the journal has them");
		warn_off("full_page_writes", answer.values[3],
			 "a crash of its machine may corrupt the whole database");
	}
	p->warned = true;
	if (strcmp(answer.values[0], "t") == 0)
		return postgres_fail(&p->link, RECEIVER_RETRY, "read-only: it is a standby; %s",
				     postgres_trouble_remedy(POSTGRES_READ_ONLY));
	return RECEIVER_OK;
}

static bool day_is_known(const struct postgres *p, uint32_t day)
{
	for (uint32_t i = p->day_count; i-- > 0;)
		if (p->days[i] == day)
			return true;
	return false;
}

static void day_remember(struct postgres *p, uint32_t day)
{
	if (p->day_count == DAYS_MAX)
		p->day_count = 0; /* looked up again, no more */
	p->days[p->day_count++] = day;
}

/* Made beside the table and attached: that does not wait for those who read it. */
static enum receiver_verdict partition_create(struct postgres *p, uint32_t day, const char *name)
{
	char from[POSTGRES_DAY_CHARS], to[POSTGRES_DAY_CHARS];
	char sql[SQL_BYTES];
	enum receiver_verdict verdict;

	postgres_day_date(day, from);
	postgres_day_date(day + 1, to);
	snprintf(sql, sizeof(sql),
		 "SAVEPOINT pixeld_day; "
		 "CREATE TABLE pixeld.placements_%s (LIKE pixeld.placements INCLUDING ALL); "
		 "ALTER TABLE pixeld.placements ATTACH PARTITION pixeld.placements_%s "
		 "FOR VALUES FROM ('%s 00:00:00+00') TO ('%s 00:00:00+00'); "
		 "RELEASE SAVEPOINT pixeld_day",
		 name, name, from, to);
	verdict = postgres_ask(&p->link, sql, NULL);
	if (strcmp(p->link.sqlstate, "42P17") == 0) /* somebody's own partition has this day */
		verdict = postgres_ask(&p->link, "ROLLBACK TO SAVEPOINT pixeld_day", NULL);
	return verdict;
}

static enum receiver_verdict partition_make(struct postgres *p, uint32_t day)
{
	char name[POSTGRES_DAY_CHARS];
	char sql[SQL_BYTES];
	int64_t there = 0;
	enum receiver_verdict verdict;

	if (day_is_known(p, day))
		return RECEIVER_OK;
	postgres_day_name(day, name);
	snprintf(sql, sizeof(sql),
		 "SELECT 1 FROM pg_catalog.pg_inherits i "
		 "JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid "
		 "WHERE i.inhparent = 'pixeld.placements'::regclass "
		 "AND c.relname = 'placements_%s'",
		 name);
	verdict = postgres_ask_number(&p->link, sql, 0, &there);
	if (verdict == RECEIVER_OK && there == 0)
		verdict = partition_create(p, day, name);
	if (verdict == RECEIVER_OK)
		day_remember(p, day);
	return verdict;
}

static enum receiver_verdict partitions_make(struct postgres *p, uint32_t day)
{
	enum receiver_verdict verdict = partition_make(p, day);

	for (uint32_t i = 1; verdict == RECEIVER_OK && i <= p->config.partition_days; i++)
		verdict = partition_make(p, day + i);
	return verdict;
}

/* A ledger that is new, in a transaction that the caller commits. */
static enum receiver_verdict ledger_begin(struct postgres *p,
					  const struct receiver_journal *journal, bool *ret_is_new)
{
	char sql[SQL_BYTES];
	int64_t made = 0, rows = 0;
	enum receiver_verdict verdict;

	snprintf(sql, sizeof(sql),
		 "INSERT INTO pixeld.ledger "
		 "(journal_id, first_lsn, lsn, chain, placements, moved_at) "
		 "VALUES (%" PRId64 ", %" PRIu64 ", %" PRIu64 ", 0, 0, now()) "
		 "ON CONFLICT DO NOTHING RETURNING 1",
		 (int64_t)journal->journal_id, journal->oldest_lsn, journal->oldest_lsn - 1);
	verdict = postgres_ask_number(&p->link, sql, 0, &made);
	*ret_is_new = made == 1;
	if (verdict == RECEIVER_OK && made == 1)
		verdict = postgres_ask_number(
			&p->link, "SELECT 1 WHERE EXISTS (SELECT 1 FROM pixeld.placements)", 0,
			&rows);
	if (verdict == RECEIVER_OK && rows == 1)
		return postgres_fail(
			&p->link, RECEIVER_STOP,
			"pixeld.placements has rows, and pixeld.ledger does not say which journal "
			"they are from: restore the ledger's row, or empty the table");
	return verdict;
}

/* Waits for a session of an earlier connection, so that its outcome is known. */
static enum receiver_verdict ledger_read(struct postgres *p, uint64_t *ret_journal_id,
					 struct receiver_position *ret_at)
{
	struct postgres_answer answer;
	enum receiver_verdict verdict = postgres_ask(
		&p->link, "SELECT journal_id, lsn, chain FROM pixeld.ledger FOR UPDATE", &answer);

	if (verdict != RECEIVER_OK)
		return verdict;
	if (answer.rows != 1)
		return postgres_fail(&p->link, RECEIVER_STOP, "pixeld.ledger no longer has a row");
	*ret_journal_id = (uint64_t)strtoll(answer.values[0], NULL, 10);
	ret_at->lsn = (uint64_t)strtoll(answer.values[1], NULL, 10);
	ret_at->chain = (uint64_t)strtoll(answer.values[2], NULL, 10);
	return RECEIVER_OK;
}

static enum receiver_verdict board_write(struct postgres *p, const struct receiver_board *b)
{
	static const char hex[] = "0123456789ABCDEF";
	char sql[SQL_BYTES];
	char colors[BOARD_COLORS_MAX * 8 + 1];
	char *at = colors;
	char name[2 * BOARD_NAME_BYTES_MAX + 8];

	postgres_quote(&p->link, b->meta.name, name, sizeof(name));
	for (uint32_t i = 0; i < b->colors; i++) {
		*at++ = '#';
		for (unsigned shift = 24; shift > 0; shift -= 4)
			*at++ = hex[b->rgb[i] >> (shift - 4) & 15];
		*at++ = ',';
	}
	*(at > colors ? at - 1 : at) = 0;
	snprintf(sql, sizeof(sql),
		 "INSERT INTO pixeld.boards AS b (board, bits, width, height, name) "
		 "VALUES (%u, %u, %u, %u, %s) ON CONFLICT (board) DO UPDATE SET "
		 "bits = excluded.bits, width = excluded.width, height = excluded.height, "
		 "name = excluded.name WHERE (b.bits, b.width, b.height, b.name) <> "
		 "(excluded.bits, excluded.width, excluded.height, excluded.name); "
		 "INSERT INTO pixeld.palette AS c (board, color, rgb) "
		 "SELECT %u, n - 1, rgb FROM unnest(string_to_array('%s', ',')) "
		 "WITH ORDINALITY AS u (rgb, n) ON CONFLICT (board, color) DO UPDATE SET "
		 "rgb = excluded.rgb WHERE c.rgb <> excluded.rgb",
		 b->meta.board, b->meta.bits, b->meta.width, b->meta.height, name, b->meta.board,
		 colors);
	return postgres_ask(&p->link, sql, NULL);
}

static enum receiver_verdict attach(struct postgres *p, const struct receiver_journal *journal,
				    struct receiver_position *at)
{
	uint64_t journal_id = 0;
	int64_t today = 0;
	enum receiver_verdict verdict =
		postgres_ask_number(&p->link,
				    "BEGIN ISOLATION LEVEL READ COMMITTED; "
				    "SELECT (now() AT TIME ZONE 'UTC')::date - date '1970-01-01'",
				    0, &today);

	if (verdict == RECEIVER_OK)
		verdict = ledger_begin(p, journal, &at->is_new);
	if (verdict == RECEIVER_OK)
		verdict = ledger_read(p, &journal_id, at);
	if (verdict == RECEIVER_OK && journal_id != journal->journal_id)
		return postgres_fail(&p->link, RECEIVER_STOP,
				     "wrong database: it belongs to journal %016" PRIx64
				     ", and this server has journal %016" PRIx64
				     ". Use a separate database for each server",
				     journal_id, journal->journal_id);
	for (uint32_t i = 0; verdict == RECEIVER_OK && i < journal->board_count; i++)
		verdict = board_write(p, &journal->boards[i]);
	if (verdict == RECEIVER_OK)
		verdict = partitions_make(p, (uint32_t)today);
	if (verdict == RECEIVER_OK)
		verdict = postgres_ask(&p->link, "COMMIT", NULL);
	p->lsn = at->lsn;
	return verdict;
}

static enum receiver_verdict pg_init(void *self, const struct receiver_journal *journal,
				     struct receiver_position *ret_position)
{
	struct postgres *p = self;
	char text[256];
	enum receiver_verdict verdict = postgres_link_open(&p->link);

	if (verdict == RECEIVER_OK)
		verdict = session_set(p);
	if (verdict == RECEIVER_OK)
		verdict = postgres_schema_check(&p->link, p->config.migrate);
	if (verdict == RECEIVER_OK)
		verdict = attach(p, journal, ret_position);
	if (verdict != RECEIVER_OK)
		return verdict;
	postgres_link_describe(&p->link, text, sizeof(text));
	log_info("postgres_connected %s lsn=%" PRIu64, text, ret_position->lsn);
	return RECEIVER_OK;
}

/* --- rows ------------------------------------------------------------------------------------- */

static enum receiver_verdict transaction_begin(struct postgres *p)
{
	int64_t lsn = 0;
	enum receiver_verdict verdict =
		postgres_ask_number(&p->link,
				    "BEGIN ISOLATION LEVEL READ COMMITTED; "
				    "SELECT lsn FROM pixeld.ledger FOR UPDATE",
				    -1, &lsn);

	if (verdict == RECEIVER_OK && (uint64_t)lsn != p->lsn)
		return postgres_fail(
			&p->link, RECEIVER_RETRY,
			"the ledger moved from record %" PRIu64 " to %" PRId64
			" without this server: does another server write to this database?",
			p->lsn, lsn);
	p->in_transaction = verdict == RECEIVER_OK;
	p->batch_rows = 0;
	return verdict;
}

static enum receiver_verdict buffer_send(struct postgres *p)
{
	enum receiver_verdict verdict = postgres_copy_put(&p->link, p->buffer, p->len);

	p->len = 0;
	return verdict;
}

static enum receiver_verdict copy_begin(struct postgres *p)
{
	char sql[SQL_BYTES];
	enum receiver_verdict verdict;

	snprintf(sql, sizeof(sql), "COPY pixeld.placements (%s) FROM STDIN (FORMAT binary)",
		 postgres_row_columns);
	verdict = postgres_ask(&p->link, sql, NULL);
	if (verdict != RECEIVER_OK)
		return verdict;
	p->copying = true;
	p->copy_rows = 0;
	p->len = (size_t)(postgres_copy_head(p->buffer) - p->buffer);
	return RECEIVER_OK;
}

static enum receiver_verdict copy_end(struct postgres *p)
{
	struct postgres_answer answer;
	enum receiver_verdict verdict;

	p->len = (size_t)(postgres_copy_tail(p->buffer + p->len) - p->buffer);
	p->copying = false;
	verdict = buffer_send(p);
	if (verdict == RECEIVER_OK)
		verdict = postgres_copy_end(&p->link, &answer);
	if (verdict == RECEIVER_OK && answer.count != p->copy_rows)
		return postgres_fail(&p->link, RECEIVER_STOP,
				     "%" PRIu64 " rows were sent and %" PRIu64
				     " kept: a trigger on pixeld.placements drops rows; remove it",
				     p->copy_rows, answer.count);
	return verdict;
}

/* The partition of a day that comes for the first time, between two COPYs. */
static enum receiver_verdict day_prepare(struct postgres *p, uint32_t day)
{
	enum receiver_verdict verdict = p->copying ? copy_end(p) : RECEIVER_OK;

	return verdict == RECEIVER_OK ? partitions_make(p, day) : verdict;
}

static enum receiver_verdict row_take(struct postgres *p, const struct record_placement *placement)
{
	enum receiver_verdict verdict = RECEIVER_OK;
	uint32_t day = postgres_day_of(placement);

	if (!p->in_transaction)
		verdict = transaction_begin(p);
	if (verdict == RECEIVER_OK && !day_is_known(p, day))
		verdict = day_prepare(p, day);
	if (verdict == RECEIVER_OK && !p->copying)
		verdict = copy_begin(p);
	if (verdict == RECEIVER_OK &&
	    p->len + POSTGRES_ROW_BYTES + POSTGRES_COPY_TAIL_BYTES > BUFFER_BYTES)
		verdict = buffer_send(p);
	if (verdict != RECEIVER_OK)
		return verdict;
	p->len = (size_t)(postgres_row_put(p->buffer + p->len, placement) - p->buffer);
	p->copy_rows++;
	p->batch_rows++;
	return RECEIVER_OK;
}

static enum receiver_verdict pg_event(void *self, uint64_t lsn, const struct record *record)
{
	struct record_cells cells = {record, 0};
	const struct record_placement *placement;
	enum receiver_verdict verdict = RECEIVER_OK;

	(void)lsn;
	while (verdict == RECEIVER_OK && (placement = record_cells_next(&cells)) != NULL)
		verdict = row_take(self, placement);
	return verdict;
}

static enum receiver_verdict pg_flush(void *self, const struct receiver_position *to)
{
	struct postgres *p = self;
	enum receiver_verdict verdict = RECEIVER_OK;
	struct postgres_answer answer;
	char sql[SQL_BYTES];

	if (!p->in_transaction)
		verdict = transaction_begin(p);
	if (verdict == RECEIVER_OK && p->copying)
		verdict = copy_end(p);
	if (verdict != RECEIVER_OK)
		return verdict;
	snprintf(sql, sizeof(sql),
		 "UPDATE pixeld.ledger SET lsn = %" PRIu64 ", chain = %" PRId64
		 ", placements = placements + %" PRIu64 ", moved_at = clock_timestamp(); COMMIT",
		 to->lsn, (int64_t)to->chain, p->batch_rows);
	verdict = postgres_run(&p->link, sql, &answer);
	if (verdict == RECEIVER_OK && !answer.is_commit)
		verdict =
			postgres_fail(&p->link, RECEIVER_RETRY, "the transaction was rolled back");
	p->in_transaction = false;
	if (verdict == RECEIVER_OK)
		p->lsn = to->lsn;
	return verdict;
}

const struct receiver_ops postgres_ops = {
	.name = "postgres",
	.init = pg_init,
	.event = pg_event,
	.flush = pg_flush,
	.close = pg_close,
	.why = pg_why,
};
