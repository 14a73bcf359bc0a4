/*
 * test_ring.c - what ring.h promises, on the real io_uring with socket pairs.
 *
 * Above all the short send: with IOSQE_CQE_SKIP_SUCCESS a send that took only a part must still
 * tell.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/clock.h"
#include "engine/ring/op.h"
#include "engine/ring/ring.h"

#define TAG(n)   op_tag_pack(7, 0, n)
#define PATIENCE 60000

static struct ring *lead_open(uint32_t slots, uint32_t bufs)
{
	struct ring *r;

	assert_int_equal(ring_open(&(struct ring_config){.sq_entries = 64,
							 .cq_entries = 256,
							 .slots = slots,
							 .recv_bufs = bufs,
							 .recv_buf_bytes = 64},
				   &r),
			 0);
	return r;
}

/* The next event; fails when none comes within a minute. */
static struct ring_event next_event(struct ring *lead, struct ring *of)
{
	struct ring_event ev;

	for (int i = 0; i < PATIENCE; i++) {
		if (ring_reap(of, &ev, 1) == 1)
			return ev;
		ring_submit(of);
		ring_doze(lead);
		ring_wait(lead, NS_PER_MS);
	}
	fail_msg("no event");
	return (struct ring_event){0};
}

/* A socket pair: one end in a slot, the other a plain descriptor. */
static int pair_install(struct ring *r, uint32_t slot, int send_buffer_bytes)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	if (send_buffer_bytes > 0)
		assert_int_equal(
			setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes, sizeof(int)),
			0);
	assert_int_equal(ring_slot_install(r, slot, fds[0]), 0);
	close(fds[0]);
	return fds[1];
}

static void whole_send_has_no_event_and_short_send_says_how_much(void **state)
{
	struct ring *r = lead_open(4, 0);
	int peer = pair_install(r, 2, 4096);
	static char big[1 << 20];
	struct ring_event ev;
	char got[8192];
	size_t total = 0;
	ssize_t n;

	(void)state;
	ring_send_now(r, 2, "hello", 5, TAG(1));
	ring_submit(r);
	assert_int_equal(ring_reap(r, &ev, 1), 0);
	assert_int_equal(read(peer, got, sizeof(got)), 5);

	ring_send_now(r, 2, big, sizeof(big), TAG(2));
	ring_submit(r);
	assert_int_equal(ring_reap(r, &ev, 1), 1); /* at once, not some time later */
	assert_true(ev.tag == TAG(2));
	assert_true(ev.res > 0);
	assert_true((size_t)ev.res < sizeof(big));

	ring_send_now(r, 2, big, sizeof(big), TAG(3)); /* full: nothing is taken */
	ring_submit(r);
	assert_int_equal(ring_reap(r, &ev, 1), 1);
	assert_int_equal(ev.res, -EAGAIN);

	assert_int_equal(fcntl(peer, F_SETFL, O_NONBLOCK), 0);
	while ((n = read(peer, got, sizeof(got))) > 0)
		total += (size_t)n;
	assert_true(total > 0);
	assert_true(total < sizeof(big));
	close(peer);
	ring_close(r);
}

static void send_all_ends_when_everything_is_taken(void **state)
{
	struct ring *r = lead_open(4, 0);
	int peer = pair_install(r, 0, 4096);
	static char big[300000], got[sizeof(big)];
	size_t at = 0;
	struct ring_event ev;

	(void)state;
	memset(big, 'x', sizeof(big));
	ring_send_all(r, 0, big, sizeof(big), TAG(9));
	ring_submit(r);
	assert_int_equal(fcntl(peer, F_SETFL, O_NONBLOCK), 0);
	while (at < sizeof(big)) {
		ssize_t n = read(peer, got + at, sizeof(got) - at);

		if (n > 0)
			at += (size_t)n;
		ring_doze(r);
		ring_wait(r, NS_PER_MS);
	}
	ev = next_event(r, r);
	assert_int_equal(ev.res, sizeof(big));
	assert_memory_equal(big, got, sizeof(big));
	close(peer);
	ring_close(r);
}

static void multi_receive_goes_on_until_buffers_are_gone(void **state)
{
	struct ring *r = lead_open(4, 2);
	int peer = pair_install(r, 1, 0);
	struct ring_event a, b, c;

	(void)state;
	ring_recv_multi(r, 1, TAG(4));
	assert_int_equal(write(peer, "one", 3), 3);
	a = next_event(r, r);
	assert_int_equal(a.res, 3);
	assert_true(a.flags & RING_BUFFER);
	assert_true(a.flags & RING_MORE);
	assert_memory_equal(a.data, "one", 3);
	assert_int_equal(write(peer, "two", 3), 3);
	b = next_event(r, r);
	assert_memory_equal(b.data, "two", 3);
	assert_int_equal(ring_recv_loans(r), 2);
	assert_int_equal(write(peer, "three", 5), 5);
	c = next_event(r, r);
	assert_int_equal(c.res, -ENOBUFS);
	assert_false(c.flags & RING_MORE);

	ring_recv_return(r, a.buf);
	ring_recv_return(r, b.buf);
	assert_int_equal(ring_recv_loans(r), 0);
	ring_recv_multi(r, 1, TAG(5));
	c = next_event(r, r);
	assert_int_equal(c.res, 5);
	assert_memory_equal(c.data, "three", 5);
	ring_recv_return(r, c.buf);
	close(peer);
	ring_close(r);
}

