/*
 * check_system.c - the facts of system_look.c, judged; see check_system.h.
 *
 * Each check writes one line, OK, WARN or FAIL, and when it is not OK the command that lifts it.
 * WARN: it runs, but not as well as it could. FAIL: s->clients_max clients do not fit, or nothing
 * runs.
 */
#include "server/check_system.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "engine/apply.h"
#include "engine/requests.h"
#include "engine/ring/ring.h"
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

#define FILES_SPARE          4096
#define SOMAXCONN_MIN        4096
#define DISK_FREE_MIN        (1ULL << 30)
#define TCP_BYTES_PER_CLIENT 4096 /* one page in flight */

enum verdict { OK, WARN, FAIL };

struct report {
	FILE *out;
	bool failed;
};

__attribute__((format(printf, 4, 5))) static void say(struct report *r, enum verdict verdict,
						      const char *what, const char *format, ...)
{
	static const char *const words[] = {"OK  ", "WARN", "FAIL"};
	va_list args;

	fprintf(r->out, "%s  %-16s ", words[verdict], what);
	va_start(args, format);
	vfprintf(r->out, format, args);
	va_end(args);
	fputc('\n', r->out);
	r->failed |= verdict == FAIL;
}

__attribute__((format(printf, 2, 3))) static void lift(struct report *r, const char *format, ...)
{
	va_list args;

	fprintf(r->out, "%24s", "");
	va_start(args, format);
	vfprintf(r->out, format, args);
	va_end(args);
	fputc('\n', r->out);
}

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

static void check_kernel(struct report *r, const struct system_facts *f)
{
	bool old = kernel_is_old(f->kernel);

	say(r, old ? FAIL : OK, "kernel", "%s; 6.1 or newer is needed", f->kernel);
	if (old)
		lift(r, "install a newer kernel (Debian 12 has 6.1)");
}

static void check_ring(struct report *r, const struct system_facts *f)
{
	if (f->ring_error == 0) {
		say(r, OK, "io_uring", "allowed");
		return;
	}
	say(r, FAIL, "io_uring", "refused: %s", strerror(-f->ring_error));
	lift(r, "%s", ring_open_remedy(f->ring_error));
}

static void check_descriptors(struct report *r, const struct system_facts *f,
			      const struct settings *s)
{
	uint64_t wanted = s->clients_max + s->clients_max * SPARE_PERCENT / 100;
	uint64_t rings = (wanted + f->descriptors - 1) / f->descriptors;

	say(r, f->descriptors < 1024 ? WARN : OK, "RLIMIT_NOFILE",
	    "%" PRIu64 " slots a ring; %" PRIu64 " clients need %" PRIu64 " ring%s", f->descriptors,
	    s->clients_max, rings, rings == 1 ? "" : "s");
	if (f->descriptors < 1024)
		lift(r, "ulimit -n 65536, or LimitNOFILE=65536 in the unit");
}

static void check_files(struct report *r, const struct system_facts *f, const struct settings *s)
{
	bool few = f->files_max < s->clients_max + FILES_SPARE;

	if (f->files_max == SYSTEM_UNKNOWN)
		return;
	say(r, few ? FAIL : OK, "fs.file-max", "%" PRIu64 " open files on the whole machine",
	    f->files_max);
	if (few)
		lift(r, "sysctl -w fs.file-max=%" PRIu64, 2 * s->clients_max + FILES_SPARE);
}

static void check_memory(struct report *r, const struct system_facts *f, const struct settings *s)
{
	uint64_t fixed = fixed_bytes(s);
	uint64_t clients = s->clients_max * (KERNEL_BYTES_PER_CLIENT + USER_BYTES_PER_CLIENT);
	bool little = f->memory_free < fixed + clients;

	if (f->memory_free == SYSTEM_UNKNOWN)
		return;
	say(r, little ? FAIL : OK, "memory",
	    "%.0f MiB free; boards, people and their requests take %.0f MiB, clients %.0f MiB",
	    mib(f->memory_free), mib(fixed), mib(clients));
	if (little)
		lift(r, "lower --clients-max, --people-max or --requests-max, or give the machine "
			"more memory");
}

static void check_memlock(struct report *r, const struct system_facts *f)
{
	bool little = f->memlock < (8ULL << 20);

	if (!little) {
		say(r, OK, "RLIMIT_MEMLOCK", "enough");
		return;
	}
	say(r, WARN, "RLIMIT_MEMLOCK", "%" PRIu64 " KiB; some kernels count the memory of rings",
	    f->memlock >> 10);
	lift(r, "ulimit -l unlimited, or LimitMEMLOCK=infinity in the unit");
}

