/*
 * raw_run.h - a whole run of --profile-protocol raw, as the main thread sees it.
 */
#ifndef PX_LOADGEN_RAW_RUN_H
#define PX_LOADGEN_RAW_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/loadgen/load/hdr.h"
#include "tools/loadgen/load/outcome.h"
#include "tools/loadgen/raw/raw_options.h"
#include "tools/loadgen/raw/raw_track.h"
#include "tools/loadgen/raw/raw_crew.h"

/* The counters of all crews, added up. */
struct raw_totals {
	struct tally tally;
	uint64_t sent, echoed, awaited, bytes_out;
};

/* What the server used; all 0 when it was not observed. */
struct raw_server {
	uint64_t rss_before_bytes; /* before the first connect */
	uint64_t rss_idle_bytes;   /* all connected, nothing sent yet */
	uint64_t rss_end_bytes;
	uint64_t cpu_connect_ns; /* until all were connected */
	uint64_t cpu_ns;         /* in the window */
};

struct raw_result {
	struct outcome outcome;
	struct raw_totals totals;
	struct raw_tracked tracked; /* with --expect broadcast */
	struct raw_server server;
	struct hdr echo, visible, connect;
	uint64_t stood;             /* clients connected to the end */
	uint64_t whole;             /* of those, the ones that received everything */
	uint64_t window_deliveries; /* received from the start to the end of sending */
	uint64_t window_bytes;      /* the same */
	uint64_t dropped;           /* broadcasts that were not recorded */
	double reach;               /* received / expected */
	double connect_s;           /* from the first connect until all stood */
	double run_s;               /* the window: from the start to the end of sending */
	double cpu_percent;         /* ours, 100 = one core, in the window */
	bool began;
};

/* Whether the command line selects this mode. */
bool raw_is_asked(int argc, char **argv);

/* All of main() in this mode; returns the exit code. */
int raw_main(int argc, char **argv);

/* --- raw_verdict.c --- */

/* Derives reach, a sentence and an exit code from the counters. */
void raw_verdict_decide(const struct raw_options *o, struct raw_result *result);

#endif
