/*
 * test_hdr.c - the histogram: error of a bucket, quantiles, merging.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "tests/prng.h"
#include "tools/loadgen/load/hdr.h"

static struct hdr a, b, both;

static int reset(void **state)
{
	(void)state;
	hdr_reset(&a);
	hdr_reset(&b);
	hdr_reset(&both);
	return 0;
}

/* Spread over all magnitudes from 1 us to 1 h. */
static uint64_t any_ns(uint64_t *rng)
{
	uint64_t bits = prng_below(rng, 33);
	uint64_t ns = HDR_LOW_NS + (prng_next(rng) >> (31 + bits) & 0xffffffffffULL);

	return ns > HDR_HIGH_NS ? HDR_HIGH_NS : ns;
}

static void bucket_is_at_most_a_thousandth_wide(void **state)
{
	uint64_t rng = prng_start(__func__);

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint64_t ns = any_ns(&rng);
		uint64_t low, high;

		hdr_bucket_edges(ns, &low, &high);
		assert_true(low <= ns && ns <= high);
		assert_true((high - low) * 1000 <= low);
	}
}

static void buckets_touch_without_gap_or_overlap(void **state)
{
	uint64_t low, high, next_low, next_high;

	(void)state;
	hdr_bucket_edges(HDR_LOW_NS, &low, &high);
	for (unsigned i = 0; high < HDR_HIGH_NS; i++) {
		hdr_bucket_edges(high + 1, &next_low, &next_high);
		assert_int_equal(next_low, high + 1);
		high = next_high;
		assert_true(i < HDR_BUCKETS);
	}
}

static int by_value(const void *x, const void *y)
{
	uint64_t p = *(const uint64_t *)x;
	uint64_t q = *(const uint64_t *)y;

	return (p > q) - (p < q);
}

static void quantiles_are_those_of_the_sorted_values(void **state)
{
	static uint64_t values[5000];
	static const double q[] = {0.0, 0.001, 0.5, 0.9, 0.99, 0.999, 1.0};
	uint64_t rng = prng_start(__func__);

	(void)state;
	for (int i = 0; i < 5000; i++) {
		values[i] = any_ns(&rng);
		hdr_record(&a, values[i]);
	}
	qsort(values, 5000, sizeof(values[0]), by_value);
	for (unsigned i = 0; i < sizeof(q) / sizeof(q[0]); i++) {
		uint64_t rank = (uint64_t)(q[i] * 5000 + 0.999999);
		uint64_t exact = values[rank == 0 ? 0 : rank - 1];
		uint64_t got = hdr_quantile(&a, q[i]);

		assert_true(got >= exact);
		assert_true((got - exact) * 1000 <= exact);
	}
	assert_int_equal(hdr_quantile(&a, 1.0), values[4999]);
}

static void merging_is_recording_everything_in_one(void **state)
{
	uint64_t rng = prng_start(__func__);

	(void)state;
	for (int i = 0; i < 10000; i++) {
		uint64_t ns = any_ns(&rng);

		hdr_record(i % 3 == 0 ? &a : &b, ns);
		hdr_record(&both, ns);
	}
	hdr_merge(&a, &b);
	assert_memory_equal(&a, &both, sizeof(a));
}

static void values_out_of_range_count_at_the_edges(void **state)
{
	(void)state;
	hdr_record(&a, 0);
	hdr_record(&a, UINT64_MAX);
	assert_int_equal(a.total, 2);
	assert_int_equal(hdr_quantile(&a, 0.5), HDR_LOW_NS);
	assert_int_equal(hdr_quantile(&a, 1.0), HDR_HIGH_NS);
}

static void empty_histogram_has_quantile_zero(void **state)
{
	(void)state;
	assert_int_equal(hdr_quantile(&a, 0.5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(bucket_is_at_most_a_thousandth_wide, reset),
		cmocka_unit_test_setup(buckets_touch_without_gap_or_overlap, reset),
		cmocka_unit_test_setup(quantiles_are_those_of_the_sorted_values, reset),
		cmocka_unit_test_setup(merging_is_recording_everything_in_one, reset),
		cmocka_unit_test_setup(values_out_of_range_count_at_the_edges, reset),
		cmocka_unit_test_setup(empty_histogram_has_quantile_zero, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
