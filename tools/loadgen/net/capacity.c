/*
 * capacity.c - facts about the host, and what they mean for a number of clients. What containers
 * hide is skipped silently.
 */
#include "tools/loadgen/net/capacity.h"

#include <inttypes.h>
#include <unistd.h>

#include "engine/host/host_report.h"

#define KERNEL_BYTES_PER_END 9216ULL     /* slab of one end of a connection, little in flight */
#define LOOPBACK_SOURCES     16777213ULL /* 127.0.0.2 to 127.255.255.254 */
#define TCP_BYTES_PER_CLIENT 2048U
#define TCP_BUCKETS          4194304U
#define READ_MARK_MAX        8192U
#define PAGE_BYTES           4096U /* what the kernel charges a socket with unread bytes at least */

/* --- looking ---------------------------------------------------------------------------------- */

uint64_t capacity_tcp_bytes(void)
{
	uint64_t pages = host_number("/proc/sys/net/ipv4/tcp_mem", 1);
	long host_pages = sysconf(_SC_PHYS_PAGES);

	if (pages == HOST_UNKNOWN && host_pages > 0) /* a network namespace: the kernel's default */
		pages = (uint64_t)host_pages / 16;
	return pages == HOST_UNKNOWN ? HOST_UNKNOWN : pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Negative in a network namespace that shares the first one's table. */
static uint64_t tcp_buckets(void)
{
	uint64_t buckets = host_number("/proc/sys/net/ipv4/tcp_ehash_entries", 0);

	return buckets > INT64_MAX && buckets != HOST_UNKNOWN ? 0 - buckets : buckets;
}

void capacity_look(struct capacity_facts *ret_facts)
{
	host_look(&ret_facts->host);
	ret_facts->tcp_bytes = capacity_tcp_bytes();
	ret_facts->tcp_buckets = tcp_buckets();
}

/* --- meaning ---------------------------------------------------------------------------------- */

uint32_t capacity_slots(uint64_t descriptors)
{
	uint64_t slots = descriptors < 16 ? 1 : descriptors / 16 * 15;

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
	return f->host.ports * capacity_sources(o) * o->targets_count;
}

uint64_t capacity_clients(const struct capacity_facts *f, const struct net_options *o,
			  const char **ret_limit)
{
	const struct host_bound bounds[] = {
		{NET_CLIENTS_MAX, "the largest --clients"},
		{f->host.memory_free == HOST_UNKNOWN ? HOST_UNKNOWN
						     : f->host.memory_free / client_bytes(o),
		 "memory"},
		{f->host.ports == HOST_UNKNOWN ? HOST_UNKNOWN : ports_all(f, o), "local ports"},
		{f->host.files_max == HOST_UNKNOWN      ? HOST_UNKNOWN
		 : f->host.files_max > HOST_FILES_SPARE ? f->host.files_max - HOST_FILES_SPARE
							: 0,
		 "fs.file-max"},
		{host_conntrack_is_on(&f->host) ? f->host.conntrack_max : HOST_UNKNOWN,
		 "nf_conntrack_max"},
	};

	return host_least(&f->host, bounds, sizeof(bounds) / sizeof(bounds[0]), ret_limit);
}

uint32_t capacity_read_mark(uint64_t tcp_bytes, uint32_t watchers)
{
	uint64_t pages;

	if (watchers == 0 || tcp_bytes == HOST_UNKNOWN)
		return 0;
	/* A socket is charged whole pages, and about two bytes for each that is unread. */
	pages = tcp_bytes / 2 / watchers / PAGE_BYTES;
	return pages < READ_MARK_MAX * 2 / PAGE_BYTES ? (uint32_t)pages * PAGE_BYTES / 2
						      : READ_MARK_MAX;
}

/* --- the report ------------------------------------------------------------------------------- */

static void check_descriptors(struct host_report *r, const struct capacity_facts *f,
			      const struct net_options *o)
{
	uint32_t slots = capacity_slots(f->host.descriptors);
	uint32_t share = o->clients / o->threads + 1;
	uint32_t rings = (share + slots - 1) / slots * o->threads;
	bool low = f->host.descriptors < 4096;

	host_say(r, low ? HOST_WARN : HOST_OK, "RLIMIT_NOFILE",
		 "%" PRIu64 ", so %u slots per ring: %u clients take %u rings in %u threads",
		 f->host.descriptors, slots, o->clients, rings, o->threads);
	if (low)
		host_lift(r, "ulimit -n 65536: fewer, larger rings cost less");
}

static void check_ports(struct host_report *r, const struct capacity_facts *f,
			const struct net_options *o)
{
	uint64_t per_pair = f->host.ports;
	bool few;

	if (per_pair == HOST_UNKNOWN)
		return;
	few = ports_all(f, o) < o->clients;
	host_say(r, few ? HOST_FAIL : HOST_OK, "local ports",
		 "%" PRIu64 " for each pair of addresses; %" PRIu64
		 " source and %u server address(es) make %" PRIu64,
		 per_pair, capacity_sources(o), o->targets_count, ports_all(f, o));
	if (few)
		host_lift(r,
			  "--source with %" PRIu64 " addresses, more --url, or sysctl -w "
			  "net.ipv4.ip_local_port_range='1024 65535'",
			  (o->clients + per_pair - 1) / per_pair);
}

static void check_memory(struct host_report *r, const struct capacity_facts *f,
			 const struct net_options *o)
{
	uint64_t wanted = o->clients * client_bytes(o);
	bool little = f->host.memory_free < wanted;

	if (f->host.memory_free == HOST_UNKNOWN)
		return;
	host_say(r, little ? HOST_FAIL : HOST_OK, "memory",
		 "%" PRIu64 " MiB free; %u clients take %" PRIu64 " MiB, %s",
		 f->host.memory_free >> 20, o->clients, wanted >> 20,
		 target_is_loopback(&o->targets[0])
			 ? "both ends of each connection in the kernel included"
			 : "the kernel's share included");
	if (little)
		host_lift(r, "fewer clients, or a second host: loadgen merge adds their results");
}

static void check_tcp_mem(struct host_report *r, const struct capacity_facts *f,
			  const struct net_options *o)
{
	uint64_t wanted = (uint64_t)o->clients * TCP_BYTES_PER_CLIENT;
	bool low = f->tcp_bytes < wanted;

	if (f->tcp_bytes == HOST_UNKNOWN)
		return;
	host_say(r, low ? HOST_WARN : HOST_OK, "tcp_mem",
		 "%" PRIu64 " MiB until TCP saves memory; watchers may leave %u bytes each unread",
		 f->tcp_bytes >> 20, capacity_read_mark(f->tcp_bytes, o->clients));
	if (low)
		host_lift(r, "sysctl -w net.ipv4.tcp_mem='%" PRIu64 " %" PRIu64 " %" PRIu64 "'",
			  wanted / 4096, wanted / 2048, wanted / 1024);
}

static void check_tcp_hash(struct host_report *r, const struct capacity_facts *f,
			   const struct net_options *o)
{
	uint64_t sockets = o->clients * (target_is_loopback(&o->targets[0]) ? 2ULL : 1ULL);
	bool low = f->tcp_buckets < sockets;

	if (f->tcp_buckets == HOST_UNKNOWN)
		return;
	host_say(r, low ? HOST_WARN : HOST_OK, "tcp hash",
		 "%" PRIu64 " buckets for %" PRIu64 " sockets%s", f->tcp_buckets, sockets,
		 low ? ": every packet searches a chain" : "");
	if (low)
		host_lift(r,
			  "boot with thash_entries=%u, or sysctl -w "
			  "net.ipv4.tcp_child_ehash_entries=%u "
			  "and run both in a network namespace made then",
			  TCP_BUCKETS, TCP_BUCKETS);
}

int capacity_report(FILE *to, const struct capacity_facts *f, const struct net_options *o)
{
	struct host_report r = {.to = to};
	const char *limit = "nothing";
	uint64_t clients = capacity_clients(f, o, &limit);

	fprintf(to, "This host (%" PRIu64 " cores) for %u clients of %s:\n", f->host.cores,
		o->clients, o->url);
	host_check_ring(&r, &f->host);
	check_descriptors(&r, f, o);
	check_ports(&r, f, o);
	check_memory(&r, f, o);
	check_tcp_mem(&r, f, o);
	check_tcp_hash(&r, f, o);
	if (target_is_loopback(&o->targets[0]))
		host_check_somaxconn(&r, &f->host,
				     "connections may wait until the server accepts them");
	host_check_files(&r, &f->host, o->clients);
	if (host_conntrack_is_on(&f->host))
		host_check_conntrack(&r, &f->host, o->clients);
	fprintf(to, "It can open %" PRIu64 " clients as it is; the limit is %s.\n", clients, limit);
	return host_report_end(&r, &f->host);
}
