/*
 * postgres_migrate.c - the schema's version, and the way to the next one.
 *
 * Owner   the receiver's thread, or main() for `pixeld migrate`. In one transaction, under a lock:
 *         of several servers one migrates, the others find it done.
 */
#include <inttypes.h>
#include <stdio.h>

#include "engine/base/exit_code.h"
#include "engine/base/log.h"
#include "persist/postgres/postgres_priv.h"
#include "persist/postgres/postgres_schema.h"

#define SQL_BYTES   512
#define LOCK_NUMBER "1886550116" /* any that nobody else uses in this database */

static enum receiver_verdict version_get(struct postgres_link *l, int64_t *ret_version)
{
	int64_t there = 0;
	enum receiver_verdict verdict = postgres_ask_number(
		l, "SELECT 1 WHERE to_regclass('pixeld.migrations') IS NOT NULL", 0, &there);

	*ret_version = 0;
	if (verdict != RECEIVER_OK || there == 0)
		return verdict;
	return postgres_ask_number(l, "SELECT coalesce(max(version), 0) FROM pixeld.migrations", 0,
				   ret_version);
}

static enum receiver_verdict migrations_make(struct postgres_link *l)
{
	int64_t there = 0;
	enum receiver_verdict verdict = postgres_ask_number(
		l, "SELECT 1 WHERE to_regnamespace('pixeld') IS NOT NULL", 0, &there);

	if (verdict == RECEIVER_OK && there == 0)
		verdict = postgres_ask(l,
				       "CREATE SCHEMA pixeld; COMMENT ON SCHEMA pixeld IS "
				       "'Placements of pixeld, from its journal.'",
				       NULL);
	if (verdict == RECEIVER_OK)
		verdict = postgres_ask(
			l,
			"CREATE TABLE pixeld.migrations (version integer PRIMARY KEY, "
			"applied_at timestamptz NOT NULL DEFAULT now(), what text NOT NULL); "
			"COMMENT ON TABLE pixeld.migrations IS 'The versions of this schema.'; "
			"COMMENT ON COLUMN pixeld.migrations.version IS 'From 1.'; "
			"COMMENT ON COLUMN pixeld.migrations.applied_at IS 'When.'; "
			"COMMENT ON COLUMN pixeld.migrations.what IS 'What it brought.'",
			NULL);
	return verdict;
}

static enum receiver_verdict step_run(struct postgres_link *l, int64_t version)
{
	const struct postgres_step *step = &postgres_steps[version];
	enum receiver_verdict verdict = postgres_ask(l, step->sql, NULL);
	char sql[SQL_BYTES];

	if (verdict != RECEIVER_OK)
		return verdict;
	snprintf(sql, sizeof(sql),
		 "INSERT INTO pixeld.migrations (version, what) VALUES (%" PRId64 ", '%s')",
		 version + 1, step->what);
	return postgres_ask(l, sql, NULL);
}

/* In one transaction, and one server at a time. *ret_from: the version before. */
static enum receiver_verdict migrate(struct postgres_link *l, int64_t *ret_from)
{
	enum receiver_verdict verdict =
		postgres_ask(l, "BEGIN; SELECT pg_advisory_xact_lock(" LOCK_NUMBER ")", NULL);

	if (verdict == RECEIVER_OK)
		verdict = version_get(l, ret_from);
	if (verdict == RECEIVER_OK && *ret_from == 0)
		verdict = migrations_make(l);
	for (int64_t v = *ret_from; verdict == RECEIVER_OK && v < POSTGRES_SCHEMA_VERSION; v++)
		verdict = step_run(l, v);
	if (verdict == RECEIVER_OK)
		verdict = postgres_ask(l, "COMMIT", NULL);
	return verdict;
}

enum receiver_verdict postgres_schema_check(struct postgres_link *l, bool may_migrate)
{
	int64_t version;
	enum receiver_verdict verdict = version_get(l, &version);

	if (verdict != RECEIVER_OK || version == POSTGRES_SCHEMA_VERSION)
		return verdict;
	if (version > POSTGRES_SCHEMA_VERSION)
		return postgres_fail(l, RECEIVER_STOP,
				     "the schema pixeld has version %" PRId64
				     ", and this program knows up "
				     "to %d: start the newer program",
				     version, POSTGRES_SCHEMA_VERSION);
	if (!may_migrate)
		return postgres_fail(l, RECEIVER_STOP,
				     "the schema pixeld has version %" PRId64
				     ", and %d is needed: run "
				     "`pixeld migrate --postgres DSN`, or set postgres-migrate=on",
				     version, POSTGRES_SCHEMA_VERSION);
	verdict = migrate(l, &version);
	if (verdict == RECEIVER_OK)
		log_info("postgres_migrated from=%" PRId64 " to=%d", version,
			 POSTGRES_SCHEMA_VERSION);
	return verdict;
}

int postgres_migrate(const struct postgres_config *config, FILE *out)
{
	struct postgres_link link = {
		.dsn = config->dsn, .abort = config->abort, .timeout_ms = config->timeout_ms};
	int64_t from = 0;
	enum receiver_verdict verdict = postgres_link_open(&link);

	if (verdict == RECEIVER_OK)
		verdict = migrate(&link, &from);
	if (verdict == RECEIVER_OK && from <= POSTGRES_SCHEMA_VERSION)
		fprintf(out, "schema pixeld: version %d (it was %" PRId64 ")\n",
			POSTGRES_SCHEMA_VERSION, from);
	else
		fprintf(stderr, "pixeld: %s\n",
			verdict == RECEIVER_OK ? "the schema pixeld is newer than this program"
					       : link.why);
	postgres_link_close(&link);
	if (verdict == RECEIVER_OK)
		return from <= POSTGRES_SCHEMA_VERSION ? EXIT_PASS : EXIT_FAILED;
	return verdict == RECEIVER_RETRY ? EXIT_UNREACHABLE : EXIT_FAILED;
}
