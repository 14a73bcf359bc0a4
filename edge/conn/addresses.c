/*
 * addresses.c - peers' addresses, and a table of what each has started in this minute.
 *
 * Owner: the worker. Memory: one fixed table. Each worker counts by itself.
 */
#include "edge/conn/addresses.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/clock.h"
#include "engine/base/hash.h"

#define ROWS_MAX     4096
#define MAPPED_BYTES 12 /* before an IPv4 address */
#define PREFIX_BYTES 8  /* of IPv6 that count */

_Static_assert(MAPPED_BYTES + 4 == ADDRESS_BYTES, "an IPv4 address ends it");

struct row {
	uint64_t hash;
	uint32_t minute; /* from 1; 0: the row is free */
	uint32_t count;
};

struct addresses {
	struct row rows[ROWS_MAX];
};

static const uint8_t mapped[MAPPED_BYTES] = {[10] = 0xff, [11] = 0xff};

static bool is_v4(const uint8_t *address)
{
	return memcmp(address, mapped, MAPPED_BYTES) == 0;
}

static bool is_loopback(const uint8_t *address)
{
	static const uint8_t loopback6[ADDRESS_BYTES] = {[15] = 1};

	return is_v4(address) ? address[MAPPED_BYTES] == 127
			      : memcmp(address, loopback6, ADDRESS_BYTES) == 0;
}

bool address_set(uint8_t address[static ADDRESS_BYTES], const struct sockaddr_storage *from,
		 enum address_trust trust)
{
	memset(address, 0, ADDRESS_BYTES);
	if (from->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)from;

		memcpy(address, mapped, MAPPED_BYTES);
		memcpy(address + MAPPED_BYTES, &in->sin_addr, sizeof(in->sin_addr));
	} else if (from->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;

		memcpy(address, &in6->sin6_addr, ADDRESS_BYTES);
	}
	switch (trust) {
	case ADDRESS_OF_UNIX:
		return true;
	case ADDRESS_OF_SOCKET:
		return is_loopback(address);
	case ADDRESS_TOLD:
		return false;
	default:
		px_unreachable("trust");
	}
}

struct addresses *addresses_new(void)
{
	return calloc(1, sizeof(struct addresses));
}

void addresses_free(struct addresses *a)
{
	free(a);
}

bool addresses_count(struct addresses *a, const uint8_t address[static ADDRESS_BYTES],
		     uint64_t mono_ns, uint32_t most)
{
	uint32_t minute = (uint32_t)(mono_ns / (60 * NS_PER_SEC)) + 1;
	uint64_t hash = hash64(address, is_v4(address) ? ADDRESS_BYTES : PREFIX_BYTES, 1);
	struct row *row = &a->rows[hash % ROWS_MAX];

	px_assert(most > 0); /* 0: no limit, and nothing is counted */
	if (row->hash != hash || row->minute != minute)
		*row = (struct row){.hash = hash, .minute = minute};
	if (row->count >= most)
		return false;
	row->count++;
	return true;
}
