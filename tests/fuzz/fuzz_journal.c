/*
 * fuzz_journal.c - the journal's reader on any bytes. The first byte of the input chooses what the
 * rest is:
 *
 *	0  a segment file as it stands
 *	1  records, sealed into a batch with right checksums: else nothing strange gets that far
 *	2  places and values to change in a good segment: what is read is as it was, or is not read
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "persist/format/journal_format.h"
#include "persist/format/record.h"

#define ID            7u
#define SEGMENT_BYTES 2048u
#define BATCHES       5u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void records_read(struct bytes in)
{
	struct record record;

	while (bytes_left(&in) > 0) {
		size_t before = bytes_left(&in);

		if (record_get(&in, &record) < 0)
			return;
		px_assert(bytes_left(&in) < before);
		if (record.type == RECORD_BOARD)
			px_assert(strlen(record.board.name) <= BOARD_NAME_BYTES_MAX);
	}
}

static void segment_read(const uint8_t *bytes, size_t len)
{
	struct segment_header h;
	struct segment_reader r;
	struct journal_claim claim;
	struct batch batch;
	uint32_t version;

	if (segment_header_get(bytes, len, &h, &version) == SEGMENT_GOOD) {
		segment_reader_init(&r, &h, bytes, len);
		while (segment_reader_next(&r, &batch)) {
			px_assert(r.offset <= len);
			records_read(batch.records);
		}
		px_assert(r.offset <= len);
	}
	if (journal_claim_find(bytes, len, 0, 0, 1, 1, &claim))
		px_assert(claim.offset + BATCH_HEADER_BYTES <= len && claim.durable_lsn >= 1);
}

static size_t segment_begin(uint8_t *out)
{
	const struct segment_header h = {
		.journal_id = ID,
		.segment_bytes = SEGMENT_BYTES,
		.first_lsn = 1,
		.segment = 1,
	};

	segment_header_put(out, &h);
	return SEGMENT_HEADER_BYTES;
}

static void payload_read(const uint8_t *data, size_t size)
{
	size_t len = SEGMENT_HEADER_BYTES + batch_bytes(size);
	uint8_t *bytes = malloc(len);
	struct batch_header h = {
		.journal_id = ID,
		.first_lsn = 1,
		.payload_bytes = (uint32_t)size,
		.records = 1,
	};
	struct segment_header segment;
	struct segment_reader r;
	struct batch batch;
	uint32_t version;
	size_t at;
	bool good;

	if (bytes == NULL)
		return;
	at = segment_begin(bytes);
	memcpy(bytes + at + BATCH_HEADER_BYTES, data, size);
	batch_seal(bytes + at, &h, 1);
	px_assert(segment_header_get(bytes, len, &segment, &version) == SEGMENT_GOOD);
	segment_reader_init(&r, &segment, bytes, len);
	good = segment_reader_next(&r, &batch);
	px_assert(good);
	px_assert(bytes_left(&batch.records) == size);
	records_read(batch.records);
	free(bytes);
}

static size_t segment_make(uint8_t *out, size_t ends[static BATCHES])
{
	struct record record = {.type = RECORD_PLACEMENT};
	size_t at = segment_begin(out);
	uint64_t chain = 0;

	for (uint32_t i = 0; i < BATCHES; i++) {
		uint8_t *payload = out + at + BATCH_HEADER_BYTES;
		struct batch_header h = {
			.journal_id = ID,
			.first_lsn = i + 1,
			.durable_lsn = i,
			.chain = chain,
			.records = 1,
		};

		record.placement.seq = i + 1;
		h.payload_bytes = (uint32_t)(record_put(payload, &record) - payload);
		chain = batch_seal(out + at, &h, 1);
		at += batch_bytes(h.payload_bytes);
		ends[i] = at;
	}
	return at;
}

static void changed_read(const uint8_t *data, size_t size)
{
	uint8_t before[SEGMENT_BYTES] = {0};
	uint8_t after[SEGMENT_BYTES];
	size_t ends[BATCHES];
	struct segment_header h;
	struct segment_reader r;
	struct batch batch;
	uint32_t version;

	segment_make(before, ends);
	memcpy(after, before, sizeof(after));
	for (; size >= 3; data += 3, size -= 3)
		after[(data[0] + 256u * data[1]) % SEGMENT_BYTES] = data[2];
	if (segment_header_get(after, sizeof(after), &h, &version) != SEGMENT_GOOD)
		return;
	segment_reader_init(&r, &h, after, sizeof(after));
	for (uint32_t i = 0; segment_reader_next(&r, &batch); i++) {
		size_t records_len = bytes_left(&batch.records);

		px_assert(i < BATCHES && r.offset == ends[i]);
		px_assert(memcmp(after + batch.offset, before + batch.offset,
				 BATCH_HEADER_BYTES + records_len) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > 65536)
		return 0;
	if (data[0] == 1)
		payload_read(data + 1, size - 1);
	else if (data[0] == 2)
		changed_read(data + 1, size - 1);
	else
		segment_read(data + 1, size - 1);
	return 0;
}
