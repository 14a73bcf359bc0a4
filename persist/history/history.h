/*
 * history.h - the past: the records of the journal in order, from any lsn on.
 *
 * A reader looks at the directory and then walks in bounded steps, also while a server writes to it
 * and retention removes its oldest files. No file stays open between two steps. It never hands over
 * a record above the lsn given to history_look(): beyond that the live segment is still being
 * written. Reads only. One thread at a time; blocks, so not on the writer's or a worker's thread.
 */
#ifndef PX_HISTORY_HISTORY_H
#define PX_HISTORY_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "persist/disk/disk.h"
#include "persist/format/record.h"

#define HISTORY_STEP_BYTES (4u << 20) /* most that one step reads; more than any batch holds */
#define HISTORY_STOP       2

/* Where a question about the past is being answered: it moves from one source to the next, as
 * past.h describes. With the journal alone it stays SOURCE_JOURNAL. */
enum history_source {
	SOURCE_JOURNAL,
	SOURCE_OTHER, /* its position is not in the journal: another source continues */
	/* a board: the journal continues after the other source, no record has arrived yet */
	SOURCE_JOINED,
	/* a cell: the other source has returned all it has, and its rows are counted */
	SOURCE_COUNTED,
};

struct history;

/* The disk stays the caller's. -ENOMEM. */
int history_new(struct disk *disk, struct history **ret_history);
void history_free(struct history *h); /* NULL is allowed */

/* Reads the directory again. From here on nothing above upto_lsn is read; UINT64_MAX: everything,
 * for a directory that no server is writing to. 0 or -errno. */
int history_look(struct history *h, uint64_t upto_lsn);

/* The lsn given to the last history_look(). */
uint64_t history_upto(const struct history *h);
struct disk *history_disk(const struct history *h);

/* The journal's id; 0: there is no journal. */
uint64_t history_journal_id(const struct history *h);

/* The lsn of the oldest record that is kept; upto_lsn + 1 when there is none (UINT64_MAX when
 * upto_lsn is UINT64_MAX). */
uint64_t history_first(const struct history *h);

/* The first lsn of the newest part (a segment) that holds records at or below `lsn`; 0: there is
 * none. */
uint64_t history_part(const struct history *h, uint64_t lsn);

/* The lsn up to which the files themselves call the journal durable: as far as a directory may be
 * read while a server writes to it. Reads the last segment. 0 or -errno. */
int history_declared(struct history *h, uint64_t *ret_lsn);

struct history_handler {
	void *arg;
	/* 0: continue. HISTORY_STOP: the walk ends before this record, so that the next step hands
	 * it over again. -errno: the walk ends. */
	int (*record)(void *arg, uint64_t lsn, const struct record *record);
	/* These records are missing: removed by retention, or damaged. The walk continues. */
	void (*gap)(void *arg, uint64_t first_lsn, uint64_t last_lsn);
};

/* The position of a walk; starts as {.next_lsn = the first record wanted}. Stays valid after
 * another history_look(). */
struct history_cursor {
	uint64_t next_lsn;
	/* private: where the batch with it starts; segment 0: not known yet */
	uint64_t batch_lsn;
	uint64_t offset;
	uint64_t chain;
	uint32_t segment;
};

/* Reads and hands over one window. 1: call again; 0: the end; HISTORY_STOP; -EBADMSG: the chain
 * says that the next segment belongs to another history; -errno of the disk or the handler. */
int history_step(struct history *h, struct history_cursor *c,
		 const struct history_handler *handler);

#endif
