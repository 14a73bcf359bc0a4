/*
 * test_ring_sim.c - the simulated ring keeps the contract of engine/ring/ring.h, and sees who
 * breaks it.
 *
 * Every test has a world of its own: one ring, one listener, one client that is accepted into a
 * slot.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/hash.h"
#include "engine/ring/op.h"
#include "tests/prng.h"
#include "tests/sim/ring_sim.h"

#define SLOTS       4
#define BUFS        4
#define BUF_BYTES   64
#define QUEUE_BYTES 256
#define ADDR        0x7f000105u

enum { OP_ACCEPT = 1, OP_RECV, OP_SEND, OP_CANCEL, OP_CLOSE, OP_SHUTDOWN, OP_WRITE, OP_SYNC };

struct scene {
	struct net_sim *net;
	struct ring *ring;
	struct net_end *client;
	struct sockaddr_in from;
	socklen_t from_len;
	int listener;
	uint32_t slot;
};

static uint8_t file_bytes[4096];
static int sync_result;

static int64_t file_write(int fd, const void *bytes, size_t len, uint64_t offset)
{
	assert_int_equal(fd, 7);
	memcpy(file_bytes + offset, bytes, len);
	return (int64_t)len;
}

static int file_sync(int fd)
{
	assert_int_equal(fd, 7);
	return sync_result;
}

static uint64_t tag(unsigned kind)
{
	return op_tag_pack(kind, 0, 0);
}

/* The next event, which is the only one, after a submit. */
static struct ring_event only_event(struct scene *s)
{
	struct ring_event events[8];

	ring_submit(s->ring);
	assert_int_equal(ring_reap(s->ring, events, 8), 1);
	return events[0];
}

static void no_event(struct scene *s)
{
	struct ring_event event;

	ring_submit(s->ring);
	assert_int_equal(ring_reap(s->ring, &event, 1), 0);
}

static void scene_accept(struct scene *s)
{
	struct ring_event ev;

	s->client = net_sim_connect(s->net, s->listener, ADDR, QUEUE_BYTES);
	assert_non_null(s->client);
	s->from_len = sizeof(s->from);
	ring_accept(s->ring, s->listener, (struct sockaddr *)&s->from, &s->from_len,
		    tag(OP_ACCEPT));
	ev = only_event(s);
	assert_true(ev.tag == tag(OP_ACCEPT));
	assert_in_range(ev.res, 0, SLOTS - 1);
	s->slot = (uint32_t)ev.res;
}

static int scene_begin(void **state)
{
	static const struct ring_sim_disk disk = {file_write, file_sync};
	const struct ring_config config = {.sq_entries = 8,
					   .cq_entries = 16,
					   .slots = SLOTS,
					   .recv_bufs = BUFS,
					   .recv_buf_bytes = BUF_BYTES};
	struct scene *s = calloc(1, sizeof(*s));

	s->net = net_sim_new();
	ring_sim_begin(s->net, &disk, 1);
	s->listener = net_sim_listen(s->net, 80, 2);
	assert_int_equal(ring_open(&config, &s->ring), 0);
	scene_accept(s);
	*state = s;
	return 0;
}

static int scene_end(void **state)
{
	struct scene *s = *state;

	ring_close(s->ring);
	ring_sim_end();
	net_sim_free(s->net);
	free(s);
	return 0;
}

static void peer_address_is_told(void **state)
{
	struct scene *s = *state;

	assert_int_equal(ntohl(s->from.sin_addr.s_addr), ADDR);
	assert_int_equal(s->from_len, sizeof(s->from));
}

static void whole_send_gives_no_event(void **state)
{
	struct scene *s = *state;
	char in[16];

	ring_send_now(s->ring, s->slot, "hello", 5, tag(OP_SEND));
	no_event(s);
	assert_int_equal(net_sim_recv(s->client, in, sizeof(in)), 5);
	assert_memory_equal(in, "hello", 5);
}

