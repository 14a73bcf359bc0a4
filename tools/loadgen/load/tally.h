/*
 * tally.h - the counters that every kind of run has, of all threads together. Plain memory; the
 * main thread adds it up.
 */
#ifndef PX_LOADGEN_TALLY_H
#define PX_LOADGEN_TALLY_H

#include <stdint.h>

#include "tools/loadgen/load/trouble.h"

struct tally {
	uint64_t standing; /* clients that have what they came for */
	uint64_t dead;     /* clients that are not coming back */
	uint64_t waiting;  /* clients that are about to come back */
	uint64_t outstanding;
	uint64_t deliveries, bytes_in;
	uint64_t lag_max_ns;
	uint64_t failed; /* errno of a thread that could not work */
	uint64_t trouble[TROUBLE_MAX];
};

#endif
