/*
 * journal_format.c - see journal_format.h. Layout of the two headers, little-endian:
 *
 *	segment   0 magic u64      8 version u32     12 header bytes u32   16 journal id u64
 *	         24 segment bytes  32 first lsn      40 chain              48 durable lsn
 *	         56 wall ms        64 number u32     68 flags u16          70 sync u16
 *	         72 checksum of 0..71
 *	batch     0 magic u32      4 flags u32        8 payload bytes u32  12 records u32
 *	         16 journal id     24 first lsn      32 durable lsn        40 chain before
 *	         48 payload sum    56 checksum of 0..55
 *
 * The segment header keeps this layout in every later version, checksum included: so a header that
 * is only damaged is never reported as "newer". The chain value after a batch is a hash of its
 * header, which holds the value before and the sum of the payload.
 */
#include "persist/format/journal_format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "persist/format/record.h"

#define SEGMENT_MAGIC 0x4c4e524a4c455850ULL /* "PXELJRNL" */
#define BATCH_MAGIC   0x48425850u           /* "PXBH" */

/* One seed for each role of a hash. */
#define SEED_SEGMENT 0x7365676d656e7431ULL
#define SEED_SALT    0x73616c7473616c74ULL
#define SEED_CHAIN   0x636861696e636861ULL

/* The checksum ends a header, and covers what stands before it. */
#define SUM_BYTES            8u
#define SEGMENT_SUMMED_BYTES (SEGMENT_HEADER_BYTES - SUM_BYTES)
#define BATCH_SUMMED_BYTES   (BATCH_HEADER_BYTES - SUM_BYTES)

_Static_assert(SEGMENT_SUMMED_BYTES == 8 + 2 * 4 + 6 * 8 + 4 + 2 * 2, "the layout above");
_Static_assert(BATCH_SUMMED_BYTES == 4 * 4 + 5 * 8, "likewise");

static const uint8_t zeros[SEGMENT_HEADER_BYTES];

const char *journal_sync_str(enum journal_sync sync)
{
	switch (sync) {
	case JOURNAL_SYNC_COMMIT:
		return "commit";
	case JOURNAL_SYNC_INTERVAL:
		return "interval";
	case JOURNAL_SYNC_OFF:
		return "off";
	}
	return "unknown";
}

void journal_segment_name(char out[static JOURNAL_NAME_BYTES], uint32_t segment)
{
	_Static_assert(sizeof("journal-4294967295.seg") <= JOURNAL_NAME_BYTES, "fits");

	snprintf(out, JOURNAL_NAME_BYTES, "journal-%08u.seg", segment);
}

uint32_t journal_segment_number(const char *name)
{
	char again[JOURNAL_NAME_BYTES];
	unsigned long number;

	if (strncmp(name, "journal-", 8) != 0)
		return 0;
	number = strtoul(name + 8, NULL, 10);
	if (number == 0 || number > UINT32_MAX)
		return 0;
	journal_segment_name(again, (uint32_t)number);
	return strcmp(again, name) == 0 ? (uint32_t)number : 0;
}

void segment_header_put(uint8_t out[static SEGMENT_HEADER_BYTES], const struct segment_header *h)
{
	uint8_t *p = out;

	p = put_u64(p, SEGMENT_MAGIC);
	p = put_u32(p, JOURNAL_VERSION);
	p = put_u32(p, SEGMENT_HEADER_BYTES);
	p = put_u64(p, h->journal_id);
	p = put_u64(p, h->segment_bytes);
	p = put_u64(p, h->first_lsn);
	p = put_u64(p, h->chain);
	p = put_u64(p, h->durable_lsn);
	p = put_u64(p, h->wall_ms);
	p = put_u32(p, h->segment);
	p = put_u16(p, (uint16_t)h->flags);
	p = put_u16(p, (uint16_t)h->sync);
	p = put_u64(p, hash64(out, (size_t)(p - out), SEED_SEGMENT));
	px_assert(p == out + SEGMENT_HEADER_BYTES);
}

enum segment_verdict segment_header_get(const uint8_t *in, size_t len,
					struct segment_header *ret_header, uint32_t *ret_version)
{
	struct bytes b = bytes_of(in, len);
	struct segment_header h;
	uint64_t magic = get_u64(&b);
	uint32_t version = get_u32(&b);
	uint32_t header_bytes = get_u32(&b);
	uint16_t sync;

	h.journal_id = get_u64(&b);
	h.segment_bytes = get_u64(&b);
	h.first_lsn = get_u64(&b);
	h.chain = get_u64(&b);
	h.durable_lsn = get_u64(&b);
	h.wall_ms = get_u64(&b);
	h.segment = get_u32(&b);
	h.flags = get_u16(&b);
	sync = get_u16(&b);
	h.sync = sync <= JOURNAL_SYNC_OFF ? (enum journal_sync)sync : JOURNAL_SYNC_OFF;
	if (len == 0 || memcmp(in, zeros, len < sizeof(zeros) ? len : sizeof(zeros)) == 0)
		return SEGMENT_UNUSED;
	if (get_u64(&b) != hash64(in, len < SEGMENT_SUMMED_BYTES ? len : SEGMENT_SUMMED_BYTES,
				  SEED_SEGMENT) ||
	    b.bad)
		return SEGMENT_BAD;
	*ret_version = version;
	if (version > JOURNAL_VERSION)
		return SEGMENT_NEWER;
	if (magic != SEGMENT_MAGIC || header_bytes != SEGMENT_HEADER_BYTES || h.first_lsn == 0 ||
	    h.first_lsn > RECORD_LSN_MAX || h.segment == 0 || h.journal_id == 0)
		return SEGMENT_BAD;
	*ret_header = h;
	return SEGMENT_GOOD;
}

