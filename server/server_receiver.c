/*
 * server_receiver.c - what every receiver's thread has, whatever its destination: its driver, its
 * end.
 *
 * Owner   the main thread makes and frees it; in between only the receiver's thread uses it, except
 *         for its counters and its position. Nothing waits for it: it polls for what has become
 *         durable, and is woken only for the end of the server.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "server/server_priv.h"

#define CATCH_UP_S 5 /* at the end of the server */

static const struct receiver_kind *const kinds[RECEIVERS] = {
#define RECEIVER(symbol, name) [HELPER_##symbol] = &server_##name,
#include "server/receiver.def"
#undef RECEIVER
};

static uint64_t durable_lsn(void *arg)
{
	const struct server *s = arg;

	return writer_durable_lsn(s->writer);
}

uint64_t server_received_lsn(const struct server *s)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < RECEIVERS; i++) {
		const struct receiver *driver = s->receivers[i].driver;
		uint64_t lsn = driver != NULL ? receiver_lsn(driver) : UINT64_MAX;

		least = lsn < least ? lsn : least;
	}
	return least;
}

static void colors_fill(struct receiver_board *b, const struct settings *settings)
{
	for (unsigned i = 0; i < settings->boards_count; i++) {
		const struct settings_board *board = &settings->boards[i];

		if (strcmp(board->name, b->meta.name) != 0)
			continue;
		for (unsigned c = 0; c < board->colors; c++)
			b->rgb[b->colors++] = board->palette[c].rgb;
	}
}

static int boards_fill(struct server *s)
{
	if (s->receiver_boards != NULL)
		return 0;
	s->receiver_boards = calloc(ROOMS_MAX, sizeof(*s->receiver_boards));
	if (s->receiver_boards == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < ROOMS_MAX; i++) {
		const struct record_board *meta = writer_board_meta(s->writer, i);
		struct receiver_board *b = &s->receiver_boards[s->receiver_board_count];

		if (meta == NULL)
			continue;
		s->receiver_board_count++;
		b->meta = *meta;
		colors_fill(b, s->settings);
	}
	return 0;
}

void server_receivers_palettes_set(struct server *s, const struct settings *settings)
{
	for (unsigned i = 0; i < RECEIVERS; i++) {
		struct receiver *driver = s->receivers[i].driver;
		struct receiver_board *boards;

		if (driver == NULL)
			continue;
		boards = calloc(s->receiver_board_count, sizeof(*boards));
		if (boards == NULL) {
			log_warn("receiver_palettes receiver=%s why=\"no memory\" what=\"it gets "
				 "the new ones at the next start\"",
				 receiver_name(driver));
			continue;
		}
		for (uint32_t k = 0; k < s->receiver_board_count; k++) {
			boards[k].meta = s->receiver_boards[k].meta;
			colors_fill(&boards[k], settings);
		}
		receiver_boards_set(driver, boards);
	}
}

static int driver_make(struct server *s, struct server_receiver *r, struct receiver_config *config,
		       struct now now)
{
	int rc = boards_fill(s);

	config->boards = s->receiver_boards;
	config->board_count = s->receiver_board_count;
	return rc == 0 ? receiver_new(config, now, &r->driver) : rc;
}

/* One that begins with a copy has a slot at the writer. */
static int wire(struct server_helper *h)
{
	struct writer_config *writer = &h->server->writer_config;

	_Static_assert(RECEIVERS <= FULL_COPIES_MAX, "each has one");

	if (kinds[h - h->server->helpers]->ops->copy != NULL)
		writer->full_copies[writer->full_copy_count++] =
			&h->server->receivers[h - h->server->helpers].copy;
	return 0;
}

static int make(struct server_helper *h, struct now now, char why[static SERVER_WHY_CHARS])
{
	struct server *s = h->server;
	const struct receiver_kind *kind = kinds[h - s->helpers];
	struct server_receiver *r = &s->receivers[h - s->helpers];
	struct receiver_config config = {
		.ops = kind->ops,
		.data = s->settings->data,
		.journal_id = writer_journal_id(s->writer),
		.seed = now.mono_ns,
		.arg = s,
		.copy = &r->copy,
		.durable_lsn = durable_lsn,
		.wake_writer = server_wake_writer,
	};
	int rc = kind->make(h, &config);

	if (rc == 0 && config.self != NULL) {
		h->name = kind->ops->name;
		h->self = r;
		r->self = config.self;
		rc = driver_make(s, r, &config, now);
	}
	if (rc == 0)
		return EXIT_PASS;
	snprintf(why, SERVER_WHY_CHARS, "cannot make the receiver %s: %s", kind->ops->name,
		 strerror(-rc));
	return EXIT_FAILED;
}

static uint64_t turn(struct server_helper *h, struct now now)
{
	const struct server_receiver *r = h->self;
	uint64_t wait = receiver_turn(r->driver, now);

	if (receiver_is_closed(r->driver))
		helper_end(&h->thread);
	return wait;
}

/* What is missing still is sent at the next start. */
static void stop(struct server_helper *h)
{
	const struct server_receiver *r = h->self;

	receiver_stop(r->driver);
	helper_wake(&h->thread);
}

static void receiver_gone(struct server_helper *h)
{
	struct server_receiver *r = h->self;

	receiver_free(r->driver);
	kinds[h - h->server->helpers]->free(r->self);
}

const struct server_helper_ops server_receiver = {
	.grace_s = CATCH_UP_S,
	.wire = wire,
	.make = make,
	.turn = turn,
	.stop = stop,
	.free = receiver_gone,
};
