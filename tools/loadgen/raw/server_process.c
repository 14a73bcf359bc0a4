/* server_process.c - see server_process.h. Reads a clock and /proc; keeps nothing. */
#include "tools/loadgen/raw/server_process.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int server_use_get(int pid, struct server_use *ret_use)
{
	struct timespec ts;
	char path[64];
	clockid_t id;
	long pages;
	FILE *file;
	int read;

	if (clock_getcpuclockid(pid, &id) != 0 || clock_gettime(id, &ts) < 0)
		return -ESRCH;
	(void)snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	file = fopen(path, "r");
	if (file == NULL)
		return -ESRCH;
	read = fscanf(file, "%*d %ld", &pages);
	(void)fclose(file);
	if (read != 1)
		return -ESRCH;
	ret_use->cpu_ns = (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
	ret_use->rss_bytes = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}
