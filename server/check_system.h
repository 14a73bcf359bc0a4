/*
 * check_system.h - pixeld --check-system: what this machine allows, and how to allow more.
 *
 * Main thread only, before anything else runs: it opens a ring to test whether that is allowed.
 */
#ifndef PX_SERVER_CHECK_SYSTEM_H
#define PX_SERVER_CHECK_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/host/host.h"
#include "server/settings/settings.h"

/* Sizes in bytes. */
struct system_facts {
	struct host_facts host;
	char kernel[64];       /* 6.1.0-18-amd64 */
	uint64_t memlock;      /* RLIMIT_MEMLOCK */
	uint64_t tcp_mem;      /* net.ipv4.tcp_mem, its highest value, in bytes */
	uint64_t disk_free;    /* where the data directory is or will be */
	char congestions[256]; /* available in the kernel */
};

/* Looks at the machine. */
void system_look(const struct settings *s, struct system_facts *ret_facts);

/* Writes the report. EXIT_PASS; EXIT_FAILED: a limit is too low for s->clients_max clients;
 * EXIT_CONFIG: io_uring is refused. Pure except for `out`. */
int system_report(const struct system_facts *facts, const struct settings *s, FILE *out);

/* The number of clients that fit; *ret_limit: the limit that rules out more. Pure. */
uint64_t system_clients(const struct system_facts *facts, const struct settings *s,
			const char **ret_limit);

#endif
