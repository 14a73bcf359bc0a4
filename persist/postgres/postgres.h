/*
 * postgres.h - the receiver that writes every placement to PostgreSQL exactly once.
 *
 * Runs on the receiver's thread. postgres_link.h is its connection, postgres_row.h its rows,
 * postgres_trouble.h the meaning of errors, postgres_schema.h the tables.
 */
#ifndef PX_POSTGRES_POSTGRES_H
#define PX_POSTGRES_POSTGRES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "persist/receiver/receiver.h"

struct postgres;

struct postgres_config {
	const char *dsn; /* of libpq: a URI or key=value; stays the caller's */
	/* without a sign of life for this long the connection counts as lost */
	uint32_t timeout_ms;
	uint32_t partition_days;   /* days of partitions made ahead */
	bool migrate;              /* whether init() may bring the schema up to date */
	const _Atomic bool *abort; /* true: give up waiting; stays the caller's */
};

/* Copies `config`, but not what it points to. -ENOMEM. */
int postgres_new(const struct postgres_config *config, struct postgres **ret_postgres);
void postgres_free(struct postgres *p); /* NULL is allowed */

extern const struct receiver_ops postgres_ops; /* `self` is a struct postgres */

/* `pixeld migrate`: brings the schema up to date and reports on `out` what it did. 0 or an exit
 * code. */
int postgres_migrate(const struct postgres_config *config, FILE *out);

#endif
