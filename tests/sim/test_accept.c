/*
 * test_accept.c - whoever waits while there is room is taken: workers at several listeners.
 *
 * The real workers over a simulated ring and network, with clients that come and go by dice. The
 * simulated kernel wakes one accept per client, as a kernel does: a wake that goes to an accept
 * which is being cancelled is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/mail/mail.h"
#include "edge/worker/worker.h"
#include "tests/prng.h"
#include "tests/sim/ring_sim.h"

#define WORKERS     2
#define LISTENERS   3
#define CLIENTS_MAX 60
#define CROWD       200
#define SLOTS       (CLIENTS_MAX / WORKERS + 4 + WORKER_ACCEPT_DEPTH * LISTENERS)
#define MAIL_MAX    64
#define QUEUE_BYTES 2048
#define TURN_NS     (10 * NS_PER_MS)
#define SEEDS       20
#define ROUNDS      100

struct scene {
	struct net_sim *net;
	struct net_end *clients[CROWD];
	unsigned clients_len;
	struct rooms rooms;
	struct worker_shared shared;
	struct worker *workers[WORKERS];
	struct spsc *requests[WORKERS], *answers[WORKERS];
	uint64_t dice;
};

static void wake_nobody(void *arg)
{
	(void)arg;
}

static struct now scene_now(void)
{
	return (struct now){.mono_ns = ring_sim_now_ns(), .wall_ms = 1500000000000ULL};
}

static void turns(struct scene *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		ring_sim_advance(TURN_NS);
		for (unsigned k = 0; k < WORKERS; k++)
			(void)worker_turn(s->workers[k], scene_now());
	}
}

static void come(struct scene *s, unsigned listener)
{
	struct net_end *e =
		net_sim_connect(s->net, s->shared.listeners[listener].fd, 0x7f000001u, QUEUE_BYTES);

	assert_non_null(e);
	assert_true(s->clients_len < CROWD);
	s->clients[s->clients_len++] = e;
}

static void leave(struct scene *s, unsigned i)
{
	net_sim_close(s->clients[i]);
	s->clients[i] = s->clients[--s->clients_len];
}

static unsigned taken(const struct scene *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WORKERS; i++)
		n += worker_left(s->workers[i]).conns;
	return n;
}

static void begin(struct scene *s, uint64_t seed)
{
	struct ring_sim_faults faults = {.delay_ns_max = 3 * TURN_NS};

	*s = (struct scene){.net = net_sim_new(), .dice = seed};
	ring_sim_begin(s->net, NULL, seed);
	ring_sim_faults_set(&faults);
	s->shared = (struct worker_shared){
		.rooms = &s->rooms,
		.admin_token = "sim-admin-token-0",
		.listener_count = LISTENERS,
		.worker_count = WORKERS,
		.clients_max = CLIENTS_MAX,
		.limits = {.round_interval_ns = TURN_NS,
			   .http_head_timeout_ms = 10000000,
			   .http_idle_timeout_ms = 10000000,
			   .ws_idle_timeout_ms = 10000000},
	};
	for (unsigned i = 0; i < LISTENERS; i++)
		s->shared.listeners[i].fd = net_sim_listen(s->net, (uint16_t)(80 + i), CROWD);
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
	}
	turns(s, 1);
}

static void end(struct scene *s)
{
	while (s->clients_len > 0)
		leave(s, 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		worker_free(s->workers[i]);
		spsc_free(s->requests[i]);
		spsc_free(s->answers[i]);
	}
	ring_sim_end();
	net_sim_free(s->net);
}

/* Comings and goings that keep the server near its limit, and never beyond. */
static void churn(struct scene *s, unsigned steps)
{
	for (unsigned i = 0; i < steps; i++) {
		bool comes = s->clients_len < CLIENTS_MAX && prng_below(&s->dice, 8) > 2;

		if (comes)
			come(s, (unsigned)prng_below(&s->dice, LISTENERS));
		else if (s->clients_len > 0)
			leave(s, (unsigned)prng_below(&s->dice, s->clients_len));
		turns(s, (unsigned)prng_below(&s->dice, 3));
	}
}

/* Those who came while others had not quite left. */
static void refused_leave(struct scene *s)
{
	for (unsigned i = s->clients_len; i-- > 0;)
		if (net_sim_has_bytes(s->clients[i]))
			leave(s, i);
}

static void whoever_waits_while_there_is_room_is_taken(void **state)
{
	struct scene s;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		begin(&s, seed);
		for (unsigned round = 0; round < ROUNDS; round++) {
			churn(&s, 10);
			turns(&s, 20);
			refused_leave(&s);
			turns(&s, 20);
			if (taken(&s) != s.clients_len)
				fail_msg("seed %lu: %u of %u are taken", (unsigned long)seed,
					 taken(&s), s.clients_len);
		}
		end(&s);
	}
}

/* Whatever one listener's clients fill, the others' are answered: 503. */
static void full_by_one_listener_answers_at_the_others(void **state)
{
	uint8_t said[12];
	struct scene s;

	(void)state;
	for (unsigned busy = 0; busy < LISTENERS; busy++) {
		begin(&s, 1);
		for (unsigned i = 0; i < CLIENTS_MAX; i++) {
			come(&s, busy);
			turns(&s, 1);
		}
		turns(&s, 20);
		assert_int_equal(taken(&s), CLIENTS_MAX);
		for (unsigned i = 0; i < LISTENERS; i++) {
			come(&s, i);
			turns(&s, 20);
			assert_int_equal(
				net_sim_recv(s.clients[s.clients_len - 1], said, sizeof(said)),
				sizeof(said));
			assert_memory_equal(said, "HTTP/1.1 503", sizeof(said));
			leave(&s, s.clients_len - 1);
		}
		end(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_waits_while_there_is_room_is_taken),
		cmocka_unit_test(full_by_one_listener_answers_at_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
