/*
 * postgres_trouble.c - see postgres_trouble.h. The first row whose prefix matches wins.
 */
#include "persist/postgres/postgres_trouble.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *prefix; /* of the SQLSTATE: a class, or a whole one */
	enum postgres_trouble trouble;
} states[] =
	{
		{"08", POSTGRES_CONNECTION},
		{"57P", POSTGRES_SHUTDOWN}, /* admin shutdown, crash, starting up */
		{"53100", POSTGRES_DISK_FULL},
		{"53", POSTGRES_RESOURCES},
		{"54", POSTGRES_RESOURCES},
		{"55P03", POSTGRES_BUSY}, /* lock_timeout */
		{"55006", POSTGRES_BUSY},
		{"57014", POSTGRES_BUSY}, /* statement_timeout, pg_cancel_backend() */
		{"40", POSTGRES_BUSY},    /* serialization, deadlock */
		{"25006", POSTGRES_READ_ONLY},
		{"25P0", POSTGRES_BUSY}, /* idle in a transaction for too long */
		{"58", POSTGRES_DISK},
		{"XX", POSTGRES_DISK},
		{"23505", POSTGRES_DUPLICATE},
		{"22", POSTGRES_DATA},
		{"23", POSTGRES_DATA},
		{"44", POSTGRES_DATA},
		{"P0", POSTGRES_DATA}, /* raised by somebody's trigger */
		{"42501", POSTGRES_RIGHTS},
		{"28", POSTGRES_RIGHTS},
		{"42", POSTGRES_SCHEMA},
		{"3F", POSTGRES_SCHEMA},
		{"3D", POSTGRES_SCHEMA},
		{"0A", POSTGRES_SCHEMA},
		{"55000", POSTGRES_SCHEMA}, /* not in the state that is needed */
};

static const struct {
	enum receiver_verdict verdict;
	const char *name;
	const char *remedy;
} troubles[POSTGRES_TROUBLES] = {
	[POSTGRES_CONNECTION] = {RECEIVER_RETRY, "connection lost", "is it running and reachable?"},
	[POSTGRES_SHUTDOWN] = {RECEIVER_RETRY, "server shutting down or starting",
			       "receiving continues when it is back"},
	[POSTGRES_DISK_FULL] =
		{RECEIVER_RETRY, "disk full",
		 "free space on PostgreSQL's disk; receiving then continues by itself"},
	[POSTGRES_RESOURCES] =
		{RECEIVER_RETRY, "out of resources",
		 "raise max_connections or its memory; receiving then continues by itself"},
	[POSTGRES_BUSY] = {RECEIVER_RETRY, "locked or cancelled",
			   "see pg_stat_activity for the session that locks the table"},
	[POSTGRES_READ_ONLY] = {RECEIVER_RETRY, "read-only",
				"it is a standby, or default_transaction_read_only is on: the DSN "
				"must point to the primary"},
	[POSTGRES_DISK] = {RECEIVER_RETRY, "failure inside PostgreSQL",
			   "check its log and its disk"},
	[POSTGRES_DATA] = {RECEIVER_REFUSED, "a row is refused",
			   "look for a constraint or a trigger on pixeld.placements that pixeld "
			   "did not create"},
	[POSTGRES_DUPLICATE] =
		{RECEIVER_STOP, "a row already exists",
		 "pixeld.ledger was set back, or rows were loaded by hand: remove the "
		 "rows above it, or set it to where they end"},
	[POSTGRES_SCHEMA] =
		{RECEIVER_STOP, "the schema is not as expected",
		 "restore pixeld's tables as docs/reference/postgres.md describes them"},
	[POSTGRES_RIGHTS] = {RECEIVER_STOP, "not allowed",
			     "grant the DSN's role the rights that docs/operations.md lists"},
	[POSTGRES_OTHER] = {RECEIVER_RETRY, "refused", "see PostgreSQL's log"},
};

enum postgres_trouble postgres_trouble_of(const char *sqlstate)
{
	if (sqlstate == NULL || sqlstate[0] == 0)
		return POSTGRES_CONNECTION;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strncmp(sqlstate, states[i].prefix, strlen(states[i].prefix)) == 0)
			return states[i].trouble;
	return POSTGRES_OTHER;
}

enum receiver_verdict postgres_trouble_verdict(enum postgres_trouble trouble)
{
	return troubles[trouble].verdict;
}

const char *postgres_trouble_str(enum postgres_trouble trouble)
{
	return troubles[trouble].name;
}

const char *postgres_trouble_remedy(enum postgres_trouble trouble)
{
	return troubles[trouble].remedy;
}
