/*
 * raw_options.h - the command line of --profile-protocol raw.
 *
 * Parsed once by the main thread; constant afterwards, read by all.
 */
#ifndef PX_LOADGEN_RAW_OPTIONS_H
#define PX_LOADGEN_RAW_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/loadgen/net/net_options.h"
#include "tools/loadgen/raw/raw_template.h"
#include "tools/loadgen/net/upgrade.h"

#define RAW_FIELDS_BYTES_MAX 4096 /* of all --header */

enum raw_expect {
	RAW_EXPECT_NONE,      /* whatever arrives is counted */
	RAW_EXPECT_ECHO,      /* every message returns to its sender, unchanged and in order */
	RAW_EXPECT_BROADCAST, /* every message that any client receives reaches every client once */
	RAW_EXPECTS
};

struct raw_options {
	struct net_options net;
	struct raw_template *message;       /* NULL: nothing is sent */
	struct raw_template *first_message; /* NULL: none */
	struct upgrade_ask ask;
	enum raw_expect expect;
	uint32_t senders; /* the first this many clients send */
	uint32_t window;  /* echo: most messages of one sender without an echo */
	double rate;      /* messages per second, all senders together */
	uint64_t duration_ns;
	uint64_t warmup_ns; /* between the last connect and the first message that counts */
	uint64_t settle_ns;
	int server_pid;      /* 0: not watched */
	const char *json;    /* file, "-" or NULL */
	const char *ca_file; /* wss; NULL: the system's */
	bool insecure;       /* wss: accept any certificate */
	bool first_answer;   /* a client is connected when its first message was answered */
	bool binary;
	bool uniform;
	bool quiet;
	char fields[RAW_FIELDS_BYTES_MAX];
};

const char *raw_expect_str(enum raw_expect expect);

/* 0: continue; 1: --help was given; -EINVAL: reported on stderr. */
int raw_options_parse(int argc, char **argv, unsigned cores, struct raw_options *ret_options);
void raw_options_fini(struct raw_options *o);

#endif
