/*
 * history_cell.h - who placed one cell, newest first.
 *
 * The journal has no index: parts (segments) are read from the newest backwards until enough is
 * found. A part that starts after the range in question costs only its first batches. Owner: one
 * thread, which may block.
 */
#ifndef PX_HISTORY_HISTORY_CELL_H
#define PX_HISTORY_HISTORY_CELL_H

#include <stdbool.h>

#include "persist/history/history.h"

#define HISTORY_CELL_MAX 100

struct history_cell {
	/* the question */
	uint64_t before_seq; /* only placements below it; UINT64_MAX: from the newest on */
	uint32_t max;        /* 1..HISTORY_CELL_MAX */
	uint16_t board;
	uint16_t x;
	uint16_t y;
	/* the answer, once history_cell_step() returned 0 or after history_cell_end() */
	struct record_placement found[HISTORY_CELL_MAX]; /* newest first */
	uint32_t count;
	uint64_t next_seq; /* ask again with this before_seq for older ones; 0: there are none */
	bool complete;     /* with next_seq 0: nothing older was removed or is missing */
	enum history_source source;
	bool gap; /* something in the middle of what was read is missing */
	/* The lowest seq of this board in what was read, also when it is not below before_seq;
	 * UINT64_MAX: none yet. */
	uint64_t oldest_seq;
	uint32_t oldest_epoch;
	/* private */
	struct history_cursor cursor;
	uint64_t part_last;  /* lsn */
	uint64_t part_count; /* matches in this part, the newest of them in `part` */
	struct record_placement part[HISTORY_CELL_MAX];
};

/* After a history_look(), with the question filled in. */
void history_cell_begin(struct history *h, struct history_cell *c);

/* 1: call again; 0: answered; -errno. */
int history_cell_step(struct history *h, struct history_cell *c);

/* Between two steps: whether the question may end here with what was found; the answer then says
 * where to continue. false: nothing was gained yet. */
bool history_cell_end(struct history_cell *c);

#endif
