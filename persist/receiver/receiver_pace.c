/*
 * receiver_pace.c - see receiver_pace.h.
 *
 * A batch holds a tenth of a second's worth: small enough that the flush after it delays no other
 * for long, and large enough that the flushes are not the main cost.
 */
#include "persist/receiver/receiver_pace.h"

#include "engine/base/clock.h"

#define GENTLE_NS          NS_PER_SEC /* so long after a placement people are placing */
#define MEASURE_NS         NS_PER_SEC
#define BATCHES_PER_SECOND 10

void receiver_pace_start(struct receiver_pace *p, uint64_t per_second, uint64_t durable_lsn,
			 uint64_t now_ns)
{
	*p = (struct receiver_pace){.per_second = per_second,
				    .durable_lsn = durable_lsn,
				    .mark_lsn = durable_lsn,
				    .mark_ns = now_ns};
}

void receiver_pace_look(struct receiver_pace *p, uint64_t durable_lsn, uint64_t now_ns)
{
	uint64_t since_ns = now_ns - p->mark_ns;

	if (durable_lsn != p->durable_lsn)
		p->grown_ns = now_ns;
	p->durable_lsn = durable_lsn;
	if (since_ns < MEASURE_NS)
		return;
	p->placed_per_second =
		(uint64_t)((double)(durable_lsn - p->mark_lsn) * NS_PER_SEC / (double)since_ns);
	p->mark_lsn = durable_lsn;
	p->mark_ns = now_ns;
}

/* RECEIVER_PACE_NO_LIMIT, or records per second, never 0. */
static uint64_t rate(const struct receiver_pace *p, uint64_t now_ns)
{
	if (p->per_second == 0 || p->grown_ns == 0 || now_ns - p->grown_ns >= GENTLE_NS)
		return RECEIVER_PACE_NO_LIMIT;
	return p->per_second > 2 * p->placed_per_second ? p->per_second : 2 * p->placed_per_second;
}

uint64_t receiver_pace_records(const struct receiver_pace *p, uint64_t now_ns)
{
	uint64_t per_second = rate(p, now_ns);

	if (per_second == RECEIVER_PACE_NO_LIMIT)
		return RECEIVER_PACE_NO_LIMIT;
	return per_second < BATCHES_PER_SECOND ? 1 : per_second / BATCHES_PER_SECOND;
}

void receiver_pace_batch(struct receiver_pace *p, uint64_t records, uint64_t began_ns)
{
	uint64_t per_second = rate(p, began_ns);

	p->rest_until_ns = 0;
	if (per_second != RECEIVER_PACE_NO_LIMIT)
		p->rest_until_ns =
			began_ns + (uint64_t)((double)records * NS_PER_SEC / (double)per_second);
}

uint64_t receiver_pace_rest_ns(const struct receiver_pace *p, uint64_t now_ns)
{
	return p->rest_until_ns > now_ns ? p->rest_until_ns - now_ns : 0;
}
