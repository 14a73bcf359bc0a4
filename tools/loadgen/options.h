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

#include "edge/message.h"
#include "edge/session.h"
#include "tools/loadgen/target.h"

enum exit_code {
	EXIT_PASS = 0,
	EXIT_OTHER = 1,
	EXIT_USAGE = 2,
	EXIT_DATA_WRONG = 3,
	EXIT_UNREACHABLE = 4,
};

struct options {
	struct target target;
	const char *url;
	uint32_t clients;
	uint32_t painters; /* the first so many clients place */
	uint32_t window;   /* placements of one painter that may wait for an answer */
	uint32_t threads;
	uint32_t stop_reading; /* the last so many clients stop reading after subscribing */
	double rate; /* placements per second; 0: none, or a replay as fast as the window allows */
	double connect_rate;           /* connections per second; 0: as fast as they open */
	uint64_t duration_ns;          /* 0: until the replay is over */
	uint64_t settle_ns;            /* how long to wait for answers and frames at the end */
	uint64_t receive_buffer_bytes; /* SO_RCVBUF of clients that stop reading; 0: the system's */
	uint64_t seed;
	const char *replay; /* file, or NULL */
	const char *json;   /* file, "-" or NULL */
	const char *acks;   /* file or NULL */
	size_t secret_len;  /* 0: sessions are fetched */
	uint8_t secret[SESSION_SECRET_BYTES_MAX];
	char board[BOARD_NAME_BYTES_MAX + 1];
	bool uniform; /* intended times: evenly spaced instead of poisson */
	bool resume;
	bool quiet; /* no live line */
};

/* 0: go on; 1: everything was said (--help, --version); -EINVAL: told on stderr what is wrong. */
int options_parse(int argc, char **argv, unsigned cores, struct options *ret_options);

#endif
