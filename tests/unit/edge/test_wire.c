/*
 * test_wire.c - what the events of a wire say, in bytes of what was offered.
 *
 * One thread; no ring: the events are made by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "edge/wire/wire.h"

static void what_a_full_socket_leaves_is_to_be_offered_again(void **state)
{
	struct wire_sent sent = wire_now_sent(100);

	(void)state;
	assert_int_equal(sent.taken, 100);
	assert_false(sent.is_broken);
	sent = wire_now_sent(-EAGAIN);
	assert_int_equal(sent.taken, 0);
	assert_false(sent.is_broken);
}

static void a_peer_that_is_gone_breaks_the_wire(void **state)
{
	(void)state;
	assert_true(wire_now_sent(-EPIPE).is_broken);
	assert_int_equal(wire_now_sent(-EPIPE).taken, 0);
	assert_true(wire_all_sent(-ECONNRESET, 10).is_broken);
}

static void a_send_to_the_end_takes_all_or_is_broken(void **state)
{
	(void)state;
	assert_int_equal(wire_all_sent(10, 10).taken, 10);
	assert_false(wire_all_sent(10, 10).is_broken);
	assert_true(wire_all_sent(9, 10).is_broken);
	assert_int_equal(wire_all_sent(9, 10).taken, 0);
}

static void a_receive_brings_bytes_or_says_why_not(void **state)
{
	uint8_t bytes[4];
	struct ring_event ev = {.res = 4, .flags = RING_BUFFER, .data = bytes};
	struct wire_bytes got = {.at = NULL};

	(void)state;
	assert_int_equal(wire_take(&ev, &got), WIRE_BYTES);
	assert_ptr_equal(got.at, bytes);
	assert_int_equal(got.len, 4);
	got.at = NULL;
	ev = (struct ring_event){.res = -ENOBUFS};
	assert_int_equal(wire_take(&ev, &got), WIRE_STARVED);
	ev.res = 0;
	assert_int_equal(wire_take(&ev, &got), WIRE_ENDED);
	ev.res = -ECANCELED;
	assert_int_equal(wire_take(&ev, &got), WIRE_BROKEN);
	assert_null(got.at); /* untouched without bytes */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_full_socket_leaves_is_to_be_offered_again),
		cmocka_unit_test(a_peer_that_is_gone_breaks_the_wire),
		cmocka_unit_test(a_send_to_the_end_takes_all_or_is_broken),
		cmocka_unit_test(a_receive_brings_bytes_or_says_why_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
