/*
 * test_raw_track.c - who got which broadcast message: what is missing, doubled, or not the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tools/loadgen/raw/raw_track.h"

#define CLIENTS 70 /* more than one word of bits */

static struct raw_track *a, *b;
static struct raw_tracked sum;

static int make(void **state)
{
	(void)state;
	return raw_track_new(CLIENTS, &a) + raw_track_new(CLIENTS, &b);
}

static int drop(void **state)
{
	(void)state;
	raw_track_free(a);
	raw_track_free(b);
	return 0;
}

/* Every client of the table but one gets the message. */
static void all_but(struct raw_track *t, uint32_t missing, uint64_t stamp, uint64_t hash,
		    uint64_t at)
{
	for (uint32_t i = 0; i < CLIENTS; i++)
		if (i != missing)
			assert_int_equal(raw_track_seen(t, i, stamp, hash, at), TROUBLE_NONE);
}

static void all(struct raw_track *t, uint64_t stamp, uint64_t hash, uint64_t at)
{
	all_but(t, CLIENTS, stamp, hash, at);
}

static void join(uint64_t start, uint64_t end)
{
	struct raw_track *both[2] = {a, b};

	assert_int_equal(raw_track_join(both, 2, 2ULL * CLIENTS, start, end, &sum), 0);
}

static void what_all_got_is_complete(void **state)
{
	(void)state;
	raw_track_sent(a, 100, 105);
	all(a, 100, 7, 1000000);
	all(b, 100, 7, 5000000);
	join(100, 200);
	assert_int_equal(sum.messages, 1);
	assert_int_equal(sum.complete, 1);
	assert_int_equal(sum.received, 2 * CLIENTS);
	assert_int_equal(sum.last.max_ns, 5000000 - 100);
	assert_int_equal(sum.spread.max_ns, 4000000);
	assert_true(raw_track_has_all(a, 69) && raw_track_has_all(b, 0));
}

static void who_misses_one_is_known(void **state)
{
	(void)state;
	all(a, 100, 7, 150);
	all_but(b, 66, 100, 7, 150);
	all(a, 101, 8, 150);
	all(b, 101, 8, 150);
	join(100, 200);
	assert_int_equal(sum.complete, 1);
	assert_int_equal(sum.expected - sum.received, 1);
	assert_false(raw_track_has_all(b, 66));
	assert_true(raw_track_has_all(b, 65));
	assert_true(raw_track_has_all(a, 66));
}

static void what_nobody_got_is_missed_by_all(void **state)
{
	(void)state;
	raw_track_sent(a, 150, 150);
	assert_int_equal(raw_track_open(a, 200), 1);
	join(100, 200);
	assert_int_equal(sum.messages, 1);
	assert_int_equal(sum.received, 0);
	assert_false(raw_track_has_all(b, 3));
}

static void outside_the_window_nothing_counts(void **state)
{
	(void)state;
	raw_track_sent(a, 99, 99);
	(void)raw_track_seen(a, 0, 200, 1, 210);
	(void)raw_track_seen(a, 0, 0, 2, 99);
	(void)raw_track_seen(b, 0, 0, 2, 101); /* others had it before the window */
	assert_int_equal(raw_track_open(a, 99), 0);
	join(100, 200);
	assert_int_equal(sum.messages, 0);
	assert_true(raw_track_has_all(a, 1));
}

static void a_second_copy_is_told(void **state)
{
	(void)state;
	assert_int_equal(raw_track_seen(a, 5, 100, 7, 110), TROUBLE_NONE);
	assert_int_equal(raw_track_seen(a, 5, 100, 7, 111), TROUBLE_REPEATED);
	assert_int_equal(raw_track_seen(a, 6, 100, 7, 111), TROUBLE_NONE);
}

static void other_bytes_are_told(void **state)
{
	(void)state;
	assert_int_equal(raw_track_seen(a, 5, 100, 7, 110), TROUBLE_NONE);
	assert_int_equal(raw_track_seen(a, 6, 100, 8, 110), TROUBLE_BYTES_DIFFER);
	all(b, 101, 7, 110);
	all(a, 101, 9, 110);
	join(101, 200);
	assert_int_equal(sum.differ, 1); /* each table is of one mind */
}

static void equal_messages_without_a_time_are_counted_in_turn(void **state)
{
	(void)state;
	for (int n = 0; n < 3; n++) {
		all(a, 0, 7, 110);
		all_but(b, n == 1 ? 4 : CLIENTS, 0, 7, 110);
	}
	join(100, 200);
	assert_int_equal(sum.messages, 3);
	assert_int_equal(sum.expected - sum.received, 1);
	assert_false(raw_track_has_all(b, 4));
	assert_int_equal(sum.last.total, 0);
	assert_int_equal(sum.spread.total, 2);
}

static void many_messages_are_kept_apart(void **state)
{
	(void)state;
	for (uint64_t n = 0; n < 5000; n++) {
		all(a, 1000 + n, n * n + 1, 2000 + n);
		all(b, 1000 + n, n * n + 1, 2000 + n);
	}
	assert_int_equal(raw_track_open(a, UINT64_MAX), 0);
	assert_int_equal(raw_track_dropped(a), 0);
	join(1000, 6000);
	assert_int_equal(sum.complete, 5000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_all_got_is_complete),
		TEST(who_misses_one_is_known),
		TEST(what_nobody_got_is_missed_by_all),
		TEST(outside_the_window_nothing_counts),
		TEST(a_second_copy_is_told),
		TEST(other_bytes_are_told),
		TEST(equal_messages_without_a_time_are_counted_in_turn),
		TEST(many_messages_are_kept_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
