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

#include "engine/host/host.h"
#include "tools/loadgen/net/net_options.h"

/* Slots of one ring, and the bytes of ours that a client costs at most. */
#define CAPACITY_SLOTS_MAX    18750U
#define CAPACITY_CLIENT_BYTES 512U

struct capacity_facts {
	struct host_facts host;
	uint64_t tcp_bytes;   /* net.ipv4.tcp_mem, the middle one: from here on TCP saves memory */
	uint64_t tcp_buckets; /* of the table in which the kernel looks up connections */
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
