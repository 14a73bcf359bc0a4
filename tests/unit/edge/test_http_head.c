/*
 * test_http_head.c - what the strict reader of heads takes and refuses; test_http_head_readers.c
 * has an independent reader of what it takes.
 *
 * One thread. Heads are written as C strings; rows with a NUL give their length by sizeof.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/codec/http_head.h"

static struct http_head head;
static const char *why;

static int parse(const char *text)
{
	memset(&head, 0, sizeof(head));
	why = NULL;
	return http_head_parse((const uint8_t *)text, strlen(text), &head, &why);
}

static void assert_span(struct span s, const char *text)
{
	if (!span_equals(s, text))
		fail_msg("\"%.*s\" is not \"%s\"", (int)s.len, s.at != NULL ? s.at : "(absent)",
			 text);
}

static void every_field_finds_its_place(void **state)
{
	(void)state;
	assert_int_equal(parse("PUT /boards/main/pixels/1/2?a=b&c HTTP/1.1\r\n"
			       "host: pixels.example:8080\r\n"
			       "Origin: https://pixels.example\r\n"
			       "COOKIE: a=1; pixeld=t.k; b=2\r\n"
			       "Authorization: Bearer t.k\r\n"
			       "If-None-Match: \"1-2-gzip\"\r\n"
			       "Accept-Encoding:gzip, zstd\t \r\n"
			       "Idempotency-Key: 77\r\n"
			       "Content-Type: application/json\r\n"
			       "Content-Length: 12\r\n"
			       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			       "Sec-WebSocket-Protocol: pixeld.v1.json, pixeld.v1\r\n"
			       "Sec-WebSocket-Version: 13\r\n"
			       "Upgrade: h2c, WebSocket\r\n"
			       "Connection: keep-alive, Upgrade\r\n"
			       "Expect: 100-Continue\r\n"
			       "X-Unknown:\r\n"
			       "\r\n"),
			 0);
	assert_int_equal(head.method, HTTP_PUT);
	assert_int_equal(head.minor, 1);
	assert_span(head.path, "/boards/main/pixels/1/2");
	assert_span(head.query, "a=b&c");
	assert_span(head.host, "pixels.example:8080");
	assert_span(head.origin, "https://pixels.example");
	assert_span(head.cookie, "a=1; pixeld=t.k; b=2");
	assert_span(head.authorization, "Bearer t.k");
	assert_span(head.if_none_match.value, "\"1-2-gzip\"");
	assert_span(head.accept_encoding.value, "gzip, zstd");
	assert_span(head.idempotency_key, "77");
	assert_span(head.content_type, "application/json");
	assert_span(head.ws_key, "dGhlIHNhbXBsZSBub25jZQ==");
	assert_span(head.ws_protocol.value, "pixeld.v1.json, pixeld.v1");
	assert_span(head.ws_version, "13");
	assert_true(head.has_content_length && head.content_length == 12);
	assert_true(head.keep_alive && head.connection_upgrade && head.upgrade_websocket);
	assert_true(head.expect_continue);
}

static void absent_fields_are_absent(void **state)
{
	(void)state;
	assert_int_equal(parse("GET / HTTP/1.0\r\n\r\n"), 0);
	assert_null(head.host.at);
	assert_null(head.query.at);
	assert_null(head.cookie.at);
	assert_null(head.ws_key.at);
	assert_int_equal(head.minor, 0);
	assert_false(head.has_content_length || head.keep_alive || head.connection_upgrade ||
		     head.upgrade_websocket || head.expect_continue);
}

static void keep_alive_follows_version_and_connection(void **state)
{
	static const struct {
		const char *text;
		bool keep;
	} rows[] = {
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", true},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
		 false},
		{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
		{"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(rows[i].text), 0);
		assert_int_equal(head.keep_alive, rows[i].keep);
	}
}

#define LINE "GET / HTTP/1.1\r\nHost: a\r\n"

static const struct {
	int status;
	const char *text;
} refused[] = {
	/* two lengths, or a length that somebody else reads differently */
	{400, LINE "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{400, LINE "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"},
	{400, LINE "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"},
	{400, LINE "Content-Length: 5\r\ncontent-length: 6\r\n\r\n"},
	{400, LINE "Content-Length: +5\r\n\r\n"},
	{400, LINE "Content-Length: -5\r\n\r\n"},
	{400, LINE "Content-Length: 5, 5\r\n\r\n"},
	{400, LINE "Content-Length: 5 5\r\n\r\n"},
	{400, LINE "Content-Length: 0x5\r\n\r\n"},
	{400, LINE "Content-Length: 5_0\r\n\r\n"},
	{400, LINE "Content-Length: 5.0\r\n\r\n"},
	{400, LINE "Content-Length: \"5\"\r\n\r\n"},
	{400, LINE "Content-Length:\r\n\r\n"},
	{400, LINE "Content-Length: \t\r\n\r\n"},
	{400, LINE "Content-Length: 18446744073709551616\r\n\r\n"},
	{400, LINE "Content-Length: 18446744073709551621\r\n\r\n"},
	{501, LINE "Transfer-Encoding: chunked\r\n\r\n"},
	{501, LINE "transfer-encoding: xchunked\r\n\r\n"},
	{501, LINE "Transfer-Encoding: chunked, identity\r\n\r\n"},
	{501, LINE "Transfer-Encoding:\r\n\r\n"},
	{501, LINE "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{501, LINE "Transfer-Encoding:\tchunked\r\n\r\n"},
	{400, LINE "Transfer-Encoding : chunked\r\n\r\n"},
	{400, LINE "Transfer-Encoding\t: chunked\r\n\r\n"},
	{400, LINE " Transfer-Encoding: chunked\r\n\r\n"},
	{400, LINE "Transfer-Encoding: \x0b"
		   "chunked\r\n\r\n"},
	{400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
	/* line ends */
	{400, "GET / HTTP/1.1\nHost: a\n\n"},
	{400, "GET / HTTP/1.1\r\nHost: a\n\r\n"},
	{400, "GET / HTTP/1.1\nHost: a\r\n\r\n"},
	{400, LINE "A: b\r\n\n"},
	{400, LINE "A: b\rC: d\r\n\r\n"},
	{400, LINE "A: b\r\r\n\r\n"},
	{400, LINE "\r\n\r\n"},
	{400, "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "\r\n\r\n"},
	{400, ""},
	/* fields */
	{400, LINE "A: b\r\n folded\r\n\r\n"},
	{400, LINE "A: b\r\n\tfolded\r\n\r\n"},
	{400, LINE "A : b\r\n\r\n"},
	{400, LINE ": b\r\n\r\n"},
	{400, LINE "no colon\r\n\r\n"},
	{400, LINE "A[]: b\r\n\r\n"},
	{400, LINE "\xc3\xa4: b\r\n\r\n"},
	{400, LINE "A: b\x01\r\n\r\n"},
	{400, LINE "A: b\x7f\r\n\r\n"},
	/* fields that come once */
	{400, "GET / HTTP/1.1\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
	{400, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
	{400, LINE "Cookie: a=b\r\nCookie: c=d\r\n\r\n"},
	{400, LINE "Origin: http://a\r\nOrigin: http://b\r\n\r\n"},
	{400, LINE "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n"},
	{400, LINE "Sec-WebSocket-Key: a\r\nSec-WebSocket-Key: b\r\n\r\n"},
	{400, LINE "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 8\r\n\r\n"},
	/* the request line */
	{400, "GET /\r\n\r\n"},
	{400, "GET\r\n\r\n"},
	{400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
	{400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET / http/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET / HTTP/11\r\nHost: a\r\n\r\n"},
	{400, "GET / HTTP/1.x\r\nHost: a\r\n\r\n"},
	{400, "GET / HTTP/1.10\r\nHost: a\r\n\r\n"},
	{505, "GET / HTTP/1.2\r\nHost: a\r\n\r\n"},
	{505, "GET / HTTP/0.9\r\nHost: a\r\n\r\n"},
	{505, "PRI * HTTP/2.0\r\n\r\n"},
	/* targets */
	{400, "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET http:// HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET http://?a HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET http://a:x/ HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET http://a//b HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET http://a/../b HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET http://a/ HTTP/1.1\r\n\r\n"},
	{400, "GET http://a/ HTTP/1.1\r\nHost: a b\r\n\r\n"},
	{400, "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET boards HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET ?a HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET //boards HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET /boards//main HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET /./boards HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET /boards/.. HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET /boards/%2e%2e/x HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET /boards%2fmain HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET /boards%5Cmain HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET /boards\\main HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET /a%0d%0a HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET /a%7f HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET /a\r HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET /\rHTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHo\rst: a\r\n\r\n"},
	{400, "GET /a%252e HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET /a%4 HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET /a%g0 HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET /a%4/0 HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n"},
	{400, "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n"},
};

static void doubtful_heads_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		int status = parse(refused[i].text);

		if (status != refused[i].status || why == NULL)
			fail_msg("%d instead of %d (%s):\n%s", status, refused[i].status,
				 why != NULL ? why : "-", refused[i].text);
		assert_null(head.path.at);
	}
}

static void nul_is_refused_everywhere(void **state)
{
	static const char text[] = "GET /a?b HTTP/1.1\r\nHost: a\r\nCookie: c\r\n\r\n";
	char copy[sizeof(text)];

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		memcpy(copy, text, sizeof(text));
		copy[i] = 0;
		assert_int_not_equal(
			http_head_parse((const uint8_t *)copy, sizeof(text) - 1, &head, &why), 0);
	}
}

static void head_cut_short_is_refused(void **state)
{
	static const char text[] = "GET /a?b HTTP/1.1\r\nHost: a\r\nCookie: c\r\n\r\n";

	(void)state;
	assert_int_equal(parse(text), 0);
	for (size_t len = 0; len < sizeof(text) - 1; len++)
		assert_int_not_equal(http_head_parse((const uint8_t *)text, len, &head, &why), 0);
}

static void unusual_but_clear_heads_pass(void **state)
{
	static const char *const rows[] = {
		"GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
		"get / HTTP/1.1\r\nHost: a\r\n\r\n",
		"PROPFIND /boards/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /caf%C3%A9?x=%00{}|^//.. HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /...?q HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: caf\xc3\xa9\r\n\r\n",
		"GET / HTTP/1.1\r\nHost:\t a\t \r\nContent-Length: 007\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999999999\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br\r\nAccept-Encoding: gzip\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (parse(rows[i]) != 0)
			fail_msg("%s: %s", why, rows[i]);
}

static void too_much_is_told_from_wrong(void **state)
{
	static char text[2 * HTTP_HEAD_BYTES_MAX];
	size_t len;

	(void)state;
	snprintf(text, sizeof(text), "GET /%0*d HTTP/1.1\r\nHost: a\r\n\r\n",
		 HTTP_TARGET_BYTES_MAX - 1, 0);
	assert_int_equal(parse(text), 0);
	snprintf(text, sizeof(text), "GET /%0*d HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_TARGET_BYTES_MAX,
		 0);
	assert_int_equal(parse(text), 414);
	snprintf(text, sizeof(text), LINE "A: %0*d\r\n\r\n", HTTP_HEAD_BYTES_MAX, 0);
	assert_int_equal(parse(text), 431);
	for (unsigned fields = HTTP_FIELDS_MAX; fields <= HTTP_FIELDS_MAX + 1; fields++) {
		len = (size_t)sprintf(text, LINE);
		for (unsigned i = 1; i < fields; i++)
			len += (size_t)sprintf(text + len, "A: b\r\n");
		sprintf(text + len, "\r\n");
		assert_int_equal(parse(text), fields > HTTP_FIELDS_MAX ? 431 : 0);
	}
}

static void end_is_found_at_every_split(void **state)
{
	static const char *const rows[] = {
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\nHost: a\n\n",
		"GET / HTTP/1.1\r\nHost: a\n\r\n",
		"\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"a\r\nb\n\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[128];
		size_t end = strlen(rows[i]);

		snprintf(text, sizeof(text), "%sGET / behind\r\n\r\n", rows[i]);
		for (size_t seen = 0; seen < end; seen++) {
			assert_int_equal(http_head_end((const uint8_t *)text, seen, 0), 0);
			assert_int_equal(http_head_end((const uint8_t *)text, end, seen), end);
			assert_int_equal(http_head_end((const uint8_t *)text, strlen(text), seen),
					 end);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_finds_its_place),
		cmocka_unit_test(absent_fields_are_absent),
		cmocka_unit_test(keep_alive_follows_version_and_connection),
		cmocka_unit_test(doubtful_heads_are_refused),
		cmocka_unit_test(nul_is_refused_everywhere),
		cmocka_unit_test(head_cut_short_is_refused),
		cmocka_unit_test(unusual_but_clear_heads_pass),
		cmocka_unit_test(too_much_is_told_from_wrong),
		cmocka_unit_test(end_is_found_at_every_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
