/*
 * live.h - the progress of a run, on standard error. Main thread.
 *
 * On a terminal a few lines, redrawn every second; otherwise, and with NO_COLOR or TERM=dumb, one
 * line of key=value per second.
 */
#ifndef PX_LOADGEN_LIVE_H
#define PX_LOADGEN_LIVE_H

#include <stdbool.h>

#include "tools/loadgen/result/series.h"

struct live_progress {
	const char *phase;  /* "connecting" */
	double done, whole; /* seconds or pieces; whole 0: unknown */
	const char *unit;   /* " s", " clients" */
};

struct live {
	uint32_t clients; /* of the whole run */
	bool terminal;
	unsigned drawn; /* lines currently on the terminal */
};

void live_begin(struct live *live, uint32_t clients);

/* Call it after the newest row of the series was taken. */
void live_show(struct live *live, const struct series *series,
	       const struct live_progress *progress);

#endif
