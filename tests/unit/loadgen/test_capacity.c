/*
 * test_capacity.c - what facts of a host mean for a number of clients.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/loadgen/net/capacity.h"

static const struct capacity_facts roomy = {
	.host.cores = 2,
	.host.descriptors = 20000,
	.host.files_max = 10000000,
	.host.memory_free = 24ULL << 30,
	.host.ports = 28232,
	.tcp_bytes = 1600ULL << 20,
	.host.somaxconn = 65535,
	.tcp_buckets = 4194304,
	.host.conntrack_count = HOST_UNKNOWN,
	.host.conntrack_max = HOST_UNKNOWN,
};

static struct net_options options_of(const char *url, uint32_t clients)
{
	struct net_options o = {.url = url, .clients = clients, .threads = 2, .targets_count = 1};
	const char *why;

	assert_int_equal(target_parse(url, &o.targets[0], &why), 0);
	assert_int_equal(target_resolve(&o.targets[0]), 0);
	return o;
}

/* The report, and whether it fails. */
static int report(const struct capacity_facts *f, const struct net_options *o,
		  char out[static 4096])
{
	FILE *to = fmemopen(out, 4096, "w");
	int r;

	assert_non_null(to);
	r = capacity_report(to, f, o);
	(void)fclose(to);
	return r;
}

static void loopback_has_addresses_enough(void **state)
{
	struct net_options o = options_of("ws://127.0.0.1:8080", 300000);
	const char *limit;
	char text[4096];

	(void)state;
	assert_int_equal(report(&roomy, &o, text), 0);
	assert_non_null(strstr(text, "18750 slots per ring: 300000 clients take 18 rings"));
	assert_true(capacity_clients(&roomy, &o, &limit) > 1000000);
	assert_string_equal(limit, "memory");
}

static void one_address_towards_another_host_ends_at_its_ports(void **state)
{
	struct net_options o = options_of("ws://10.9.8.7:8080", 300000);
	const char *limit;
	char text[4096];

	(void)state;
	assert_int_equal(report(&roomy, &o, text), 1);
	assert_non_null(strstr(text, "--source with 11 addresses"));
	assert_int_equal(capacity_clients(&roomy, &o, &limit), 28232);
	assert_string_equal(limit, "local ports");
	assert_int_equal(source_parse("10.9.0.1-10.9.0.11", &o.sources), 0);
	assert_int_equal(report(&roomy, &o, text), 0);
}

static void each_limit_is_told_with_what_lifts_it(void **state)
{
	struct net_options o = options_of("ws://127.0.0.1:8080", 300000);
	struct capacity_facts f = roomy;
	char text[4096];

	(void)state;
	f.host.descriptors = 1024;
	f.host.files_max = 100000;
	f.host.memory_free = 1ULL << 30;
	f.tcp_bytes = 64ULL << 20;
	f.host.somaxconn = 128;
	f.tcp_buckets = 262144;
	f.host.conntrack_count = 5;
	f.host.conntrack_max = 65536;
	assert_int_equal(report(&f, &o, text), 1);
	assert_non_null(strstr(text, "ulimit -n"));
	assert_non_null(strstr(text, "fs.file-max="));
	assert_non_null(strstr(text, "fewer clients"));
	assert_non_null(strstr(text, "net.ipv4.tcp_mem="));
	assert_non_null(strstr(text, "net.core.somaxconn="));
	assert_non_null(strstr(text, "262144 buckets for 600000 sockets"));
	assert_non_null(strstr(text, "thash_entries="));
	assert_non_null(strstr(text, "nf_conntrack_max="));
}

static void what_the_host_hides_is_no_limit(void **state)
{
	struct net_options o = options_of("ws://127.0.0.1:8080", 1000);
	const struct capacity_facts f = {
		.host.cores = 1,
		.host.descriptors = 20000,
		.host.files_max = HOST_UNKNOWN,
		.host.memory_free = HOST_UNKNOWN,
		.host.ports = HOST_UNKNOWN,
		.tcp_bytes = HOST_UNKNOWN,
		.host.somaxconn = HOST_UNKNOWN,
		.tcp_buckets = HOST_UNKNOWN,
		.host.conntrack_count = HOST_UNKNOWN,
		.host.conntrack_max = HOST_UNKNOWN,
	};
	const char *limit;
	char text[4096];

	(void)state;
	assert_int_equal(report(&f, &o, text), 0);
	assert_int_equal(capacity_clients(&f, &o, &limit), NET_CLIENTS_MAX);
}

static void blocked_ring_allows_nobody(void **state)
{
	struct net_options o = options_of("ws://127.0.0.1:8080", 1000);
	struct capacity_facts f = roomy;
	const char *limit;

	(void)state;
	f.host.ring_error = -1;
	assert_int_equal(capacity_clients(&f, &o, &limit), 0);
	assert_string_equal(limit, "io_uring");
}

static void unread_bytes_are_a_quarter_of_what_tcp_may_use(void **state)
{
	(void)state;
	for (uint32_t watchers = 1; watchers < 4000000; watchers = watchers * 3 + 1) {
		uint64_t mark = capacity_read_mark(1600ULL << 20, watchers);

		assert_true(mark * watchers <= 400ULL << 20);
		assert_true(mark == 0 || (mark + 2047) / 2048 * 4096 * watchers <= 800ULL << 20);
		assert_true(mark > 0 || watchers > 200000);
	}
	assert_int_equal(capacity_read_mark(1600ULL << 20, 200000), 2048);
	assert_int_equal(capacity_read_mark(1600ULL << 20, 300000), 0);
	assert_int_equal(capacity_read_mark(HOST_UNKNOWN, 300000), 0);
	assert_int_equal(capacity_read_mark(1600ULL << 20, 0), 0);
}

static void however_few_descriptors_there_are_a_ring_has_a_slot(void **state)
{
	(void)state;
	for (uint64_t descriptors = 0; descriptors < 200; descriptors++)
		assert_true(capacity_slots(descriptors) > 0);
	assert_int_equal(capacity_slots(16), 15);
	assert_true(capacity_slots(UINT64_MAX) <= CAPACITY_SLOTS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback_has_addresses_enough),
		cmocka_unit_test(one_address_towards_another_host_ends_at_its_ports),
		cmocka_unit_test(each_limit_is_told_with_what_lifts_it),
		cmocka_unit_test(what_the_host_hides_is_no_limit),
		cmocka_unit_test(blocked_ring_allows_nobody),
		cmocka_unit_test(unread_bytes_are_a_quarter_of_what_tcp_may_use),
		cmocka_unit_test(however_few_descriptors_there_are_a_ring_has_a_slot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
