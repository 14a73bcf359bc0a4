/*
 * test_schedule.c - paces and the times drawn from them: no placement is lost, the rate is kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/prng.h"
#include "tools/loadgen/load/schedule.h"

#define SECOND 1000000000ULL

static struct pace pace;

static int drop(void **state)
{
	(void)state;
	pace_fini(&pace);
	return 0;
}

/* Takes all that is due before until_ns; times never go back and never leave the pace. */
static uint64_t take_all(struct schedule *s, uint64_t start_ns, uint64_t until_ns)
{
	uint64_t last = start_ns;
	uint64_t count = 0;

	for (; schedule_next_ns(s) < until_ns; count++) {
		assert_true(schedule_next_ns(s) >= last);
		last = schedule_next_ns(s);
		schedule_take(s);
	}
	return count;
}

static void endless_pace_keeps_its_rate(void **state)
{
	struct schedule s;

	(void)state;
	assert_int_equal(pace_add(&pace, UINT64_MAX, 1000), 0);
	assert_true(pace_length_ns(&pace) == UINT64_MAX);
	for (int uniform = 0; uniform < 2; uniform++) {
		uint64_t count;

		schedule_start(&s, &pace, 5 * SECOND, 1, uniform != 0, 7);
		count = take_all(&s, 5 * SECOND, 105 * SECOND);
		/* 100,000 are due; the deviation of a poisson schedule is 316: the seed is fixed */
		assert_true(count >= (uniform ? 99999 : 98000) &&
			    count <= (uniform ? 100001 : 102000));
	}
}

static void poisson_gaps_are_those_of_independent_people(void **state)
{
	struct schedule s;
	double squares = 0;
	double sum = 0;
	uint64_t before = 0;

	(void)state;
	assert_int_equal(pace_add(&pace, UINT64_MAX, 100), 0);
	schedule_start(&s, &pace, 0, 1, false, 3);
	for (int i = 0; i < 100000; i++) {
		double gap = (double)(schedule_next_ns(&s) - before) * 1e-9;

		before = schedule_next_ns(&s);
		sum += gap;
		squares += gap * gap;
		schedule_take(&s);
	}
	sum /= 100000;
	squares /= 100000;
	/* exponential: the deviation equals the mean */
	assert_true(fabs(sum - 0.01) < 0.0002);
	assert_true(fabs(sqrt(squares - sum * sum) - 0.01) < 0.0004);
}

/* Random stages and shares: all threads together take as many as the pace holds. */
static void no_placement_is_lost_where_the_rate_changes(void **state)
{
	uint64_t rng = prng_start(__func__);

	(void)state;
	for (int round = 0; round < 50; round++) {
		uint32_t threads = 1 + (uint32_t)prng_below(&rng, 4);
		uint32_t painters = threads + (uint32_t)prng_below(&rng, 100);
		bool uniform = prng_below(&rng, 2) == 0;
		double count = 0;
		double total;

		pace_fini(&pace);
		for (uint64_t pieces = 1 + prng_below(&rng, 20); pieces > 0; pieces--) {
			double rate = prng_below(&rng, 4) == 0 ? 0 : (double)prng_below(&rng, 2000);
			uint64_t ns = 1 + prng_below(&rng, 5 * SECOND);

			assert_int_equal(pace_add(&pace, ns, rate), 0);
		}
		total = pace_total(&pace);
		for (uint32_t t = 0; t < threads; t++) {
			uint32_t mine = painters / threads + (t < painters % threads);
			struct schedule s;

			schedule_start(&s, &pace, 100, (double)mine / painters, uniform,
				       (uint64_t)round * 10 + t);
			count += (double)take_all(&s, 100, UINT64_MAX);
		}
		if (uniform)
			assert_true(fabs(count - total) <= threads);
		else
			assert_true(fabs(count - total) <= 8 * sqrt(total) + 20);
	}
}

static void each_piece_gets_its_own_share(void **state)
{
	struct schedule s;

	(void)state;
	assert_int_equal(pace_add(&pace, 10 * SECOND, 0), 0);
	assert_int_equal(pace_add(&pace, 10 * SECOND, 500), 0);
	assert_int_equal(pace_add(&pace, 1 * SECOND, 10000), 0);
	assert_int_equal(pace_add(&pace, 5 * SECOND, 0), 0);
	assert_int_equal(pace_add(&pace, 2 * SECOND, 50), 0);
	assert_int_equal((int)pace_total(&pace), 5000 + 10000 + 100);
	schedule_start(&s, &pace, SECOND, 1, true, 1);
	assert_int_equal(take_all(&s, SECOND, 11 * SECOND), 0);
	assert_in_range(take_all(&s, SECOND, 21 * SECOND), 4999, 5001);
	assert_in_range(take_all(&s, SECOND, 22 * SECOND), 9999, 10001);
	assert_int_equal(take_all(&s, SECOND, 27 * SECOND - 1), 0);
	assert_in_range(take_all(&s, SECOND, 29 * SECOND), 99, 101);
	assert_true(schedule_next_ns(&s) == UINT64_MAX);
}

static void cut_pace_ends_there(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(pace_add(&pace, SECOND, 10), 0);
	pace_end_at(&pace, SECOND * 5 / 2);
	assert_int_equal(pace_length_ns(&pace), SECOND * 5 / 2);
	assert_int_equal((int)pace_total(&pace), 25);
	pace_end_at(&pace, 10 * SECOND);
	assert_int_equal((int)pace_total(&pace), 25);
}

/* --- curves ----------------------------------------------------------------------------------- */

static int curve_load(const char *text, double speedup)
{
	char path[] = "/tmp/loadgen-curve-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	int r;

	assert_non_null(file);
	(void)fputs(text, file);
	(void)fclose(file);
	r = pace_curve_load(&pace, path, speedup);
	(void)unlink(path);
	return r;
}

static void curve_becomes_one_piece_a_minute(void **state)
{
	(void)state;
	assert_int_equal(curve_load("minute_unix,placements\n60,600\n120,0\n180,6000\n", 1), 0);
	assert_int_equal(pace.count, 3);
	assert_int_equal(pace_length_ns(&pace), 180 * SECOND);
	assert_true(pace.pieces[2].per_second == 100);
	assert_int_equal((int)pace_total(&pace), 6600);
}

static void faster_curve_has_the_same_placements(void **state)
{
	(void)state;
	assert_int_equal(curve_load("60,600\n120,6000\n", 60), 0);
	assert_int_equal(pace_length_ns(&pace), 2 * SECOND);
	assert_int_equal((int)lround(pace_total(&pace)), 6600);
}

static void what_is_no_curve_is_refused(void **state)
{
	static const char *const wrong[] = {"", "minute,placements\n", "60;600\n", "60,600\nx\n",
					    "60,-5\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		pace_fini(&pace);
		assert_int_equal(curve_load(wrong[i], 1), -EBADMSG);
	}
	assert_int_equal(pace_curve_load(&pace, "/nowhere/at/all", 1), -ENOENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, drop)
	const struct CMUnitTest tests[] = {
		TEST(endless_pace_keeps_its_rate),
		TEST(poisson_gaps_are_those_of_independent_people),
		TEST(no_placement_is_lost_where_the_rate_changes),
		TEST(each_piece_gets_its_own_share),
		TEST(cut_pace_ends_there),
		TEST(curve_becomes_one_piece_a_minute),
		TEST(faster_curve_has_the_same_placements),
		TEST(what_is_no_curve_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
