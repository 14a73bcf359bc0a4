/*
 * recover_priv.h - the inside of a recovery, for recover.c and recover_end.c only.
 */
#ifndef PX_RECOVER_RECOVER_PRIV_H
#define PX_RECOVER_RECOVER_PRIV_H

#include "persist/recover/recover.h"
#include "persist/format/segment_list.h"

struct recovery {
	struct disk *disk;
	const struct recover_options *options;
	const struct recover_handler *handler;
	struct recover_result *result;
	char *why;
	struct segment_list list;
	struct snapshot_head snapshot; /* lsn 0: none */
	uint64_t deliver_from;         /* lsn */
	uint64_t declared_lsn;         /* durable up to here, as headers say */

	/* the segment that is being read */
	const struct segment_entry *entry;
	char name[JOURNAL_NAME_BYTES];
	uint8_t *bytes;
	size_t len;
	struct segment_reader reader;
};

/* Writes the sentence on why not; returns `error`. */
__attribute__((format(printf, 3, 4))) int recover_refuse(struct recovery *r, int error,
							 const char *format, ...);
int recover_refuse_disk(struct recovery *r, const char *name, int error);

/* The first `count` segments are not read; records from `lsn` on are. -EBADMSG: one of them holds
 * records that somebody was told of, behind a damaged header. */
int recover_front_judge(struct recovery *r, size_t count, uint64_t lsn);

/* Record `lsn` is not there. 0: nobody was told about it, the journal ends here; -EBADMSG: somebody
 * was. `later`: index of the segments behind; those that were never used are removed. */
int recover_end_judge(struct recovery *r, size_t later, uint64_t lsn);

/* Makes sure of what the last segment holds, before anybody is served from it. */
int recover_end_secure(struct recovery *r);

#endif
