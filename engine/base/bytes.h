/*
 * bytes.h - little-endian integers and LEB128 varints in byte arrays.
 *
 * Everything that pixeld writes to a wire or a disk is little-endian. Pure functions, any thread.
 * put_*() write and return the position after the value; the caller has checked the room. A reader
 * (struct bytes) cannot overrun: a read past the end returns 0 and sets `bad`; check that once, at
 * the end.
 */
#ifndef PX_BASE_BYTES_H
#define PX_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "engine/base/assert.h"

#define VARINT_BYTES_MAX 10

static inline uint8_t *put_u8(uint8_t *p, uint8_t v)
{
	*p = v;
	return p + 1;
}

static inline uint8_t *put_le(uint8_t *p, uint64_t v, unsigned bytes)
{
	px_assert(bytes <= sizeof(v));
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> (8 * i));
	return p + bytes;
}

static inline uint8_t *put_u16(uint8_t *p, uint16_t v)
{
	return put_le(p, v, 2);
}

static inline uint8_t *put_u32(uint8_t *p, uint32_t v)
{
	return put_le(p, v, 4);
}

static inline uint8_t *put_u64(uint8_t *p, uint64_t v)
{
	return put_le(p, v, 8);
}

static inline uint8_t *put_bytes(uint8_t *p, const void *from, size_t len)
{
	memcpy(p, from, len);
	return p + len;
}

static inline uint8_t *put_varint(uint8_t *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	return p;
}

struct bytes {
	const uint8_t *at;
	const uint8_t *end;
	bool bad; /* true once something was read that is not there */
};

static inline struct bytes bytes_of(const void *p, size_t len)
{
	return (struct bytes){.at = p, .end = (const uint8_t *)p + len};
}

static inline size_t bytes_left(const struct bytes *b)
{
	return (size_t)(b->end - b->at);
}

/* The next `len` bytes; NULL, and bad: there are fewer. */
static inline const uint8_t *get_bytes(struct bytes *b, size_t len)
{
	const uint8_t *p = b->at;

	if (bytes_left(b) < len) {
		b->bad = true;
		b->at = b->end;
		return NULL;
	}
	b->at += len;
	return p;
}

static inline uint64_t get_le(struct bytes *b, unsigned bytes)
{
	const uint8_t *p = get_bytes(b, bytes);
	uint64_t v = 0;

	px_assert(bytes <= sizeof(v));
	for (unsigned i = 0; p != NULL && i < bytes; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static inline uint8_t get_u8(struct bytes *b)
{
	return (uint8_t)get_le(b, 1);
}

static inline uint16_t get_u16(struct bytes *b)
{
	return (uint16_t)get_le(b, 2);
}

static inline uint32_t get_u32(struct bytes *b)
{
	return (uint32_t)get_le(b, 4);
}

static inline uint64_t get_u64(struct bytes *b)
{
	return get_le(b, 8);
}

/* A value that does not fit into 64 bits is bad; a longer encoding than needed is accepted. */
static inline uint64_t get_varint(struct bytes *b)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = get_u8(b);

		/* also when the bytes end: 0, not the part that is there */
		if (b->bad || (shift == 63 && byte > 1))
			break;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return v;
	}
	b->bad = true;
	return 0;
}

#endif
