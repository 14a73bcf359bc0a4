/*
 * frames.h - what was applied to a board, as delta frames in its broadcast logs.
 *
 * A frame holds every cell changed within its range of seqs, with the color it has at the end of
 * the range; so it can be applied to a board at any seq within the range. Needs nothing but
 * apply.h: a node that follows another node's order cuts frames of its own.
 *
 * Runs on the thread that applies. Board, arrays and logs belong to the maker of the struct.
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

_Static_assert(ROOM_LOGS == MESSAGE_ENCODINGS, "a log for each encoding, by its number");

/* Scratch memory for making frames; one per thread. */
struct frame_maker {
	struct writer_metrics *metrics;
	struct delta_cell cells[FRAME_CELLS_MAX];
	uint32_t scratch[FRAME_CELLS_MAX];
};

struct frames {
	struct applied *of; /* its changed_max is at most FRAME_CELLS_MAX */
	uint16_t board;
	struct room_log *logs[ROOM_LOGS]; /* by encoding; NULL: not requested yet */
	uint64_t seq;                     /* the newest that is in a frame */
	/* A frame that one log holds and another had no room for: it is made again with the same
	 * content. */
	uint64_t half_last;   /* its last seq; 0: there is none */
	uint32_t half_count;  /* its cells: the first ones of of->changed */
	uint8_t *half_colors; /* [of->changed_max] */
};

/* Makes a frame of everything applied since the last one, and appends it to all logs. false: a
 * reader blocks a log; call again later. */
bool frames_cut(struct frames *f, struct frame_maker *m);

/* Appends one frame of seqs first..last to one log, with all changed cells of `a` and their present
 * colors, and clears the list of changes. `a` need not be f->of. false: a reader blocks the log. */
bool frames_append(struct frames *f, struct frame_maker *m, enum message_encoding encoding,
		   struct applied *a, uint64_t first, uint64_t last);

/* Most cells per frame such that a frame takes at most `bytes` in every encoding. */
uint32_t frames_cells_max(const struct board *board, size_t bytes);

#endif
