/* latency.c - see latency.h. No state. */
#include "tools/loadgen/load/latency.h"

#include "engine/base/assert.h"

const char *latency_str(enum latency which)
{
	static const char *const names[LATENCY_MAX] = {
		[LATENCY_ACK] = "ack",
		[LATENCY_VISIBLE] = "visible",
		[LATENCY_VISIBLE_LAST] = "visible_last",
		[LATENCY_CONNECT] = "connect",
	};

	px_assert(which < LATENCY_MAX);
	return names[which];
}

static uint64_t since(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? to_ns - from_ns : 0;
}

void latency_record(struct latencies *l, enum latency which, const struct span *span,
		    uint64_t end_ns)
{
	px_assert(which < LATENCY_MAX);
	hdr_record(&l->corrected[which], since(span->intended_ns, end_ns));
	hdr_record(&l->raw[which], since(span->begun_ns, end_ns));
}

void latencies_merge(struct latencies *into, const struct latencies *from)
{
	for (unsigned i = 0; i < LATENCY_MAX; i++) {
		hdr_merge(&into->corrected[i], &from->corrected[i]);
		hdr_merge(&into->raw[i], &from->raw[i]);
	}
}

void second_merge(struct second *into, const struct second *from)
{
	hdr_merge(&into->ack, &from->ack);
	hdr_merge(&into->visible, &from->visible);
	hdr_merge(&into->lag, &from->lag);
}
