/*
 * receiver_pace.c - see receiver_pace.h.
 */
#include "persist/receiver_pace.h"

#include "engine/clock.h"

#define GENTLE_NS   NS_PER_SEC /* so long after a placement people are placing */
#define REST_NS_MAX NS_PER_SEC /* who waited for a lock has taken nothing from anybody */

void receiver_pace_start(struct receiver_pace *p, uint64_t durable_lsn)
{
	*p = (struct receiver_pace){.durable_lsn = durable_lsn};
}

void receiver_pace_look(struct receiver_pace *p, uint64_t durable_lsn, uint64_t now_ns)
{
	if (durable_lsn != p->durable_lsn)
		p->grown_ns = now_ns;
	p->durable_lsn = durable_lsn;
	if (p->began_ns != 0 && receiver_pace_is_gentle(p, now_ns)) {
		uint64_t took_ns = now_ns - p->began_ns;

		p->rest_until_ns = now_ns + (took_ns < REST_NS_MAX ? took_ns : REST_NS_MAX);
	}
	p->began_ns = 0;
}

bool receiver_pace_is_gentle(const struct receiver_pace *p, uint64_t now_ns)
{
	return p->grown_ns != 0 && now_ns - p->grown_ns < GENTLE_NS;
}

uint64_t receiver_pace_rest_ns(const struct receiver_pace *p, uint64_t now_ns)
{
	return p->rest_until_ns > now_ns ? p->rest_until_ns - now_ns : 0;
}

void receiver_pace_batch(struct receiver_pace *p, uint64_t now_ns)
{
	p->began_ns = now_ns;
}