static void short_send_tells_how_much_was_taken(void **state)
{
	struct scene *s = *state;
	static uint8_t bytes[QUEUE_BYTES + 10];
	struct ring_event ev;

	ring_send_now(s->ring, s->slot, bytes, sizeof(bytes), tag(OP_SEND));
	ev = only_event(s);
	assert_int_equal(ev.res, QUEUE_BYTES);
	ring_send_now(s->ring, s->slot, bytes, 10, tag(OP_SEND));
	assert_int_equal(only_event(s).res, -EAGAIN);
}

static void injected_short_send_never_says_that_all_was_taken(void **state)
{
	struct scene *s = *state;
	const struct ring_sim_faults faults = {.send_short = 1000};
	uint8_t in[QUEUE_BYTES];

	ring_sim_faults_set(&faults);
	for (unsigned i = 0; i < 200; i++) {
		struct ring_event ev = {0};
		int64_t got;

		ring_send_now(s->ring, s->slot, "0123456789", 10, tag(OP_SEND));
		ring_submit(s->ring);
		(void)ring_reap(s->ring, &ev, 1);
		got = net_sim_recv(s->client, in, sizeof(in));
		if (ev.tag == 0)
			assert_int_equal(got, 10);
		else
			assert_true(ev.res == got || (ev.res == -EAGAIN && got == -EAGAIN));
	}
}

static void send_all_ends_when_the_peer_has_read(void **state)
{
	struct scene *s = *state;
	static uint8_t bytes[3 * QUEUE_BYTES], in[3 * QUEUE_BYTES];
	int64_t got = 0;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	ring_send_all(s->ring, s->slot, bytes, sizeof(bytes), tag(OP_SEND));
	for (unsigned i = 0; i < 2; i++) {
		no_event(s);
		got += net_sim_recv(s->client, in + got, QUEUE_BYTES);
	}
	assert_int_equal(only_event(s).res, sizeof(bytes));
	got += net_sim_recv(s->client, in + got, QUEUE_BYTES);
	assert_int_equal(got, sizeof(bytes));
	assert_memory_equal(in, bytes, sizeof(bytes));
}

static void receive_goes_on_until_buffers_are_out(void **state)
{
	struct scene *s = *state;
	static uint8_t bytes[QUEUE_BYTES];
	struct ring_event events[8];

	net_sim_send(s->client, bytes, BUFS * BUF_BYTES);
	ring_recv_multi(s->ring, s->slot, tag(OP_RECV));
	ring_submit(s->ring);
	assert_int_equal(ring_reap(s->ring, events, 8), BUFS);
	for (unsigned i = 0; i < BUFS; i++) {
		assert_int_equal(events[i].flags, RING_MORE | RING_BUFFER);
		assert_int_equal(events[i].res, BUF_BYTES);
	}
	net_sim_send(s->client, "x", 1);
	assert_int_equal(only_event(s).res, -ENOBUFS);
	assert_int_equal(ring_recv_loans(s->ring), BUFS);

	ring_recv_return(s->ring, events[2].buf);
	ring_recv(s->ring, s->slot, tag(OP_RECV));
	events[0] = only_event(s);
	assert_int_equal(events[0].flags, RING_BUFFER);
	assert_int_equal(events[0].buf, events[2].buf);
	assert_int_equal(events[0].data[0], 'x');
}

static void orderly_end_comes_behind_the_last_bytes(void **state)
{
	struct scene *s = *state;
	struct ring_event events[4];

	net_sim_send(s->client, "bye", 3);
	net_sim_shutdown(s->client, SHUT_WR);
	ring_recv_multi(s->ring, s->slot, tag(OP_RECV));
	ring_submit(s->ring);
	assert_int_equal(ring_reap(s->ring, events, 4), 2);
	assert_int_equal(events[0].res, 3);
	assert_int_equal(events[1].res, 0);
	assert_int_equal(events[1].flags, 0);
}

static void vanished_client_is_a_reset_then_a_broken_pipe(void **state)
{
	struct scene *s = *state;

	ring_recv_multi(s->ring, s->slot, tag(OP_RECV));
	net_sim_reset(s->client);
	assert_int_equal(only_event(s).res, -ECONNRESET);
	ring_send_now(s->ring, s->slot, "x", 1, tag(OP_SEND));
	assert_int_equal(only_event(s).res, -EPIPE);
}

