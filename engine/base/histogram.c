/*
 * histogram.c - see histogram.h.
 *
 * Relaxed loads and stores: with one adding thread nothing is lost, and nothing is ordered by it.
 */
#include "engine/base/histogram.h"

#include <stdatomic.h>

#include "engine/base/assert.h"

static const uint64_t bounds_us[HISTOGRAM_BUCKETS] = {
	50,     100,    200,    500,     1000,    2000,    5000,     10000,    20000,    50000,
	100000, 200000, 500000, 1000000, 2000000, 5000000, 10000000, 30000000, 60000000, UINT64_MAX,
};

static void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
	uint64_t before = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, before + n, memory_order_relaxed);
}

void histogram_add(struct histogram *h, uint64_t duration_us)
{
	unsigned bucket = 0;

	while (duration_us > bounds_us[bucket])
		bucket++;
	counter_add(&h->counts[bucket], 1);
	counter_add(&h->total_us, duration_us);
}

void histogram_sum_add(struct histogram_sum *sum, const struct histogram *h)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		sum->counts[i] += atomic_load_explicit(&h->counts[i], memory_order_relaxed);
	sum->total_us += atomic_load_explicit(&h->total_us, memory_order_relaxed);
}

uint64_t histogram_sum_count(const struct histogram_sum *sum)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		count += sum->counts[i];
	return count;
}

uint64_t histogram_bound_us(unsigned bucket)
{
	px_assert(bucket < HISTOGRAM_BUCKETS);
	return bounds_us[bucket];
}
