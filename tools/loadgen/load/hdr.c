/*
 * hdr.c - log-linear histogram.
 *
 * Values below 2,048 ns have a bucket each. Above, a value with its highest bit at b keeps its
 * upper 11 bits: the bucket is (b - 10, those bits without the highest).
 */
#include "tools/loadgen/load/hdr.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "engine/base/assert.h"

#define LINEAR 2048U
#define HALF   1024U

static unsigned shift_of(uint64_t ns)
{
	return ns < LINEAR ? 0 : 63U - (unsigned)__builtin_clzll(ns) - 10U;
}

static uint32_t bucket_of(uint64_t ns)
{
	unsigned shift = shift_of(ns);

	if (shift == 0)
		return (uint32_t)ns;
	return LINEAR + (shift - 1) * HALF + (uint32_t)((ns >> shift) - HALF);
}

uint64_t hdr_bucket_high(uint32_t bucket)
{
	unsigned shift;

	px_assert(bucket < HDR_BUCKETS);
	if (bucket < LINEAR)
		return bucket;
	shift = (bucket - LINEAR) / HALF + 1;
	return ((uint64_t)((bucket - LINEAR) % HALF + HALF + 1) << shift) - 1;
}

static uint64_t clamp(uint64_t ns)
{
	if (ns < HDR_LOW_NS)
		return HDR_LOW_NS;
	return ns > HDR_HIGH_NS ? HDR_HIGH_NS : ns;
}

void hdr_bucket_edges(uint64_t ns, uint64_t *ret_low, uint64_t *ret_high)
{
	unsigned shift = shift_of(clamp(ns));

	*ret_low = clamp(ns) >> shift << shift;
	*ret_high = hdr_bucket_high(bucket_of(clamp(ns)));
}

void hdr_reset(struct hdr *h)
{
	memset(h, 0, sizeof(*h));
}

void hdr_record(struct hdr *h, uint64_t ns)
{
	uint64_t v = clamp(ns);
	uint32_t bucket = bucket_of(v);

	px_assert(bucket < HDR_BUCKETS);
	h->counts[bucket]++;
	h->total++;
	if (v > h->max_ns)
		h->max_ns = v;
}

int hdr_add(struct hdr *h, uint64_t high_ns, uint64_t count)
{
	uint32_t bucket = bucket_of(clamp(high_ns));

	if (hdr_bucket_high(bucket) != high_ns)
		return -EINVAL;
	h->counts[bucket] += count;
	h->total += count;
	return 0;
}

void hdr_moments(const struct hdr *h, double *ret_mean_ns, double *ret_deviation_ns)
{
	double n = h->total > 0 ? (double)h->total : 1;
	double sum = 0;
	double squares = 0;

	for (uint32_t i = 0; i < HDR_BUCKETS; i++)
		if (h->counts[i] > 0)
			sum += (double)h->counts[i] * (double)hdr_bucket_high(i);
	for (uint32_t i = 0; i < HDR_BUCKETS; i++) {
		double off = (double)hdr_bucket_high(i) - sum / n;

		if (h->counts[i] > 0)
			squares += (double)h->counts[i] * off * off;
	}
	*ret_mean_ns = sum / n;
	*ret_deviation_ns = sqrt(squares / n);
}

void hdr_merge(struct hdr *into, const struct hdr *from)
{
	for (uint32_t i = 0; i < HDR_BUCKETS; i++)
		into->counts[i] += from->counts[i];
	into->total += from->total;
	if (from->max_ns > into->max_ns)
		into->max_ns = from->max_ns;
}

uint64_t hdr_quantile(const struct hdr *h, double q)
{
	uint64_t want = (uint64_t)ceil(q * (double)h->total);
	uint64_t seen = 0;

	if (h->total == 0)
		return 0;
	if (want == 0)
		want = 1;
	for (uint32_t i = 0; i < HDR_BUCKETS; i++) {
		seen += h->counts[i];
		if (seen >= want)
			return hdr_bucket_high(i) < h->max_ns ? hdr_bucket_high(i) : h->max_ns;
	}
	return h->max_ns;
}
