/*
 * net_options.h - what of the command line says who connects, from where and to what: the same for
 * any server.
 *
 * Parsed once by the main thread; constant afterwards, read by all.
 */
#ifndef PX_LOADGEN_NET_OPTIONS_H
#define PX_LOADGEN_NET_OPTIONS_H

#include <stdint.h>

#include "edge/fetch/target.h"
#include "tools/loadgen/net/source.h"

#define NET_CLIENTS_MAX 2000000U
#define NET_TARGETS_MAX 16U
#define NET_THREADS_MAX 256U

struct net_options {
	const char *url;                        /* the first */
	struct target targets[NET_TARGETS_MAX]; /* of all --url; clients take them in turn */
	uint32_t targets_count;
	struct source_list sources;
	uint32_t clients;
	uint32_t threads;
	double connect_rate; /* connections per second; 0: as fast as they open */
	uint64_t seed;
};

/* What the client of this number connects to. */
static inline const struct target *net_target(const struct net_options *o, uint64_t number)
{
	return &o->targets[number % o->targets_count];
}

#endif
