/* test_listen_address.c - what can be listened at, and what cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "server/settings/listen_address.h"

static void addresses_read_and_write_the_same(void **state)
{
	static const char *const good[] = {
		"127.0.0.1:8080",        "0.0.0.0:0", "[::1]:8080", "[::]:65535",
		"unix:/run/pixeld.sock", "unix:x"};
	char out[LISTEN_ADDRESS_CHARS];
	struct listen_address address;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(listen_address_parse(good[i], &address), 0);
		listen_address_str(&address.addr, out);
		assert_string_equal(out, good[i]);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	char long_path[200] = "unix:";
	static const char *const bad[] = {"",
					  ":",
					  "8080",
					  "localhost:80",
					  "::1:80",
					  "[::1]",
					  "[::1]80",
					  "1.2.3.4",
					  "1.2.3.4:",
					  "[]:1",
					  "1.2.3:80",
					  "unix:",
					  "1.2.3.4:65536",
					  "1.2.3.4:-1",
					  "[",
					  "1.2.3.4:000080",
					  "[1.2.3.4]:80",
					  "]:1"};
	struct listen_address address;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(listen_address_parse(bad[i], &address) < 0);
	memset(long_path + 5, 'x', sizeof(long_path) - 6);
	assert_true(listen_address_parse(long_path, &address) < 0);
}

static void loopback_and_unix_are_local(void **state)
{
	static const struct {
		const char *text;
		int local;
	} rows[] = {
		{"127.0.0.1:1", 1}, {"127.9.9.9:1", 1}, {"[::1]:1", 1}, {"[::ffff:127.0.0.1]:1", 1},
		{"unix:/x", 1},     {"10.0.0.1:1", 0},  {"[::]:1", 0},  {"[::ffff:10.0.0.1]:1", 0}};
	struct listen_address address;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(listen_address_parse(rows[i].text, &address), 0);
		assert_int_equal(listen_address_is_local((const struct sockaddr *)&address.addr),
				 rows[i].local);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_read_and_write_the_same),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(loopback_and_unix_are_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
