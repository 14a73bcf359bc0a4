/* clock.c - see clock.h. */
#include "engine/base/clock.h"

#include <time.h>

static uint64_t read_ns(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts); /* cannot fail for these two clocks */
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

struct now clock_now(void)
{
	return (struct now){
		.mono_ns = read_ns(CLOCK_MONOTONIC),
		.wall_ms = read_ns(CLOCK_REALTIME) / NS_PER_MS,
	};
}
