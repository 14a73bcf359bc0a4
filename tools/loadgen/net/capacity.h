/*
 * capacity.h - loadgen --check-system: how many clients this host can open, and what lifts each
 * limit.
 *
 * Main thread, before the load. Looking reads /proc and opens a ring; the report is pure but for
 * its output.
 */
#ifndef PX_LOADGEN_CAPACITY_H
#define PX_LOADGEN_CAPACITY_H

#include <stdint.h>
#include <stdio.h>

#include "tools/loadgen/net/net_options.h"

#define CAPACITY_UNKNOWN UINT64_MAX /* the host does not say */

/* Slots of one ring, and the bytes of ours that a client costs at most. */
#define CAPACITY_SLOTS_MAX    18750U
#define CAPACITY_CLIENT_BYTES 512U

struct capacity_facts {
	int ring_error; /* of ring_open(): 0 or -errno */
	uint64_t cores;
	uint64_t descriptors; /* RLIMIT_NOFILE, the hard limit */
	uint64_t files_max;   /* fs.file-max */
	uint64_t memory_free; /* bytes; MemAvailable */
	uint64_t ports;       /* in ip_local_port_range */
	uint64_t tcp_bytes;   /* net.ipv4.tcp_mem, the middle one: from here on TCP saves memory */
	uint64_t somaxconn;
	uint64_t tcp_buckets; /* of the table in which the kernel looks up connections */
	uint64_t conntrack_count, conntrack_max; /* connections followed; 0 or unknown: none */
};

void capacity_look(struct capacity_facts *ret_facts);
uint64_t capacity_tcp_bytes(void); /* of capacity_look() alone */

/* Slots per ring under this limit of descriptors. */
uint32_t capacity_slots(uint64_t descriptors);

/* Source addresses that `o` has: named ones, or the whole of 127.0.0.0/8 towards a loopback server;
 * else 1. */
uint64_t capacity_sources(const struct net_options *o);

/* How many clients fit, and in *ret_limit what ends it. */
uint64_t capacity_clients(const struct capacity_facts *f, const struct net_options *o,
			  const char **ret_limit);

/* Bytes that a watcher may leave unread, so that all of them together leave at most a quarter of
 * what TCP may use, and are charged half of it; 0: there is no room for that. */
uint32_t capacity_read_mark(uint64_t tcp_bytes, uint32_t watchers);

/* Writes the report: 0, or 1 when something fails for o->clients. */
int capacity_report(FILE *to, const struct capacity_facts *f, const struct net_options *o);

#endif
