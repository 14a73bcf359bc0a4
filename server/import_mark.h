/*
 * import_mark.h - import-<board>.unfinished in a data directory: an import of that board was
 * started and not finished.
 *
 * `pixeld import` sets it before it writes and clears it after the last placement; a server that
 * finds it does not serve the board as if it were complete. The file is empty: only its name
 * matters. The caller holds the lock of the directory.
 */
#ifndef PX_SERVER_IMPORT_MARK_H
#define PX_SERVER_IMPORT_MARK_H

#include "persist/disk/disk.h"
#include "persist/format/record.h"

#define IMPORT_MARK_BYTES (BOARD_NAME_BYTES_MAX + 32)

void import_mark_name(char out[static IMPORT_MARK_BYTES], const char *board);

/* Durable on return; setting or clearing twice is fine. 0 or -errno. */
int import_mark_set(struct disk *disk, const char *board);
int import_mark_clear(struct disk *disk, const char *board);

/* 1: it is set; 0: it is not; -errno. */
int import_mark_look(struct disk *disk, const char *board);

#endif