static void what_is_cancelled_ends_with_its_own_event(void **state)
{
	struct scene *s = *state;
	static uint8_t bytes[2 * QUEUE_BYTES];
	struct ring_event events[8];
	int32_t recv_res = 0, send_res = 0, found = 0;

	ring_recv_multi(s->ring, s->slot, tag(OP_RECV));
	ring_send_all(s->ring, s->slot, bytes, sizeof(bytes), tag(OP_SEND));
	ring_submit(s->ring);
	ring_cancel_tag(s->ring, tag(OP_RECV), tag(OP_CANCEL));
	ring_cancel_tag(s->ring, tag(OP_SEND), tag(OP_CANCEL));
	ring_submit(s->ring);
	ring_submit(s->ring);
	assert_int_equal(ring_reap(s->ring, events, 8), 4);
	for (unsigned i = 0; i < 4; i++) {
		recv_res = events[i].tag == tag(OP_RECV) ? events[i].res : recv_res;
		send_res = events[i].tag == tag(OP_SEND) ? events[i].res : send_res;
		found += events[i].tag == tag(OP_CANCEL) ? events[i].res : 0;
	}
	assert_int_equal(recv_res, -ECANCELED);
	assert_int_equal(send_res, QUEUE_BYTES);
	assert_int_equal(found, 2);
	ring_slot_close(s->ring, s->slot, tag(OP_CLOSE));
	assert_int_equal(only_event(s).res, 0);
	assert_int_equal(ring_sim_left(s->ring).slots, 0);
}

static void armed_accept_can_be_cancelled_by_its_tag(void **state)
{
	struct scene *s = *state;
	struct ring_event events[4];

	ring_accept(s->ring, s->listener, NULL, NULL, tag(OP_ACCEPT));
	no_event(s);
	ring_cancel_tag(s->ring, tag(OP_ACCEPT), tag(OP_CANCEL));
	ring_submit(s->ring);
	ring_submit(s->ring);
	assert_int_equal(ring_reap(s->ring, events, 4), 2);
	assert_int_equal(events[0].res + events[1].res, 1 - ECANCELED);
}

static void accept_without_a_free_slot_loses_the_client(void **state)
{
	struct scene *s = *state;
	struct net_end *last;
	uint8_t byte;

	for (unsigned i = 1; i < SLOTS; i++)
		scene_accept(s);
	last = net_sim_connect(s->net, s->listener, ADDR, QUEUE_BYTES);
	ring_accept(s->ring, s->listener, NULL, NULL, tag(OP_ACCEPT));
	assert_int_equal(only_event(s).res, -ENFILE);
	assert_int_equal(net_sim_recv(last, &byte, 1), -ECONNRESET);
}

static void two_rings_can_talk_to_each_other(void **state)
{
	struct scene *s = *state;
	const struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80)};
	uint32_t slot = 0;

	while (slot == s->slot)
		slot++;
	assert_int_equal(ring_slot_install(s->ring, slot, 99), 0);
	ring_connect(s->ring, slot, (const struct sockaddr *)&to, sizeof(to), tag(OP_SEND));
	assert_int_equal(only_event(s).res, 0);
	ring_accept(s->ring, s->listener, NULL, NULL, tag(OP_ACCEPT));
	s->slot = (uint32_t)only_event(s).res;
	ring_send_now(s->ring, slot, "ping", 4, tag(OP_SEND));
	no_event(s);
	ring_recv(s->ring, s->slot, tag(OP_RECV));
	assert_memory_equal(only_event(s).data, "ping", 4);
}

static void sync_behind_a_short_write_is_cancelled(void **state)
{
	struct scene *s = *state;
	const struct ring_sim_faults faults = {.write_short = 1000}, none = {0};
	struct ring_event events[4];
	uint32_t n = 0;

	ring_write(s->ring, 7, "abcdef", 6, 100, true, tag(OP_WRITE));
	ring_fdatasync(s->ring, 7, tag(OP_SYNC));
	for (unsigned i = 0; i < 4; i++) {
		ring_submit(s->ring);
		n += ring_reap(s->ring, events + n, 4 - n);
	}
	assert_int_equal(n, 2);
	assert_int_equal(events[0].res, 6);
	assert_int_equal(events[1].res, 0);
	assert_memory_equal(file_bytes + 100, "abcdef", 6);

	ring_sim_faults_set(&faults);
	ring_write(s->ring, 7, "abcdef", 6, 200, true, tag(OP_WRITE));
	ring_fdatasync(s->ring, 7, tag(OP_SYNC));
	for (n = 0; n < 2;) {
		ring_submit(s->ring);
		n += ring_reap(s->ring, events + n, 4 - n);
	}
	assert_in_range(events[0].res, 0, 5);
	assert_int_equal(events[1].res, -ECANCELED);
	ring_sim_faults_set(&none);
}