static uint64_t salt_of(uint64_t journal_id, uint32_t segment)
{
	uint8_t in[12];

	put_u32(put_u64(in, journal_id), segment);
	return hash64(in, sizeof(in), SEED_SALT);
}

size_t batch_bytes(size_t payload_bytes)
{
	return BATCH_HEADER_BYTES +
	       (payload_bytes + JOURNAL_ALIGN - 1) / JOURNAL_ALIGN * JOURNAL_ALIGN;
}

/* A batch without records leaves the chain as it is: whether a clean stop got to the disk makes no
 * difference to who continues from there. */
static uint64_t chain_after(const uint8_t *batch, const struct batch_header *h)
{
	return h->records == 0 ? h->chain : hash64(batch, BATCH_HEADER_BYTES, SEED_CHAIN);
}

uint64_t batch_seal(uint8_t *out, const struct batch_header *h, uint32_t segment)
{
	uint64_t salt = salt_of(h->journal_id, segment);
	uint8_t *payload = out + BATCH_HEADER_BYTES;
	uint8_t *p = out;

	px_assert(h->records > 0 || h->payload_bytes == 0);
	memset(payload + h->payload_bytes, 0,
	       batch_bytes(h->payload_bytes) - BATCH_HEADER_BYTES - h->payload_bytes);
	p = put_u32(p, BATCH_MAGIC);
	p = put_u32(p, h->flags);
	p = put_u32(p, h->payload_bytes);
	p = put_u32(p, h->records);
	p = put_u64(p, h->journal_id);
	p = put_u64(p, h->first_lsn);
	p = put_u64(p, h->durable_lsn);
	p = put_u64(p, h->chain);
	p = put_u64(p, hash64(payload, h->payload_bytes, salt));
	p = put_u64(p, hash64(out, (size_t)(p - out), salt));
	px_assert(p == payload);
	return chain_after(out, h);
}

/* A header that is right by its own checksum, whatever stands behind it. journal_id 0: any. */
static bool batch_header_get(const uint8_t *in, size_t len, uint64_t journal_id, uint32_t segment,
			     struct batch_header *ret_header)
{
	struct bytes b = bytes_of(in, len);
	struct batch_header h;

	if (len < BATCH_HEADER_BYTES || get_u32(&b) != BATCH_MAGIC)
		return false;
	h.flags = get_u32(&b);
	h.payload_bytes = get_u32(&b);
	h.records = get_u32(&b);
	h.journal_id = get_u64(&b);
	h.first_lsn = get_u64(&b);
	h.durable_lsn = get_u64(&b);
	h.chain = get_u64(&b);
	h.payload_sum = get_u64(&b);
	if (journal_id != 0 && h.journal_id != journal_id)
		return false;
	if (get_u64(&b) != hash64(in, BATCH_SUMMED_BYTES, salt_of(h.journal_id, segment)))
		return false;
	*ret_header = h;
	return true;
}

enum segment_seam segment_seam(const struct segment_header *next, uint64_t next_lsn, uint64_t chain)
{
	if (next->flags & SEGMENT_RESTART)
		return SEAM_RESTARTS;
	if (next->first_lsn != next_lsn)
		return SEAM_LACKS;
	return next->chain == chain ? SEAM_CONTINUES : SEAM_DIFFERS;
}

void segment_reader_init(struct segment_reader *r, const struct segment_header *h,
			 const uint8_t *bytes, size_t len)
{
	*r = (struct segment_reader){
		.bytes = bytes,
		.len = len,
		.offset = SEGMENT_HEADER_BYTES,
		.journal_id = h->journal_id,
		.next_lsn = h->first_lsn,
		.chain = h->chain,
		.segment = h->segment,
	};
}

bool segment_reader_next(struct segment_reader *r, struct batch *ret_batch)
{
	const uint8_t *in = r->bytes + r->offset;
	size_t left = r->offset < r->len ? r->len - r->offset : 0;
	struct batch_header h;

	if (r->closed || !batch_header_get(in, left, r->journal_id, r->segment, &h))
		return false;
	if (h.chain != r->chain || h.first_lsn != r->next_lsn ||
	    batch_bytes(h.payload_bytes) > left)
		return false;
	if (hash64(in + BATCH_HEADER_BYTES, h.payload_bytes, salt_of(h.journal_id, r->segment)) !=
	    h.payload_sum)
		return false;
	*ret_batch = (struct batch){
		.header = h,
		.offset = r->offset,
		.records = bytes_of(in + BATCH_HEADER_BYTES, h.payload_bytes),
	};
	r->offset += batch_bytes(h.payload_bytes);
	r->next_lsn += h.records;
	r->chain = chain_after(in, &h);
	px_assert(r->offset <= r->len); /* whole batches only */
	r->closed = (h.flags & BATCH_CLOSING) != 0;
	return true;
}

bool journal_claim_find(const uint8_t *bytes, size_t len, size_t offset, uint64_t journal_id,
			uint32_t segment, uint64_t lsn, struct journal_claim *ret_claim)
{
	struct batch_header h;

	offset = (offset + JOURNAL_ALIGN - 1) / JOURNAL_ALIGN * JOURNAL_ALIGN;
	for (; offset + BATCH_HEADER_BYTES <= len; offset += JOURNAL_ALIGN) {
		if (!batch_header_get(bytes + offset, len - offset, journal_id, segment, &h))
			continue;
		if (h.durable_lsn < lsn)
			continue;
		*ret_claim = (struct journal_claim){.offset = offset, .durable_lsn = h.durable_lsn};
		return true;
	}
	return false;
}
