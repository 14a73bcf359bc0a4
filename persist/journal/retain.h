/*
 * retain.h - which old segments and snapshots are removed, and when. Keeper thread.
 *
 * All history stays until there is too much of it (keep_bytes) or too little disk (free_bytes_min).
 * Then the oldest segments go, but never one that a recovery from the OLDER of the two newest
 * snapshots needs: if the newest turns out to be damaged, the one before it must still lead to the
 * present.
 *
 * Nor one that a receiver has not read, unless drop_unread is set: then too little disk removes it
 * all the same, each with an error in the log. keep_bytes never does.
 */
#ifndef PX_JOURNAL_RETAIN_H
#define PX_JOURNAL_RETAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "persist/disk/disk.h"

struct retain_rule {
	uint64_t keep_bytes;     /* 0: no limit */
	uint64_t free_bytes_min; /* 0: no limit */
	uint64_t received_lsn;   /* all receivers have passed it; UINT64_MAX: there are none */
	uint32_t snapshots_past; /* at most SNAPSHOTS_PAST_MAX */
	bool drop_unread;
};

/* Removes what the rule says, with a log line for each segment. Returns the number of segments
 * removed, or -errno. */
int retain_run(struct disk *disk, const struct retain_rule *rule);

#endif
