/*
 * test_units.c - numbers as people write them, and URLs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "edge/fetch/target.h"
#include "tools/options/units.h"

static void counts_have_decimal_suffixes(void **state)
{
	uint64_t v;

	(void)state;
	assert_int_equal(units_count("500", &v), 0);
	assert_int_equal(v, 500);
	assert_int_equal(units_count("10k", &v), 0);
	assert_int_equal(v, 10000);
	assert_int_equal(units_count("1.5M", &v), 0);
	assert_int_equal(v, 1500000);
}

static void durations_have_units_of_time(void **state)
{
	uint64_t v;

	(void)state;
	assert_int_equal(units_duration("250ms", &v), 0);
	assert_int_equal(v, 250000000);
	assert_int_equal(units_duration("10m", &v), 0);
	assert_int_equal(v, 600000000000ULL);
	assert_int_equal(units_duration("10min", &v), 0);
	assert_int_equal(v, 600000000000ULL);
	assert_int_equal(units_duration("2d", &v), 0);
	assert_int_equal(v, 172800000000000ULL);
	assert_int_equal(units_duration("1h", &v), 0);
	assert_int_equal(v, 3600000000000ULL);
	assert_int_equal(units_duration("3", &v), 0);
	assert_int_equal(v, 3000000000ULL);
}

static void rates_are_per_second_or_minute(void **state)
{
	double v;

	(void)state;
	assert_int_equal(units_rate("1000/s", &v), 0);
	assert_true(v == 1000);
	assert_int_equal(units_rate("60k/m", &v), 0);
	assert_true(v == 1000);
	assert_int_equal(units_rate("0.5", &v), 0);
	assert_true(v == 0.5);
}

static void bytes_are_binary_or_decimal_as_written(void **state)
{
	uint64_t v;

	(void)state;
	assert_int_equal(units_bytes("64KiB", &v), 0);
	assert_int_equal(v, 65536);
	assert_int_equal(units_bytes("64k", &v), 0);
	assert_int_equal(v, 64000);
}

static void what_is_no_number_is_refused_and_changes_nothing(void **state)
{
	static const char *const wrong[] = {"",    "k",   "-1",  "+1",  "10x",  "10 k", "0x10",
					    "nan", "inf", "1e3", " 10", "10k ", "1..5", ".5"};
	uint64_t v = 7;
	double d = 7;

	(void)state;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(units_count(wrong[i], &v), -EINVAL);
		assert_int_equal(units_duration(wrong[i], &v), -EINVAL);
		assert_int_equal(units_bytes(wrong[i], &v), -EINVAL);
		assert_int_equal(units_rate(wrong[i], &d), -EINVAL);
	}
	assert_int_equal(units_rate("10/h", &d), -EINVAL);
	assert_int_equal(units_count("999999999999999999999G", &v), -ERANGE);
	assert_int_equal(v, 7);
	assert_true(d == 7);
}

static void url_is_taken_apart(void **state)
{
	const char *why;
	struct target t;

	(void)state;
	assert_int_equal(target_parse("ws://127.0.0.1:8080/ws", &t, &why), 0);
	assert_string_equal(t.host, "127.0.0.1");
	assert_string_equal(t.port, "8080");
	assert_string_equal(t.authority, "127.0.0.1:8080");
	assert_string_equal(t.path, "/ws");
	assert_int_equal(target_parse("ws://[::1]:99/a/b?c", &t, &why), 0);
	assert_string_equal(t.host, "::1");
	assert_string_equal(t.port, "99");
	assert_string_equal(t.path, "/a/b?c");
	assert_int_equal(target_parse("https://[::1]", &t, &why), 0);
	assert_true(t.tls);
	assert_string_equal(t.port, "443");
	assert_int_equal(target_parse("ws://example.org", &t, &why), 0);
	assert_false(t.tls);
	assert_string_equal(t.port, "80");
	assert_string_equal(t.path, "/ws");
}

static void url_that_is_wrong_is_refused_with_a_reason(void **state)
{
	static const char *const wrong[] = {"ftp://a/",  "wss:/a/",   "ws://",
					    "ws://:80/", "ws://a:/",  "ws://a:0/",
					    "ws://a:b/", "ws://[::1", "ws://a:70000/",
					    "ws://a b/", "ws://a/#x", "ws://[::1]x/"};

	(void)state;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *why = NULL;
		struct target t;

		assert_int_equal(target_parse(wrong[i], &t, &why), -EINVAL);
		assert_non_null(why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_have_decimal_suffixes),
		cmocka_unit_test(durations_have_units_of_time),
		cmocka_unit_test(rates_are_per_second_or_minute),
		cmocka_unit_test(bytes_are_binary_or_decimal_as_written),
		cmocka_unit_test(what_is_no_number_is_refused_and_changes_nothing),
		cmocka_unit_test(url_is_taken_apart),
		cmocka_unit_test(url_that_is_wrong_is_refused_with_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
