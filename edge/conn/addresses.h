/*
 * addresses.h - the address of a peer and what depends on it: who is local, and how many sessions
 * one address may start in a minute.
 *
 * An address is 16 bytes: IPv6, or IPv4 mapped into it; all zeros when there is none. A table
 * belongs to one thread; the rest is pure.
 */
#ifndef PX_CONN_ADDRESSES_H
#define PX_CONN_ADDRESSES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDRESS_BYTES 16

/* Where the address comes from. */
enum address_trust {
	ADDRESS_OF_UNIX,   /* a Unix socket: anyone who may open it is local */
	ADDRESS_OF_SOCKET, /* the kernel, for a TCP socket: loopback is local */
	/* A proxy that passes the connection on: nobody is local; loopback would be the proxy's
	 * own. Not used yet: meant for a PROXY header. */
	ADDRESS_TOLD,
};

/* Writes the address of a peer. true: it is local, and limits per address do not apply to it. */
bool address_set(uint8_t address[static ADDRESS_BYTES], const struct sockaddr_storage *from,
		 enum address_trust trust);

/* Counts per address (IPv6: per /64, which is one household) and minute. Bounded: a newer address
 * displaces an older one in the same row, whose count then starts over. */
struct addresses;

struct addresses *addresses_new(void); /* NULL: out of memory */
void addresses_free(struct addresses *a);
/* Counts one. false: the address has already had `most` in this minute. */
bool addresses_count(struct addresses *a, const uint8_t address[static ADDRESS_BYTES],
		     uint64_t mono_ns, uint32_t most);

#endif
