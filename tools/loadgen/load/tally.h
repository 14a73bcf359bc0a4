/*
 * tally.h - the counters that every kind of run has, over all threads. Plain memory; the main
 * thread adds them up.
 */
#ifndef PX_LOADGEN_TALLY_H
#define PX_LOADGEN_TALLY_H

#include <stdint.h>

#include "tools/loadgen/load/trouble.h"

struct tally {
	/* clients in service: connected, and subscribed where there is something to subscribe to */
	uint64_t standing;
	uint64_t dead;    /* clients that will not come back */
	uint64_t waiting; /* clients waiting to reconnect */
	uint64_t outstanding;
	uint64_t deliveries, bytes_in;
	uint64_t lag_max_ns;
	uint64_t failed; /* errno of a thread that could not work */
	uint64_t trouble[TROUBLE_MAX];
};

#endif
