/*
 * test_histogram.c - every duration lies in the bucket that Prometheus expects (upper bound
 * included).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/base/histogram.h"

static void bounds_grow_from_50_us_to_60_s_and_the_last_has_none(void **state)
{
	(void)state;
	assert_int_equal(histogram_bound_us(0), 50);
	assert_int_equal(histogram_bound_us(HISTOGRAM_BUCKETS - 2), 60000000);
	assert_true(histogram_bound_us(HISTOGRAM_BUCKETS - 1) == UINT64_MAX);
	for (unsigned i = 1; i < HISTOGRAM_BUCKETS; i++)
		assert_true(histogram_bound_us(i) > histogram_bound_us(i - 1));
}

static void a_bound_belongs_to_its_own_bucket(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
		struct histogram h = {.total_us = 0};
		struct histogram_sum sum = {.total_us = 0};

		histogram_add(&h, histogram_bound_us(i));
		histogram_add(&h, histogram_bound_us(i) + 1);
		histogram_sum_add(&sum, &h);
		assert_int_equal(sum.counts[i], 1);
		assert_int_equal(sum.counts[i + 1], 1);
		assert_int_equal(histogram_sum_count(&sum), 2);
		assert_int_equal(sum.total_us, 2 * histogram_bound_us(i) + 1);
	}
}

static void histograms_of_threads_sum_up(void **state)
{
	struct histogram a = {.total_us = 0};
	struct histogram b = {.total_us = 0};
	struct histogram_sum sum = {.total_us = 0};

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		histogram_add(&a, 0);
		histogram_add(&b, i);
	}
	histogram_sum_add(&sum, &a);
	histogram_sum_add(&sum, &b);
	assert_int_equal(histogram_sum_count(&sum), 2000);
	assert_int_equal(sum.counts[0], 1000 + 51);
	assert_int_equal(sum.total_us, 999 * 1000 / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_grow_from_50_us_to_60_s_and_the_last_has_none),
		cmocka_unit_test(a_bound_belongs_to_its_own_bucket),
		cmocka_unit_test(histograms_of_threads_sum_up),
	};

	return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