static void check_sockets(struct report *r, const struct system_facts *f, const struct settings *s)
{
	uint64_t wanted = s->clients_max * TCP_BYTES_PER_CLIENT;

	if (f->somaxconn != SYSTEM_UNKNOWN) {
		bool low = f->somaxconn < SOMAXCONN_MIN;

		say(r, low ? WARN : OK, "somaxconn",
		    "%" PRIu64 " clients may wait to be accepted, per listener", f->somaxconn);
		if (low)
			lift(r, "sysctl -w net.core.somaxconn=65535");
	}
	if (f->tcp_mem != SYSTEM_UNKNOWN) {
		bool low = f->tcp_mem < wanted;

		say(r, low ? WARN : OK, "tcp_mem", "%.0f MiB for all TCP buffers", mib(f->tcp_mem));
		if (low)
			lift(r, "sysctl -w net.ipv4.tcp_mem='%" PRIu64 " %" PRIu64 " %" PRIu64 "'",
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

static void check_congestion(struct report *r, const struct system_facts *f,
			     const struct settings *s)
{
	bool has =
		s->tcp_congestion[0] == '\0' || has_congestion(f->congestions, s->tcp_congestion);

	if (f->congestions[0] == '\0')
		return;
	say(r, has ? OK : WARN, "congestion",
	    "the kernel has %s; the setting tcp-congestion is \"%s\"", f->congestions,
	    s->tcp_congestion);
	if (!has)
		lift(r, "modprobe tcp_%s, or --tcp-congestion= for the system's",
		     s->tcp_congestion);
}

static void check_conntrack(struct report *r, const struct system_facts *f,
			    const struct settings *s)
{
	bool sleeps = f->conntrack_count == SYSTEM_UNKNOWN || f->conntrack_count == 0;
	bool low = !sleeps && f->conntrack_max < s->clients_max + FILES_SPARE;

	if (sleeps)
		say(r, OK, "conntrack", "follows no connections");
	else
		say(r, low ? FAIL : OK, "conntrack", "follows at most %" PRIu64 " connections",
		    f->conntrack_max);
	if (low)
		lift(r, "sysctl -w net.netfilter.nf_conntrack_max=%" PRIu64,
		     2 * s->clients_max + FILES_SPARE);
}

static void check_ports(struct report *r, const struct system_facts *f, const struct settings *s)
{
	bool few = f->ports < s->clients_max;

	if (f->ports == SYSTEM_UNKNOWN)
		return;
	say(r, few ? WARN : OK, "local ports",
	    "%" PRIu64 " per pair of addresses; counts for load generators and proxies only",
	    f->ports);
	if (few)
		lift(r, "sysctl -w net.ipv4.ip_local_port_range='1024 65535', or more addresses");
}

static void check_disk(struct report *r, const struct system_facts *f, const struct settings *s)
{
	bool little = f->disk_free < DISK_FREE_MIN;

	if (f->disk_free == SYSTEM_UNKNOWN)
		return;
	say(r, little ? WARN : OK, "disk",
	    "%.0f MiB free at \"%s\": %.0f million placements in the journal", mib(f->disk_free),
	    s->data, (double)f->disk_free / JOURNAL_BYTES / 1e6);
	if (little)
		lift(r, "--data on a larger disk, or --journal-keep-bytes");
}

uint64_t system_clients(const struct system_facts *f, const struct settings *s,
			const char **ret_limit)
{
	uint64_t fixed = fixed_bytes(s);
	uint64_t memory = f->memory_free > fixed ? f->memory_free - fixed : 0;
	const struct {
		uint64_t clients;
		const char *limit;
	} rows[] = {
		{setting_rows[SETTINGS_ID_clients_max].max, "the largest --clients-max"},
		{f->memory_free == SYSTEM_UNKNOWN
			 ? SYSTEM_UNKNOWN
			 : memory / (KERNEL_BYTES_PER_CLIENT + USER_BYTES_PER_CLIENT),
		 "memory"},
		{f->files_max > FILES_SPARE ? f->files_max - FILES_SPARE : 0, "fs.file-max"},
		{f->conntrack_count == SYSTEM_UNKNOWN || f->conntrack_count == 0 ? SYSTEM_UNKNOWN
										 : f->conntrack_max,
		 "nf_conntrack_max"},
	};
	uint64_t least = SYSTEM_UNKNOWN;

	if (f->ring_error != 0) {
		*ret_limit = "io_uring";
		return 0;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].clients < least) {
			least = rows[i].clients;
			*ret_limit = rows[i].limit;
		}
	}
	return least;
}

int system_report(const struct system_facts *f, const struct settings *s, FILE *out)
{
	struct report r = {.out = out};
	const char *limit = "nothing";
	uint64_t clients = system_clients(f, s, &limit);

	fprintf(out, "This machine (%" PRIu64 " cores) for %" PRIu64 " clients (--clients-max):\n",
		f->cores, s->clients_max);
	check_kernel(&r, f);
	check_ring(&r, f);
	check_descriptors(&r, f, s);
	check_files(&r, f, s);
	check_memory(&r, f, s);
	check_memlock(&r, f);
	check_sockets(&r, f, s);
	check_congestion(&r, f, s);
	check_conntrack(&r, f, s);
	check_ports(&r, f, s);
	check_disk(&r, f, s);
	fprintf(out, "It holds %" PRIu64 " clients as it is; what ends it is %s.\n", clients,
		limit);
	if (f->ring_error != 0)
		return (int)exit_code_of_ring(f->ring_error);
	return r.failed ? EXIT_FAILED : EXIT_PASS;
}