static void sleep_ends_by_wake_or_event_or_time(void **state)
{
	struct scene *s = *state;
	struct ring_event ev;

	ring_doze(s->ring);
	ring_wait(s->ring, 1000);
	assert_false(ring_sim_is_awake(s->ring));
	ring_sim_advance(1000);
	assert_true(ring_sim_is_awake(s->ring));

	ring_doze(s->ring);
	ring_wait(s->ring, UINT64_MAX);
	assert_false(ring_sim_is_awake(s->ring));
	ring_wake(s->ring);
	assert_true(ring_sim_is_awake(s->ring));

	ring_recv_multi(s->ring, s->slot, tag(OP_RECV));
	ring_doze(s->ring);
	ring_wait(s->ring, UINT64_MAX);
	assert_false(ring_sim_is_awake(s->ring));
	net_sim_send(s->client, "x", 1);
	assert_true(ring_sim_is_awake(s->ring));
	assert_int_equal(ring_reap(s->ring, &ev, 1), 1);
}

/* Everything that a run with all faults tells its user, as one number. */
static uint64_t run_hash(uint64_t seed)
{
	const struct ring_sim_faults faults = {.send_short = 300,
					       .recv_split = 300,
					       .recv_starve = 100,
					       .multi_end = 200,
					       .delay_ns_max = 1000};
	const struct ring_config config = {.sq_entries = 8,
					   .cq_entries = 16,
					   .slots = SLOTS,
					   .recv_bufs = BUFS,
					   .recv_buf_bytes = BUF_BYTES};
	struct net_sim *net = net_sim_new();
	struct net_end *client;
	struct ring *ring;
	struct ring_event events[16];
	uint64_t sum = 0;
	uint32_t n, slot = 0;
	uint8_t in[QUEUE_BYTES];
	bool answer;
	int listener = net_sim_listen(net, 80, 1);

	ring_sim_begin(net, NULL, seed);
	ring_sim_faults_set(&faults);
	assert_int_equal(ring_open(&config, &ring), 0);
	client = net_sim_connect(net, listener, ADDR, QUEUE_BYTES);
	ring_accept(ring, listener, NULL, NULL, tag(OP_ACCEPT));
	for (unsigned i = 0; i < 2000; i++) {
		ring_sim_advance(100);
		ring_submit(ring);
		if (i % 3 == 0)
			(void)net_sim_send(client, "0123456789abcdefghijklmnopqrstuvwxyz", 36);
		answer = false;
		n = ring_reap(ring, events, 16);
		for (uint32_t k = 0; k < n; k++) {
			const struct ring_event *ev = &events[k];
			uint64_t facts[3] = {sum, ev->tag, (uint64_t)ev->res << 8 | ev->flags};

			sum = hash64(facts, sizeof(facts), 0);
			slot = ev->tag == tag(OP_ACCEPT) ? (uint32_t)ev->res : slot;
			if (ev->flags & RING_BUFFER) {
				ring_recv_return(ring, ev->buf);
				answer = true;
			}
			if (ev->tag != tag(OP_SEND) && !(ev->flags & RING_MORE))
				ring_recv_multi(ring, slot, tag(OP_RECV));
		}
		if (answer)
			ring_send_now(ring, slot, "an answer", 9, tag(OP_SEND));
		while (net_sim_recv(client, in, sizeof(in)) > 0)
			;
	}
	ring_close(ring);
	net_sim_close(client);
	ring_sim_end();
	net_sim_free(net);
	return sum;
}

