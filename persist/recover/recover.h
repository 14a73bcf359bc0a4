/*
 * recover.h - from the data directory to the boards: newest good snapshot, then the journal.
 *
 * Synchronous, through disk.h: at start, before any other thread runs, and in tools. Repeating it
 * after a crash halfway has the same result.
 *
 * A torn tail (nothing that is missing was ever acknowledged) is cut off and reported. Damage to
 * anything that was acknowledged is never skipped: -EBADMSG, and `why` names the file, the offset,
 * what is missing and what can be done.
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
	/* at least this many of the newest records are handed over, even those from before the
	 * snapshot */
	uint64_t history_records;
	bool read_only; /* for tools: repairs, syncs and removes nothing */
};

/* Called in this order: boards, people, their requests, records by lsn. A non-zero result ends the
 * recovery and is returned. -ECANCELED: the handler has its own sentence; `why` then only says
 * where. */
struct recover_handler {
	void *arg;
	int (*board)(void *arg, const struct snapshot_board_read *board);
	int (*person)(void *arg, const struct person *person);
	int (*request)(void *arg, const struct request *request); /* may be NULL */
	/* A record to be replayed a few records later, to prefetch what that needs. Nothing of it
	 * was checked but its form; it may never be handed over. May be NULL. */
	void (*ahead)(void *arg, const struct record *record);
	/* replay: apply it. Otherwise it is older than the snapshot, and only for the broadcast
	 * log. */
	int (*record)(void *arg, uint64_t lsn, const struct record *record, bool replay);
	/* For the log: a torn tail, a bad snapshot. May be NULL. */
	void (*report)(void *arg, const char *sentence);
};

struct recover_result {
	struct journal_start start; /* for journal_new() */
	uint64_t snapshot_lsn;      /* 0: there was none */
	uint64_t snapshot_wall_ms;
	uint64_t replayed;           /* records */
	enum journal_sync last_sync; /* of the last run */
	bool is_new;                 /* there was neither a journal nor a snapshot */
	bool was_clean;              /* the last run stopped cleanly */
	bool is_missing;    /* the journal ends before the snapshot, which takes its place */
	uint64_t first_lsn; /* of the oldest segment in use; 0: there is none */
	char first_file[JOURNAL_NAME_BYTES]; /* its file name */
	bool torn;                           /* a tail was cut off: */
	char torn_file[JOURNAL_NAME_BYTES];
	uint64_t torn_offset;
	uint64_t torn_bytes; /* bytes after torn_offset that are not zero */
};

/* 0; -EBADMSG: damage; -EPROTONOSUPPORT: written by a newer version; the error of the disk or of a
 * handler. On every failure `why` (RECOVER_WHY_BYTES) has a sentence. */
int recover_run(struct disk *disk, const struct recover_options *options,
		const struct recover_handler *handler, struct recover_result *ret_result,
		char why[static RECOVER_WHY_BYTES]);

#endif
