/*
 * test_options.c - the command line: what it means, what does not go together; source addresses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/loadgen/pixel/options.h"

#define URL "--url", "ws://127.0.0.1:8080/ws"

static struct options o;

static int drop(void **state)
{
	(void)state;
	options_fini(&o);
	return 0;
}

/* What is wrong is told on standard error, which is of no interest here. */
static int parse(int count, const char *const *words)
{
	char texts[24][64];
	char *argv[26] = {texts[0]};
	int error = dup(STDERR_FILENO);
	int nothing = open("/dev/null", O_WRONLY);
	int r;

	assert_true(count < 24);
	(void)snprintf(texts[0], sizeof(texts[0]), "loadgen");
	for (int i = 0; i < count; i++) {
		(void)snprintf(texts[i + 1], sizeof(texts[0]), "%s", words[i]);
		argv[i + 1] = texts[i + 1];
	}
	options_fini(&o);
	(void)fflush(stderr);
	(void)dup2(nothing, STDERR_FILENO);
	r = options_parse(count + 1, argv, 2, &o);
	(void)fflush(stderr);
	(void)dup2(error, STDERR_FILENO);
	(void)close(error);
	(void)close(nothing);
	return r;
}

#define PARSE(...)                                                                                 \
	parse((int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)),                  \
	      (const char *const[]){__VA_ARGS__})

static void a_secret_has_16_to_256_bytes_and_is_never_cut(void **state)
{
	static const uint8_t bytes[257];
	static const struct {
		size_t len;
		int result;
	} sizes[] = {{15, -EINVAL}, {16, 0}, {256, 0}, {257, -EINVAL}};
	char path[] = "/tmp/secret-XXXXXX", word[64];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	(void)snprintf(word, sizeof(word), "@%s", path);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(pwrite(fd, bytes, sizes[i].len, 0), sizes[i].len);
		assert_int_equal(PARSE(URL, "--session-secret", word), sizes[i].result);
		if (sizes[i].result == 0)
			assert_int_equal(o.secret_len, sizes[i].len);
	}
	(void)close(fd);
	(void)unlink(path);
}

static void defaults_need_only_the_url(void **state)
{
	(void)state;
	assert_int_equal(PARSE(URL), 0);
	assert_int_equal(o.net.clients, 1000);
	assert_int_equal(o.painters, 1000);
	assert_int_equal(o.observers, 1000);
	assert_int_equal(o.placing, PLACING_PACED);
	assert_true(o.rate == 100 && o.duration_ns == 10000000000ULL);
	assert_int_equal(PARSE("--clients", "5"), -EINVAL);
}

static void short_names_are_those_of_tcpkali(void **state)
{
	(void)state;
	assert_int_equal(PARSE(URL, "-c", "20k", "-T", "3s"), 0);
	assert_int_equal(o.net.clients, 20000);
	assert_int_equal(o.duration_ns, 3000000000ULL);
	assert_int_equal(PARSE(URL, "--connections", "7"), 0);
	assert_int_equal(o.net.clients, 7);
}

static void large_crowd_has_one_observer_in_a_hundred(void **state)
{
	(void)state;
	assert_int_equal(PARSE(URL, "-c", "300k"), 0);
	assert_int_equal(o.observers, 3000);
	assert_int_equal(PARSE(URL, "-c", "300k", "--observers", "5%"), 0);
	assert_int_equal(o.observers, 15000);
	assert_int_equal(PARSE(URL, "-c", "300k", "--observers", "12"), 0);
	assert_int_equal(o.observers, 12);
}

static void ramp_says_how_many_clients(void **state)
{
	(void)state;
	assert_int_equal(PARSE(URL, "--phase", "ramp:1s:0..5k", "--phase", "hold:1s:rate=9"), 0);
	assert_int_equal(o.net.clients, 5000);
	assert_int_equal(o.placing, PLACING_PACED);
	assert_int_equal(PARSE(URL, "--phase", "ramp:1s:0..5k", "-c", "4k"), -EINVAL);
	assert_int_equal(PARSE(URL, "--phase", "ramp:1s:0..5k"), 0);
	assert_int_equal(o.placing, PLACING_NONE);
	assert_int_equal(o.painters, 0);
}

