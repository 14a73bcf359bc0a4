/*
 * journal_reader.h - the journal read in order while it is being written: for receivers.
 *
 * Blocking, through a disk handle of its own; one thread. It reads the segment files (their tail is
 * in the page cache) and takes nothing that the writer has not published as durable: what lies
 * beyond that may still be dropped or rewritten elsewhere. Every batch is checked as recovery
 * checks it: checksums, chain, lsn.
 *
 *	journal_reader_seek()   moves to a record
 *	journal_reader_next()   returns the records of one batch at a time, across segments
 */
#ifndef PX_JOURNAL_JOURNAL_READER_H
#define PX_JOURNAL_JOURNAL_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/bytes.h"
#include "persist/disk/disk.h"

#define JOURNAL_READER_WHY_BYTES 512

struct journal_reader;

/* A batch, or the rest of one after a seek into its middle. */
struct journal_piece {
	struct bytes records; /* for record_get(); valid until the next call */
	uint64_t first_lsn;
	uint64_t last_lsn;
	uint64_t chain_before; /* fingerprint of all records before first_lsn; 0: not known */
	uint64_t chain_after;  /* the same up to last_lsn */
	bool is_partial;       /* its batch starts before first_lsn */
};

/* The disk stays the caller's. -ENOMEM. */
int journal_reader_new(struct disk *disk, struct journal_reader **ret_reader);
void journal_reader_free(struct journal_reader *r); /* NULL is allowed */

/* The oldest record that is kept; 0: there is none. 0 or the disk's error. */
int journal_reader_oldest(struct journal_reader *r, uint64_t *ret_lsn);

/* Makes `lsn` the next record; it may be one that is not written yet. -ENODATA: it was removed;
 * -ENOENT: there is no journal yet; -ENOMEM; the disk's error. */
int journal_reader_seek(struct journal_reader *r, uint64_t lsn);

/* 1 and the next records, none above durable_lsn; 0: they are not there (an anomaly only when
 * durable_lsn says that they are). -ENODATA: they were removed unread; -EBADMSG: damage; -ENOMEM;
 * the disk's error. The lsns have a gap only where the journal has one: where a run with a sync
 * other than `commit` lost records and a snapshot continued. */
int journal_reader_next(struct journal_reader *r, uint64_t durable_lsn,
			struct journal_piece *ret_piece);

/* The fingerprint of all records up to `lsn`, which is durable; 0: no batch that is kept ends with
 * it. Moves the reader: seek again afterwards. -ENOMEM, -EBADMSG; the disk's error. */
int journal_reader_chain(struct journal_reader *r, uint64_t lsn, uint64_t *ret_chain);

/* Where it is, and after a failure what is wrong there; one sentence, valid until the next call. */
const char *journal_reader_why(struct journal_reader *r);

#endif
