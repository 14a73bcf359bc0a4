/*
 * history.h - what was: the records of the journal in order, from any lsn on.
 *
 * A reader looks at the directory and then walks in bounded steps, also while a server writes to it
 * and retention removes its oldest files. Between two steps no file is open. It never hands over a
 * record above the lsn that history_look() was told: the live segment is being written behind that.
 * Only reads. One thread at a time; blocks, so not on the writer's or a worker's.
 */
#ifndef PX_HISTORY_HISTORY_H
#define PX_HISTORY_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "persist/disk/disk.h"
#include "persist/format/record.h"

#define HISTORY_STEP_BYTES (4u << 20) /* what a step reads at most; more than any batch has */
#define HISTORY_STOP       2

/* Who tells the past: one that is asked goes from one to the next, as past.h says. With the journal
 * alone it stays with it. */
enum history_source {
	SOURCE_JOURNAL,
	SOURCE_OTHER,   /* where it stands is not in the journal: somebody else goes on */
	SOURCE_JOINED,  /* of a board: the journal behind the other, and nothing came yet */
	SOURCE_COUNTED, /* of a cell: the other has told all it has, and is counted */
};

struct history;

int history_new(struct disk *disk, struct history **ret_history); /* disk stays the caller's */
void history_free(struct history *h);                             /* NULL is fine */

/* Looks at the directory anew. Nothing above upto_lsn is read from here on; UINT64_MAX: everything
 * that is there, when no server runs. 0 or -errno. */
int history_look(struct history *h, uint64_t upto_lsn);

uint64_t history_upto(const struct history *h);
struct disk *history_disk(const struct history *h);

/* Whose journal it is; 0: there is none. */
uint64_t history_journal_id(const struct history *h);

/* The lsn of the first record that is kept; upto + 1 when there is none. */
uint64_t history_first(const struct history *h);

/* The newest part (a segment) that holds records at or below `lsn`: its first one. 0: none does. */
uint64_t history_part(const struct history *h, uint64_t lsn);

/* Up to which lsn the files themselves call the journal durable: what may be told of a directory
 * that a server works on. Reads the last segment. 0 or -errno. */
int history_declared(struct history *h, uint64_t *ret_lsn);

struct history_handler {
	void *arg;
	/* 0: go on. HISTORY_STOP: the walk ends and stands in front of this record. -errno: it
	 * ends. */
	int (*record)(void *arg, uint64_t lsn, const struct record *record);
	/* These records are not there: removed by retention, or damaged. The walk goes on. */
	void (*gap)(void *arg, uint64_t first_lsn, uint64_t last_lsn);
};

/* Where a walk stands; begins as {.next_lsn = of the first record that is wanted}. May go on after
 * another history_look(). */
struct history_cursor {
	uint64_t next_lsn;
	/* private: where the batch with it begins; segment 0: to be looked for */
	uint64_t batch_lsn;
	uint64_t offset;
	uint64_t chain;
	uint32_t segment;
};

/* 1: call again; 0: the end; HISTORY_STOP; -errno of the disk or the handler. */
int history_step(struct history *h, struct history_cursor *c,
		 const struct history_handler *handler);

#endif
