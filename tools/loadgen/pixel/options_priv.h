/*
 * options_priv.h - what options.c (the table, defaults) and options_value.c (values) share.
 */
#ifndef PX_LOADGEN_OPTIONS_PRIV_H
#define PX_LOADGEN_OPTIONS_PRIV_H

#include "tools/loadgen/pixel/options.h"

enum option_id {
	OPTION_URL = 256,
	OPTION_CLIENTS,
	OPTION_RATE,
	OPTION_UNIFORM,
	OPTION_DURATION,
	OPTION_REPLAY,
	OPTION_PAINTERS,
	OPTION_WINDOW,
	OPTION_BOARD,
	OPTION_SECRET,
	OPTION_CONNECT_RATE,
	OPTION_RESUME,
	OPTION_STOP_READING,
	OPTION_SLOW_READERS,
	OPTION_PHASE,
	OPTION_PROFILE,
	OPTION_SPEEDUP,
	OPTION_HOT_CELLS,
	OPTION_NOOP_SHARE,
	OPTION_COOLDOWN,
	OPTION_SOURCE,
	OPTION_OBSERVERS,
	OPTION_READ_MARK,
	OPTION_CHECK_SYSTEM,
	OPTION_RECEIVE_BUFFER,
	OPTION_SETTLE,
	OPTION_THREADS,
	OPTION_SEED,
	OPTION_JSON,
	OPTION_CSV,
	OPTION_HGRM,
	OPTION_HTML,
	OPTION_THRESHOLD,
	OPTION_START_AT,
	OPTION_ACKS,
	OPTION_QUIET,
	OPTION_HELP,
	OPTION_VERSION,
};

/* Reads the value of one option. 0; -EINVAL: it is not understood (some say on stderr why); another
 * -errno otherwise. --help and --version are none of its business. */
int options_value_take(enum option_id id, const char *text, struct options *o);

#endif
