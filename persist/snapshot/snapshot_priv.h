/*
 * snapshot_priv.h - layout of a snapshot file, shared by its writer and its reader.
 *
 *	header | chunk | chunk | ... | end chunk
 *
 *	header   0 magic u64       8 version u32    12 header bytes u32  16 journal id u64
 *	        24 lsn             32 wall ms u64    40 boards u32        44 people u32
 *	        48 sync u16        50 flags u16      52 requests u32      56 checksum of 0..55
 *	chunk    0 type u32        4 item u32        8 position u64       16 bytes u32
 *	        20 zero u32        24 checksum of 0..23 and the payload, salted with the header's
 *
 * item: which board. position: offset in the board's bytes, or index of the first person or
 * request. Chunks have a fixed order: for each board its meta and its bytes from 0 on, then people
 * from 0 on, then requests from 0 on, then the end. Version 1 has no requests: a file without any
 * is written as version 1, so older programs can read it.
 */
#ifndef PX_SNAPSHOT_SNAPSHOT_PRIV_H
#define PX_SNAPSHOT_SNAPSHOT_PRIV_H

#include <stdint.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"

#define SNAPSHOT_MAGIC        0x50414e534c455850ULL /* "PXELSNAP" */
#define SNAPSHOT_HEADER_BYTES 64u
#define SNAPSHOT_SUMMED_BYTES (SNAPSHOT_HEADER_BYTES - 8) /* covered by the header's checksum */
#define CHUNK_HEADER_BYTES    32u
#define CHUNK_SUMMED_BYTES    (CHUNK_HEADER_BYTES - 8) /* likewise, and the payload */
#define CHUNK_PAYLOAD_MAX     (256u << 10)
#define CHUNK_PERSON_BYTES    42u
#define CHUNK_PEOPLE_MAX      4096u
#define CHUNK_REQUEST_BYTES   47u
#define CHUNK_REQUESTS_MAX    4096u
#define SNAPSHOT_CLEAN        1u /* flag */
#define SEED_SNAPSHOT         0x736e617073686f74ULL
#define SEED_CHUNK            0x6368756e6b303031ULL

_Static_assert(CHUNK_PERSON_BYTES == 8 + 8 + 8 + 2 + USER_BYTES,
	       "charged, last request, last seq, board, user");
_Static_assert(CHUNK_REQUEST_BYTES == 8 + 8 + 8 + 4 + 2 + 1 + USER_BYTES,
	       "number, seq, placed at, cell, board, color, user");
_Static_assert(CHUNK_PEOPLE_MAX *CHUNK_PERSON_BYTES <= CHUNK_PAYLOAD_MAX, "people fit a chunk");
_Static_assert(CHUNK_REQUESTS_MAX *CHUNK_REQUEST_BYTES <= CHUNK_PAYLOAD_MAX, "requests likewise");
_Static_assert(CHUNK_HEADER_BYTES + CHUNK_PAYLOAD_MAX <= SNAPSHOT_STEP_BYTES,
	       "each step writes a chunk at least, or it would never end");

enum chunk_type {
	CHUNK_BOARD = 1,
	CHUNK_BYTES = 2,
	CHUNK_PEOPLE = 3,
	CHUNK_END = 4,
	CHUNK_REQUESTS = 6, /* from version 2 on */
};

/* head: CHUNK_SUMMED_BYTES. salt: the header's checksum. */
static inline uint64_t chunk_sum(const uint8_t *head, const uint8_t *payload, size_t len,
				 uint64_t salt)
{
	return hash64(payload, len, hash64(head, CHUNK_SUMMED_BYTES, SEED_CHUNK ^ salt));
}

#endif
