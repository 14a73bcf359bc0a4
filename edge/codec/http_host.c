/*
 * http_host.c - see http_host.h.
 *
 * Owner: none, pure functions over the caller's bytes; nothing in flight.
 */
#include "edge/codec/http_host.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "engine/base/assert.h"

/* --- characters ------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* unreserved and sub-delims */
static bool is_name_char(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != 0 && strchr("-._~!$&'()*+,;=", c) != NULL);
}

static bool is_future_char(char c)
{
	return is_name_char(c) || c == ':';
}

static bool all(struct span s, bool (*is)(char c))
{
	for (size_t i = 0; i < s.len; i++)
		if (!is(s.at[i]))
			return false;
	return true;
}

/* --- hosts ------------------------------------------------------------------------------------ */

struct authority {
	struct span host; /* with its brackets */
	struct span port; /* absent: there is no colon */
};

/* Cuts at the colon of the port. false: something else than a port is behind a bracket. */
static bool authority_split(struct span text, struct authority *ret)
{
	bool is_literal = text.len > 0 && text.at[0] == '[';
	const char *end = text.len > 0 ? memchr(text.at, is_literal ? ']' : ':', text.len) : NULL;
	size_t host_len = text.len;

	if (is_literal && end == NULL)
		return false;
	if (end != NULL)
		host_len = (size_t)(end - text.at) + is_literal;
	ret->host = (struct span){text.at, host_len};
	ret->port = (struct span){.at = NULL};
	if (host_len == text.len)
		return true;
	if (text.at[host_len] != ':')
		return false;
	ret->port = (struct span){text.at + host_len + 1, text.len - host_len - 1};
	/* the colon, and nothing else, lies between them */
	px_assert(ret->host.len + 1 + ret->port.len == text.len);
	return true;
}

static bool name_is_good(struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (is_name_char(name.at[i]))
			continue;
		if (name.at[i] != '%' || name.len - i < 3 || !is_hex(name.at[i + 1]) ||
		    !is_hex(name.at[i + 2]))
			return false;
		i += 2;
	}
	return name.len > 0;
}

/* "v" version "." address: none is in use, the grammar has it. */
static bool future_is_good(struct span text)
{
	const char *dot = text.len > 0 ? memchr(text.at, '.', text.len) : NULL;
	size_t version_len;

	if (dot == NULL || (text.at[0] != 'v' && text.at[0] != 'V'))
		return false;
	px_assert(dot > text.at); /* behind the v */
	version_len = (size_t)(dot - text.at) - 1;
	return version_len > 0 && all((struct span){text.at + 1, version_len}, is_hex) &&
	       version_len + 2 < text.len &&
	       all((struct span){dot + 1, text.len - version_len - 2}, is_future_char);
}

static bool literal_is_good(struct span text)
{
	char plain[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (future_is_good(text))
		return true;
	if (text.len >= sizeof(plain))
		return false;
	memcpy(plain, text.at, text.len);
	plain[text.len] = '\0';
	return strlen(plain) == text.len && inet_pton(AF_INET6, plain, &address) == 1;
}

bool http_host_is_good(struct span authority)
{
	struct authority a;

	if (!authority_split(authority, &a) || !all(a.port, is_digit))
		return false;
	if (a.host.len > 0 && a.host.at[0] == '[') {
		px_assert(a.host.len >= 2 && a.host.at[a.host.len - 1] == ']');
		return literal_is_good((struct span){a.host.at + 1, a.host.len - 2});
	}
	return name_is_good(a.host);
}

/* --- origins ---------------------------------------------------------------------------------- */

struct origin {
	struct span scheme;
	struct authority authority;
};

/* false: it is none, as "null". */
static bool origin_split(struct span text, struct origin *ret)
{
	const char *mark = text.at != NULL ? memmem(text.at, text.len, "://", 3) : NULL;
	struct span authority;
	size_t scheme_len;

	if (mark == NULL || mark == text.at)
		return false;
	scheme_len = (size_t)(mark - text.at);
	px_assert(scheme_len + 3 <= text.len);
	authority = (struct span){mark + 3, text.len - scheme_len - 3};
	ret->scheme = (struct span){text.at, scheme_len};
	return http_host_is_good(authority) && authority_split(authority, &ret->authority);
}

static bool equals_any_case(struct span a, struct span b)
{
	return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

static uint64_t default_port(struct span scheme)
{
	static const struct span https = {"https", 5}, http = {"http", 4};

	if (equals_any_case(scheme, https))
		return 443;
	return equals_any_case(scheme, http) ? 80 : 0;
}

/* Of digits; what is longer than any port is a number that no port has. */
static uint64_t port_number(struct span port, uint64_t missing)
{
	uint64_t number = 0;

	if (port.len == 0)
		return missing;
	if (port.len > 18)
		return UINT64_MAX;
	for (size_t i = 0; i < port.len; i++)
		number = number * 10 + (uint64_t)(port.at[i] - '0');
	return number;
}

static bool authority_equals(const struct authority *a, const struct authority *b, uint64_t missing)
{
	return equals_any_case(a->host, b->host) &&
	       port_number(a->port, missing) == port_number(b->port, missing);
}

bool http_origin_is_host(struct span origin, struct span host)
{
	struct authority asked;
	struct origin o;

	return host.at != NULL && origin_split(origin, &o) && authority_split(host, &asked) &&
	       authority_equals(&o.authority, &asked, default_port(o.scheme));
}

bool http_origin_print(struct span origin, char *out, size_t room)
{
	char port[24] = "";
	struct origin o;
	uint64_t number;
	int len;

	if (!origin_split(origin, &o))
		return false;
	number = port_number(o.authority.port, default_port(o.scheme));
	if (number != default_port(o.scheme))
		snprintf(port, sizeof(port), ":%llu", (unsigned long long)number);
	len = snprintf(out, room, "%.*s://%.*s%s", (int)o.scheme.len, o.scheme.at,
		       (int)o.authority.host.len, o.authority.host.at, port);
	if (len < 0 || (size_t)len >= room)
		return false;
	for (int i = 0; i < len; i++)
		if (out[i] >= 'A' && out[i] <= 'Z')
			out[i] = (char)(out[i] | 0x20);
	return true;
}

bool http_origin_equals(struct span a, struct span b)
{
	struct origin first, second;

	return origin_split(a, &first) && origin_split(b, &second) &&
	       equals_any_case(first.scheme, second.scheme) &&
	       authority_equals(&first.authority, &second.authority, default_port(first.scheme));
}
