/* journal_make.h - segments and snapshots for tests, made by the functions of their formats. */
#ifndef PX_TESTS_JOURNAL_MAKE_H
#define PX_TESTS_JOURNAL_MAKE_H

#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "persist/disk/disk.h"
#include "persist/format/journal_format.h"
#include "persist/format/record.h"
#include "persist/snapshot/snapshot.h"

#define MADE_SEGMENT_BYTES 65536u
#define MADE_JOURNAL_ID    77u

/* A segment with one batch of these records; the chain value behind it. `chain` of the first one is
 * MADE_JOURNAL_ID. */
static inline uint64_t segment_make(struct disk *disk, uint32_t number, uint64_t chain,
				    uint64_t first_lsn, const struct record *records,
				    uint32_t count)
{
	uint8_t *bytes = calloc(1, MADE_SEGMENT_BYTES), *batch, *end;
	const struct segment_header h = {.journal_id = MADE_JOURNAL_ID,
					 .segment_bytes = MADE_SEGMENT_BYTES,
					 .first_lsn = first_lsn,
					 .chain = chain,
					 .durable_lsn = first_lsn - 1,
					 .segment = number};
	struct batch_header b = {.journal_id = MADE_JOURNAL_ID,
				 .first_lsn = first_lsn,
				 .durable_lsn = first_lsn - 1,
				 .chain = chain,
				 .records = count};
	char name[JOURNAL_NAME_BYTES];
	int fd;

	px_assert(bytes != NULL);
	px_assert(count * RECORD_BYTES_MAX < MADE_SEGMENT_BYTES - 1024);
	segment_header_put(bytes, &h);
	batch = bytes + SEGMENT_HEADER_BYTES;
	end = batch + BATCH_HEADER_BYTES;
	for (uint32_t i = 0; i < count; i++)
		end = record_put(end, &records[i]);
	b.payload_bytes = (uint32_t)(end - batch - BATCH_HEADER_BYTES);
	chain = batch_seal(batch, &b, number);
	journal_segment_name(name, number);
	fd = disk_file_create(disk, name);
	px_assert(fd >= 0);
	px_assert(disk_write(disk, fd, bytes, MADE_SEGMENT_BYTES, 0) == 0);
	disk_file_close(disk, fd);
	free(bytes);
	return chain;
}

/* A snapshot with one board. */
static inline void snapshot_make(struct disk *disk, uint64_t lsn, const struct record_board *meta,
				 struct board *board, uint32_t epoch, uint64_t seq)
{
	struct snapshot_board boards[1] = {{.meta = *meta}};
	struct snapshot_image image = {
		.lsn = lsn, .journal_id = MADE_JOURNAL_ID, .boards = boards, .board_count = 1};
	struct snapshot_writer *w;

	(void)board_copy_begin(board, epoch, seq);
	boards[0].copy = board_copy_step(board, SIZE_MAX);
	px_assert(snapshot_writer_new(disk, &image, &w) == 0);
	while (snapshot_writer_step(w) > 0)
		;
	snapshot_writer_free(w);
	board_copy_unref(boards[0].copy);
}

#endif
