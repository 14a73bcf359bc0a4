/*
 * latency.h - the times that a run measures, each of them twice.
 *
 * Corrected: from the intended time, when the schedule wanted it. Raw: from the actual start. A
 * stalled server delays everything after it; the raw times of those look fine, the corrected ones
 * include the wait. Plain memory of one thread at a time.
 */
#ifndef PX_LOADGEN_LATENCY_H
#define PX_LOADGEN_LATENCY_H

#include <stdint.h>

#include "tools/loadgen/load/hdr.h"

enum latency {
	LATENCY_ACK,          /* until the placement is acknowledged */
	LATENCY_VISIBLE,      /* until an observer holds it: one record per observer */
	LATENCY_VISIBLE_LAST, /* until the last of all observers holds it */
	LATENCY_CONNECT,      /* TCP and the WebSocket upgrade */
	LATENCY_MAX
};

struct latencies {
	struct hdr corrected[LATENCY_MAX];
	struct hdr raw[LATENCY_MAX];
};

/* The start of something that is timed. */
struct span {
	uint64_t intended_ns;
	uint64_t begun_ns;
};

const char *latency_str(enum latency which);
void latency_record(struct latencies *l, enum latency which, const struct span *span,
		    uint64_t end_ns);
void latencies_merge(struct latencies *into, const struct latencies *from);

/* What was recorded in the last whole second, for the live view. */
struct second {
	struct hdr ack, visible;
	struct hdr lag; /* how late placements were handed to their connections */
};

void second_merge(struct second *into, const struct second *from);

#endif
