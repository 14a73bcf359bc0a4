/*
 * latency.h - the times that a run measures, each twice.
 *
 * Corrected: from the intended time, when the schedule wanted it. Raw: from when it was really
 * begun. A server that stalls holds up what comes behind; the raw times of those look fine, the
 * corrected ones hold the wait. Plain memory of one thread at a time.
 */
#ifndef PX_LOADGEN_LATENCY_H
#define PX_LOADGEN_LATENCY_H

#include <stdint.h>

#include "tools/loadgen/load/hdr.h"

enum latency {
	LATENCY_ACK,          /* until the placement is acknowledged */
	LATENCY_VISIBLE,      /* until an observer holds it: one record per observer */
	LATENCY_VISIBLE_LAST, /* until the last of all observers holds it */
	LATENCY_CONNECT,      /* TCP and the upgrade to WebSocket */
	LATENCY_MAX
};

struct latencies {
	struct hdr corrected[LATENCY_MAX];
	struct hdr raw[LATENCY_MAX];
};

/* The beginning of something that is timed. */
struct span {
	uint64_t intended_ns;
	uint64_t begun_ns;
};

const char *latency_str(enum latency which);
void latency_record(struct latencies *l, enum latency which, const struct span *span,
		    uint64_t end_ns);
void latencies_merge(struct latencies *into, const struct latencies *from);

/* What the last whole second brought, for the live view. */
struct second {
	struct hdr ack, visible;
	struct hdr lag; /* how late a placement was handed to its connection */
};

void second_merge(struct second *into, const struct second *from);

#endif
