/*
 * listen_address.c - see listen_address.h. No names, no services: a starting server must not wait
 * for a resolver, and "localhost" is two addresses.
 */
#include "server/settings/listen_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static int unix_parse(const char *path, struct listen_address *ret_address)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(un.sun_path))
		return -EINVAL;
	memcpy(un.sun_path, path, len + 1);
	memcpy(&ret_address->addr, &un, sizeof(un));
	ret_address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
	return 0;
}

static int port_parse(const char *text, in_port_t *ret_port)
{
	uint32_t port = 0;

	if (*text == '\0' || strlen(text) > 5)
		return -EINVAL;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		port = port * 10 + (uint32_t)(*text - '0');
	}
	if (port > UINT16_MAX)
		return -EINVAL;
	*ret_port = htons((uint16_t)port);
	return 0;
}

int listen_address_parse(const char *text, struct listen_address *ret_address)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	char host[INET6_ADDRSTRLEN];
	const char *colon = strrchr(text, ':');
	bool six = text[0] == '[';
	size_t len;

	memset(ret_address, 0, sizeof(*ret_address));
	if (strncmp(text, "unix:", 5) == 0)
		return unix_parse(text + 5, ret_address);
	if (colon == NULL || (six && (colon - text < 2 || colon[-1] != ']')))
		return -EINVAL;
	len = (size_t)(colon - text) - (six ? 2 : 0);
	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text + (six ? 1 : 0), len);
	host[len] = '\0';
	if (port_parse(colon + 1, six ? &in6.sin6_port : &in.sin_port) != 0)
		return -EINVAL;
	if (inet_pton(six ? AF_INET6 : AF_INET, host,
		      six ? (void *)&in6.sin6_addr : (void *)&in.sin_addr) != 1)
		return -EINVAL;
	ret_address->len = six ? sizeof(in6) : sizeof(in);
	memcpy(&ret_address->addr, six ? (const void *)&in6 : (const void *)&in, ret_address->len);
	return 0;
}

bool listen_address_is_local(const struct sockaddr *addr)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	switch (addr->sa_family) {
	case AF_UNIX:
		return true;
	case AF_INET:
		memcpy(&in, addr, sizeof(in));
		return ntohl(in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	case AF_INET6:
		memcpy(&in6, addr, sizeof(in6));
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
			return in6.sin6_addr.s6_addr[12] == IN_LOOPBACKNET;
		return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
	default:
		return false;
	}
}

void listen_address_str(const struct sockaddr_storage *addr, char out[static LISTEN_ADDRESS_CHARS])
{
	char host[INET6_ADDRSTRLEN] = "?";
	struct sockaddr_in6 in6;
	struct sockaddr_in in;
	struct sockaddr_un un;

	switch (addr->ss_family) {
	case AF_UNIX:
		memcpy(&un, addr, sizeof(un));
		snprintf(out, LISTEN_ADDRESS_CHARS, "unix:%s", un.sun_path);
		break;
	case AF_INET:
		memcpy(&in, addr, sizeof(in));
		inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host));
		snprintf(out, LISTEN_ADDRESS_CHARS, "%s:%u", host, ntohs(in.sin_port));
		break;
	case AF_INET6:
		memcpy(&in6, addr, sizeof(in6));
		inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof(host));
		snprintf(out, LISTEN_ADDRESS_CHARS, "[%s]:%u", host, ntohs(in6.sin6_port));
		break;
	default:
		snprintf(out, LISTEN_ADDRESS_CHARS, "family %d", addr->ss_family);
	}
}
