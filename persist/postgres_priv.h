/*
 * postgres_priv.h - what postgres.c and postgres_migrate.c share.
 */
#ifndef PX_PERSIST_POSTGRES_PRIV_H
#define PX_PERSIST_POSTGRES_PRIV_H

#include "persist/postgres.h"
#include "persist/postgres_link.h"

/* OK: the schema has the version of this program, which it may have been given just now. */
enum receiver_verdict postgres_schema_check(struct postgres_link *l, bool may_migrate);

#endif
