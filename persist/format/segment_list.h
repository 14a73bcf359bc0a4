/*
 * segment_list.h - the segments of a data directory, with their headers; which of them count.
 *
 * For recovery, retention and tools: reads through disk.h, keeps no file open.
 */
#ifndef PX_FORMAT_SEGMENT_LIST_H
#define PX_FORMAT_SEGMENT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "persist/disk/disk.h"
#include "persist/format/journal_format.h"

struct segment_entry {
	struct segment_header header; /* with SEGMENT_GOOD */
	uint64_t bytes;               /* size of the file */
	uint64_t limit_lsn;           /* from here on a later segment overrules it */
	uint32_t number;              /* from the file's name */
	uint32_t version;             /* with SEGMENT_NEWER */
	enum segment_verdict verdict; /* of the first bytes alone */
	bool live;                    /* good, and something of it is not overruled */
};

struct segment_list {
	struct segment_entry *entries; /* by number */
	size_t count;
	uint32_t failed; /* number of the segment that could not be read; 0: the directory */
};

/* 0 or -errno; frees nothing but its own on failure; ret_list->failed then names the file. */
int segment_list_read(struct disk *disk, struct segment_list *ret_list);

/* Only those with a number above `number`: what may follow a segment that is known. */
int segment_list_read_above(struct disk *disk, uint32_t number, struct segment_list *ret_list);
void segment_list_free(struct segment_list *list);

/* The next live entry from index `i` on; count: none. */
size_t segment_list_live(const struct segment_list *list, size_t i);

/* The whole file in memory, to be freed. 0, -ENOMEM or what the disk said. */
int segment_load(struct disk *disk, uint32_t number, uint8_t **ret_bytes, size_t *ret_len);

#endif
