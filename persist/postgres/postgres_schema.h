/*
 * postgres_schema.h - the schema `pixeld`, as steps from one version to the next.
 *
 * Step i brings a database from version i to i + 1; a released step never changes. Each runs in one
 * transaction, under a lock. PostgreSQL 13 and later. Constant data, any thread.
 */
#ifndef PX_POSTGRES_POSTGRES_SCHEMA_H
#define PX_POSTGRES_POSTGRES_SCHEMA_H

#define POSTGRES_SCHEMA_VERSION 1

struct postgres_step {
	const char *what;
	const char *sql; /* one or more statements */
};

extern const struct postgres_step postgres_steps[POSTGRES_SCHEMA_VERSION];

#endif
