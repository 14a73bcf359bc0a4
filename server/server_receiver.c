/*
 * server_receiver.c - the receiver for PostgreSQL, when one is configured: its making, its thread.
 *
 * Owner   the main thread makes and frees it; the receiver thread is its only user in between, but
 *         for its counters and its position. Nobody waits for it: it looks for itself what has
 *         become durable, and the end of the server is the one thing that it is woken for.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/server_priv.h"

#define CATCH_UP_S 5 /* at the end of the server */

static uint64_t durable_lsn(void *arg)
{
	const struct server *s = arg;

	return writer_durable_lsn(s->writer);
}

uint64_t server_received_lsn(void *arg)
{
	const struct server *s = arg;

	return receiver_lsn(s->receiver);
}

static const struct settings_board *board_settings(const struct server *s, const char *name)
{
	for (unsigned i = 0; i < s->settings->boards_count; i++)
		if (strcmp(s->settings->boards[i].name, name) == 0)
			return &s->settings->boards[i];
	return NULL;
}

static uint32_t boards_fill(struct server *s)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < ROOMS_MAX; i++) {
		const struct record_board *meta = writer_board_meta(s->writer, i);
		const struct settings_board *settings;
		struct receiver_board *b = &s->receiver_boards[count];

		if (meta == NULL)
			continue;
		count++;
		b->meta = *meta;
		settings = board_settings(s, meta->name);
		for (unsigned c = 0; settings != NULL && c < settings->colors; c++)
			b->rgb[b->colors++] = settings->palette[c].rgb;
	}
	return count;
}

int server_receiver_make(struct server *s, struct now now, char why[static SERVER_WHY_CHARS])
{
	const struct settings *settings = s->settings;
	const struct postgres_config postgres = {
		.dsn = settings->postgres,
		.timeout_ms = (uint32_t)settings->postgres_timeout_ms,
		.partition_days = (uint32_t)settings->postgres_partition_days,
		.migrate = settings->postgres_migrate,
		.abort = &s->receiver_abort,
	};
	struct receiver_config receiver = {
		.ops = &postgres_ops,
		.data = settings->data,
		.journal_id = writer_journal_id(s->writer),
		.batch_records = (uint32_t)settings->postgres_batch_rows,
		.gentle_per_second = settings->postgres_catchup_per_second,
		.batch_bytes = settings->postgres_batch_bytes,
		.batch_age_ns = settings->postgres_batch_age_ms * NS_PER_MS,
		.seed = now.mono_ns,
		.arg = s,
		.durable_lsn = durable_lsn,
	};
	int rc;

	if (settings->postgres[0] == '\0')
		return 0;
	s->receiver_boards = calloc(ROOMS_MAX, sizeof(*s->receiver_boards));
	rc = s->receiver_boards == NULL ? -ENOMEM : postgres_new(&postgres, &s->postgres);
	if (rc == 0) {
		receiver.self = s->postgres;
		receiver.boards = s->receiver_boards;
		receiver.board_count = boards_fill(s);
		rc = receiver_new(&receiver, now, &s->receiver);
	}
	if (rc == 0)
		return 0;
	snprintf(why, SERVER_WHY_CHARS, "cannot make the receiver for PostgreSQL: %s",
		 strerror(-rc));
	return EXIT_FAILED;
}

static uint64_t receiver_helper_turn(void *arg, struct now now)
{
	struct server *s = arg;
	uint64_t wait = receiver_turn(s->receiver, now);

	if (receiver_is_closed(s->receiver))
		helper_end(&s->receiver_thread);
	return wait;
}

int server_receiver_start(struct server *s)
{
	if (s->receiver == NULL)
		return 0;
	return helper_start(&s->receiver_thread,
			    &(struct helper_config){.arg = s, .turn = receiver_helper_turn});
}

/* What is still missing in the database is sent at the next start. */
void server_receiver_stop(struct server *s)
{
	if (s->receiver == NULL)
		return;
	receiver_stop(s->receiver);
	helper_wake(&s->receiver_thread);
	if (helper_join_within(&s->receiver_thread, CATCH_UP_S))
		return;
	atomic_store(&s->receiver_abort, true);
	helper_join(&s->receiver_thread);
}

void server_receiver_free(struct server *s)
{
	receiver_free(s->receiver);
	postgres_free(s->postgres);
	free(s->receiver_boards);
}
