/*
 * capacity.c - facts of the host, and what they mean for a number of clients.
 *
 * Each limit is one line: OK, WARN (it runs, but slower) or FAIL (so many clients do not fit), and
 * behind the last two the command that lifts it. What containers hide is passed over in silence.
 */
#include "tools/loadgen/net/capacity.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/base/exit_code.h"
#include "engine/ring/ring.h"

#define KERNEL_BYTES_PER_END 9216ULL /* slab of one end of a connection, little in flight */
#define FILES_SPARE          4096U
#define SOMAXCONN_MIN        4096U
#define LOOPBACK_SOURCES     16777213ULL /* 127.0.0.2 to 127.255.255.254 */
#define TCP_BYTES_PER_CLIENT 2048U
#define TCP_BUCKETS          4194304U
#define READ_MARK_MAX        8192U
#define PAGE_BYTES           4096U /* what the kernel charges a socket with unread bytes at least */

/* --- looking ---------------------------------------------------------------------------------- */

/* The number at place `index` of a file of numbers. */
static uint64_t number_read(const char *path, int index)
{
	FILE *file = fopen(path, "r");
	uint64_t value = CAPACITY_UNKNOWN;
	char text[256] = "";
	char *at = text;

	if (file == NULL)
		return CAPACITY_UNKNOWN;
	(void)fgets(text, sizeof(text), file);
	(void)fclose(file);
	for (int i = 0; i <= index; i++) {
		char *end;

		value = strtoull(at, &end, 10);
		if (end == at)
			return CAPACITY_UNKNOWN;
		at = end;
	}
	return value;
}

static uint64_t memory_free(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	uint64_t bytes = CAPACITY_UNKNOWN;
	char line[128];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "MemAvailable:", 13) == 0)
			bytes = strtoull(line + 13, NULL, 10) << 10;
	if (file != NULL)
		(void)fclose(file);
	return bytes;
}

static int ring_try(void)
{
	const struct ring_config config = {.sq_entries = 8, .cq_entries = 16};
	struct ring *ring = NULL;
	int r = ring_open(&config, &ring);

	if (r == 0)
		ring_close(ring);
	return r;
}

