/*
 * addresses.h - where a peer comes from, and what hangs on it: who is local, what one address may
 * begin in a minute.
 *
 * An address is 16 bytes: IPv6, or IPv4 mapped into it; all of them 0 where there is none. A table
 * belongs to one thread; the rest is pure.
 */
#ifndef PX_CONN_ADDRESSES_H
#define PX_CONN_ADDRESSES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDRESS_BYTES 16

/* Who says so. */
enum address_trust {
	ADDRESS_OF_UNIX,   /* a Unix socket: whoever may open it is local */
	ADDRESS_OF_SOCKET, /* the kernel, of a TCP socket: loopback is local */
	/* Who passes the connection on: nobody is local, loopback is his own. Nobody says so yet:
	 * it is what a PROXY header will. */
	ADDRESS_TOLD,
};

/* Writes the address of a peer; true: it is local, and no limit per address holds for it. */
bool address_set(uint8_t address[static ADDRESS_BYTES], const struct sockaddr_storage *from,
		 enum address_trust trust);

/* Counts per address (IPv6: per /64, which is one household) and minute. Bounded: a newer address
 * pushes out an older of the same row, whose count begins again then. */
struct addresses;

struct addresses *addresses_new(void); /* NULL: no memory */
void addresses_free(struct addresses *a);
/* Counts one; false: the address had `most` in this minute before. */
bool addresses_count(struct addresses *a, const uint8_t address[static ADDRESS_BYTES],
		     uint64_t mono_ns, uint32_t most);

#endif
