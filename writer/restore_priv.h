/*
 * restore_priv.h - shared by restore.c and replay.c: one start, before any other thread runs.
 */
#ifndef PX_WRITER_RESTORE_PRIV_H
#define PX_WRITER_RESTORE_PRIV_H

#include "writer/writer_priv.h"

/* A rollback whose cells follow it. */
struct gather {
	struct writer_board *board; /* NULL: none */
	struct delta_cell *cells;   /* [FRAME_CELLS_MAX], from the first one on */
	struct change change;       /* the cells so far; the first one fills in the rest */
	uint32_t wanted;
};

struct restore {
	struct writer *w;
	struct gather gather;
	/* by board: the newest seq of the snapshot's people, and of its requests; 0: it has none */
	uint64_t people_seq[ROOMS_MAX], requests_seq[ROOMS_MAX];
	char sentence[RECOVER_WHY_BYTES / 2]; /* why it was refused */
	bool is_refused;
	int exit_code;
};

/* Ends the recovery with a sentence for the operator. Returns -ECANCELED. */
int restore_refuse(struct restore *r, int exit_code, const char *sentence);

/* The board that the disk names; made on its first appearance. -ENOMEM, or refused. */
int restore_board(struct restore *r, const struct record_board *meta, struct writer_board **ret);

/* Forgets requests and charges of placements above the present seq of a board, or with NULL of all
 * boards: a snapshot may know of what the journal has lost, and those were never placed. */
void restore_lose(struct writer *w, const struct writer_board *of);

/* The handler for recover_run(). Call replay_free() afterwards. */
struct recover_handler replay_handler(struct restore *r);
/* Whether a rollback has begun and some of its cells are still missing. */
bool replay_is_inside(const struct restore *r);
void replay_free(struct restore *r);

#endif
