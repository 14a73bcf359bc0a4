/*
 * host.h - what this machine has and allows, from /proc, limits, and a ring that is opened and
 * closed. What cannot be read is HOST_UNKNOWN: containers hide much of it.
 *
 * Main thread, before anything else runs.
 */
#ifndef PX_HOST_HOST_H
#define PX_HOST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#define HOST_UNKNOWN   UINT64_MAX /* the machine does not report it */
#define HOST_UNLIMITED (UINT64_MAX - 1)

/* Sizes in bytes. */
struct host_facts {
	int ring_error; /* of ring_open(): 0 or -errno */
	uint64_t cores;
	uint64_t descriptors;     /* RLIMIT_NOFILE, the hard limit */
	uint64_t files_max;       /* fs.file-max */
	uint64_t memory_free;     /* MemAvailable, or what remains in the control group */
	uint64_t ports;           /* in net.ipv4.ip_local_port_range */
	uint64_t somaxconn;       /* net.core.somaxconn */
	uint64_t conntrack_count; /* connections tracked now; 0: conntrack is inactive */
	uint64_t conntrack_max;
};

void host_look(struct host_facts *ret_facts);

/* Whether connections are tracked, so that conntrack_max is a limit. */
bool host_conntrack_is_on(const struct host_facts *f);

uint64_t host_limit(__rlimit_resource_t what); /* the hard limit */

/* Reads the start of a small file, NUL-terminated; false: there is no such file. */
bool host_text(const char *path, char *out, size_t room);

/* The number at position `index` (from 0) in a file of numbers; HOST_UNKNOWN: there is none. */
uint64_t host_number(const char *path, int index);

/* One limit on the number of clients. */
struct host_bound {
	uint64_t clients; /* HOST_UNKNOWN: no bound */
	const char *limit;
};

/* The lowest of them, with its name in *ret_limit; 0 and "io_uring" where that is refused. */
uint64_t host_least(const struct host_facts *f, const struct host_bound *bounds, size_t count,
		    const char **ret_limit);

#endif
