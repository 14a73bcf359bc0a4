/*
 * test_http_head_readers.c - http-parser as an independent reader of the heads that the strict one
 * takes.
 *
 * One thread. Heads are made from good ones by small random changes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* Its names are ours too: those that clash are told apart here. */
#define http_method  other_method
#define HTTP_GET     OTHER_GET
#define HTTP_HEAD    OTHER_HEAD
#define HTTP_PUT     OTHER_PUT
#define HTTP_POST    OTHER_POST
#define HTTP_DELETE  OTHER_DELETE
#define HTTP_OPTIONS OTHER_OPTIONS
#include <http_parser.h>
#undef http_method
#undef HTTP_GET
#undef HTTP_HEAD
#undef HTTP_PUT
#undef HTTP_POST
#undef HTTP_DELETE
#undef HTTP_OPTIONS

#include "edge/codec/http_head.h"

static struct http_head head;
static const char *why;

static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((random_state >> 33) % bound);
}

static void seed_random(void)
{
	const char *given = getenv("PIXELD_SEED");

	random_state = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	print_message("PIXELD_SEED=%llu\n", (unsigned long long)random_state);
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

struct other {
	char url[HTTP_HEAD_BYTES_MAX], name[HTTP_HEAD_BYTES_MAX], value[HTTP_HEAD_BYTES_MAX];
	char host[HTTP_HEAD_BYTES_MAX], cookie[HTTP_HEAD_BYTES_MAX];
	bool in_value, complete;
	uint64_t content_length;
};

static struct other other;

static void keep_value(void)
{
	size_t len = strlen(other.value);

	while (len > 0 && (other.value[len - 1] == ' ' || other.value[len - 1] == '\t'))
		other.value[--len] = 0;
	if (strcasecmp(other.name, "host") == 0)
		strcpy(other.host, other.value);
	if (strcasecmp(other.name, "cookie") == 0)
		strcpy(other.cookie, other.value);
	other.name[0] = other.value[0] = 0;
	other.in_value = false;
}

static int other_url(http_parser *p, const char *at, size_t len)
{
	(void)p;
	strncat(other.url, at, len);
	return 0;
}

static int other_name(http_parser *p, const char *at, size_t len)
{
	(void)p;
	if (other.in_value)
		keep_value();
	strncat(other.name, at, len);
	return 0;
}

static int other_value(http_parser *p, const char *at, size_t len)
{
	(void)p;
	other.in_value = true;
	strncat(other.value, at, len);
	return 0;
}

static int other_complete(http_parser *p)
{
	if (other.in_value)
		keep_value();
	other.complete = true;
	other.content_length = (p->flags & F_CONTENTLENGTH) != 0 ? p->content_length : 0;
	return 0;
}

/* Two places where http-parser is not RFC 9110: it knows no tab behind a length, and it takes a
 * longer name that only begins with Transfer-Encoding for that one. */
static bool is_quirk(enum http_errno error, const char *text)
{
	if (error == HPE_INVALID_CONTENT_LENGTH)
		return strchr(text, '\t') != NULL;
	if (error == HPE_INVALID_TRANSFER_ENCODING || error == HPE_UNEXPECTED_CONTENT_LENGTH)
		return strcasestr(text, "\nTransfer-Encoding") != NULL;
	return false;
}

static struct span url_part(const struct http_parser_url *u, enum http_parser_url_fields part)
{
	if ((u->field_set & 1u << part) == 0)
		return (struct span){.at = NULL};
	return (struct span){other.url + u->field_data[part].off, u->field_data[part].len};
}

static void assert_spans_equal(struct span ours, struct span theirs)
{
	if (ours.len != theirs.len || memcmp(ours.at, theirs.at, ours.len) != 0)
		fail_msg("\"%.*s\" is read as \"%.*s\" of %s", (int)ours.len, ours.at,
			 (int)theirs.len, theirs.at, other.url);
}

/* http-parser knows no marks in the names of hosts, no empty ports, and none that no host has. */
static bool is_host_quirk(struct span host)
{
	const char *port = host.at + host.len;

	for (size_t i = 0; i < host.len; i++)
		if (strchr("!$&'()*+,;=%~", host.at[i]) != NULL)
			return true;
	while (port > host.at && port[-1] >= '0' && port[-1] <= '9')
		port--;
	return port > host.at && port[-1] == ':' &&
	       (port == host.at + host.len || strtoul(port, NULL, 10) > 65535);
}

/* Path, query and host out of the other's own reading of the target. It wants no brackets around
 * hosts, and tells no empty query from none. */
static void compare_url(void)
{
	struct http_parser_url u;
	struct span path, query, host;

	if (strcmp(other.url, "*") == 0) {
		assert_span(head.path, "*");
		return;
	}
	http_parser_url_init(&u);
	if (http_parser_parse_url(other.url, strlen(other.url), 0, &u) != 0) {
		if (!is_host_quirk(head.host))
			fail_msg("only we take the target %s", other.url);
		return;
	}
	path = url_part(&u, UF_PATH);
	query = url_part(&u, UF_QUERY);
	host = url_part(&u, UF_HOST);
	assert_spans_equal(head.path, path.at != NULL ? path : span_of("/"));
	if (query.len > 0 || head.query.len > 0)
		assert_spans_equal(head.query, query);
	if (host.at == NULL)
		return;
	assert_true(head.host.at[0] == '[' ? head.host.len >= host.len + 2
					   : head.host.len >= host.len);
	assert_memory_equal(head.host.at + (head.host.at[0] == '['), host.at, host.len);
}

static void compare_with_http_parser(const char *text, size_t len)
{
	static const char *const methods[] = {"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"};
	http_parser_settings settings = {.on_url = other_url,
					 .on_header_field = other_name,
					 .on_header_value = other_value,
					 .on_headers_complete = other_complete};
	http_parser p;

	memset(&other, 0, sizeof(other));
	http_parser_init(&p, HTTP_REQUEST);
	(void)http_parser_execute(&p, &settings, text, len);
	if (is_quirk(HTTP_PARSER_ERRNO(&p), text))
		return;
	if (HTTP_PARSER_ERRNO(&p) != HPE_OK || !other.complete)
		fail_msg("only we take this (%s):\n%.*s", http_errno_name(HTTP_PARSER_ERRNO(&p)),
			 (int)len, text);
	assert_string_equal(http_method_str((enum other_method)p.method), methods[head.method]);
	compare_url();
	assert_true(other.content_length == head.content_length);
	assert_int_equal(p.http_minor, head.minor);
	if (other.url[0] == '/' || other.url[0] == '*')
		assert_span(head.host.at != NULL ? head.host : span_of(""), other.host);
	assert_span(head.cookie.at != NULL ? head.cookie : span_of(""), other.cookie);
}

static const char *const seeds[] = {
	"GET /boards/main/bitmap?seq=5 HTTP/1.1\r\nHost: a.example\r\nAccept-Encoding: gzip\r\n"
	"Cookie: pixeld=abc.def\r\nConnection: keep-alive\r\n\r\n",
	"PUT /boards/main/pixels/1/2 HTTP/1.1\r\nHost: [::1]:8080\r\nContent-Length: 12\r\n"
	"Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n",
	"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
	"POST /session HTTP/1.0\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n\r\n",
	"GET http://a.example:80/boards?x=y HTTP/1.1\r\nHost: b.example\r\n\r\n",
	"GET https://[::1]?x HTTP/1.1\r\nHost: [::1]\r\n\r\n",
};

static const char *const pieces[] = {
	"\r\n",
	"\n",
	"\r",
	" ",
	"\t",
	":",
	"Content-Length: 5\r\n",
	"Transfer-Encoding: chunked\r\n",
	"Host: b\r\n",
	"0",
	"+",
	"/",
	"%",
	"?",
	",",
	"Cookie: x=y\r\n",
	"HTTP/1.1",
	"\x01",
};

/* One change: a byte changed, dropped or doubled, or a piece put in. */
static size_t mutate(char *text, size_t len)
{
	size_t at = random_below((uint32_t)len);
	const char *piece = pieces[random_below(sizeof(pieces) / sizeof(pieces[0]))];

	switch (random_below(4)) {
	case 0:
		text[at] = (char)random_below(256);
		return len;
	case 1:
		memmove(text + at, text + at + 1, len - at - 1);
		return len - 1;
	case 2:
		memmove(text + at + 1, text + at, len - at);
		return len + 1;
	default:
		memmove(text + at + strlen(piece), text + at, len - at);
		memcpy(text + at, piece, strlen(piece));
		return len + strlen(piece);
	}
}

static void what_we_take_http_parser_reads_the_same(void **state)
{
	unsigned taken = 0;

	(void)state;
	for (unsigned round = 0; round < 300000; round++) {
		char text[1024];
		const char *seed = seeds[random_below(sizeof(seeds) / sizeof(seeds[0]))];
		size_t len = strlen(seed);

		memcpy(text, seed, len);
		for (uint32_t n = random_below(4); n > 0; n--)
			len = mutate(text, len);
		text[len] = 0;
		if (http_head_parse((const uint8_t *)text, len, &head, &why) != 0 ||
		    head.method == HTTP_OTHER)
			continue;
		taken++;
		compare_with_http_parser(text, len);
	}
	assert_in_range(taken, 30000, 299999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_we_take_http_parser_reads_the_same),
	};

	seed_random();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
