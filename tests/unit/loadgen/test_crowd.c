/*
 * test_crowd.c - when the last of all observers holds a seq; visibility of each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/prng.h"
#include "tools/loadgen/check/crowd.h"

#define MS 1000000ULL

static struct crowd *crowds[2];
static struct sight_times *times;
static struct latencies *seen;
static uint64_t next;

static int make(void **state)
{
	(void)state;
	next = 0;
	seen = calloc(1, sizeof(*seen));
	return seen == NULL || crowd_new(&crowds[0]) < 0 || crowd_new(&crowds[1]) < 0 ||
	       sight_times_new(&times) < 0;
}

static int drop(void **state)
{
	(void)state;
	crowd_free(crowds[0]);
	crowd_free(crowds[1]);
	sight_times_free(times);
	free(seen);
	return 0;
}

/* Seq s was to be placed at s ms and was sent 1 ms later. */
static void known(uint64_t first, uint64_t last)
{
	for (uint64_t s = first; s <= last; s++)
		sight_times_set(times, s, &(struct span){s * MS, (s + 1) * MS});
}

static uint64_t count(void)
{
	return seen->corrected[LATENCY_VISIBLE_LAST].total;
}

static uint64_t max_ms(void)
{
	return seen->corrected[LATENCY_VISIBLE_LAST].max_ns / MS;
}

static void settle(uint64_t now_ms)
{
	crowds_record(crowds, 2, times, now_ms * MS, &next, seen);
}

static void seq_counts_when_the_last_observer_of_all_threads_has_it(void **state)
{
	(void)state;
	known(101, 110);
	crowd_enter(crowds[0], 100, 0);
	crowd_enter(crowds[0], 100, 0);
	crowd_enter(crowds[1], 100, 0);
	crowd_move(crowds[0], 100, 110, 200 * MS);
	crowd_move(crowds[1], 100, 110, 300 * MS);
	settle(1000);
	assert_int_equal(count(), 0);
	crowd_move(crowds[0], 100, 110, 400 * MS);
	settle(1000);
	assert_int_equal(count(), 10);
	assert_int_equal(max_ms(), 400 - 101);
	assert_int_equal(seen->raw[LATENCY_VISIBLE_LAST].max_ns / MS, 400 - 102);
}

static void crowd_without_observers_is_not_waited_for(void **state)
{
	(void)state;
	known(101, 101);
	crowd_enter(crowds[1], 100, 0);
	crowd_move(crowds[1], 100, 101, 150 * MS);
	settle(1000);
	assert_int_equal(count(), 1);
	assert_int_equal(max_ms(), 49);
}

static void who_came_later_has_no_say_in_what_was_before(void **state)
{
	(void)state;
	known(101, 110);
	crowd_enter(crowds[0], 100, 0);
	crowd_move(crowds[0], 100, 105, 200 * MS);
	crowd_enter(crowds[1], 105, 250 * MS);
	crowd_move(crowds[0], 105, 110, 300 * MS);
	settle(1000);
	assert_int_equal(count(), 0);
	crowd_move(crowds[1], 105, 110, 900 * MS);
	settle(1000);
	assert_int_equal(count(), 10);
	assert_int_equal(max_ms(), 900 - 106);
}

static void who_is_gone_is_not_waited_for(void **state)
{
	(void)state;
	known(101, 110);
	crowd_enter(crowds[0], 100, 0);
	crowd_enter(crowds[0], 100, 0);
	crowd_move(crowds[0], 100, 110, 200 * MS);
	settle(1000);
	assert_int_equal(count(), 0);
	crowd_leave(crowds[0], 100);
	settle(1000);
	assert_int_equal(count(), 10);
}

static void seq_of_others_is_waited_for_and_then_passed_over(void **state)
{
	(void)state;
	known(102, 102);
	crowd_enter(crowds[0], 100, 0);
	crowd_move(crowds[0], 100, 102, 200 * MS);
	settle(300);
	assert_int_equal(count(), 0);
	settle(200 + SIGHT_DELAY_NS / MS);
	assert_int_equal(count(), 1);
}

