/*
 * hdr.h - latencies with three significant digits from 1 us to 1 h, in a fixed table.
 *
 * Log-linear: 1,024 buckets per doubling, so a bucket is never wider than 0.1 % of its values.
 * Merging is addition. A histogram belongs to one thread at a time; no allocation.
 */
#ifndef PX_LOADGEN_HDR_H
#define PX_LOADGEN_HDR_H

#include <stdint.h>

#define HDR_LOW_NS  1000ULL
#define HDR_HIGH_NS 3600000000000ULL /* larger values are counted as this */
#define HDR_BUCKETS 33792

struct hdr {
	uint64_t total;
	uint64_t max_ns; /* exact; 0 when empty */
	uint64_t counts[HDR_BUCKETS];
};

void hdr_reset(struct hdr *h);
void hdr_record(struct hdr *h, uint64_t ns);
void hdr_merge(struct hdr *into, const struct hdr *from);

/* The smallest value with at least the fraction q (0..1) of the records at or below it: the upper
 * edge of its bucket, never above the exact maximum. 0 when empty. */
uint64_t hdr_quantile(const struct hdr *h, double q);

/* The largest value of a bucket, which represents it in files. bucket < HDR_BUCKETS. */
uint64_t hdr_bucket_high(uint32_t bucket);

/* Adds `count` records to the bucket whose largest value is high_ns. -EINVAL: there is no such
 * bucket. Leaves the maximum alone: the caller knows it. */
int hdr_add(struct hdr *h, uint64_t high_ns, uint64_t count);

/* Mean and standard deviation, from the largest values of the buckets. 0 when empty. */
void hdr_moments(const struct hdr *h, double *ret_mean_ns, double *ret_deviation_ns);

/* The edges of the bucket that holds a value, both inclusive. */
void hdr_bucket_edges(uint64_t ns, uint64_t *ret_low, uint64_t *ret_high);

#endif
