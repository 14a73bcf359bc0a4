/*
 * postgres_priv.h - what postgres.c and postgres_migrate.c share.
 */
#ifndef PX_POSTGRES_POSTGRES_PRIV_H
#define PX_POSTGRES_POSTGRES_PRIV_H

#include "persist/postgres/postgres.h"
#include "persist/postgres/postgres_link.h"

/* OK: the schema has the version of this program, which it may have been given just now. */
enum receiver_verdict postgres_schema_check(struct postgres_link *l, bool may_migrate);

#endif
