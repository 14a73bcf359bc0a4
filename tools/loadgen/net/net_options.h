/*
 * net_options.h - the part of the command line about who connects, from where and to what: the same
 * for any server.
 *
 * Parsed once by the main thread; constant afterwards, read by all.
 */
#ifndef PX_LOADGEN_NET_OPTIONS_H
#define PX_LOADGEN_NET_OPTIONS_H

#include <stdint.h>
#include <unistd.h>

#include "edge/fetch/target.h"
#include "tools/loadgen/net/source.h"

#define NET_CLIENTS_MAX 2000000U
#define NET_TARGETS_MAX 16U
#define NET_THREADS_MAX 256U

struct net_options {
	const char *url;                        /* the first */
	struct target targets[NET_TARGETS_MAX]; /* from all --url; clients use them in turn */
	uint32_t targets_count;
	struct source_list sources;
	uint32_t clients;
	uint32_t threads;
	double connect_rate; /* connections per second; 0: as fast as possible */
	uint64_t seed;
};

/* Cores of this machine: the default number of threads. */
static inline unsigned net_cores(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores < 1 ? 1 : (unsigned)cores;
}

/* Completes the number of threads: as given, otherwise one per core; no more than clients. */
static inline void net_threads_fill(struct net_options *o, unsigned cores)
{
	if (o->threads == 0)
		o->threads = cores;
	if (o->threads > o->clients)
		o->threads = o->clients;
}

/* The server for client `number`. */
static inline const struct target *net_target(const struct net_options *o, uint64_t number)
{
	return &o->targets[number % o->targets_count];
}

#endif
