/*
 * frames.h - what was applied to a board, as delta frames in its broadcast logs.
 *
 * A frame holds every cell that something in its range changed, with the color that it has at the
 * range's end; so it can be applied to a board at any seq within the range. Needs nothing but what
 * apply.h gives: who follows an order that others made cuts frames of its own.
 *
 * On the thread that applies. Board, arrays and logs are its maker's.
 */
#ifndef PX_WRITER_FRAMES_H
#define PX_WRITER_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "edge/codec/message.h"
#include "engine/apply.h"
#include "engine/room.h"
#include "engine/room_log.h"
#include "writer/writer_metrics.h"

#define FRAME_CELLS_MAX 65536

/* What one thread makes frames with. */
struct frame_maker {
	struct writer_metrics *metrics;
	struct delta_cell cells[FRAME_CELLS_MAX];
	uint32_t scratch[FRAME_CELLS_MAX];
};

struct frames {
	struct applied *of; /* changed_max: at most FRAME_CELLS_MAX */
	uint16_t board;
	struct room_log *logs[ROOM_LOGS]; /* by encoding; NULL: nobody asked for it yet */
	uint64_t seq;                     /* the newest that is in a frame */
	/* A frame that some log has and another had no room for: made again, the same. */
	uint64_t half_last;   /* its last seq; 0: there is none */
	uint32_t half_count;  /* its cells: the first ones of of->changed */
	uint8_t *half_colors; /* [of->changed_max] */
};

/* Everything that is applied and in no frame yet becomes one. False: a reader stands in the way of
 * a log; try again later. */
bool frames_cut(struct frames *f, struct frame_maker *m);

/* One frame of seqs first..last in one log, with all cells that changed, as `a` shows them now;
 * then nothing is changed any more. `a` may be another one than f->of. False: likewise. */
bool frames_append(struct frames *f, struct frame_maker *m, enum message_encoding encoding,
		   struct applied *a, uint64_t first, uint64_t last);

/* Cells per frame: so many that a frame in any encoding is at most `bytes`. */
uint32_t frames_cells_max(const struct board *board, size_t bytes);

#endif
