/* server_keeper.c - the keeper's thread: see persist/journal/keeper.h. */
#include <stdio.h>
#include <stdlib.h>

#include "persist/journal/keeper.h"
#include "server/server_priv.h"

static void wake_keeper(void *arg)
{
	server_helper_wake(arg, HELPER_KEEPER);
}

static uint64_t received_lsn(void *arg)
{
	return server_received_lsn(arg);
}

static struct keeper_limits limits_of(const struct settings *settings)
{
	return (struct keeper_limits){
		.snapshots_past = (uint32_t)settings->snapshots_past,
		.keep_bytes = settings->journal_keep_bytes,
		.free_bytes_min = settings->journal_free_bytes,
		.drop_unread = settings->journal_unread == 1,
		.snapshot_bytes_per_sec = settings->snapshot_rate_mib << 20,
	};
}

static int make(struct server_helper *h, struct now now, char why[static SERVER_WHY_CHARS])
{
	const struct keeper_limits limits = limits_of(h->server->settings);
	const struct keeper_config config = {
		.disk = h->server->disk,
		.arg = h->server,
		.wake_writer = server_wake_writer,
		.wake_keeper = wake_keeper,
		.received_lsn = received_lsn,
	};
	struct keeper *keeper;

	(void)now;
	if (keeper_new(&config, &keeper) < 0) {
		snprintf(why, SERVER_WHY_CHARS, "not enough memory for the keeper");
		return EXIT_FAILED;
	}
	keeper_limits_set(keeper, &limits); /* no other thread runs */
	h->self = keeper;
	return EXIT_PASS;
}

struct keeper_limits *server_keeper_limits_new(const struct settings *settings)
{
	struct keeper_limits *limits = malloc(sizeof(*limits));

	if (limits != NULL)
		*limits = limits_of(settings);
	return limits;
}

void server_keeper_limits_set(struct server *s, struct keeper_limits *limits)
{
	free(atomic_exchange(&s->keeper_limits, limits)); /* older ones that it has not seen yet */
	server_helper_wake(s, HELPER_KEEPER);
}

static uint64_t turn(struct server_helper *h, struct now now)
{
	struct keeper_limits *limits = atomic_exchange(&h->server->keeper_limits, NULL);

	if (limits != NULL)
		keeper_limits_set(h->self, limits);
	free(limits);
	return keeper_turn(h->self, now);
}

static void keeper_gone(struct server_helper *h)
{
	keeper_free(h->self);
	free(atomic_exchange(&h->server->keeper_limits, NULL));
}

const struct server_helper_ops server_keeper = {
	.name = "keeper",
	.make = make,
	.turn = turn,
	.free = keeper_gone,
};
