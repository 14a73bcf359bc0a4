/*
 * import_mark.h - import-<board>.unfinished in a data directory: an import of that board has begun
 * and not ended.
 *
 * `pixeld import` sets it before it writes and clears it behind the last placement; a server that
 * finds it does not serve the board as if it were whole. An empty file: its name says all. Its
 * user holds the lock of the directory.
 */
#ifndef PX_SERVER_IMPORT_MARK_H
#define PX_SERVER_IMPORT_MARK_H

#include "persist/disk/disk.h"
#include "persist/format/record.h"

#define IMPORT_MARK_BYTES (BOARD_NAME_BYTES_MAX + 32)

void import_mark_name(char out[static IMPORT_MARK_BYTES], const char *board);

/* Both are durable when they return, and well when it is so already. 0 or -errno. */
int import_mark_set(struct disk *disk, const char *board);
int import_mark_clear(struct disk *disk, const char *board);

/* 1: it is there; 0: it is not; -errno. */
int import_mark_look(struct disk *disk, const char *board);

#endif
