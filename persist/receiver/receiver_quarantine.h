/*
 * receiver_quarantine.h - placements that a receiver does not accept: quarantine-<receiver>.csv.
 *
 * In the data directory, one line each, in the format of `pixeld journal dump`; on disk before the
 * receiver's position passes them. A crash between the two writes a line twice, recognizable by its
 * lsn. A crash in the middle of a line may leave a part of it; the next line starts after that. The
 * receiver's thread.
 */
#ifndef PX_RECEIVER_RECEIVER_QUARANTINE_H
#define PX_RECEIVER_RECEIVER_QUARANTINE_H

#include <stdint.h>

#include "persist/disk/disk.h"
#include "persist/format/record.h"

/* Appends and syncs. 0; -EINVAL: not a placement; or the disk's error. */
int receiver_quarantine(struct disk *disk, const char *receiver, uint64_t lsn,
			const struct record *record);

#endif