#define TRIM_BUFS 128 /* of 64 bytes: the last of them are on pages of their own */

/* Receives into `count` buffers, one after another; returns the last. */
static struct ring_event receive_many(struct ring *r, int peer, struct ring_event *events,
				      int count)
{
	char bytes[64];

	for (int i = 0; i < count; i++) {
		memset(bytes, i + 1, sizeof(bytes));
		assert_int_equal(write(peer, bytes, sizeof(bytes)), sizeof(bytes));
		events[i] = next_event(r, r);
		assert_int_equal(events[i].res, sizeof(bytes));
	}
	return events[count - 1];
}

static bool is_resident(const uint8_t *at)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	unsigned char there;

	assert_int_equal(mincore((void *)((uintptr_t)at / page * page), page, &there), 0);
	return there & 1;
}

static void receive_buffers_that_hold_nothing_are_given_back(void **state)
{
	struct ring *r = lead_open(4, TRIM_BUFS);
	int peer = pair_install(r, 1, 0);
	struct ring_event events[TRIM_BUFS], last;

	(void)state;
	ring_recv_multi(r, 1, TAG(4));
	last = receive_many(r, peer, events, TRIM_BUFS - 1);
	assert_true(is_resident(last.data));
	ring_recv_trim(r); /* on loan: they stay as they are */
	for (int i = 0; i < TRIM_BUFS - 1; i++)
		assert_int_equal(events[i].data[63], i + 1);
	for (int i = 0; i < TRIM_BUFS - 1; i++)
		ring_recv_return(r, events[i].buf);
	ring_recv_trim(r);
	assert_false(is_resident(last.data));
	last = receive_many(r, peer, events, TRIM_BUFS - 1); /* and are used again */
	assert_int_equal(last.data[63], TRIM_BUFS - 1);
	close(peer);
	ring_close(r);
}

static void what_waits_to_be_reaped_is_not_given_back(void **state)
{
	struct ring *r = lead_open(4, TRIM_BUFS);
	int peer = pair_install(r, 1, 0);
	struct ring_event events[TRIM_BUFS], last;

	(void)state;
	ring_recv_multi(r, 1, TAG(4));
	last = receive_many(r, peer, events, TRIM_BUFS - 1);
	for (int i = 0; i < TRIM_BUFS - 1; i++)
		ring_recv_return(r, events[i].buf);
	assert_int_equal(write(peer, "waits", 5), 5);
	ring_doze(r);
	ring_wait(r, NS_PER_SEC); /* it is received, and not looked at */
	ring_recv_trim(r);
	assert_true(is_resident(last.data));
	last = next_event(r, r);
	assert_int_equal(last.res, 5);
	assert_memory_equal(last.data, "waits", 5);
	close(peer);
	ring_close(r);
}

static void shutdown_ends_an_armed_receive_and_the_slot_can_be_closed(void **state)
{
	struct ring *r = lead_open(4, 4);
	int peer = pair_install(r, 3, 0);
	unsigned seen = 0;

	(void)state;
	ring_recv_multi(r, 3, TAG(1));
	ring_shutdown(r, 3, SHUT_RDWR, TAG(2));
	for (int i = 0; i < 2; i++) {
		struct ring_event ev = next_event(r, r);

		assert_false(ev.flags & RING_MORE);
		seen |= 1u << op_tag_unpack(ev.tag).slot;
	}
	assert_int_equal(seen, 1u << 1 | 1u << 2);
	ring_slot_close(r, 3, TAG(3));
	assert_int_equal(next_event(r, r).res, 0);
	assert_int_equal(read(peer, &seen, 1), 0);
	close(peer);
	ring_close(r);
}

