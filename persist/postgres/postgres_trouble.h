/*
 * postgres_trouble.h - what an error of PostgreSQL means for the receiver, by its SQLSTATE.
 *
 * A table; pure functions, any thread. What is not in it is tried again: that loses nothing.
 */
#ifndef PX_POSTGRES_POSTGRES_TROUBLE_H
#define PX_POSTGRES_POSTGRES_TROUBLE_H

#include "persist/receiver/receiver.h"

enum postgres_trouble {
	POSTGRES_CONNECTION, /* lost, or it never came */
	POSTGRES_SHUTDOWN,   /* stopping, starting, crashed */
	POSTGRES_DISK_FULL,
	POSTGRES_RESOURCES, /* memory, connections */
	POSTGRES_BUSY,      /* locks, timeouts, deadlocks */
	POSTGRES_READ_ONLY,
	POSTGRES_DISK,      /* its disk or its files fail */
	POSTGRES_DATA,      /* a row is refused: constraint, trigger */
	POSTGRES_DUPLICATE, /* a row is there that the ledger does not know of */
	POSTGRES_SCHEMA,
	POSTGRES_RIGHTS,
	POSTGRES_OTHER,
	POSTGRES_TROUBLES
};

/* NULL or "": the connection ended without one. */
enum postgres_trouble postgres_trouble_of(const char *sqlstate);

/* REFUSED for rows; the caller turns it into STOP where no rows are. */
enum receiver_verdict postgres_trouble_verdict(enum postgres_trouble trouble);

const char *postgres_trouble_str(enum postgres_trouble trouble); /* "disk full" */

/* What can be done, a sentence for people. */
const char *postgres_trouble_remedy(enum postgres_trouble trouble);

#endif
