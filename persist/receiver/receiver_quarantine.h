/*
 * receiver_quarantine.h - placements that a receiver does not take: quarantine-<receiver>.csv.
 *
 * In the data directory, one line each, in the form of `pixeld journal dump`; on disk before the
 * receiver's position passes them. A crash between the two writes a line twice: its lsn tells. One
 * in the midst of a line may leave a part of it; the next line begins behind that. The receiver's
 * thread.
 */
#ifndef PX_RECEIVER_RECEIVER_QUARANTINE_H
#define PX_RECEIVER_RECEIVER_QUARANTINE_H

#include <stdint.h>

#include "persist/disk/disk.h"
#include "persist/format/record.h"

/* Appends and syncs. 0, -EINVAL: no placement, or what the disk said. */
int receiver_quarantine(struct disk *disk, const char *receiver, uint64_t lsn,
			const struct record *record);

#endif
