/*
 * check_system.c - the facts of system_look.c, judged; see check_system.h.
 *
 * Each check writes one line, OK, WARN or FAIL, and unless it is OK the command that raises the
 * limit. WARN: it works, but not as well as it could. FAIL: not enough for s->clients_max clients,
 * or for anything.
 */
#include "server/check_system.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/apply.h"
#include "engine/host/host_report.h"
#include "engine/requests.h"
#include "server/settings/settings_priv.h"

#define KERNEL_MAJOR_MIN 6
#define KERNEL_MINOR_MIN 1

/* One connection: two sockets' worth of kernel memory at the worst, and our struct (docs/perf.md).
 * */
#define KERNEL_BYTES_PER_CLIENT 9216
#define USER_BYTES_PER_CLIENT   512

#define JOURNAL_BYTES 65 /* per placement; docs/operations.md */

/* SO_REUSEPORT spreads clients unevenly, so rings hold some more than their share. */
#define SPARE_PERCENT 6

#define DISK_FREE_MIN        (1ULL << 30)
#define TCP_BYTES_PER_CLIENT 4096 /* one page in flight */

static double mib(uint64_t bytes)
{
	return (double)bytes / 1048576.0;
}

/* Memory that does not depend on the number of clients. */
static uint64_t fixed_bytes(const struct settings *s)
{
	uint64_t sum = s->people_max * sizeof(struct person) + requests_bytes(s->requests_max);

	sum += s->requests_max * sizeof(struct request); /* their copy for a snapshot */
	for (unsigned i = 0; i < s->boards_count; i++) {
		const struct settings_board *board = &s->boards[i];
		uint64_t cells = (uint64_t)board->width * board->height;

		sum += cells * board->bits / 8 * (1 + BOARD_COPIES_MAX) + s->log_bytes * ROOM_LOGS;
		if (cells <= s->last_placer_cells)
			sum += cells * sizeof(struct last_placer);
	}
	return sum;
}

static bool kernel_is_old(const char *kernel)
{
	char *end;
	unsigned long major = strtoul(kernel, &end, 10);
	unsigned long minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;

	return major < KERNEL_MAJOR_MIN || (major == KERNEL_MAJOR_MIN && minor < KERNEL_MINOR_MIN);
}

static void check_kernel(struct host_report *r, const struct system_facts *f)
{
	bool old = kernel_is_old(f->kernel);

	host_say(r, old ? HOST_FAIL : HOST_OK, "kernel", "%s; 6.1 or newer is required", f->kernel);
	if (old)
		host_lift(r, "install a newer kernel (Debian 12 has 6.1)");
}

static void check_descriptors(struct host_report *r, const struct system_facts *f,
			      const struct settings *s)
{
	uint64_t wanted = s->clients_max + s->clients_max * SPARE_PERCENT / 100;
	uint64_t rings = (wanted + f->host.descriptors - 1) / f->host.descriptors;

	host_say(r, f->host.descriptors < 1024 ? HOST_WARN : HOST_OK, "RLIMIT_NOFILE",
		 "%" PRIu64 " slots per ring; %" PRIu64 " clients need %" PRIu64 " ring%s",
		 f->host.descriptors, s->clients_max, rings, rings == 1 ? "" : "s");
	if (f->host.descriptors < 1024)
		host_lift(r, "ulimit -n 65536, or LimitNOFILE=65536 in the unit");
}

static void check_memory(struct host_report *r, const struct system_facts *f,
			 const struct settings *s)
{
	uint64_t fixed = fixed_bytes(s);
	uint64_t clients = s->clients_max * (KERNEL_BYTES_PER_CLIENT + USER_BYTES_PER_CLIENT);
	bool little = f->host.memory_free < fixed + clients;

	if (f->host.memory_free == HOST_UNKNOWN)
		return;
	host_say(r, little ? HOST_FAIL : HOST_OK, "memory",
		 "%.0f MiB free; boards, people and their requests take %.0f MiB, clients %.0f MiB",
		 mib(f->host.memory_free), mib(fixed), mib(clients));
	if (little)
		host_lift(
			r,
			"lower --clients-max, --people-max or --requests-max, or give the machine "
			"more memory");
}

static void check_memlock(struct host_report *r, const struct system_facts *f)
{
	bool little = f->memlock < (8ULL << 20);

	if (!little) {
		host_say(r, HOST_OK, "RLIMIT_MEMLOCK", "enough");
		return;
	}
	host_say(r, HOST_WARN, "RLIMIT_MEMLOCK",
		 "%" PRIu64 " KiB; some kernels count the memory of rings", f->memlock >> 10);
	host_lift(r, "ulimit -l unlimited, or LimitMEMLOCK=infinity in the unit");
}

