/*
 * histogram.h - durations counted in fixed buckets, for /metrics.
 *
 * One thread adds; any thread sums, while it goes on. A sum is a little torn (a bucket may be newer
 * than another), never wrong by more than what is added meanwhile. Zeroed memory is an empty
 * histogram. To count what several threads do, give each its own and sum them.
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

/* The thread that owns it. */
void histogram_add(struct histogram *h, uint64_t duration_us);

/* Any thread: adds what is counted in `h` to `sum`. */
void histogram_sum_add(struct histogram_sum *sum, const struct histogram *h);

/* All durations in the sum. */
uint64_t histogram_sum_count(const struct histogram_sum *sum);

/* The longest duration that the bucket counts; UINT64_MAX: the last. */
uint64_t histogram_bound_us(unsigned bucket);

#endif
