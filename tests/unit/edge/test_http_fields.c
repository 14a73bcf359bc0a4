/*
 * test_http_fields.c - what stands in the fields of a head: lists, weights, cookies, tokens, and
 * what counts only together with other fields.
 *
 * One thread. Heads and fields are written as C strings.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "edge/codec/http_head.h"

#define LINE "GET / HTTP/1.1\r\nHost: a\r\n"

static struct http_head head;

static void parse(const char *text)
{
	const char *why = NULL;

	memset(&head, 0, sizeof(head));
	if (http_head_parse((const uint8_t *)text, strlen(text), &head, &why) != 0)
		fail_msg("%s: %s", why, text);
}

static void assert_span(struct span s, const char *text)
{
	if (!span_equals(s, text))
		fail_msg("\"%.*s\" is not \"%s\"", (int)s.len, s.at != NULL ? s.at : "(absent)",
			 text);
}

static struct span span_of(const char *text)
{
	return (struct span){text, text != NULL ? strlen(text) : 0};
}

static struct http_list list_of(const char *text)
{
	return (struct http_list){.value = span_of(text)};
}

/* --- lists ------------------------------------------------------------------------------------ */

static void several_lines_of_a_field_count_as_one_list(void **state)
{
	struct http_list list;
	struct span element;

	(void)state;
	parse(LINE "Sec-WebSocket-Protocol: chat,,\r\nX: pixeld.v2\r\n"
		   "sec-websocket-protocol:pixeld.v1.json , b\r\nSec-WebSocket-Protocol:\r\n"
		   "SEC-WEBSOCKET-PROTOCOL: pixeld.v1\r\nSec-WebSocket-Protocols: c\r\n\r\n");
	list = head.ws_protocol;
	for (const char *const *name =
		     (const char *const[]){"chat", "pixeld.v1.json", "b", "pixeld.v1", NULL};
	     *name != NULL; name++) {
		assert_true(http_list_next(&list, &element));
		assert_span(element, *name);
	}
	assert_false(http_list_next(&list, &element));
	assert_false(http_list_next(&list, &element));
}

static void weights_and_tags_are_looked_for_in_every_line(void **state)
{
	(void)state;
	parse(LINE "Accept-Encoding: br\r\nIf-None-Match: \"a\"\r\nAccept-Encoding: *;q=0.1\r\n"
		   "If-None-Match: W/\"b\", \"c\"\r\nAccept-Encoding: gzip;q=0.5\r\n\r\n");
	assert_int_equal(http_coding_weight(head.accept_encoding, "br"), 1000);
	assert_int_equal(http_coding_weight(head.accept_encoding, "gzip"), 500);
	assert_int_equal(http_coding_weight(head.accept_encoding, "zstd"), 100);
	assert_true(http_list_has_exactly(head.if_none_match, "\"a\""));
	assert_true(http_list_has_exactly(head.if_none_match, "\"c\""));
	assert_false(http_list_has_exactly(head.if_none_match, "\"C\""));
	assert_false(http_list_has_exactly(head.if_none_match, "\"b\""));
}

static void what_is_compared_exactly_is_compared_with_case(void **state)
{
	(void)state;
	assert_true(http_list_has_exactly(list_of("x, pixeld.v1"), "pixeld.v1"));
	assert_false(http_list_has_exactly(list_of("Pixeld.v1, PIXELD.V1"), "pixeld.v1"));
	assert_true(http_list_has(list_of("Pixeld.v1"), "pixeld.v1"));
}

static void lists_are_searched_by_whole_tokens(void **state)
{
	(void)state;
	assert_true(http_list_has(list_of("upgrade"), "upgrade"));
	assert_true(http_list_has(list_of("a,\tUpGrade ,b"), "upgrade"));
	assert_false(http_list_has(list_of("upgraded, up grade,"), "upgrade"));
	assert_false(http_list_has(list_of(""), "upgrade"));
	assert_false(http_list_has(list_of(NULL), "upgrade"));
}