static void check_sockets(struct host_report *r, const struct system_facts *f,
			  const struct settings *s)
{
	uint64_t wanted = s->clients_max * TCP_BYTES_PER_CLIENT;

	host_check_somaxconn(r, &f->host, "clients may wait to be accepted, per listener");
	if (f->tcp_mem != HOST_UNKNOWN) {
		bool low = f->tcp_mem < wanted;

		host_say(r, low ? HOST_WARN : HOST_OK, "tcp_mem", "%.0f MiB for all TCP buffers",
			 mib(f->tcp_mem));
		if (low)
			host_lift(r,
				  "sysctl -w net.ipv4.tcp_mem='%" PRIu64 " %" PRIu64 " %" PRIu64
				  "'",
				  wanted / 4096 / 2, wanted / 4096, wanted / 4096 * 2);
	}
}

/* Whether the kernel has a congestion control of this name. */
static bool has_congestion(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (; *list != '\0'; list += strspn(list, " ")) {
		size_t word = strcspn(list, " ");

		if (word == len && memcmp(list, name, len) == 0)
			return true;
		list += word;
	}
	return false;
}

static void check_congestion(struct host_report *r, const struct system_facts *f,
			     const struct settings *s)
{
	bool has =
		s->tcp_congestion[0] == '\0' || has_congestion(f->congestions, s->tcp_congestion);

	if (f->congestions[0] == '\0')
		return;
	host_say(r, has ? HOST_OK : HOST_WARN, "congestion",
		 "the kernel has %s; the setting tcp-congestion is \"%s\"", f->congestions,
		 s->tcp_congestion);
	if (!has)
		host_lift(r, "modprobe tcp_%s, or --tcp-congestion= for the system's",
			  s->tcp_congestion);
}

static void check_ports(struct host_report *r, const struct system_facts *f,
			const struct settings *s)
{
	bool few = f->host.ports < s->clients_max;

	if (f->host.ports == HOST_UNKNOWN)
		return;
	host_say(r, few ? HOST_WARN : HOST_OK, "local ports",
		 "%" PRIu64 " per pair of addresses; counts for load generators and proxies only",
		 f->host.ports);
	if (few)
		host_lift(r,
			  "sysctl -w net.ipv4.ip_local_port_range='1024 65535', or more addresses");
}

static void check_disk(struct host_report *r, const struct system_facts *f,
		       const struct settings *s)
{
	bool little = f->disk_free < DISK_FREE_MIN;

	if (f->disk_free == HOST_UNKNOWN)
		return;
	host_say(r, little ? HOST_WARN : HOST_OK, "disk",
		 "%.0f MiB free at \"%s\": %.0f million placements in the journal",
		 mib(f->disk_free), s->data, (double)f->disk_free / JOURNAL_BYTES / 1e6);
	if (little)
		host_lift(r, "--data on a larger disk, or --journal-keep-bytes");
}

uint64_t system_clients(const struct system_facts *f, const struct settings *s,
			const char **ret_limit)
{
	uint64_t fixed = fixed_bytes(s);
	uint64_t memory = f->host.memory_free > fixed ? f->host.memory_free - fixed : 0;
	const struct host_bound bounds[] = {
		{setting_rows[SETTINGS_ID_clients_max].max, "the largest --clients-max"},
		{f->host.memory_free == HOST_UNKNOWN
			 ? HOST_UNKNOWN
			 : memory / (KERNEL_BYTES_PER_CLIENT + USER_BYTES_PER_CLIENT),
		 "memory"},
		{f->host.files_max > HOST_FILES_SPARE ? f->host.files_max - HOST_FILES_SPARE : 0,
		 "fs.file-max"},
		{host_conntrack_is_on(&f->host) ? f->host.conntrack_max : HOST_UNKNOWN,
		 "nf_conntrack_max"},
	};

	return host_least(&f->host, bounds, sizeof(bounds) / sizeof(bounds[0]), ret_limit);
}

int system_report(const struct system_facts *f, const struct settings *s, FILE *out)
{
	struct host_report r = {.to = out};
	const char *limit = "nothing";
	uint64_t clients = system_clients(f, s, &limit);

	fprintf(out, "This machine (%" PRIu64 " cores) for %" PRIu64 " clients (--clients-max):\n",
		f->host.cores, s->clients_max);
	check_kernel(&r, f);
	host_check_ring(&r, &f->host);
	check_descriptors(&r, f, s);
	host_check_files(&r, &f->host, s->clients_max);
	check_memory(&r, f, s);
	check_memlock(&r, f);
	check_sockets(&r, f, s);
	check_congestion(&r, f, s);
	host_check_conntrack(&r, &f->host, s->clients_max);
	check_ports(&r, f, s);
	check_disk(&r, f, s);
	fprintf(out, "It holds %" PRIu64 " clients as it is; the limit is %s.\n", clients, limit);
	return host_report_end(&r, &f->host);
}
