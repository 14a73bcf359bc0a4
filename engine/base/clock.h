/*
 * clock.h - now, as a value that is passed around.
 *
 * Only the outermost loop of a thread calls clock_now(); everything below it gets a `struct now`,
 * so that tests and the simulator control time. Durations use mono_ns; wall_ms is for people and
 * for the cooldown across restarts.
 */
#ifndef PX_BASE_CLOCK_H
#define PX_BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_MS  1000000ULL
#define NS_PER_SEC 1000000000ULL

struct now {
	uint64_t mono_ns; /* monotonic, unrelated to the calendar */
	uint64_t wall_ms; /* Unix time; may jump */
};

struct now clock_now(void);

#endif
