/* test_timestamp.c - moments in text, there and back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "engine/base/timestamp.h"
#include "tests/prng.h"

static uint64_t parsed(const char *text)
{
	uint64_t ms = 1;

	assert_int_equal(timestamp_parse(text, strlen(text), &ms), 0);
	return ms;
}

static void moments_are_read(void **state)
{
	(void)state;
	assert_int_equal(parsed("0"), 0);
	assert_int_equal(parsed("1490918400123"), 1490918400123);
	assert_int_equal(parsed("2017-03-31T00:00:00Z"), 1490918400000);
	assert_int_equal(parsed("2017-03-31t00:00:00.5z"), 1490918400500);
	assert_int_equal(parsed("2017-03-31T02:00:00.123456+02:00"), 1490918400123);
	assert_int_equal(parsed("2017-03-30T19:30:00-04:30"), 1490918400000);
	assert_int_equal(parsed("2022-04-04 00:53:51.577 UTC"), 1649033631577);
	assert_int_equal(parsed("2000-02-29T00:00:00Z"), 951782400000);
}

static void what_is_no_moment_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"-1",
		"12x",
		"2017-03-31",
		"2017-03-31T00:00:00",
		"2017-02-29T00:00:00Z",
		"2017-13-01T00:00:00Z",
		"2017-03-31T24:00:00Z",
		"2017-03-31T00:00:00.Z",
		"2017-03-31T00:00:00+2:00",
		"2017-03-31T00:00:00Zx",
		"1969-12-31T23:59:59Z",
		"9999999999999999",
		"253402300800000",
		"9999-12-31T23:59:60Z",
		"9999-12-31T23:00:00-01:00",
	};
	uint64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(timestamp_parse(bad[i], strlen(bad[i]), &ms), -EINVAL);
}

static void every_moment_comes_back_and_is_that_of_libc(void **state)
{
	uint64_t dice = prng_start("test_timestamp");

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint64_t ms = prng_below(&dice, 253402300800000);
		char text[TIMESTAMP_BYTES], want[TIMESTAMP_BYTES];
		time_t seconds = (time_t)(ms / 1000);
		struct tm tm;

		timestamp_print(ms, text);
		assert_int_equal(parsed(text), ms);
		(void)gmtime_r(&seconds, &tm);
		strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S", &tm);
		assert_memory_equal(text, want, strlen(want));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moments_are_read),
		cmocka_unit_test(what_is_no_moment_is_refused),
		cmocka_unit_test(every_moment_comes_back_and_is_that_of_libc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