uint64_t capacity_tcp_bytes(void)
{
	uint64_t pages = number_read("/proc/sys/net/ipv4/tcp_mem", 1);
	long host_pages = sysconf(_SC_PHYS_PAGES);

	if (pages == CAPACITY_UNKNOWN &&
	    host_pages > 0) /* a network namespace: the kernel's default */
		pages = (uint64_t)host_pages / 16;
	return pages == CAPACITY_UNKNOWN ? CAPACITY_UNKNOWN
					 : pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Negative in a network namespace that shares the first one's table. */
static uint64_t tcp_buckets(void)
{
	uint64_t buckets = number_read("/proc/sys/net/ipv4/tcp_ehash_entries", 0);

	return buckets > INT64_MAX && buckets != CAPACITY_UNKNOWN ? 0 - buckets : buckets;
}

void capacity_look(struct capacity_facts *ret_facts)
{
	static const char ports[] = "/proc/sys/net/ipv4/ip_local_port_range";
	uint64_t low = number_read(ports, 0);
	uint64_t high = number_read(ports, 1);
	struct rlimit limit = {.rlim_max = 1024};
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	*ret_facts = (struct capacity_facts){
		.ring_error = ring_try(),
		.cores = cores < 1 ? 1 : (uint64_t)cores,
		.descriptors = limit.rlim_max,
		.files_max = number_read("/proc/sys/fs/file-max", 0),
		.memory_free = memory_free(),
		.ports = high == CAPACITY_UNKNOWN || high < low ? CAPACITY_UNKNOWN : high - low + 1,
		.tcp_bytes = capacity_tcp_bytes(),
		.somaxconn = number_read("/proc/sys/net/core/somaxconn", 0),
		.conntrack_count = number_read("/proc/sys/net/netfilter/nf_conntrack_count", 0),
		.conntrack_max = number_read("/proc/sys/net/netfilter/nf_conntrack_max", 0),
		.tcp_buckets = tcp_buckets(),
	};
}

/* --- meaning ---------------------------------------------------------------------------------- */

uint32_t capacity_slots(uint64_t descriptors)
{
	uint64_t slots = descriptors / 16 * 15;

	return slots < CAPACITY_SLOTS_MAX ? (uint32_t)slots : CAPACITY_SLOTS_MAX;
}

uint64_t capacity_sources(const struct net_options *o)
{
	if (o->sources.total > 0)
		return o->sources.total;
	return target_is_loopback(&o->targets[0]) ? LOOPBACK_SOURCES : 1;
}

/* Both ends of a loopback connection live here. */
static uint64_t client_bytes(const struct net_options *o)
{
	return CAPACITY_CLIENT_BYTES +
	       KERNEL_BYTES_PER_END * (target_is_loopback(&o->targets[0]) ? 2 : 1);
}

static uint64_t ports_all(const struct capacity_facts *f, const struct net_options *o)
{
	return f->ports * capacity_sources(o) * o->targets_count;
}

static bool conntrack_sleeps(const struct capacity_facts *f)
{
	return f->conntrack_count == CAPACITY_UNKNOWN || f->conntrack_count == 0;
}

uint64_t capacity_clients(const struct capacity_facts *f, const struct net_options *o,
			  const char **ret_limit)
{
	const struct {
		uint64_t clients;
		const char *limit;
	} rows[] = {
		{NET_CLIENTS_MAX, "the largest --clients"},
		{f->memory_free == CAPACITY_UNKNOWN ? CAPACITY_UNKNOWN
						    : f->memory_free / client_bytes(o),
		 "memory"},
		{f->ports == CAPACITY_UNKNOWN ? CAPACITY_UNKNOWN : ports_all(f, o), "local ports"},
		{f->files_max == CAPACITY_UNKNOWN ? CAPACITY_UNKNOWN
		 : f->files_max > FILES_SPARE     ? f->files_max - FILES_SPARE
						  : 0,
		 "fs.file-max"},
		{conntrack_sleeps(f) ? CAPACITY_UNKNOWN : f->conntrack_max, "nf_conntrack_max"},
	};
	uint64_t least = CAPACITY_UNKNOWN;

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

uint32_t capacity_read_mark(uint64_t tcp_bytes, uint32_t watchers)
{
	uint64_t pages;

	if (watchers == 0 || tcp_bytes == CAPACITY_UNKNOWN)
		return 0;
	/* A socket is charged whole pages, and about two bytes for each that is unread. */
	pages = tcp_bytes / 2 / watchers / PAGE_BYTES;
	return pages < READ_MARK_MAX * 2 / PAGE_BYTES ? (uint32_t)pages * PAGE_BYTES / 2
						      : READ_MARK_MAX;
}

/* --- the report ------------------------------------------------------------------------------- */

enum verdict { OK, WARN, FAIL };

struct report {
	FILE *to;
	bool failed;
};

__attribute__((format(printf, 4, 5))) static void say(struct report *r, enum verdict verdict,
						      const char *what, const char *format, ...)
{
	static const char *const words[] = {"OK  ", "WARN", "FAIL"};
	va_list args;

	fprintf(r->to, "%s  %-16s ", words[verdict], what);
	va_start(args, format);
	vfprintf(r->to, format, args);
	va_end(args);
	fputc('\n', r->to);
	r->failed |= verdict == FAIL;
}

__attribute__((format(printf, 2, 3))) static void lift(struct report *r, const char *format, ...)
{
	va_list args;

	fprintf(r->to, "%24s", "");
	va_start(args, format);
	vfprintf(r->to, format, args);
	va_end(args);
	fputc('\n', r->to);
}

static void check_ring(struct report *r, const struct capacity_facts *f)
{
	say(r, f->ring_error == 0 ? OK : FAIL, "io_uring", "%s",
	    f->ring_error == 0 ? "allowed" : strerror(-f->ring_error));
	if (f->ring_error != 0)
		lift(r, "%s", ring_open_remedy(f->ring_error));
}

static void check_descriptors(struct report *r, const struct capacity_facts *f,
			      const struct net_options *o)
{
	uint32_t slots = capacity_slots(f->descriptors);
	uint32_t share = o->clients / o->threads + 1;
	uint32_t rings = (share + slots - 1) / slots * o->threads;
	bool low = f->descriptors < 4096;

	say(r, low ? WARN : OK, "RLIMIT_NOFILE",
	    "%" PRIu64 ", so %u slots a ring: %u clients take %u rings in %u threads",
	    f->descriptors, slots, o->clients, rings, o->threads);
	if (low)
		lift(r, "ulimit -n 65536: fewer, larger rings cost less");
}

static void check_ports(struct report *r, const struct capacity_facts *f,
			const struct net_options *o)
{
	uint64_t per_pair = f->ports;
	bool few;

	if (per_pair == CAPACITY_UNKNOWN)
		return;
	few = ports_all(f, o) < o->clients;
	say(r, few ? FAIL : OK, "local ports",
	    "%" PRIu64 " for each pair of addresses; %" PRIu64
	    " source and %u server address(es) make %" PRIu64,
	    per_pair, capacity_sources(o), o->targets_count, ports_all(f, o));
	if (few)
		lift(r,
		     "--source with %" PRIu64 " addresses, more --url, or sysctl -w "
		     "net.ipv4.ip_local_port_range='1024 65535'",
		     (o->clients + per_pair - 1) / per_pair);
}

static void check_memory(struct report *r, const struct capacity_facts *f,
			 const struct net_options *o)
{
	uint64_t wanted = o->clients * client_bytes(o);
	bool little = f->memory_free < wanted;

	if (f->memory_free == CAPACITY_UNKNOWN)
		return;
	say(r, little ? FAIL : OK, "memory",
	    "%" PRIu64 " MiB free; %u clients take %" PRIu64 " MiB, %s", f->memory_free >> 20,
	    o->clients, wanted >> 20,
	    target_is_loopback(&o->targets[0])
		    ? "both ends of each connection in the kernel included"
		    : "the kernel's share included");
	if (little)
		lift(r, "fewer clients, or a second host: loadgen merge adds their results");
}

static void check_tcp_mem(struct report *r, const struct capacity_facts *f,
			  const struct net_options *o)
{
	uint64_t wanted = (uint64_t)o->clients * TCP_BYTES_PER_CLIENT;
	bool low = f->tcp_bytes < wanted;

	if (f->tcp_bytes == CAPACITY_UNKNOWN)
		return;
	say(r, low ? WARN : OK, "tcp_mem",
	    "%" PRIu64 " MiB until TCP saves memory; watchers may leave %u bytes each unread",
	    f->tcp_bytes >> 20, capacity_read_mark(f->tcp_bytes, o->clients));
	if (low)
		lift(r, "sysctl -w net.ipv4.tcp_mem='%" PRIu64 " %" PRIu64 " %" PRIu64 "'",
		     wanted / 4096, wanted / 2048, wanted / 1024);
}

static void check_tcp_hash(struct report *r, const struct capacity_facts *f,
			   const struct net_options *o)
{
	uint64_t sockets = o->clients * (target_is_loopback(&o->targets[0]) ? 2ULL : 1ULL);
	bool low = f->tcp_buckets < sockets;

	if (f->tcp_buckets == CAPACITY_UNKNOWN)
		return;
	say(r, low ? WARN : OK, "tcp hash", "%" PRIu64 " buckets for %" PRIu64 " sockets%s",
	    f->tcp_buckets, sockets, low ? ": every packet searches a chain" : "");
	if (low)
		lift(r,
		     "boot with thash_entries=%u, or sysctl -w net.ipv4.tcp_child_ehash_entries=%u "
		     "and run both in a network namespace made then",
		     TCP_BUCKETS, TCP_BUCKETS);
}

static void check_kernel_tables(struct report *r, const struct capacity_facts *f,
				const struct net_options *o)
{
	uint64_t wanted = (uint64_t)o->clients * 2 + FILES_SPARE;

	if (f->somaxconn != CAPACITY_UNKNOWN && target_is_loopback(&o->targets[0])) {
		bool low = f->somaxconn < SOMAXCONN_MIN;

		say(r, low ? WARN : OK, "somaxconn",
		    "%" PRIu64 " connections may wait until the server accepts them", f->somaxconn);
		if (low)
			lift(r, "sysctl -w net.core.somaxconn=65535");
	}
	if (f->files_max != CAPACITY_UNKNOWN) {
		bool low = f->files_max < o->clients + FILES_SPARE;

		say(r, low ? FAIL : OK, "fs.file-max", "%" PRIu64 " open files on the whole host",
		    f->files_max);
		if (low)
			lift(r, "sysctl -w fs.file-max=%" PRIu64, wanted);
	}
	if (!conntrack_sleeps(f)) {
		bool low = f->conntrack_max < o->clients + FILES_SPARE;

		say(r, low ? FAIL : OK, "conntrack", "follows at most %" PRIu64 " connections",
		    f->conntrack_max);
		if (low)
			lift(r, "sysctl -w net.netfilter.nf_conntrack_max=%" PRIu64, wanted);
	}
}

int capacity_report(FILE *to, const struct capacity_facts *f, const struct net_options *o)
{
	struct report r = {.to = to};
	const char *limit = "nothing";
	uint64_t clients = capacity_clients(f, o, &limit);

	fprintf(to, "This host (%" PRIu64 " cores) for %u clients of %s:\n", f->cores, o->clients,
		o->url);
	check_ring(&r, f);
	check_descriptors(&r, f, o);
	check_ports(&r, f, o);
	check_memory(&r, f, o);
	check_tcp_mem(&r, f, o);
	check_tcp_hash(&r, f, o);
	check_kernel_tables(&r, f, o);
	fprintf(to, "It can open %" PRIu64 " clients as it is; what ends it is %s.\n", clients,
		limit);
	if (f->ring_error != 0)
		return (int)exit_code_of_ring(f->ring_error);
	return r.failed ? EXIT_FAILED : EXIT_PASS;
}
