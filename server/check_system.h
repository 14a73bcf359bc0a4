/*
 * check_system.h - pixeld --check-system: what this machine allows, and how to allow more.
 *
 * Main thread only, before anything else runs: it opens a ring to see whether it may.
 */
#ifndef PX_SERVER_CHECK_SYSTEM_H
#define PX_SERVER_CHECK_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/host/host.h"
#include "server/settings/settings.h"

/* What was seen. Sizes in bytes. */
struct system_facts {
	struct host_facts host;
	char kernel[64];       /* 6.1.0-18-amd64 */
	uint64_t memlock;      /* RLIMIT_MEMLOCK */
	uint64_t tcp_mem;      /* net.ipv4.tcp_mem, the highest, in bytes */
	uint64_t disk_free;    /* where the data directory is or will be */
	char congestions[256]; /* those the kernel has */
};

/* Looks at the machine. */
void system_look(const struct settings *s, struct system_facts *ret_facts);

/* Writes the report. EXIT_PASS; EXIT_FAILED: something fails for s->clients_max clients;
 * EXIT_CONFIG: io_uring is refused. Pure but for `out`. */
int system_report(const struct system_facts *facts, const struct settings *s, FILE *out);

/* How many clients fit, and in *ret_limit what ends it. Pure. */
uint64_t system_clients(const struct system_facts *facts, const struct settings *s,
			const char **ret_limit);

#endif
