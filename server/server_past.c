/*
 * server_past.c - the database as a source of the past, when one is configured.
 *
 * Owner   the main thread makes and frees it; in between it is the historian's.
 */
#include <stdio.h>

#include "server/server_priv.h"

/* The receiver has met the database in this run, and has seen that it is ours and not of another
 * history. What made it stop, somebody has to decide. */
static bool is_trusted(void *arg)
{
	const struct server *s = arg;
	struct receiver_status status;

	receiver_look(s->receiver, clock_now(), &status);
	return status.lsn != 0 && status.state != RECEIVER_STOPPED;
}

int server_past_make(struct server *s, char why[static SERVER_WHY_CHARS])
{
	const struct past_config config = {
		.postgres = {.dsn = s->settings->postgres,
			     .journal_id = writer_journal_id(s->writer),
			     .abort = &s->past_abort},
		.arg = s,
		.is_trusted = is_trusted,
	};

	if (s->receiver == NULL || past_new(&config, &s->past) == 0)
		return 0;
	snprintf(why, SERVER_WHY_CHARS, "no memory to ask PostgreSQL for the past");
	return EXIT_FAILED;
}
