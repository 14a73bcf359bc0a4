/*
 * test_check_system.c - a good machine is told so, and each limit is named with what lifts it.
 *
 * The facts are made up, so the tests say the same on every machine; one test looks at this one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/check_system.h"

static const struct system_facts good = {
	.kernel = "6.1.0-18-amd64",
	.host.cores = 2,
	.host.descriptors = 20000,
	.memlock = HOST_UNKNOWN - 1,
	.host.files_max = 9000000,
	.host.memory_free = 24ULL << 30,
	.host.somaxconn = 4096,
	.tcp_mem = 4ULL << 30,
	.host.ports = 28232,
	.host.conntrack_count = 0,
	.host.conntrack_max = 262144,
	.disk_free = 100ULL << 30,
	.congestions = "reno cubic",
};

static struct settings *settings(const char *file)
{
	char why[SETTINGS_WHY_CHARS];
	struct settings *s = NULL;

	if (settings_load_text("test", file, strlen(file), &s, why) != 0)
		fail_msg("%s", why);
	return s;
}

/* The report must end with this code and have this text. */
static void report_says(const struct system_facts *facts, const char *file, int code,
			const char *text)
{
	struct settings *s = settings(file);
	char *out = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&out, &len);

	assert_int_equal(system_report(facts, s, memory), code);
	fclose(memory);
	if (strstr(out, text) == NULL)
		fail_msg("\"%s\" is not in\n%s", text, out);
	free(out);
	settings_free(s);
}

static void a_good_machine_passes(void **state)
{
	(void)state;
	report_says(&good, "", 0, "OK    io_uring         allowed");
	report_says(&good, "", 0, "20000 clients need 2 rings");
	report_says(&good, "clients-max = 18000", 0, "18000 clients need 1 ring\n");
}

static void refused_io_uring_is_a_matter_of_configuration(void **state)
{
	struct system_facts facts = good;

	(void)state;
	facts.host.ring_error = -EPERM;
	report_says(&facts, "", EXIT_CONFIG, "FAIL  io_uring         refused");
	report_says(&facts, "", EXIT_CONFIG, "It holds 0 clients as it is; the limit is io_uring.");
}

static void old_kernels_fail(void **state)
{
	static const struct {
		const char *kernel;
		int code;
	} rows[] = {{"5.15.0", 1}, {"6.0.19", 1}, {"6.1", 0}, {"6.10.1", 0}, {"10.0", 0}};
	struct system_facts facts = good;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(facts.kernel, sizeof(facts.kernel), "%s", rows[i].kernel);
		report_says(&facts, "", rows[i].code, rows[i].kernel);
	}
}

static void limits_that_stop_clients_fail_with_a_command(void **state)
{
	struct system_facts facts = good;

	(void)state;
	facts.host.memory_free = 100 << 20;
	report_says(&facts, "", 1, "FAIL  memory");
	facts = good;
	facts.host.files_max = 10000;
	report_says(&facts, "", 1, "sysctl -w fs.file-max=44096");
	facts = good;
	facts.host.conntrack_count = 7;
	report_says(&facts, "clients-max = 300k", 1,
		    "sysctl -w net.netfilter.nf_conntrack_max=604096");
}

static void limits_that_only_slow_down_warn(void **state)
{
	struct system_facts facts = good;

	(void)state;
	facts.host.somaxconn = 128;
	report_says(&facts, "", 0, "WARN  somaxconn");
	facts = good;
	facts.tcp_mem = 1 << 20;
	report_says(&facts, "", 0, "WARN  tcp_mem");
	facts = good;
	facts.disk_free = 1 << 20;
	report_says(&facts, "", 0, "WARN  disk");
	report_says(&good, "tcp-congestion = bbr", 0, "modprobe tcp_bbr");
	/* A name within another is another name. */
	report_says(&good, "tcp-congestion = cub", 0, "WARN  congestion");
	report_says(&good, "tcp-congestion =", 0, "OK    congestion");
	report_says(&good, "clients-max = 100k", 0, "WARN  local ports");
	facts = good;
	facts.memlock = 65536;
	report_says(&facts, "", 0, "WARN  RLIMIT_MEMLOCK");
}

static void what_the_machine_hides_does_not_fail(void **state)
{
	struct system_facts facts = good;

	(void)state;
	facts.host.memory_free = facts.host.files_max = facts.host.somaxconn = facts.tcp_mem =
		HOST_UNKNOWN;
	facts.host.ports = facts.host.conntrack_count = facts.host.conntrack_max = HOST_UNKNOWN;
	facts.disk_free = HOST_UNKNOWN;
	facts.congestions[0] = '\0';
	report_says(&facts, "", 0, "It holds 4000000 clients");
}

static void the_smallest_limit_is_the_one_named(void **state)
{
	struct settings *s = settings("");
	struct system_facts facts = good;
	const char *limit = NULL;
	uint64_t with_24_gib = system_clients(&good, s, &limit);

	(void)state;
	assert_string_equal(limit, "memory");
	assert_in_range(with_24_gib, 2000000, 2700000);
	facts.host.files_max = 104096;
	assert_int_equal(system_clients(&facts, s, &limit), 100000);
	assert_string_equal(limit, "fs.file-max");
	facts.host.memory_free = 0;
	assert_int_equal(system_clients(&facts, s, &limit), 0);
	assert_string_equal(limit, "memory");
	settings_free(s);
}

static void this_machine_can_be_looked_at(void **state)
{
	struct settings *s = settings("data = /nonexistent/deeper");
	struct system_facts facts;

	(void)state;
	memset(&facts, 0xff, sizeof(facts));
	system_look(s, &facts);
	assert_true(facts.kernel[0] >= '1' && facts.kernel[0] <= '9');
	assert_true(facts.host.cores >= 1 && facts.host.descriptors >= 3);
	assert_true(facts.disk_free == HOST_UNKNOWN || facts.disk_free < 1ULL << 60);
	settings_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_machine_passes),
		cmocka_unit_test(refused_io_uring_is_a_matter_of_configuration),
		cmocka_unit_test(old_kernels_fail),
		cmocka_unit_test(limits_that_stop_clients_fail_with_a_command),
		cmocka_unit_test(limits_that_only_slow_down_warn),
		cmocka_unit_test(what_the_machine_hides_does_not_fail),
		cmocka_unit_test(the_smallest_limit_is_the_one_named),
		cmocka_unit_test(this_machine_can_be_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
