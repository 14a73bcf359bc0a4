/* segment_make.h - journal segments written by hand, for tests of what reads them. */
#ifndef PX_TESTS_SEGMENT_MAKE_H
#define PX_TESTS_SEGMENT_MAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "persist/disk/disk.h"
#include "persist/format/journal_format.h"
#include "persist/format/record.h"

#define SEGMENT_MAKE_ID    77u
#define SEGMENT_MAKE_BYTES (256u << 10)

struct segment_make {
	uint8_t bytes[SEGMENT_MAKE_BYTES];
	uint8_t *end;
	uint64_t next_lsn;
	uint64_t chain;
	uint32_t number;
};

static inline void segment_make_begin(struct segment_make *m, uint32_t number, uint64_t first_lsn,
				      uint64_t chain, uint32_t flags)
{
	const struct segment_header h = {.journal_id = SEGMENT_MAKE_ID,
					 .segment_bytes = SEGMENT_MAKE_BYTES,
					 .first_lsn = first_lsn,
					 .chain = chain,
					 .durable_lsn = first_lsn - 1,
					 .flags = flags,
					 .segment = number};

	memset(m->bytes, 0, sizeof(m->bytes));
	segment_header_put(m->bytes, &h);
	m->end = m->bytes + SEGMENT_HEADER_BYTES;
	m->next_lsn = first_lsn;
	m->chain = chain;
	m->number = number;
}

/* A batch of placements whose seq is their lsn, and whose color is `color`. */
static inline void segment_make_batch(struct segment_make *m, uint32_t records, uint8_t color)
{
	uint8_t *batch = m->end;
	uint8_t *end = batch + BATCH_HEADER_BYTES;
	struct batch_header h = {.journal_id = SEGMENT_MAKE_ID,
				 .first_lsn = m->next_lsn,
				 .durable_lsn = m->next_lsn - 1,
				 .chain = m->chain,
				 .records = records};

	for (uint64_t i = 0; i < records; i++) {
		struct record_placement placement = {.seq = m->next_lsn + i, .color = color};

		placement.placed_at_ms = 1000 * placement.seq;
		end = record_put(
			end, &(struct record){.type = RECORD_PLACEMENT, .placement = placement});
	}
	h.payload_bytes = (uint32_t)(end - batch - BATCH_HEADER_BYTES);
	m->chain = batch_seal(batch, &h, m->number);
	m->end = batch + batch_bytes(h.payload_bytes);
	m->next_lsn += records;
}

/* 0 or -errno. Also over what is there. */
static inline int segment_make_write(const struct segment_make *m, struct disk *disk)
{
	char name[JOURNAL_NAME_BYTES];
	int fd, rc;

	journal_segment_name(name, m->number);
	fd = disk_file_create(disk, name);
	if (fd < 0)
		fd = disk_file_open(disk, name, 1);
	if (fd < 0)
		return fd;
	rc = disk_write(disk, fd, m->bytes, sizeof(m->bytes), 0);
	disk_file_close(disk, fd);
	return rc;
}

#endif