/* Observers of two threads get the same frames, some late and many at once. */
static void every_seq_counts_from_the_slowest(void **state)
{
	uint64_t rng = prng_start(__func__);
	uint64_t at[8];
	uint64_t held_ms[8][501];
	uint64_t expect[501] = {0};

	(void)state;
	known(1, 500);
	for (unsigned o = 0; o < 8; o++) {
		at[o] = 0;
		crowd_enter(crowds[o % 2], 0, 0);
	}
	for (uint64_t now = 501; now < 3001; now++) {
		unsigned o = (unsigned)prng_below(&rng, 8);
		uint64_t to = at[o] + 10 * prng_below(&rng, 4);

		if (now > 2992)
			o = (unsigned)(now % 8);
		if (now > 2992 || to > 500)
			to = 500;
		for (; at[o] < to; at[o] += 10) {
			for (uint64_t s = at[o] + 1; s <= at[o] + 10; s++)
				held_ms[o][s] = now;
			crowd_move(crowds[o % 2], at[o], at[o] + 10, now * MS);
		}
		settle(now);
	}
	for (unsigned o = 0; o < 8; o++)
		assert_int_equal(at[o], 500);
	settle(3001);
	assert_int_equal(count(), 500);
	for (uint64_t s = 1; s <= 500; s++) {
		struct hdr *h = calloc(1, sizeof(*h));

		for (unsigned o = 0; o < 8; o++)
			expect[s] = held_ms[o][s] > expect[s] ? held_ms[o][s] : expect[s];
		assert_non_null(h);
		hdr_record(h, (expect[s] - s) * MS);
		for (uint32_t b = 0; b < HDR_BUCKETS; b++) {
			if (h->counts[b] == 0)
				continue;
			assert_true(seen->corrected[LATENCY_VISIBLE_LAST].counts[b] > 0);
			seen->corrected[LATENCY_VISIBLE_LAST].counts[b]--;
		}
		free(h);
	}
}

static void observer_who_stands_still_costs_no_memory_and_loses_no_seq(void **state)
{
	(void)state;
	known(1, 20000);
	crowd_enter(crowds[0], 0, 0);
	crowd_enter(crowds[0], 0, 0);
	for (uint64_t s = 1; s <= 20000; s++)
		crowd_move(crowds[0], s - 1, s, 30000 * MS);
	crowd_move(crowds[0], 0, 20000, 40000 * MS);
	settle(50000);
	assert_int_equal(count(), 20000);
	assert_int_equal(max_ms(), 39999);
}

static void sight_records_what_becomes_known_later(void **state)
{
	struct second *second = calloc(1, sizeof(*second));
	struct sight *sight;

	(void)state;
	assert_non_null(second);
	assert_int_equal(sight_new(times, 1, &sight), 0);
	sight_seen(sight, 500 * MS, 11, 20);
	sight_record(sight, 500 * MS, seen, second);
	assert_int_equal(seen->corrected[LATENCY_VISIBLE].total, 0);
	known(11, 20);
	sight_record(sight, 500 * MS, seen, second);
	assert_int_equal(seen->corrected[LATENCY_VISIBLE].total, 10);
	assert_int_equal(seen->corrected[LATENCY_VISIBLE].max_ns, 489 * MS);
	assert_int_equal(seen->raw[LATENCY_VISIBLE].max_ns, 488 * MS);
	assert_int_equal(second->visible.total, 10);
	sight_free(sight);
	free(second);
}

static void large_frame_gives_an_observer_a_bounded_number_of_records(void **state)
{
	struct second *second = calloc(1, sizeof(*second));
	struct sight *sight;
	uint64_t total;

	(void)state;
	assert_non_null(second);
	assert_int_equal(sight_new(times, 1, &sight), 0);
	known(1, 10000);
	sight_seen(sight, 20000 * MS, 1, 10000);
	sight_record(sight, 20000 * MS, seen, second);
	total = seen->corrected[LATENCY_VISIBLE].total;
	assert_true(total > SIGHT_PER_FRAME / 2 && total <= SIGHT_PER_FRAME);
	assert_true(hdr_quantile(&seen->corrected[LATENCY_VISIBLE], 0) < 10400 * MS);
	assert_true(seen->corrected[LATENCY_VISIBLE].max_ns > 19600 * MS);
	sight_free(sight);
	free(second);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
		TEST(seq_counts_when_the_last_observer_of_all_threads_has_it),
		TEST(crowd_without_observers_is_not_waited_for),
		TEST(who_came_later_has_no_say_in_what_was_before),
		TEST(who_is_gone_is_not_waited_for),
		TEST(seq_of_others_is_waited_for_and_then_passed_over),
		TEST(every_seq_counts_from_the_slowest),
		TEST(observer_who_stands_still_costs_no_memory_and_loses_no_seq),
		TEST(sight_records_what_becomes_known_later),
		TEST(large_frame_gives_an_observer_a_bounded_number_of_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
