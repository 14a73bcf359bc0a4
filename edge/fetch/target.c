/*
 * target.c - see target.h. The resolver blocks: main thread only, at start.
 */
#include "edge/fetch/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

/* host, [v6]:port, host:port. */
static int authority_parse(struct target *t, const char **ret_why)
{
	const char *at = t->authority;
	const char *host_end;
	const char *port = NULL;
	size_t host_len;

	if (*at == '[') {
		host_end = strchr(++at, ']');
		if (host_end == NULL)
			return fail(ret_why, "the IPv6 address lacks its closing bracket");
		if (host_end[1] == ':')
			port = host_end + 2;
		else if (host_end[1] != '\0')
			return fail(ret_why, "only :port may follow the bracket");
	} else {
		host_end = at + strcspn(at, ":");
		if (*host_end == ':')
			port = host_end + 1;
	}
	host_len = (size_t)(host_end - at);
	if (host_len == 0)
		return fail(ret_why, "the host is missing");
	memcpy(t->host, at, host_len);
	t->host[host_len] = '\0';
	if (port == NULL)
		port = t->tls ? "443" : "80";
	if (strlen(port) == 0 || strlen(port) > 5 || strspn(port, "0123456789") != strlen(port) ||
	    strtoul(port, NULL, 10) > 65535 || strtoul(port, NULL, 10) == 0)
		return fail(ret_why, "the port is not a number from 1 to 65535");
	memcpy(t->port, port, strlen(port) + 1);
	return 0;
}

int target_parse(const char *url, struct target *ret_target, const char **ret_why)
{
	static const struct {
		const char *scheme;
		bool tls;
	} schemes[] = {{"ws://", false}, {"wss://", true}, {"http://", false}, {"https://", true}};
	struct target t = {.path = "/ws"};
	const char *at = NULL;
	size_t len;
	int r;

	for (size_t i = 0; at == NULL && i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		len = strlen(schemes[i].scheme);
		t.tls = schemes[i].tls;
		if (strncmp(url, schemes[i].scheme, len) == 0)
			at = url + len;
	}
	if (at == NULL)
		return fail(ret_why, "it does not begin with ws:// or wss://");
	len = strcspn(at, "/");
	if (len >= sizeof(t.authority) || strlen(at + len) >= sizeof(t.path))
		return fail(ret_why, "it is too long");
	if (strpbrk(at, " \t\r\n#") != NULL)
		return fail(ret_why, "it has a character that is not allowed in a URL");
	memcpy(t.authority, at, len);
	if (strlen(at + len) > 1)
		memcpy(t.path, at + len, strlen(at + len) + 1);
	r = authority_parse(&t, ret_why);
	if (r < 0)
		return r;
	*ret_target = t;
	return 0;
}

int target_resolve(struct target *t)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found;

	if (getaddrinfo(t->host, t->port, &hints, &found) != 0)
		return -EHOSTUNREACH;
	memcpy(&t->addr, found->ai_addr, found->ai_addrlen);
	t->addr_len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

bool target_is_loopback(const struct target *t)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&t->addr;

	return t->addr.ss_family == AF_INET && ntohl(in->sin_addr.s_addr) >> 24 == 127;
}
