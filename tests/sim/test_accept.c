/*
 * test_accept.c - whose client the next one becomes: two workers at one listener.
 *
 * The real workers over a simulated ring and network; the test says who runs. The simulated ring
 * accepts when its worker looks, as a kernel does for whoever runs first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/mail/mail.h"
#include "edge/worker/worker.h"
#include "tests/sim/ring_sim.h"

#define WORKERS     2
#define SLOTS       1000
#define CLIENTS     400
#define MAIL_MAX    64
#define QUEUE_BYTES 256
#define TURN_NS     (10 * NS_PER_MS)

struct scene {
	struct net_sim *net;
	struct net_end *clients[CLIENTS];
	unsigned clients_len;
	struct rooms rooms;
	struct worker_shared shared;
	struct worker *workers[WORKERS];
	struct spsc *requests[WORKERS], *answers[WORKERS];
};

static void wake_nobody(void *arg)
{
	(void)arg;
}

static struct now scene_now(void)
{
	return (struct now){.mono_ns = ring_sim_now_ns(), .wall_ms = 1500000000000ULL};
}

static void turns(struct scene *s, unsigned worker, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		ring_sim_advance(TURN_NS);
		(void)worker_turn(s->workers[worker], scene_now());
	}
}

static void connect_clients(struct scene *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct net_end *e = net_sim_connect(s->net, s->shared.listeners[0].fd, 0x7f000001u,
						    QUEUE_BYTES);

		assert_non_null(e);
		assert_true(s->clients_len < CLIENTS);
		s->clients[s->clients_len++] = e;
	}
}

static unsigned conns_of(const struct scene *s, unsigned worker)
{
	return worker_left(s->workers[worker]).conns;
}

static int scene_begin(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->net = net_sim_new();
	ring_sim_begin(s->net, NULL, 1);
	s->shared = (struct worker_shared){
		.rooms = &s->rooms,
		.admin_token = "sim-admin-token-0",
		.listeners = {{.fd = net_sim_listen(s->net, 80, CLIENTS)}},
		.listener_count = 1,
		.worker_count = WORKERS,
		.clients_max = WORKERS * SLOTS,
		.limits = {.round_interval_ns = TURN_NS,
			   .http_head_timeout_ms = 100000,
			   .http_idle_timeout_ms = 100000,
			   .ws_idle_timeout_ms = 100000},
	};
	for (unsigned i = 0; i < WORKERS; i++) {
		struct worker_config config = {.shared = &s->shared,
					       .index = i,
					       .rings = 1,
					       .slots_per_ring = SLOTS,
					       .recv_bufs = 16,
					       .answers_max = MAIL_MAX,
					       .wake_writer = wake_nobody};

		assert_int_equal(spsc_new(MAIL_MAX, sizeof(struct mail_request), &s->requests[i]),
				 0);
		assert_int_equal(spsc_new(MAIL_MAX, sizeof(struct mail_answer), &s->answers[i]), 0);
		config.requests = s->requests[i];
		config.answers = s->answers[i];
		assert_int_equal(worker_new(&config, scene_now(), &s->workers[i]), 0);
		turns(s, i, 1); /* accepts are armed */
	}
	*state = s;
	return 0;
}

static int scene_end(void **state)
{
	struct scene *s = *state;

	for (unsigned i = 0; i < WORKERS; i++) {
		worker_free(s->workers[i]);
		spsc_free(s->requests[i]);
		spsc_free(s->answers[i]);
	}
	for (unsigned i = 0; i < s->clients_len; i++)
		net_sim_close(s->clients[i]);
	ring_sim_end();
	net_sim_free(s->net);
	free(s);
	return 0;
}

static void who_runs_first_does_not_take_all(void **state)
{
	struct scene *s = *state;

	connect_clients(s, 300);
	turns(s, 0, 30);
	assert_true(conns_of(s, 0) < 130);
	turns(s, 1, 30);
	turns(s, 0, 30);
	turns(s, 1, 30);
	assert_int_equal(conns_of(s, 0) + conns_of(s, 1), 300);
	assert_true(conns_of(s, 0) > 80);
	assert_true(conns_of(s, 1) > 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_runs_first_does_not_take_all, scene_begin,
						scene_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
