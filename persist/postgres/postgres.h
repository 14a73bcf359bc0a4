/*
 * postgres.h - the receiver that brings every placement to PostgreSQL, once.
 *
 * On the receiver's thread. postgres_link.h is its connection, postgres_row.h its rows,
 * postgres_trouble.h what errors mean, postgres_schema.h the tables.
 */
#ifndef PX_POSTGRES_POSTGRES_H
#define PX_POSTGRES_POSTGRES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "persist/receiver/receiver.h"

struct postgres;

struct postgres_config {
	const char *dsn;           /* of libpq: a URI or key=value; the caller's */
	uint32_t timeout_ms;       /* without a sign of life: the connection is lost */
	uint32_t partition_days;   /* made ahead */
	bool migrate;              /* brings the schema up to date by itself */
	const _Atomic bool *abort; /* the caller's */
};

int postgres_new(const struct postgres_config *config, struct postgres **ret_postgres);
void postgres_free(struct postgres *p); /* NULL is fine */

extern const struct receiver_ops postgres_ops; /* over a struct postgres */

/* `pixeld migrate`: brings the schema up to date, and says what it did. 0 or an exit code. */
int postgres_migrate(const struct postgres_config *config, FILE *out);

#endif
