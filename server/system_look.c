/*
 * system_look.c - the facts for check_system.c: those for any program (engine/host), and those for
 * the server alone. What cannot be read is HOST_UNKNOWN.
 */
#include "server/check_system.h"

#include <limits.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

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
			return HOST_UNKNOWN;
		if (slash == NULL)
			snprintf(path, sizeof(path), ".");
		else
			*slash = '\0';
	}
}

void system_look(const struct settings *s, struct system_facts *ret_facts)
{
	static const char congestions[] = "/proc/sys/net/ipv4/tcp_available_congestion_control";
	uint64_t tcp_pages = host_number("/proc/sys/net/ipv4/tcp_mem", 2);
	struct system_facts f = {.memlock = host_limit(RLIMIT_MEMLOCK)};
	struct utsname name;

	host_look(&f.host);
	if (uname(&name) == 0)
		snprintf(f.kernel, sizeof(f.kernel), "%.63s", name.release);
	f.tcp_mem = tcp_pages == HOST_UNKNOWN ? HOST_UNKNOWN
					      : tcp_pages * (uint64_t)sysconf(_SC_PAGESIZE);
	f.disk_free = disk_free(s->data);
	if (!host_text(congestions, f.congestions, sizeof(f.congestions)))
		f.congestions[0] = '\0';
	f.congestions[strcspn(f.congestions, "\n")] = '\0';
	*ret_facts = f;
}
