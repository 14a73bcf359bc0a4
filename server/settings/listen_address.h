/*
 * listen_address.h - 127.0.0.1:8080, [::1]:8080 or unix:/run/pixeld.sock as a socket address. Pure,
 * any thread.
 */
#ifndef PX_SETTINGS_LISTEN_ADDRESS_H
#define PX_SETTINGS_LISTEN_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

struct listen_address {
	struct sockaddr_storage addr;
	socklen_t len;
};

/* 0 or -EINVAL. Numeric addresses only; port 0 lets the system choose. */
int listen_address_parse(const char *text, struct listen_address *ret_address);

/* Whether it is a loopback address or a Unix socket: limits per address do not apply to it. */
bool listen_address_is_local(const struct sockaddr *addr);

/* Writes the address in the form that listen_address_parse() accepts. */
#define LISTEN_ADDRESS_CHARS 128
void listen_address_str(const struct sockaddr_storage *addr, char out[static LISTEN_ADDRESS_CHARS]);

#endif
