/* restore_priv.h - what restore.c and replay.c share: one start, before any thread runs. */
#ifndef PX_WRITER_RESTORE_PRIV_H
#define PX_WRITER_RESTORE_PRIV_H

#include "writer/writer_priv.h"

/* A rollback whose cells follow it. */
struct gather {
	struct writer_board *board; /* NULL: none */
	struct delta_cell *cells;   /* [FRAME_CELLS_MAX], from the first one on */
	struct change change;       /* the cells that came; the first one says the rest */
	uint32_t wanted;
};

struct restore {
	struct writer *w;
	struct gather gather;
	char sentence[RECOVER_WHY_BYTES / 2]; /* why it was refused */
	bool is_refused;
	int exit_code;
};

/* Ends recovery with a sentence for the operator. -ECANCELED. */
int restore_refuse(struct restore *r, int exit_code, const char *sentence);

/* The board that the disk names; made when it comes for the first time. -ENOMEM, or refused. */
int restore_board(struct restore *r, const struct record_board *meta, struct writer_board **ret);

/* What recovery is to hand over to. After it, replay_free(). */
struct recover_handler replay_handler(struct restore *r);
/* A rollback began, and not all of its cells came. */
bool replay_is_inside(const struct restore *r);
void replay_free(struct restore *r);

#endif
