/* host.c - see host.h. */
#include "engine/host/host.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "engine/ring/ring.h"

bool host_text(const char *path, char *out, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	px_assert(room > 0);
	if (fd < 0)
		return false;
	len = read(fd, out, room - 1);
	close(fd);
	if (len < 0)
		return false;
	out[len] = '\0';
	return true;
}

uint64_t host_number(const char *path, int index)
{
	char text[256];
	char *at = text;
	uint64_t value = HOST_UNKNOWN;

	if (!host_text(path, text, sizeof(text)))
		return HOST_UNKNOWN;
	for (int i = 0; i <= index; i++) {
		char *end;

		value = strtoull(at, &end, 10);
		if (end == at)
			return HOST_UNKNOWN;
		at = end;
	}
	return value;
}

uint64_t host_limit(__rlimit_resource_t what)
{
	struct rlimit limit;

	if (getrlimit(what, &limit) != 0)
		return HOST_UNKNOWN;
	return limit.rlim_max == RLIM_INFINITY ? HOST_UNLIMITED : limit.rlim_max;
}

/* What the memory limit of our control group (version 2) leaves. */
static uint64_t cgroup_memory_free(void)
{
	char group[512];
	char path[640];
	uint64_t max, used;

	if (!host_text("/proc/self/cgroup", group, sizeof(group)) || strncmp(group, "0::", 3) != 0)
		return HOST_UNKNOWN;
	group[strcspn(group, "\n")] = '\0';
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.max", group + 3);
	max = host_number(path, 0); /* "max" is no number: unknown */
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.current", group + 3);
	used = host_number(path, 0);
	if (max == HOST_UNKNOWN || used == HOST_UNKNOWN)
		return HOST_UNKNOWN;
	return max > used ? max - used : 0;
}

static uint64_t memory_free(void)
{
	char text[2048];
	uint64_t group = cgroup_memory_free();
	uint64_t machine = HOST_UNKNOWN;
	const char *line;

	if (host_text("/proc/meminfo", text, sizeof(text))) {
		line = strstr(text, "MemAvailable:");
		if (line != NULL)
			machine = strtoull(line + strlen("MemAvailable:"), NULL, 10) << 10;
	}
	return group < machine ? group : machine;
}

static int ring_try(void)
{
	const struct ring_config config = {.sq_entries = 8, .cq_entries = 16};
	struct ring *ring = NULL;
	int error = ring_open(&config, &ring);

	if (error == 0)
		ring_close(ring);
	return error;
}

static uint64_t port_count(void)
{
	static const char path[] = "/proc/sys/net/ipv4/ip_local_port_range";
	uint64_t low = host_number(path, 0);
	uint64_t high = host_number(path, 1);

	return high == HOST_UNKNOWN || high < low ? HOST_UNKNOWN : high - low + 1;
}

void host_look(struct host_facts *ret_facts)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	*ret_facts = (struct host_facts){
		.ring_error = ring_try(),
		.cores = cores < 1 ? 1 : (uint64_t)cores,
		.descriptors = host_limit(RLIMIT_NOFILE),
		.files_max = host_number("/proc/sys/fs/file-max", 0),
		.memory_free = memory_free(),
		.ports = port_count(),
		.somaxconn = host_number("/proc/sys/net/core/somaxconn", 0),
		.conntrack_count = host_number("/proc/sys/net/netfilter/nf_conntrack_count", 0),
		.conntrack_max = host_number("/proc/sys/net/netfilter/nf_conntrack_max", 0),
	};
}

bool host_conntrack_is_on(const struct host_facts *f)
{
	return f->conntrack_count != HOST_UNKNOWN && f->conntrack_count != 0;
}

uint64_t host_least(const struct host_facts *f, const struct host_bound *bounds, size_t count,
		    const char **ret_limit)
{
	uint64_t least = HOST_UNKNOWN;

	px_assert(count > 0);
	if (f->ring_error != 0) {
		*ret_limit = "io_uring";
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		if (bounds[i].clients < least) {
			least = bounds[i].clients;
			*ret_limit = bounds[i].limit;
		}
	}
	return least;
}
