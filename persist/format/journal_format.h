/*
 * journal_format.h - the bytes of a journal segment: headers, checksums, chain; and their reader.
 *
 * A segment is a file `journal-00000001.seg`, made of zeros ahead of its use:
 *
 *	segment header | batch | batch | ... | zeros
 *
 * A batch is a header and records, padded to 8 bytes. Each header names the chain value of the
 * batch before it, and how far the journal was durable when it was written. Checksums are salted
 * with the journal's id and the segment's number: bytes of another file never pass for ours.
 *
 * Where the reader stops, nothing behind is taken. Whether that is a torn tail (nobody was told
 * about what is missing) or damage (somebody was) is told by journal_claim_find(): a later header
 * that calls the missing lsn durable. Pure functions over a whole segment in memory; any thread.
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
	JOURNAL_SYNC_INTERVAL = 1, /* settled = written; synced every interval */
	JOURNAL_SYNC_OFF = 2,      /* settled = written; synced by the system, when it likes */
};

const char *journal_sync_str(enum journal_sync sync);

enum segment_flag {
	SEGMENT_RESTART =
		1, /* continues a snapshot, not the journal before: the chain begins anew */
};

struct segment_header {
	uint64_t journal_id;    /* random, of the whole journal */
	uint64_t segment_bytes; /* size of the file as it was made */
	uint64_t first_lsn;
	uint64_t chain;       /* value that the first batch continues */
	uint64_t durable_lsn; /* all records up to this were synced when this was written */
	uint64_t wall_ms;
	uint32_t segment;       /* number, as in the file's name */
	uint32_t flags;         /* enum segment_flag */
	enum journal_sync sync; /* of the run that wrote it */
};

enum batch_flag {
	BATCH_CLOSING = 1, /* a clean stop: empty, and nothing follows in this segment */
};

struct batch_header {
	uint64_t journal_id;
	uint64_t first_lsn;
	uint64_t durable_lsn;
	uint64_t chain; /* of the batch before */
	uint64_t payload_sum;
	uint32_t payload_bytes; /* without padding */
	uint32_t records;
	uint32_t flags; /* enum batch_flag */
};

/* "journal-00000007.seg"; and back: the number, or 0 when `name` is no segment's. */
void journal_segment_name(char out[static JOURNAL_NAME_BYTES], uint32_t segment);
uint32_t journal_segment_number(const char *name);

/* --- writing --- */

void segment_header_put(uint8_t out[static SEGMENT_HEADER_BYTES], const struct segment_header *h);

/* Completes a batch in place: `out` is followed by h->payload_bytes of records and room for
 * padding, which is cleared; payload_sum is set here. Returns the chain value after it. */
uint64_t batch_seal(uint8_t *out, const struct batch_header *h, uint32_t segment);

/* Bytes of a whole batch with a payload of this size. */
size_t batch_bytes(size_t payload_bytes);

/* --- reading --- */

enum segment_verdict {
	SEGMENT_GOOD,
	SEGMENT_UNUSED, /* zeros: prepared, or never begun */
	SEGMENT_BAD,    /* a torn first write, or damage */
	SEGMENT_NEWER,  /* of a later version: *ret_version */
};

enum segment_verdict segment_header_get(const uint8_t *in, size_t len,
					struct segment_header *ret_header, uint32_t *ret_version);

struct batch {
	struct batch_header header;
	size_t offset; /* of its header, in the segment */
	struct bytes records;
};

struct segment_reader {
	const uint8_t *bytes;
	size_t len;
	size_t offset; /* of the next batch; after the end: where the good part ends */
	uint64_t journal_id;
	uint64_t next_lsn;
	uint64_t chain;
	uint32_t segment;
	bool closed; /* the last batch was a clean stop's */
};

/* Begins behind the header `h` that was read from these bytes. */
void segment_reader_init(struct segment_reader *r, const struct segment_header *h,
			 const uint8_t *bytes, size_t len);

/* The next batch whose checksums, chain and lsn are right. false: none follows; r is as it was. */
bool segment_reader_next(struct segment_reader *r, struct batch *ret_batch);

/* Looks in `bytes`, from `offset` on, for a header that is right by itself and calls `lsn` durable.
 * journal_id 0: of any journal. true: and where, and what it claims. */
struct journal_claim {
	size_t offset;
	uint64_t durable_lsn;
};
bool journal_claim_find(const uint8_t *bytes, size_t len, size_t offset, uint64_t journal_id,
			uint32_t segment, uint64_t lsn, struct journal_claim *ret_claim);

#endif
