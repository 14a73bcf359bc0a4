/*
 * http_head.c - the head of a request, taken apart line by line, and refused when in doubt.
 *
 * Pure, any thread; no memory but the caller's bytes, nothing in flight. What two readers of one
 * request could understand differently (a proxy in front of us and we) is refused, never repaired:
 * a request that is read in two ways is how requests are smuggled.
 */
#include "edge/codec/http_head.h"

#include <string.h>
#include <strings.h>

#include "edge/codec/http_host.h"
#include "engine/base/assert.h"

#define STATUS_BAD             400
#define STATUS_TARGET_LONG     414
#define STATUS_FIELDS_LARGE    431
#define STATUS_NOT_IMPLEMENTED 501
#define STATUS_VERSION         505

/* --- characters ------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* tchar of RFC 9110. */
static bool is_token_char(char c)
{
	return is_alnum(c) || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* Visible ASCII without '#': a fragment is never sent. */
static bool is_target_char(char c)
{
	return c > ' ' && c < 0x7f && c != '#';
}

/* Text, blanks and bytes from 0x80 on; no control characters. */
static bool is_value_char(char c)
{
	return (unsigned char)c >= ' ' ? c != 0x7f : c == '\t';
}

static bool all(struct span s, bool (*is)(char c))
{
	for (size_t i = 0; i < s.len; i++)
		if (!is(s.at[i]))
			return false;
	return true;
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* --- the end of the head ---------------------------------------------------------------------- */

/* An empty line is looked for in every form, also with bare LF: the parser then refuses it at once
 * instead of waiting for an end that never comes. */
size_t http_head_end(const uint8_t *in, size_t len, size_t seen)
{
	size_t from = seen > 2 ? seen - 2 : 0;

	px_assert(seen <= len);
	while (from < len) {
		const uint8_t *lf = memchr(in + from, '\n', len - from);
		size_t at;

		if (lf == NULL)
			return 0;
		at = (size_t)(lf - in);
		if (at + 1 < len && in[at + 1] == '\n')
			return at + 2;
		if (at + 2 < len && in[at + 1] == '\r' && in[at + 2] == '\n')
			return at + 3;
		from = at + 1;
	}
	return 0;
}

/* --- the request line ------------------------------------------------------------------------- */

static int refuse(int status, const char *why, const char **ret_why)
{
	px_assert(status >= STATUS_BAD && why != NULL); /* 0 would mean that it is good */
	*ret_why = why;
	return status;
}

static enum http_method method_of(struct span token)
{
	static const char *const names[HTTP_OTHER] = {"GET",  "HEAD",   "PUT",
						      "POST", "DELETE", "OPTIONS"};

	for (unsigned i = 0; i < HTTP_OTHER; i++)
		if (span_equals(token, names[i]))
			return (enum http_method)i;
	return HTTP_OTHER;
}

/* A segment that somebody in front of us could turn into another path. */
static bool segment_is_plain(struct span segment)
{
	if (span_equals(segment, ".") || span_equals(segment, ".."))
		return false;
	for (size_t i = 0; i < segment.len; i++) {
		int high, low, byte;

		if (segment.at[i] == '\\')
			return false;
		if (segment.at[i] != '%')
			continue;
		if (segment.len - i < 3)
			return false;
		high = hex_value(segment.at[i + 1]);
		low = hex_value(segment.at[i + 2]);
		byte = high * 16 + low;
		if (high < 0 || low < 0 || byte <= ' ' || byte == 0x7f ||
		    strchr("./\\%", byte) != NULL)
			return false;
	}
	return true;
}

static bool path_is_plain(struct span path)
{
	struct span rest = {path.at + 1, path.len - 1};

	px_assert(path.len > 0 && path.at[0] == '/'); /* parse_target() begins there */
	while (rest.at != NULL) {
		struct span segment = span_split(&rest, '/');

		if ((segment.len == 0 && rest.at != NULL) || !segment_is_plain(segment))
			return false;
	}
	return true;
}

/* scheme://host[:port][/path][?query], whose host counts before the field Host. An empty path is
 * "/": the second slash of the "//" is one that lies within the given bytes. */
static bool split_authority(struct span *target, struct http_head *head)
{
	static const struct {
		struct span text;
		bool is_https;
	} schemes[] = {{{"http://", 7}, false}, {{"https://", 8}, true}};

	px_assert(target->len > 0 && target->at[0] != '/'); /* parse_target() */
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t scheme_len = schemes[i].text.len, len = 0;
		const char *at;

		if (target->len < scheme_len ||
		    strncasecmp(target->at, schemes[i].text.at, scheme_len) != 0)
			continue;
		at = target->at + scheme_len;
		while (len < target->len - scheme_len && at[len] != '/' && at[len] != '?')
			len++;
		head->host = (struct span){at, len};
		head->is_https = schemes[i].is_https;
		*target = (struct span){at + len, target->len - scheme_len - len};
		if (target->len == 0 || target->at[0] == '?') {
			head->path = (struct span){at - 1, 1};
			head->query = *target;
			(void)span_split(&head->query, '?');
		}
		return http_host_is_good(head->host);
	}
	return false;
}

static int parse_target(struct span target, struct http_head *head, const char **ret_why)
{
	struct span rest;

	px_assert(head->path.at == NULL && head->host.at == NULL); /* the fields come later */
	if (target.len > HTTP_TARGET_BYTES_MAX)
		return refuse(STATUS_TARGET_LONG, "target too long", ret_why);
	if (target.len == 0 || !all(target, is_target_char))
		return refuse(STATUS_BAD, "target has a character that must be encoded", ret_why);
	if (span_equals(target, "*") && head->method == HTTP_OPTIONS) {
		head->path = target;
		return 0;
	}
	if (target.at[0] != '/' && !split_authority(&target, head))
		return refuse(STATUS_BAD, "target is neither a path nor a URL", ret_why);
	rest = target;
	if (head->path.at == NULL) {
		head->path = span_split(&rest, '?');
		head->query = rest;
	}
	if (!path_is_plain(head->path))
		return refuse(STATUS_BAD, "path is not normalized", ret_why);
	return 0;
}

static int parse_version(struct span version, struct http_head *head, const char **ret_why)
{
	if (version.len != 8 || memcmp(version.at, "HTTP/", 5) != 0 || !is_digit(version.at[5]) ||
	    version.at[6] != '.' || !is_digit(version.at[7]))
		return refuse(STATUS_BAD, "request line without a version", ret_why);
	if (version.at[5] != '1' || version.at[7] > '1')
		return refuse(STATUS_VERSION, "only HTTP/1.0 and HTTP/1.1", ret_why);
	head->minor = (unsigned)(version.at[7] - '0');
	return 0;
}

static int parse_request_line(struct span line, struct http_head *head, const char **ret_why)
{
	struct span method = span_split(&line, ' ');
	struct span target = line.at != NULL ? span_split(&line, ' ') : line;
	struct span version = line;
	int status;

	if (method.len == 0 || !all(method, is_token_char))
		return refuse(STATUS_BAD, "no method", ret_why);
	/* Before the version: a long line may have been cut by whoever sent it. */
	if (target.len > HTTP_TARGET_BYTES_MAX)
		return refuse(STATUS_TARGET_LONG, "target too long", ret_why);
	if (version.at == NULL)
		return refuse(STATUS_BAD, "request line without a version", ret_why);
	head->method = method_of(method);
	status = parse_version(version, head, ret_why);
	return status != 0 ? status : parse_target(target, head, ret_why);
}

/* --- fields ----------------------------------------------------------------------------------- */

/* What the fields said that only the whole head can judge. */
struct fields_seen {
	struct span host;
	bool expect_continue;
	bool transfer_encoding;
	bool connection_close;
	bool connection_keep_alive;
};

/* Fields that are kept as they are; one of these that comes twice is refused. */
static const struct kept_field {
	const char *name;
	size_t at; /* of a struct span */
} kept_fields[] = {
	{"Origin", offsetof(struct http_head, origin)},
	{"Cookie", offsetof(struct http_head, cookie)},
	{"Authorization", offsetof(struct http_head, authorization)},
	{"Idempotency-Key", offsetof(struct http_head, idempotency_key)},
	{"Content-Type", offsetof(struct http_head, content_type)},
	{"Sec-WebSocket-Key", offsetof(struct http_head, ws_key)},
	{"Sec-WebSocket-Version", offsetof(struct http_head, ws_version)},
};

/* Lists, which may come in several lines. */
static const struct kept_list {
	const char *name;
	size_t at; /* of a struct http_list */
} kept_lists[] = {
	{"If-None-Match", offsetof(struct http_head, if_none_match)},
	{"Accept-Encoding", offsetof(struct http_head, accept_encoding)},
	{"X-Forwarded-Proto", offsetof(struct http_head, forwarded_proto)},
	{"Sec-WebSocket-Protocol", offsetof(struct http_head, ws_protocol)},
};

static int keep_span(struct span value, struct span *kept, const char **ret_why)
{
	px_assert(value.at != NULL); /* absent stands for: not there yet */
	if (kept->at != NULL)
		return refuse(STATUS_BAD, "a header field is repeated that may occur only once",
			      ret_why);
	*kept = value;
	return 0;
}

static int keep_field(struct span name, struct span value, struct span behind,
		      struct http_head *head, const char **ret_why)
{
	for (size_t i = 0; i < sizeof(kept_fields) / sizeof(kept_fields[0]); i++)
		if (span_equals_any_case(name, kept_fields[i].name))
			return keep_span(value, (struct span *)((char *)head + kept_fields[i].at),
					 ret_why);
	for (size_t i = 0; i < sizeof(kept_lists) / sizeof(kept_lists[0]); i++) {
		struct http_list *list = (struct http_list *)((char *)head + kept_lists[i].at);

		if (span_equals_any_case(name, kept_lists[i].name) && list->value.at == NULL)
			*list = (struct http_list){kept_lists[i].name, value, behind};
	}
	return 0;
}

static int parse_content_length(struct span value, struct http_head *head, const char **ret_why)
{
	uint64_t length = 0;

	if (head->has_content_length)
		return refuse(STATUS_BAD, "two Content-Length", ret_why);
	/* 18 digits cannot overflow, and are more than anybody may send. */
	if (value.len == 0 || value.len > 18 || !all(value, is_digit))
		return refuse(STATUS_BAD, "Content-Length is not a number", ret_why);
	for (size_t i = 0; i < value.len; i++)
		length = length * 10 + (uint64_t)(value.at[i] - '0');
	head->content_length = length;
	head->has_content_length = true;
	return 0;
}

static int take_field(struct span name, struct span value, struct span behind,
		      struct http_head *head, struct fields_seen *seen, const char **ret_why)
{
	const struct http_list list = {.value = value};

	if (span_equals_any_case(name, "Content-Length"))
		return parse_content_length(value, head, ret_why);
	if (span_equals_any_case(name, "Transfer-Encoding")) {
		seen->transfer_encoding = true;
	} else if (span_equals_any_case(name, "Connection")) {
		seen->connection_close |= http_list_has(list, "close");
		seen->connection_keep_alive |= http_list_has(list, "keep-alive");
		head->connection_upgrade |= http_list_has(list, "upgrade");
	} else if (span_equals_any_case(name, "Upgrade")) {
		head->upgrade_websocket |= http_list_has(list, "websocket");
	} else if (span_equals_any_case(name, "Expect")) {
		seen->expect_continue |= http_list_has(list, "100-continue");
	} else if (span_equals_any_case(name, "Host")) {
		return keep_span(value, &seen->host, ret_why);
	} else {
		return keep_field(name, value, behind, head, ret_why);
	}
	return 0;
}

static int parse_field(struct span line, struct span behind, struct http_head *head,
		       struct fields_seen *seen, const char **ret_why)
{
	struct span value = line;
	struct span name = span_split(&value, ':');

	px_assert(line.len > 0); /* the empty one ends the head */
	if (is_blank(line.at[0]))
		return refuse(STATUS_BAD, "folded field", ret_why);
	if (value.at == NULL)
		return refuse(STATUS_BAD, "field without a colon", ret_why);
	if (name.len == 0 || !all(name, is_token_char))
		return refuse(STATUS_BAD, "field name is not a token", ret_why);
	if (!all(value, is_value_char))
		return refuse(STATUS_BAD, "control character in a field", ret_why);
	return take_field(name, span_trimmed(value), behind, head, seen, ret_why);
}

/* The rules that need every field. */
static int judge(struct http_head *head, const struct fields_seen *seen, const char **ret_why)
{
	px_assert(head->minor <= 1 && head->path.len > 0); /* parse_request_line() */
	if (seen->host.at == NULL && head->minor == 1)
		return refuse(STATUS_BAD, "no Host", ret_why);
	if (seen->host.at != NULL && !http_host_is_good(seen->host))
		return refuse(STATUS_BAD, "Host is not a host", ret_why);
	if (seen->transfer_encoding && (head->has_content_length || head->minor == 0))
		return refuse(STATUS_BAD, "two ways of giving the body's length", ret_why);
	if (seen->transfer_encoding)
		return refuse(STATUS_NOT_IMPLEMENTED, "Transfer-Encoding is not supported",
			      ret_why);
	if (head->host.at == NULL)
		head->host = seen->host;
	head->expect_continue =
		seen->expect_continue && head->minor == 1 && head->content_length > 0;
	head->keep_alive =
		!seen->connection_close && (head->minor == 1 || seen->connection_keep_alive);
	return 0;
}

int http_head_parse(const uint8_t *in, size_t len, struct http_head *ret_head, const char **ret_why)
{
	struct span rest = {(const char *)in, len};
	struct http_head head = {.method = HTTP_OTHER};
	struct fields_seen seen = {.transfer_encoding = false};
	struct span line;
	int status;

	if (len > HTTP_HEAD_BYTES_MAX)
		return refuse(STATUS_FIELDS_LARGE, "head too large", ret_why);
	if (!span_split_line(&rest, &line))
		return refuse(STATUS_BAD, "line does not end with CR LF", ret_why);
	status = parse_request_line(line, &head, ret_why);
	for (unsigned fields = 0; status == 0; fields++) {
		if (!span_split_line(&rest, &line))
			return refuse(STATUS_BAD, "line does not end with CR LF", ret_why);
		if (line.len == 0)
			break;
		if (fields == HTTP_FIELDS_MAX)
			return refuse(STATUS_FIELDS_LARGE, "too many fields", ret_why);
		status = parse_field(line, rest, &head, &seen, ret_why);
	}
	if (status == 0 && rest.len > 0)
		status = refuse(STATUS_BAD, "bytes after the head", ret_why);
	if (status == 0)
		status = judge(&head, &seen, ret_why);
	if (status != 0)
		return status;
	px_assert(head.host.at != NULL || head.minor == 0);
	px_assert(!head.expect_continue || head.content_length > 0);
	*ret_head = head;
	return 0;
}
