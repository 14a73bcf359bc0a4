/*
 * options.h - what was asked on the command line.
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
	uint32_t painters;      /* the first so many clients place */
	uint32_t window;        /* placements of one painter that may wait for an answer */
	uint32_t stop_reading;  /* the last so many clients stop reading after subscribing */
	uint32_t slow_readers;  /* so many before those read one buffer every two seconds */
	uint32_t observers;     /* clients that read at once and give the visibility */
	double observers_share; /* as asked; 0: as a number, or not */
	uint32_t read_mark;     /* bytes that the other watchers let gather; 0: none */
	enum placing placing;
	double rate;              /* placements per second, where no stage has its own */
	struct timeline timeline; /* --phase */
	const char *profile;      /* file of a curve, or NULL */
	double speedup;           /* of a profile or a replay; 0: not named */
	uint32_t hot_cells;
	double hot_share, noop_share;
	uint64_t duration_ns;          /* 0: until replay, profile or phases are over */
	uint64_t settle_ns;            /* how long to wait for answers and frames at the end */
	uint64_t receive_buffer_bytes; /* SO_RCVBUF of clients that stop reading; 0: the system's */
	const char *replay;            /* file, or NULL */
	struct report_files files;
	struct threshold thresholds[THRESHOLDS_MAX];
	uint32_t thresholds_count;
	uint64_t start_at_s; /* Unix time when placing begins; 0: when everybody is connected */
	size_t secret_len;   /* 0: sessions are fetched */
	uint8_t secret[SESSION_SECRET_BYTES_MAX];
	char board[BOARD_NAME_BYTES_MAX + 1];
	bool uniform; /* intended times: evenly spaced instead of poisson */
	bool resume;
	bool cooldown_keep; /* painters wait for their cooldown; else they place and are refused */
	bool check_system;  /* only tell what this host can do */
	bool quiet;         /* no live line */
};

/* 0: go on; 1: everything was said (--help, --version); -EINVAL: told on stderr what is wrong. */
int options_parse(int argc, char **argv, unsigned cores, struct options *ret_options);
void options_fini(struct options *o);

/* Those that say what to do with a result: --json, --hgrm, --html, --threshold. Other words stand
 * from argv[optind] on afterwards. -EINVAL: told. *options: zeroed by the caller. */
int options_parse_reports(int argc, char **argv, struct options *options);

#endif
