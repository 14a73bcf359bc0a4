/*
 * postgres_trouble.h - what an error of PostgreSQL means for the receiver, by its SQLSTATE.
 *
 * A table; pure functions, any thread. An error that is not in it is retried: that loses nothing.
 */
#ifndef PX_POSTGRES_POSTGRES_TROUBLE_H
#define PX_POSTGRES_POSTGRES_TROUBLE_H

#include "persist/receiver/receiver.h"

enum postgres_trouble {
	POSTGRES_CONNECTION, /* lost, or never established */
	POSTGRES_SHUTDOWN,   /* stopping, starting, crashed */
	POSTGRES_DISK_FULL,
	POSTGRES_RESOURCES, /* memory, connections */
	POSTGRES_BUSY,      /* locks, timeouts, deadlocks */
	POSTGRES_READ_ONLY,
	POSTGRES_DISK,      /* its disk or its files failed */
	POSTGRES_DATA,      /* a row was refused: constraint, trigger */
	POSTGRES_DUPLICATE, /* a row exists that the ledger does not know of */
	POSTGRES_SCHEMA,
	POSTGRES_RIGHTS,
	POSTGRES_OTHER,
	POSTGRES_TROUBLES
};

/* NULL or "": the connection ended without a SQLSTATE. */
enum postgres_trouble postgres_trouble_of(const char *sqlstate);

/* REFUSED for errors about rows; the caller turns it into STOP where no rows were sent. */
enum receiver_verdict postgres_trouble_verdict(enum postgres_trouble trouble);

const char *postgres_trouble_str(enum postgres_trouble trouble); /* "disk full" */

/* What the operator can do. One sentence, static text. */
const char *postgres_trouble_remedy(enum postgres_trouble trouble);

#endif
