/*
 * options.h - the command line of a run against pixeld.
 *
 * Parsed once by the main thread; constant afterwards, read by all.
 */
#ifndef PX_LOADGEN_OPTIONS_H
#define PX_LOADGEN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "edge/codec/message.h"
#include "edge/codec/session.h"
#include "engine/base/exit_code.h"
#include "tools/loadgen/net/net_options.h"
#include "tools/loadgen/report/report.h"
#include "tools/loadgen/result/threshold.h"
#include "tools/loadgen/load/timeline.h"

/* Where placements come from, and when they are due. */
enum placing {
	PLACING_NONE,  /* nobody places */
	PLACING_PACED, /* cells of the plan, times of a pace: --rate, --phase, --profile */
	PLACING_TIMED, /* a replay at its own times: --speedup */
	PLACING_FREE,  /* a replay as fast as the windows allow */
};

struct options {
	struct net_options net;
	uint32_t painters;      /* the first this many clients place */
	uint32_t window;        /* most unanswered placements of one painter */
	uint32_t stop_reading;  /* the last this many clients stop reading after subscribing */
	uint32_t slow_readers;  /* this many before those read one buffer every two seconds */
	uint32_t observers;     /* clients that read immediately and measure visibility */
	double observers_share; /* as given; 0: given as a number, or not at all */
	uint32_t read_mark;     /* bytes that the other watchers let accumulate; 0: none */
	enum placing placing;
	double rate;              /* placements per second, in stages without a rate of their own */
	struct timeline timeline; /* --phase */
	const char *profile;      /* file with a curve, or NULL */
	double speedup;           /* of a profile or a replay; 0: not given */
	uint32_t hot_cells;
	double hot_share, noop_share;
	uint64_t duration_ns;          /* 0: until the end of the replay, profile or phases */
	uint64_t settle_ns;            /* how long to wait for answers and frames at the end */
	uint64_t receive_buffer_bytes; /* SO_RCVBUF of clients that stop reading; 0: the system's */
	const char *replay;            /* file, or NULL */
	struct report_files files;
	struct threshold thresholds[THRESHOLDS_MAX];
	uint32_t thresholds_count;
	uint64_t start_at_s; /* Unix time when placing starts; 0: once everybody is connected */
	size_t secret_len;   /* 0: sessions are fetched from the server */
	uint8_t secret[SESSION_SECRET_BYTES_MAX];
	char board[BOARD_NAME_BYTES_MAX + 1];
	bool uniform; /* intended times: evenly spaced instead of Poisson */
	bool resume;
	/* painters wait for their cooldown; otherwise they place and are refused */
	bool cooldown_keep;
	bool check_system; /* only report what this host can do */
	bool quiet;        /* no live line */
};

/* 0: continue; 1: done (--help, --version); -EINVAL: reported on stderr. */
int options_parse(int argc, char **argv, unsigned cores, struct options *ret_options);
void options_fini(struct options *o);

/* Accepts only options about a result: --json, --hgrm, --html, --threshold. Other words are at
 * argv[optind] and after it afterwards. -EINVAL: reported on stderr. *options: zeroed by the
 * caller. */
int options_parse_reports(int argc, char **argv, struct options *options);

#endif
