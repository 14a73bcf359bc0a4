/*
 * segment_list.h - the segments of a data directory with their headers, and which of them count.
 *
 * For recovery, the journal's reader, the history, retention and tools. Reads through disk.h and
 * keeps no file open. Blocks.
 */
#ifndef PX_FORMAT_SEGMENT_LIST_H
#define PX_FORMAT_SEGMENT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "persist/disk/disk.h"
#include "persist/format/journal_format.h"

struct segment_entry {
	struct segment_header header; /* only with SEGMENT_GOOD */
	uint64_t bytes;               /* size of the file */
	uint64_t limit_lsn;           /* a later segment overrides this one from here on */
	uint32_t number;              /* from the file name */
	uint32_t version;             /* only with SEGMENT_NEWER */
	enum segment_verdict verdict; /* from the header alone */
	bool live;                    /* good, and not entirely overridden */
};

struct segment_list {
	struct segment_entry *entries; /* in order of their numbers */
	size_t count;
	uint32_t failed; /* number of the segment that could not be read; 0: the directory itself */
};

/* 0 or -errno. On success the caller frees the list with segment_list_free(). On failure there is
 * nothing to free, and ret_list->failed names the file. */
int segment_list_read(struct disk *disk, struct segment_list *ret_list);

/* The same for segments with a number above `number`: those that may follow a known one. */
int segment_list_read_above(struct disk *disk, uint32_t number, struct segment_list *ret_list);
void segment_list_free(struct segment_list *list);

/* The index of the first live entry at or after `i`; `count` when there is none. */
size_t segment_list_live(const struct segment_list *list, size_t i);

/* Reads a whole file into memory that the caller frees. 0, -ENOMEM or the disk's error. */
int segment_load(struct disk *disk, uint32_t number, uint8_t **ret_bytes, size_t *ret_len);

#endif
