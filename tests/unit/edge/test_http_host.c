/*
 * test_http_host.c - hosts as RFC 3986 writes them, and which of them an origin is.
 *
 * One thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "edge/codec/http_host.h"

static struct span span_of(const char *text)
{
	return (struct span){text, text != NULL ? strlen(text) : 0};
}

static void hosts_of_the_grammar_are_taken(void **state)
{
	static const char *const rows[] = {
		"a",
		"a.example",
		"a,b",
		"a:",
		"a:80",
		"a:00080",
		"a:99999",
		"%41%ff",
		"-._~!$&'()*+,;=",
		"1.2.3.4",
		"1.2.3.4:8080",
		"[::1]",
		"[::1]:8080",
		"[::1]:",
		"[::ffff:1.2.3.4]",
		"[v1.x]",
		"[vF.a:b]:1",
		"999.999.999.999",
		"[ABCD:ef01:2345:6789:abcd:ef01:2345:6789]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!http_host_is_good(span_of(rows[i])))
			fail_msg("%s", rows[i]);
}

static void hosts_that_are_none_are_refused(void **state)
{
	static const char *const rows[] = {
		"",         ":80",       "a:-1",       "a:80x",        "a:+1",
		"a:8 0",    "a b",       "::1",        "a:1:2",        "[abcd::1",
		"abcd::1]", "[]",        "[:80",       "[::1]8080",    "[::1]x",
		"[::1]:x",  "[1.2.3.4]", "[::1%25lo]", "[fe80::1%lo]", "[1::2::3]",
		"[g::]",    "[v.x]",     "[v1.]",      "[vg.x]",       "[v1x]",
		"a/b",      "a?b",       "u@a",        "u:p@a",        "a\\b",
		"%4",       "%4g",       "a%",         "<a>",          "a\"b",
		"\xc3\xa4", "a\tb",      "[[::1]]",    "[12345::]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (http_host_is_good(span_of(rows[i])))
			fail_msg("%s", rows[i]);
}

static void default_ports_make_no_other_site(void **state)
{
	static const struct {
		const char *origin, *host;
		bool same;
	} rows[] = {
		{"https://board.example", "board.example:443", true},
		{"https://board.example", "board.example", true},
		{"https://board.example:443", "board.example", true},
		{"https://BOARD.example", "board.EXAMPLE", true},
		{"http://board.example", "board.example:80", true},
		{"http://board.example", "board.example:", true},
		{"http://board.example", "board.example:0080", true},
		{"http://board.example:8080", "board.example:8080", true},
		{"http://[::1]:8080", "[::1]:8080", true},
		{"http://[::1]", "[::1]:80", true},
		{"https://board.example", "board.example:80", false},
		{"http://board.example", "board.example:443", false},
		{"https://board.example:8443", "board.example", false},
		{"http://board.example:8080", "board.example:8081", false},
		{"http://board.example", "board.example.evil.example", false},
		{"http://board.example.evil.example", "board.example", false},
		{"http://evil.example", "board.example", false},
		{"http://board.example:8080x", "board.example:8080x", false},
		{"null", "null", false},
		{"", "", false},
		{"http://", "", false},
		{"ftp://board.example", "board.example:80", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (http_origin_is_host(span_of(rows[i].origin), span_of(rows[i].host)) !=
		    rows[i].same)
			fail_msg("%s and %s", rows[i].origin, rows[i].host);
	assert_false(http_origin_is_host(span_of(NULL), span_of("a")));
	assert_false(http_origin_is_host(span_of("http://a"), span_of(NULL)));
}

static void origins_are_compared_with_their_scheme(void **state)
{
	(void)state;
	assert_true(
		http_origin_equals(span_of("https://a.example"), span_of("HTTPS://A.example:443")));
	assert_true(http_origin_equals(span_of("http://a:80"), span_of("http://a")));
	assert_true(http_origin_equals(span_of("app://a"), span_of("app://a")));
	assert_false(http_origin_equals(span_of("https://a"), span_of("http://a")));
	assert_false(http_origin_equals(span_of("https://a"), span_of("https://a:80")));
	assert_false(http_origin_equals(span_of("https://a"), span_of("null")));
	assert_false(http_origin_equals(span_of("null"), span_of("null")));
}

static void origins_are_printed_as_browsers_write_them(void **state)
{
	static const struct {
		const char *given, *printed;
	} rows[] = {
		{"https://a.example", "https://a.example"},
		{"HTTPS://A.Example:443", "https://a.example"},
		{"http://a:0080", "http://a"},
		{"http://a:", "http://a"},
		{"http://a:443", "http://a:443"},
		{"https://[::1]:08", "https://[::1]:8"},
		{"app://a", "app://a"},
	};
	static const char *const refused[] = {"a.example", "://a",        "https://", "https://a/",
					      "null",      "https://a:x", ""};
	char out[32];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(http_origin_print(span_of(rows[i].given), out, sizeof(out)));
		assert_string_equal(out, rows[i].printed);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_false(http_origin_print(span_of(refused[i]), out, sizeof(out)));
	assert_false(http_origin_print(span_of("https://a"), out, 9));
	assert_true(http_origin_print(span_of("https://a"), out, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_of_the_grammar_are_taken),
		cmocka_unit_test(hosts_that_are_none_are_refused),
		cmocka_unit_test(default_ports_make_no_other_site),
		cmocka_unit_test(origins_are_compared_with_their_scheme),
		cmocka_unit_test(origins_are_printed_as_browsers_write_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
