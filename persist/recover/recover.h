/*
 * recover.h - from the data directory to the boards: newest good snapshot, then the journal.
 *
 * Synchronous, through disk.h: at start, before any thread runs, and in tools. Crashing in the
 * midst of it and doing it again gives the same.
 *
 * A torn tail (nobody was told about what is missing) is cut and reported. Damage of what somebody
 * was told is never passed over: -EBADMSG, and `why` says which file, which offset, what is missing
 * and what can be done.
 */
#ifndef PX_RECOVER_RECOVER_H
#define PX_RECOVER_RECOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "persist/disk/disk.h"
#include "persist/journal/journal.h"
#include "persist/format/record.h"
#include "persist/snapshot/snapshot.h"

#define RECOVER_WHY_BYTES 1024

struct recover_options {
	uint64_t fresh_journal_id; /* random, not 0: used when there is no journal yet */
	uint64_t history_records;  /* the newest ones, so many at least, are handed over, also those
				      from before the snapshot */
	bool read_only;            /* tools: repairs, syncs and removes nothing */
};

/* Called in this order: boards, people, their requests, records by lsn. A non-zero result ends
 * recovery with it. -ECANCELED: the handler has its own sentence; `why` then only says where it
 * was. */
struct recover_handler {
	void *arg;
	int (*board)(void *arg, const struct snapshot_board_read *board);
	int (*person)(void *arg, const struct person *person);
	int (*request)(void *arg, const struct request *request); /* may be NULL */
	/* replay: apply it. Else it is older than the snapshot: only for the broadcast log. */
	int (*record)(void *arg, uint64_t lsn, const struct record *record, bool replay);
	/* Something for the log: a torn tail, a bad snapshot. May be NULL. */
	void (*report)(void *arg, const char *sentence);
};

struct recover_result {
	struct journal_start start; /* for journal_new() */
	uint64_t snapshot_lsn;      /* 0: none */
	uint64_t snapshot_wall_ms;
	uint64_t replayed;           /* records */
	enum journal_sync last_sync; /* of the last run */
	bool is_new;                 /* nothing was there */
	bool was_clean;              /* the last run stopped in order */
	bool is_missing;             /* the journal ends before the snapshot, which goes on */
	uint64_t first_lsn;          /* of the oldest segment in use; 0: there is none */
	char first_file[JOURNAL_NAME_BYTES]; /* that one */
	bool torn;                           /* a tail was cut: */
	char torn_file[JOURNAL_NAME_BYTES];
	uint64_t torn_offset;
	uint64_t torn_bytes; /* behind it that are not zero */
};

/* 0; -EBADMSG: damage; -EPROTONOSUPPORT: of a newer version; what the disk or a handler said. `why`
 * (RECOVER_WHY_BYTES) has a sentence on every failure. */
int recover_run(struct disk *disk, const struct recover_options *options,
		const struct recover_handler *handler, struct recover_result *ret_result,
		char why[static RECOVER_WHY_BYTES]);

#endif
