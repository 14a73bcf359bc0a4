/*
 * server_helpers.c - the threads beside writer and workers, one loop for each phase of their life.
 *
 *	wire ─▶ (the writer is made) ─▶ make ─▶ start ─▶ ... ─▶ hurry ─▶ (workers and writer end)
 *	                                                            free ◀─ join ◀─ stop ◀─┘
 *
 * Owner   the main thread; a helper's turn runs on its own thread.
 */
#include "engine/base/assert.h"
#include "server/server_priv.h"

static const struct server_helper_ops *const helper_ops[HELPERS] = {
#define RECEIVER(symbol, name) [HELPER_##symbol] = &server_receiver,
#include "server/receiver.def"
#undef RECEIVER
#define HELPER(symbol, name) [HELPER_##symbol] = &server_##name,
#include "server/helper.def"
#undef HELPER
};

int server_helpers_wire(struct server *s)
{
	int rc = 0;

	for (unsigned i = 0; i < HELPERS && rc == 0; i++) {
		struct server_helper *h = &s->helpers[i];

		h->ops = helper_ops[i];
		h->server = s;
		h->name = h->ops->name;
		if (h->ops->wire != NULL)
			rc = h->ops->wire(h);
	}
	return rc;
}

int server_helpers_make(struct server *s, struct now now, char why[static SERVER_WHY_CHARS])
{
	int code = EXIT_PASS;

	for (unsigned i = 0; i < HELPERS && code == EXIT_PASS; i++)
		if (s->helpers[i].ops->make != NULL)
			code = s->helpers[i].ops->make(&s->helpers[i], now, why);
	return code;
}

static uint64_t turn(void *arg, struct now now)
{
	struct server_helper *h = arg;

	return h->ops->turn(h, now);
}

int server_helpers_start(struct server *s)
{
	int rc = 0;

	for (unsigned i = 0; i < HELPERS && rc == 0; i++) {
		struct server_helper *h = &s->helpers[i];
		const struct helper_config config = {
			.arg = h, .turn = turn, .nice = h->ops->nice, .name = h->name};

		if (h->self != NULL)
			rc = helper_start(&h->thread, &config);
	}
	return rc;
}

void server_helper_wake(struct server *s, enum server_helper_number number)
{
	px_assert(number < HELPERS);
	helper_wake(&s->helpers[number].thread);
}

void server_helpers_hurry(struct server *s)
{
	for (unsigned i = 0; i < HELPERS; i++)
		if (s->helpers[i].ops->is_hurried)
			atomic_store(&s->helpers[i].abort, true);
}

static void join(struct server_helper *h, uint64_t stopped_ns)
{
	uint64_t gone_s = (clock_now().mono_ns - stopped_ns) / NS_PER_SEC;
	uint32_t left_s = gone_s < h->ops->grace_s ? h->ops->grace_s - (uint32_t)gone_s : 0;

	if (left_s > 0 && helper_join_within(&h->thread, left_s))
		return;
	atomic_store(&h->abort, true);
	helper_join(&h->thread);
}

/* Side by side: who needs its grace does not take it from another. */
void server_helpers_stop(struct server *s)
{
	uint64_t stopped_ns = clock_now().mono_ns;

	for (unsigned i = 0; i < HELPERS; i++) {
		struct server_helper *h = &s->helpers[i];

		if (h->self == NULL)
			continue;
		if (h->ops->stop != NULL)
			h->ops->stop(h);
		else
			helper_end(&h->thread);
	}
	for (unsigned i = 0; i < HELPERS; i++)
		if (s->helpers[i].self != NULL)
			join(&s->helpers[i], stopped_ns);
}

void server_helpers_free(struct server *s)
{
	for (unsigned i = HELPERS; i-- > 0;) {
		struct server_helper *h = &s->helpers[i];

		if (h->self != NULL)
			h->ops->free(h);
		helper_fini(&h->thread);
	}
}