static void coding_weights_follow_the_field(void **state)
{
	static const struct {
		const char *field, *coding;
		unsigned weight;
	} rows[] = {
		{NULL, "gzip", 0},
		{NULL, "identity", 1000},
		{"", "gzip", 0},
		{"", "identity", 1000},
		{"gzip", "gzip", 1000},
		{"GZIP", "gzip", 1000},
		{"br, gzip;q=0.5, zstd ; q=0.25", "gzip", 500},
		{"br, gzip;q=0.5, zstd ; q=0.25", "zstd", 250},
		{"br, gzip;Q=0.125", "gzip", 125},
		{"gzip;q=0", "gzip", 0},
		{"gzip;q=0.000, *", "gzip", 0},
		{"*;q=0.3", "gzip", 300},
		{"*;q=0", "identity", 0},
		{"*;q=0, identity", "identity", 1000},
		{"identity;q=0", "identity", 0},
		{"gzip;q=1.000", "gzip", 1000},
		{"gzip;q=1.", "gzip", 1000},
		{"gzip;q=1.001", "gzip", 0},
		{"gzip;q=2", "gzip", 0},
		{"gzip;q=", "gzip", 0},
		{"gzip;q=x", "gzip", 0},
		{"gzip;q=0.1234", "gzip", 0},
		{"gzipped", "gzip", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned weight = http_coding_weight(list_of(rows[i].field), rows[i].coding);

		if (weight != rows[i].weight)
			fail_msg("%s of \"%s\": %u", rows[i].coding, rows[i].field, weight);
	}
}

/* All of the name "pixeld", each with a semicolon behind it. */
static void assert_cookies(const char *field, const char *values)
{
	struct span rest = span_of(field), value;
	char found[64] = "";
	size_t len = 0;

	while ((value = http_cookie_next(&rest, "pixeld")).at != NULL)
		len += (size_t)snprintf(found + len, sizeof(found) - len, "%.*s;", (int)value.len,
					value.at);
	assert_string_equal(found, values);
}

static void all_cookies_of_a_name_are_found_in_their_order(void **state)
{
	(void)state;
	assert_cookies("xpixeld=1; pixeld=a=b ;pixeld=3; y=4; pixeld=5", "a=b;3;5;");
}

static void cookies_are_found_by_their_whole_name(void **state)
{
	(void)state;
	assert_cookies("pixeld=a.b", "a.b;");
	assert_cookies("pixeld=", ";");
	assert_cookies("pixeldx=1; pixeld; ;=2", "");
	assert_cookies("Pixeld=1", "");
	assert_cookies(NULL, "");
}

static void query_values_are_found_by_their_whole_key(void **state)
{
	(void)state;
	assert_span(http_query(span_of("seq=5"), "seq"), "5");
	assert_span(http_query(span_of("xseq=1&seq=a=b&seq=3"), "seq"), "a=b");
	assert_span(http_query(span_of("a&seq&b"), "seq"), "");
	assert_null(http_query(span_of("seqs=1&&=2"), "seq").at);
	assert_null(http_query(span_of(NULL), "seq").at);
	assert_int_equal(http_query_count(span_of("xseq=1&seq=a=b&seq=3&seq&seqs"), "seq"), 3);
	assert_int_equal(http_query_count(span_of("seq"), "seq"), 1);
	assert_int_equal(http_query_count(span_of(NULL), "seq"), 0);
}

/* --- tokens ----------------------------------------------------------------------------------- */

static void the_scheme_of_a_token_has_no_case_and_any_number_of_blanks(void **state)
{
	(void)state;
	assert_span(http_bearer(span_of("Bearer a.b")), "a.b");
	assert_span(http_bearer(span_of("bearer a.b")), "a.b");
	assert_span(http_bearer(span_of("BEARER    a.b")), "a.b");
	assert_null(http_bearer(span_of("Bearer")).at);
	assert_null(http_bearer(span_of("Bearera.b")).at);
	assert_null(http_bearer(span_of("Basic a.b")).at);
	assert_null(http_bearer(span_of(NULL)).at);
}

/* --- fields that others give their meaning -----------------------------------------------------
 * */

static void expect_counts_only_where_a_body_waits(void **state)
{
	static const struct {
		const char *text;
		bool counts;
	} rows[] = {
		{"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n",
		 true},
		{"PUT / HTTP/1.1\r\nHost: a\r\nExpect: x, 100-Continue\r\nContent-Length: "
		 "1\r\n\r\n",
		 true},
		{"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n",
		 false},
		{LINE "Expect: 100-continue\r\n\r\n", false},
		{"PUT / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n", false},
		{"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 200-ok\r\n\r\n", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		parse(rows[i].text);
		if (head.expect_continue != rows[i].counts)
			fail_msg("%s", rows[i].text);
	}
}

static void the_host_of_an_absolute_target_counts_before_the_field(void **state)
{
	static const struct {
		const char *target, *host, *path, *query;
		bool is_https;
	} rows[] = {
		{"http://a/b/c?d=e", "a", "/b/c", "d=e", false},
		{"HTTP://A.example:80/", "A.example:80", "/", NULL, false},
		{"https://a:443/ws", "a:443", "/ws", NULL, true},
		{"http://a", "a", "/", NULL, false},
		{"http://a?", "a", "/", "", false},
		{"https://[::1]:8?x=/y", "[::1]:8", "/", "x=/y", true},
		{"/b?c", "field", "/b", "c", false},
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: field\r\n\r\n",
			 rows[i].target);
		parse(text);
		assert_span(head.host, rows[i].host);
		assert_span(head.path, rows[i].path);
		if (rows[i].query != NULL)
			assert_span(head.query, rows[i].query);
		else
			assert_null(head.query.at);
		assert_int_equal(head.is_https, rows[i].is_https);
	}
	parse("GET http://a/ HTTP/1.0\r\n\r\n");
	assert_span(head.host, "a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_lines_of_a_field_count_as_one_list),
		cmocka_unit_test(weights_and_tags_are_looked_for_in_every_line),
		cmocka_unit_test(what_is_compared_exactly_is_compared_with_case),
		cmocka_unit_test(lists_are_searched_by_whole_tokens),
		cmocka_unit_test(coding_weights_follow_the_field),
		cmocka_unit_test(all_cookies_of_a_name_are_found_in_their_order),
		cmocka_unit_test(cookies_are_found_by_their_whole_name),
		cmocka_unit_test(query_values_are_found_by_their_whole_key),
		cmocka_unit_test(the_scheme_of_a_token_has_no_case_and_any_number_of_blanks),
		cmocka_unit_test(expect_counts_only_where_a_body_waits),
		cmocka_unit_test(the_host_of_an_absolute_target_counts_before_the_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
