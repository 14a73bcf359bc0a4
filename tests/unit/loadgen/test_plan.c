/*
 * test_plan.c - which placement is the n-th: hot cells, placements that change nothing, recordings.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/loadgen/pixel/plan.h"

#define SIDE 1000U
#define MANY 200000U

static struct plan plan;
static uint32_t hits[SIDE * SIDE];

static int make(void **state)
{
	(void)state;
	plan_init(&plan, 42);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	plan_fini(&plan);
	return 0;
}

static int more_first(const void *a, const void *b)
{
	const uint32_t *x = a;
	const uint32_t *y = b;

	return (*x < *y) - (*x > *y);
}

static void hot_cells_get_their_share(void **state)
{
	uint64_t hot = 0;

	(void)state;
	plan.hot_cells = 100;
	plan.hot_share = 0.25;
	for (uint64_t i = 0; i < MANY; i++) {
		struct place p = plan_place(&plan, i, SIDE, SIDE, 16);

		hits[p.y * SIDE + p.x]++;
	}
	qsort(hits, SIDE * SIDE, sizeof(hits[0]), more_first);
	for (unsigned i = 0; i < 100; i++)
		hot += hits[i];
	assert_in_range(hot, MANY / 4 - MANY / 100, MANY / 4 + MANY / 100);
	assert_in_range(hits[0], MANY / 400 / 2, MANY / 400 * 2);
	assert_true(hits[100] < 20);
}

static void share_of_placements_changes_nothing(void **state)
{
	static uint8_t board[SIDE * SIDE];
	uint64_t same = 0;

	(void)state;
	plan.noop_share = 0.33;
	for (uint64_t i = 0; i < 3 * MANY; i++) {
		struct place p = plan_place(&plan, i, SIDE, SIDE, 16);

		same += i >= 2 * MANY && board[p.y * SIDE + p.x] == p.color + 1;
		board[p.y * SIDE + p.x] = (uint8_t)(p.color + 1);
	}
	/* by chance one in sixteen of the others, where something was placed before */
	assert_in_range(same, MANY * 33 / 100, MANY * 40 / 100);
}

static void placement_is_the_same_at_every_call(void **state)
{
	(void)state;
	plan.noop_share = 0.9;
	plan.hot_cells = 10;
	plan.hot_share = 0.5;
	for (uint64_t i = 0; i < 100000; i += 77) {
		struct place a = plan_place(&plan, i, SIDE, SIDE, 16);
		struct place b = plan_place(&plan, i, SIDE, SIDE, 16);

		assert_true(a.x == b.x && a.y == b.y && a.color == b.color);
		assert_true(a.x < SIDE && a.y < SIDE && a.color < 16);
	}
}

static int recording_load(const uint32_t *words, size_t count)
{
	char path[] = "/tmp/loadgen-plan-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "wb");
	int r;

	assert_non_null(file);
	assert_int_equal(fwrite(words, 4, count, file), count);
	(void)fclose(file);
	r = plan_replay_load(&plan, path);
	(void)unlink(path);
	return r;
}

static void recorded_times_are_spread_over_their_seconds(void **state)
{
	static const uint32_t words[] = {5000, 1 << 4 | 3, 5000, 2 << 4 | 4, 5002, 1001 << 4 | 5};

	(void)state;
	assert_int_equal(recording_load(words, 6), 0);
	assert_int_equal(plan.count, 3);
	assert_int_equal(plan_due_ns(&plan, 0), 0);
	assert_int_equal(plan_due_ns(&plan, 1), 500000000);
	assert_int_equal(plan_due_ns(&plan, 2), 2000000000);
	plan.speedup = 10;
	assert_int_equal(plan_due_ns(&plan, 2), 200000000);
	assert_int_equal(plan_place(&plan, 2, SIDE, SIDE, 16).y, 1);
	assert_int_equal(plan_place(&plan, 2, SIDE, SIDE, 16).x, 1);
}

static void recording_begins_anew_when_it_is_to(void **state)
{
	static const uint32_t words[] = {1, 7 << 4 | 3, 1, 8 << 4 | 4};

	(void)state;
	assert_int_equal(recording_load(words, 4), 0);
	plan.count = UINT64_MAX;
	assert_int_equal(plan_place(&plan, 5001, SIDE, SIDE, 16).x, 8);
}

static void recording_out_of_order_or_torn_is_refused(void **state)
{
	static const uint32_t words[] = {9, 1, 8, 1};

	(void)state;
	assert_int_equal(recording_load(words, 4), -EBADMSG);
	assert_int_equal(recording_load(words, 3), -EBADMSG);
	assert_int_equal(recording_load(words, 0), -EBADMSG);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
		TEST(hot_cells_get_their_share),
		TEST(share_of_placements_changes_nothing),
		TEST(placement_is_the_same_at_every_call),
		TEST(recorded_times_are_spread_over_their_seconds),
		TEST(recording_begins_anew_when_it_is_to),
		TEST(recording_out_of_order_or_torn_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
