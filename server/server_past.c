/*
 * server_past.c - the database as a source of the past, when one is configured.
 *
 * Owner   the main thread makes and frees it; in between it is the historian's.
 */
#include <stdio.h>

#include "server/server_priv.h"

static bool is_trusted(void *arg)
{
	const struct server *s = arg;

	return receiver_is_trusted(s->receiver);
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
