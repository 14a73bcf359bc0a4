/*
 * journal_format.h - the layout of a journal segment (headers, checksums, chain) and its reader.
 *
 * A segment is a file `journal-00000001.seg`, filled with zeros before it is used:
 *
 *	segment header | batch | batch | ... | zeros
 *
 * A batch is a header and records, padded to 8 bytes. Each header holds the chain value of the
 * batch before it and the lsn up to which the journal was durable when it was written. Checksums
 * are salted with the journal's id and the segment's number, so bytes of another file never pass as
 * ours.
 *
 * Nothing after the point where the reader stops is used. journal_claim_find() decides whether that
 * point is a torn tail (nothing that is missing was ever acknowledged) or damage (something was):
 * it looks for a later header that calls the missing lsn durable. Pure functions over a whole
 * segment in memory; any thread.
 */
#ifndef PX_FORMAT_JOURNAL_FORMAT_H
#define PX_FORMAT_JOURNAL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/bytes.h"

#define JOURNAL_VERSION      1u
#define JOURNAL_NAME_BYTES   32 /* room for a segment's file name */
#define SEGMENT_HEADER_BYTES 80u
#define BATCH_HEADER_BYTES   64u
#define JOURNAL_ALIGN        8u

enum journal_sync {
	JOURNAL_SYNC_COMMIT = 0,   /* settled = synced */
	JOURNAL_SYNC_INTERVAL = 1, /* settled = written; synced at every interval */
	JOURNAL_SYNC_OFF = 2,      /* settled = written; synced whenever the kernel does it */
};

const char *journal_sync_str(enum journal_sync sync);

enum segment_flag {
	/* Continues a snapshot rather than the journal before it: the chain starts over. */
	SEGMENT_RESTART = 1,
};

struct segment_header {
	uint64_t journal_id;    /* random, one for the whole journal */
	uint64_t segment_bytes; /* size of the file when it was made */
	uint64_t first_lsn;
	uint64_t chain; /* the value that the first batch continues */
	/* everything up to this lsn was synced when this header was written */
	uint64_t durable_lsn;
	uint64_t wall_ms;
	uint32_t segment;       /* number, as in the file name */
	uint32_t flags;         /* enum segment_flag */
	enum journal_sync sync; /* of the run that wrote this segment */
};

enum batch_flag {
	BATCH_CLOSING = 1, /* written on a clean stop: empty, and the last batch of the segment */
};

struct batch_header {
	uint64_t journal_id;
	uint64_t first_lsn;
	uint64_t durable_lsn;
	uint64_t chain; /* value after the batch before */
	uint64_t payload_sum;
	uint32_t payload_bytes; /* without padding */
	uint32_t records;
	uint32_t flags; /* enum batch_flag */
};

/* The number as a file name, "journal-00000007.seg", and back: 0 when `name` is not a segment's. */
void journal_segment_name(char out[static JOURNAL_NAME_BYTES], uint32_t segment);
uint32_t journal_segment_number(const char *name);

/* --- writing --- */

void segment_header_put(uint8_t out[static SEGMENT_HEADER_BYTES], const struct segment_header *h);

/* Completes a batch in place. `out` has room for the header, followed by h->payload_bytes of
 * records and room for the padding, which is cleared here. Sets payload_sum. Returns the chain
 * value after this batch. */
uint64_t batch_seal(uint8_t *out, const struct batch_header *h, uint32_t segment);

/* Bytes of a whole batch with a payload of this size: header and padding included. */
size_t batch_bytes(size_t payload_bytes);

/* --- reading --- */

enum segment_verdict {
	SEGMENT_GOOD,
	SEGMENT_UNUSED, /* zeros: prepared, but never written to */
	SEGMENT_BAD,    /* a torn first write, or damage */
	SEGMENT_NEWER,  /* written by a later version: *ret_version */
};

/* Sets the header only with SEGMENT_GOOD, and the version whenever the checksum is right. */
enum segment_verdict segment_header_get(const uint8_t *in, size_t len,
					struct segment_header *ret_header, uint32_t *ret_version);

/* How a segment continues an earlier one, in which record `next_lsn` is due after `chain`. The rule
 * for all that read past the end of a segment: recovery, receivers, history. Each decides itself
 * what to do about it. */
enum segment_seam {
	SEAM_CONTINUES,
	SEAM_RESTARTS, /* it continues a snapshot: its chain is new, and records may be missing */
	SEAM_LACKS,    /* records from next_lsn on are missing */
	SEAM_DIFFERS,  /* the record fits and the chain does not: one of the two was replaced */
};

enum segment_seam segment_seam(const struct segment_header *next, uint64_t next_lsn,
			       uint64_t chain);

struct batch {
	struct batch_header header;
	size_t offset; /* of its header within the segment */
	struct bytes records;
};

struct segment_reader {
	const uint8_t *bytes;
	size_t len;
	size_t offset; /* of the next batch; at the end: where the valid part ends */
	uint64_t journal_id;
	uint64_t next_lsn;
	uint64_t chain;
	uint32_t segment;
	bool closed; /* the last batch was that of a clean stop */
};

/* Starts after the header `h`, which was read from `bytes`. The bytes stay the caller's. */
void segment_reader_init(struct segment_reader *r, const struct segment_header *h,
			 const uint8_t *bytes, size_t len);

/* The next batch whose checksums, chain and lsn are right; its records point into the segment.
 * false: there is none, and `r` is unchanged. */
bool segment_reader_next(struct segment_reader *r, struct batch *ret_batch);

/* Searches `bytes` from `offset` on for a header that is valid in itself and calls `lsn` durable.
 * journal_id 0: of any journal. Returns true with its offset and the lsn it claims. */
struct journal_claim {
	size_t offset;
	uint64_t durable_lsn;
};
bool journal_claim_find(const uint8_t *bytes, size_t len, size_t offset, uint64_t journal_id,
			uint32_t segment, uint64_t lsn, struct journal_claim *ret_claim);

#endif