static void replay_goes_by_one_of_three_clocks(void **state)
{
	(void)state;
	assert_int_equal(PARSE(URL, "--replay", "x"), 0);
	assert_int_equal(o.placing, PLACING_FREE);
	assert_int_equal(o.painters, 1);
	assert_int_equal(PARSE(URL, "--replay", "x", "--speedup", "2.5"), 0);
	assert_int_equal(o.placing, PLACING_TIMED);
	assert_int_equal(PARSE(URL, "--replay", "x", "--rate", "10"), 0);
	assert_int_equal(o.placing, PLACING_PACED);
	assert_int_equal(PARSE(URL, "--replay", "x", "--rate", "10", "--speedup", "2"), -EINVAL);
}

static void what_does_not_go_together_is_refused(void **state)
{
	(void)state;
	assert_int_equal(PARSE(URL, "--speedup", "2"), -EINVAL);
	assert_int_equal(PARSE(URL, "--profile", "x", "--phase", "hold:1s"), -EINVAL);
	assert_int_equal(PARSE(URL, "--phase", "hold:1s", "-T", "1s"), -EINVAL);
	assert_int_equal(PARSE(URL, "--replay", "x", "--cooldown", "keep"), -EINVAL);
	assert_int_equal(PARSE(URL, "-c", "10", "--stop-reading", "6", "--slow-readers", "6"),
			 -EINVAL);
	assert_int_equal(PARSE(URL, "-c", "10", "--stop-reading", "5", "--slow-readers", "5"),
			 -EINVAL);
	assert_int_equal(PARSE(URL, "--cooldown", "maybe"), -EINVAL);
	assert_int_equal(PARSE(URL, "--speedup", "0", "--profile", "x"), -EINVAL);
	assert_int_equal(PARSE(URL, "extra"), -EINVAL);
}

static void cells_can_be_hot_and_placements_void(void **state)
{
	(void)state;
	assert_int_equal(PARSE(URL, "--hot-cells", "10k:13%", "--noop-share", "33%"), 0);
	assert_int_equal(o.hot_cells, 10000);
	assert_true(o.hot_share > 0.129 && o.hot_share < 0.131);
	assert_int_equal(PARSE(URL, "--hot-cells", "10k"), -EINVAL);
	assert_int_equal(PARSE(URL, "--hot-cells", "0:5%"), -EINVAL);
	assert_int_equal(PARSE(URL, "--noop-share", "99%"), -EINVAL);
}

static void clients_take_servers_in_turn(void **state)
{
	(void)state;
	assert_int_equal(PARSE(URL, "--url", "ws://127.0.0.2:9000/ws"), 0);
	assert_int_equal(o.net.targets_count, 2);
	assert_string_equal(o.net.targets[0].port, "8080");
	assert_string_equal(net_target(&o.net, 0)->port, "8080");
	assert_string_equal(net_target(&o.net, 5)->port, "9000");
}

static void sources_are_addresses_and_ranges(void **state)
{
	static const char *const wrong[] = {
		"",        "127.0.0", "127.0.0.9-127.0.0.2", "1.2.3.4,", "0.0.0.0-255.255.0.0",
		"1.2.3.4-"};

	(void)state;
	assert_int_equal(PARSE(URL, "--source", "127.0.0.2-127.0.0.9,10.0.0.5", "--source",
			       "10.1.255.255-10.2.0.0"),
			 0);
	assert_int_equal(o.net.sources.total, 11);
	assert_int_equal(source_at(&o.net.sources, 0), 0x7f000002);
	assert_int_equal(source_at(&o.net.sources, 7), 0x7f000009);
	assert_int_equal(source_at(&o.net.sources, 8), 0x0a000005);
	assert_int_equal(source_at(&o.net.sources, 10), 0x0a020000);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(PARSE(URL, "--source", wrong[i]), -EINVAL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, drop)
	const struct CMUnitTest tests[] = {
		TEST(defaults_need_only_the_url),
		TEST(a_secret_has_16_to_256_bytes_and_is_never_cut),
		TEST(short_names_are_those_of_tcpkali),
		TEST(large_crowd_has_one_observer_in_a_hundred),
		TEST(ramp_says_how_many_clients),
		TEST(replay_goes_by_one_of_three_clocks),
		TEST(what_does_not_go_together_is_refused),
		TEST(cells_can_be_hot_and_placements_void),
		TEST(clients_take_servers_in_turn),
		TEST(sources_are_addresses_and_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
