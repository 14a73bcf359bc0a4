/*
 * system_look.c - the facts for check_system.c, from /proc, limits and a ring that is opened and
 * closed.
 *
 * What cannot be read is SYSTEM_UNKNOWN: containers hide much.
 */
#include "server/check_system.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "engine/ring/ring.h"

/* The beginning of a small file, NUL-terminated; false: not there. */
static bool read_text(const char *path, char *out, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return false;
	len = read(fd, out, room - 1);
	close(fd);
	if (len < 0)
		return false;
	out[len] = '\0';
	return true;
}

/* The number at place `index` of a file of numbers. */
static uint64_t read_number(const char *path, int index)
{
	char text[256];
	char *at = text;
	uint64_t value = SYSTEM_UNKNOWN;

	if (!read_text(path, text, sizeof(text)))
		return SYSTEM_UNKNOWN;
	for (int i = 0; i <= index; i++) {
		char *end;

		value = strtoull(at, &end, 10);
		if (end == at)
			return SYSTEM_UNKNOWN;
		at = end;
	}
	return value;
}

static uint64_t limit_of(__rlimit_resource_t what)
{
	struct rlimit limit;

	if (getrlimit(what, &limit) != 0)
		return SYSTEM_UNKNOWN;
	return limit.rlim_max == RLIM_INFINITY ? SYSTEM_UNKNOWN - 1 : limit.rlim_max;
}

/* What the memory limit of our control group (version 2) leaves. */
static uint64_t cgroup_memory_free(void)
{
	char group[512];
	char path[640];
	uint64_t max, used;

	if (!read_text("/proc/self/cgroup", group, sizeof(group)) || strncmp(group, "0::", 3) != 0)
		return SYSTEM_UNKNOWN;
	group[strcspn(group, "\n")] = '\0';
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.max", group + 3);
	max = read_number(path, 0); /* "max" is no number: unknown */
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.current", group + 3);
	used = read_number(path, 0);
	if (max == SYSTEM_UNKNOWN || used == SYSTEM_UNKNOWN)
		return SYSTEM_UNKNOWN;
	return max > used ? max - used : 0;
}

static uint64_t memory_free(void)
{
	char text[2048];
	uint64_t group = cgroup_memory_free();
	uint64_t machine = SYSTEM_UNKNOWN;
	const char *line;

	if (read_text("/proc/meminfo", text, sizeof(text))) {
		line = strstr(text, "MemAvailable:");
		if (line != NULL)
			machine = strtoull(line + strlen("MemAvailable:"), NULL, 10) << 10;
	}
	return group < machine ? group : machine;
}

/* Of the data directory, or of the nearest parent that exists. */
static uint64_t disk_free(const char *data)
{
	char path[PATH_MAX];
	struct statvfs fs;

	snprintf(path, sizeof(path), "%s", data);
	for (;;) {
		char *slash;

		if (statvfs(path, &fs) == 0)
			return (uint64_t)fs.f_bavail * fs.f_frsize;
		slash = strrchr(path, '/');
		if (slash == path || strcmp(path, ".") == 0)
			return SYSTEM_UNKNOWN;
		if (slash == NULL)
			snprintf(path, sizeof(path), ".");
		else
			*slash = '\0';
	}
}

static int try_ring(void)
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
	uint64_t low = read_number(path, 0);
	uint64_t high = read_number(path, 1);

	return high == SYSTEM_UNKNOWN || high < low ? SYSTEM_UNKNOWN : high - low + 1;
}

void system_look(const struct settings *s, struct system_facts *ret_facts)
{
	struct system_facts f = {.ring_error = try_ring()};
	uint64_t tcp_pages = read_number("/proc/sys/net/ipv4/tcp_mem", 2);
	struct utsname name;

	if (uname(&name) == 0)
		snprintf(f.kernel, sizeof(f.kernel), "%.63s", name.release);
	f.cores = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
	f.descriptors = limit_of(RLIMIT_NOFILE);
	f.memlock = limit_of(RLIMIT_MEMLOCK);
	f.files_max = read_number("/proc/sys/fs/file-max", 0);
	f.memory_free = memory_free();
	f.somaxconn = read_number("/proc/sys/net/core/somaxconn", 0);
	f.tcp_mem = tcp_pages == SYSTEM_UNKNOWN ? SYSTEM_UNKNOWN
						: tcp_pages * (uint64_t)sysconf(_SC_PAGESIZE);
	f.ports = port_count();
	f.conntrack_count = read_number("/proc/sys/net/netfilter/nf_conntrack_count", 0);
	f.conntrack_max = read_number("/proc/sys/net/netfilter/nf_conntrack_max", 0);
	f.disk_free = disk_free(s->data);
	if (!read_text("/proc/sys/net/ipv4/tcp_available_congestion_control", f.congestions,
		       sizeof(f.congestions)))
		f.congestions[0] = '\0';
	f.congestions[strcspn(f.congestions, "\n")] = '\0';
	*ret_facts = f;
}