static void same_seed_gives_the_same_run(void **state)
{
	(void)state;
	assert_true(run_hash(42) == run_hash(42));
	assert_true(run_hash(42) != run_hash(43));
}

/* --- who breaks the contract is stopped ----------------------------------------------------- */

static void two_sends(struct scene *s)
{
	ring_send_now(s->ring, s->slot, "a", 1, tag(OP_SEND));
	ring_send_now(s->ring, s->slot, "b", 1, tag(OP_SEND));
	ring_submit(s->ring);
}

static void send_before_the_short_one_was_seen(struct scene *s)
{
	static uint8_t bytes[QUEUE_BYTES + 1];
	struct ring_event ev;

	net_sim_send(s->client, "x", 1);
	ring_recv(s->ring, s->slot, tag(OP_RECV));
	ring_submit(s->ring);
	ring_send_now(s->ring, s->slot, bytes, sizeof(bytes), tag(OP_SEND));
	ring_submit(s->ring);
	(void)ring_reap(s->ring, &ev, 1); /* the receive's */
	ring_send_now(s->ring, s->slot, bytes, 1, tag(OP_SEND));
	ring_submit(s->ring);
}

static void closed_slot(struct scene *s)
{
	ring_slot_close(s->ring, s->slot, tag(OP_CLOSE));
	ring_submit(s->ring);
	ring_send_now(s->ring, s->slot, "a", 1, tag(OP_SEND));
	ring_submit(s->ring);
}

static void close_with_receive_in_flight(struct scene *s)
{
	ring_recv_multi(s->ring, s->slot, tag(OP_RECV));
	ring_slot_close(s->ring, s->slot, tag(OP_CLOSE));
	ring_submit(s->ring);
}

static void bytes_that_change(struct scene *s)
{
	char bytes[] = "a";

	ring_send_now(s->ring, s->slot, bytes, 1, tag(OP_SEND));
	bytes[0] = 'b';
	ring_submit(s->ring);
}

static void loan_returned_twice(struct scene *s)
{
	struct ring_event ev;

	net_sim_send(s->client, "x", 1);
	ring_recv(s->ring, s->slot, tag(OP_RECV));
	ring_submit(s->ring);
	(void)ring_reap(s->ring, &ev, 1);
	ring_recv_return(s->ring, ev.buf);
	ring_recv_return(s->ring, ev.buf);
}

/* In a process of its own: it is to die by px_assert(). */
static void assert_stops(struct scene *s, void (*breach)(struct scene *s))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit none = {0, 0};

		(void)setrlimit(RLIMIT_CORE, &none);
		(void)signal(SIGABRT, SIG_DFL);
		(void)freopen("/dev/null", "w", stderr);
		breach(s);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void breach_of_the_contract_is_an_assert(void **state)
{
	struct scene *s = *state;

	assert_stops(s, two_sends);
	assert_stops(s, send_before_the_short_one_was_seen);
	assert_stops(s, closed_slot);
	assert_stops(s, close_with_receive_in_flight);
	assert_stops(s, bytes_that_change);
	assert_stops(s, loan_returned_twice);
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(peer_address_is_told),
		SCENE_TEST(whole_send_gives_no_event),
		SCENE_TEST(short_send_tells_how_much_was_taken),
		SCENE_TEST(injected_short_send_never_says_that_all_was_taken),
		SCENE_TEST(send_all_ends_when_the_peer_has_read),
		SCENE_TEST(receive_goes_on_until_buffers_are_out),
		SCENE_TEST(orderly_end_comes_behind_the_last_bytes),
		SCENE_TEST(vanished_client_is_a_reset_then_a_broken_pipe),
		SCENE_TEST(what_is_cancelled_ends_with_its_own_event),
		SCENE_TEST(armed_accept_can_be_cancelled_by_its_tag),
		SCENE_TEST(accept_without_a_free_slot_loses_the_client),
		SCENE_TEST(two_rings_can_talk_to_each_other),
		SCENE_TEST(sync_behind_a_short_write_is_cancelled),
		SCENE_TEST(sleep_ends_by_wake_or_event_or_time),
		SCENE_TEST(breach_of_the_contract_is_an_assert),
		cmocka_unit_test(same_seed_gives_the_same_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
