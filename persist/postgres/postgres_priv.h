/*
 * postgres_priv.h - shared by postgres.c and postgres_migrate.c.
 */
#ifndef PX_POSTGRES_POSTGRES_PRIV_H
#define PX_POSTGRES_POSTGRES_PRIV_H

#include "persist/postgres/postgres.h"
#include "persist/postgres/postgres_link.h"

/* OK: the schema has this program's version, possibly since just now. */
enum receiver_verdict postgres_schema_check(struct postgres_link *l, bool may_migrate);

#endif
