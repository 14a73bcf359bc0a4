/*
 * capacity.h - loadgen --check-system: how many clients this host can open, and what raises each
 * limit.
 *
 * Main thread, before the load. Looking reads /proc and opens a ring; the report is pure except for
 * its output.
 */
#ifndef PX_LOADGEN_CAPACITY_H
#define PX_LOADGEN_CAPACITY_H

#include <stdint.h>
#include <stdio.h>

#include "engine/host/host.h"
#include "tools/loadgen/net/net_options.h"

/* Most slots of one ring, and most bytes of our memory per client. */
#define CAPACITY_SLOTS_MAX    18750U
#define CAPACITY_CLIENT_BYTES 512U

struct capacity_facts {
	struct host_facts host;
	uint64_t tcp_bytes;   /* net.ipv4.tcp_mem, its middle value: above it TCP saves memory */
	uint64_t tcp_buckets; /* of the kernel's table of connections */
};

void capacity_look(struct capacity_facts *ret_facts);
uint64_t capacity_tcp_bytes(void); /* capacity_look() for tcp_bytes alone */

/* Slots per ring under this descriptor limit. */
uint32_t capacity_slots(uint64_t descriptors);

/* Number of source addresses of `o`: those given, or the whole of 127.0.0.0/8 towards a loopback
 * server; otherwise 1. */
uint64_t capacity_sources(const struct net_options *o);

/* How many clients fit; *ret_limit: the limit that rules out more. */
uint64_t capacity_clients(const struct capacity_facts *f, const struct net_options *o,
			  const char **ret_limit);

/* Bytes that a watcher may leave unread, so that all of them together leave at most a quarter of
 * TCP's memory unread, and are charged half of it; 0: there is no room for that. */
uint32_t capacity_read_mark(uint64_t tcp_bytes, uint32_t watchers);

/* Writes the report. 0, or 1: a limit is too low for o->clients. */
int capacity_report(FILE *to, const struct capacity_facts *f, const struct net_options *o);

#endif
