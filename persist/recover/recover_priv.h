/*
 * recover_priv.h - internals of a recovery, for recover.c and recover_end.c only.
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
	uint64_t declared_lsn;         /* the highest lsn that any header calls durable */

	/* the segment being read */
	const struct segment_entry *entry;
	char name[JOURNAL_NAME_BYTES];
	uint8_t *bytes;
	size_t len;
	struct segment_reader reader;
};

/* Writes the reason to r->why; returns `error`. */
__attribute__((format(printf, 3, 4))) int recover_refuse(struct recovery *r, int error,
							 const char *format, ...);
int recover_refuse_disk(struct recovery *r, const char *name, int error);

/* The first `count` segments are skipped; reading starts at record `lsn`. -EBADMSG: after a damaged
 * header one of them holds records that were acknowledged. */
int recover_front_judge(struct recovery *r, size_t count, uint64_t lsn);

/* Record `lsn` is missing. 0: it was never acknowledged, the journal ends here; -EBADMSG: it was.
 * `later`: index of the segments after it; those that were never used are removed. */
int recover_end_judge(struct recovery *r, size_t later, uint64_t lsn);

/* Syncs what the last segment holds before anything is served from it. */
int recover_end_secure(struct recovery *r);

#endif