static void sleep_ends_by_an_event_of_a_follower(void **state)
{
	struct ring *lead = lead_open(0, 0), *follower;
	uint64_t before;
	int peer;

	(void)state;
	assert_int_equal(ring_open(&(struct ring_config){.sq_entries = 64,
							 .cq_entries = 64,
							 .slots = 2,
							 .recv_bufs = 4,
							 .recv_buf_bytes = 64,
							 .lead = lead},
				   &follower),
			 0);
	peer = pair_install(follower, 0, 0);
	for (int i = 0; i < 50; i++) {
		struct ring_event ev;

		ring_recv(follower, 0, TAG(1));
		ring_submit(follower);
		assert_int_equal(write(peer, "x", 1), 1);
		before = clock_now().mono_ns;
		ring_doze(lead);
		ring_wait(lead, 20 * NS_PER_SEC);
		assert_true(clock_now().mono_ns - before <
			    15 * NS_PER_SEC); /* a hang, not a time */
		(void)ring_reap(lead, &ev, 1);
		ev = next_event(lead, follower);
		assert_int_equal(ev.res, 1);
		ring_recv_return(follower, ev.buf);
	}
	close(peer);
	ring_close(follower);
	ring_close(lead);
}

/* A low RLIMIT_NOFILE makes many. */
static void lead_has_any_number_of_followers(void **state)
{
	struct ring *lead = lead_open(0, 0), *followers[100];
	struct ring_config config = {.sq_entries = 8, .cq_entries = 16, .slots = 1, .lead = lead};
	unsigned count = sizeof(followers) / sizeof(followers[0]);

	(void)state;
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(ring_open(&config, &followers[i]), 0);
	for (unsigned i = 0; i < count; i += 9) {
		struct ring_event ev;
		int peer = pair_install(followers[i], 0, 0);

		ring_shutdown(followers[i], 0, SHUT_RDWR, TAG(1 + i));
		ring_submit(followers[i]);
		ev = next_event(lead, followers[i]);
		assert_true(ev.tag == TAG(1 + i));
		close(peer);
	}
	for (unsigned i = 0; i < count; i++)
		ring_close(followers[i]);
	ring_close(lead);
}

struct waker {
	struct ring *lead;
	_Atomic unsigned rounds;
};

static void *wake_run(void *arg)
{
	struct waker *w = arg;
	unsigned seen = 0;

	while (seen < 200) {
		unsigned now = atomic_load(&w->rounds);

		if (now != seen) { /* the sleeper says that it is about to sleep */
			seen = now;
			ring_wake(w->lead);
		}
	}
	return NULL;
}

static void wake_of_another_thread_ends_every_sleep(void **state)
{
	struct waker w = {.lead = lead_open(0, 0)};
	struct ring_event ev;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, wake_run, &w), 0);
	for (unsigned i = 1; i <= 200; i++) {
		uint64_t before = clock_now().mono_ns;

		ring_doze(w.lead);
		atomic_store(&w.rounds, i);
		ring_wait(w.lead, 20 * NS_PER_SEC);
		assert_true(clock_now().mono_ns - before < 15 * NS_PER_SEC);
		(void)ring_reap(w.lead, &ev, 1);
	}
	pthread_join(thread, NULL);
	ring_close(w.lead);
}

static void linked_sync_is_cancelled_when_the_write_fails(void **state)
{
	struct ring *r = lead_open(0, 0);
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	int32_t res[2] = {0, 0};

	(void)state;
	assert_true(full >= 0);
	ring_write(r, full, "x", 1, 0, true, TAG(0));
	ring_fdatasync(r, full, TAG(1));
	for (int i = 0; i < 2; i++) {
		struct ring_event ev = next_event(r, r);

		res[op_tag_unpack(ev.tag).slot] = ev.res;
	}
	assert_int_equal(res[0], -ENOSPC);
	assert_int_equal(res[1], -ECANCELED);
	close(full);
	ring_close(r);
}

static void more_operations_than_the_queue_holds_all_happen(void **state)
{
	struct ring *r = lead_open(2, 0);
	int peer = pair_install(r, 0, 0);
	char got[512];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 200; i++)
		ring_send_now(r, 0, "y", 1, TAG(1));
	ring_submit(r);
	assert_int_equal(fcntl(peer, F_SETFL, O_NONBLOCK), 0);
	for (ssize_t k; (k = read(peer, got, sizeof(got))) > 0;)
		n += (size_t)k;
	assert_int_equal(n, 200);
	close(peer);
	ring_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_send_has_no_event_and_short_send_says_how_much),
		cmocka_unit_test(send_all_ends_when_everything_is_taken),
		cmocka_unit_test(multi_receive_goes_on_until_buffers_are_gone),
		cmocka_unit_test(receive_buffers_that_hold_nothing_are_given_back),
		cmocka_unit_test(what_waits_to_be_reaped_is_not_given_back),
		cmocka_unit_test(shutdown_ends_an_armed_receive_and_the_slot_can_be_closed),
		cmocka_unit_test(sleep_ends_by_an_event_of_a_follower),
		cmocka_unit_test(lead_has_any_number_of_followers),
		cmocka_unit_test(wake_of_another_thread_ends_every_sleep),
		cmocka_unit_test(linked_sync_is_cancelled_when_the_write_fails),
		cmocka_unit_test(more_operations_than_the_queue_holds_all_happen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
