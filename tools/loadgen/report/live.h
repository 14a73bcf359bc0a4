/*
 * live.h - the run as it goes on, on standard error. Main thread.
 *
 * In a terminal a few lines that are drawn anew every second; otherwise, and with NO_COLOR or
 * TERM=dumb, one line of key=value per second.
 */
#ifndef PX_LOADGEN_LIVE_H
#define PX_LOADGEN_LIVE_H

#include <stdbool.h>

#include "tools/loadgen/result/series.h"

struct live_progress {
	const char *phase;  /* "connecting" */
	double done, whole; /* seconds or pieces; whole 0: nobody knows */
	const char *unit;   /* " s", " clients" */
};

struct live {
	uint32_t clients; /* of the whole run */
	bool terminal;
	unsigned drawn; /* lines that stand in the terminal */
};

void live_begin(struct live *live, uint32_t clients);

/* The newest row of the series has just been taken. */
void live_show(struct live *live, const struct series *series,
	       const struct live_progress *progress);

#endif
