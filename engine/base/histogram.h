/*
 * histogram.h - durations counted in fixed buckets, for /metrics.
 *
 * One thread adds; any thread may sum at the same time. Such a sum may be slightly inconsistent
 * (one bucket newer than another), but never off by more than what is added meanwhile. Zeroed
 * memory is an empty histogram. To count across several threads, give each its own and sum them.
 */
#ifndef PX_BASE_HISTOGRAM_H
#define PX_BASE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS 20 /* the last has no upper bound */

struct histogram {
	_Atomic uint64_t counts[HISTOGRAM_BUCKETS];
	_Atomic uint64_t total_us;
};

struct histogram_sum {
	uint64_t counts[HISTOGRAM_BUCKETS]; /* of each bucket alone, not cumulative */
	uint64_t total_us;
};

/* On the owning thread only. */
void histogram_add(struct histogram *h, uint64_t duration_us);

/* Any thread: adds the counts of `h` to `sum`. */
void histogram_sum_add(struct histogram_sum *sum, const struct histogram *h);

/* Number of durations in the sum. */
uint64_t histogram_sum_count(const struct histogram_sum *sum);

/* The longest duration that the bucket counts; UINT64_MAX: the last one. */
uint64_t histogram_bound_us(unsigned bucket);

#endif
