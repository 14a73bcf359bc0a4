/*
 * apply.h - the one place where a numbered change becomes visible.
 *
 * Live placements, rollbacks, recovery and the refilling of the broadcast log all come through
 * apply_change(); so does whoever follows another node's order. It knows neither who numbered a
 * change nor where it is kept: what it is given must be the next one, or it refuses.
 *
 * A struct applied belongs to one thread. It owns nothing: board and arrays are its maker's. Only
 * `seq_shown` is for others.
 */
#ifndef PX_ENGINE_APPLY_H
#define PX_ENGINE_APPLY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/board.h"
#include "engine/change.h"

/* Who placed a cell last. */
struct last_placer {
	uint64_t placed_at_ms; /* 0: not known, or nobody */
	uint8_t user[USER_BYTES];
};

/* A board, and how far its order has been applied to it. */
struct applied {
	struct board *board;
	uint32_t epoch;
	uint64_t seq;       /* the newest on the board */
	uint64_t newest_ms; /* the latest time of all changes on the board */
	/* cells whose color changed since the last frame, in no order, some twice; NULL: no frames
	 * are made. As many as changed_max, and a change of more cells than that is never made. */
	uint32_t *changed;
	uint32_t changed_count, changed_max;
	uint8_t *unknown;            /* a bit per cell: its color is not known yet; NULL: all are */
	struct last_placer *placers; /* per cell; NULL: not kept */
	uint64_t unchanged;          /* cells of all changes that had their color already */
	_Atomic uint64_t *seq_shown; /* gets `seq` after the board has it; NULL: nobody looks */
};

enum apply_verdict {
	APPLY_DONE,
	APPLY_FULL,     /* no room in `changed`: make a frame, then again; nothing was done */
	APPLY_REPEATED, /* the board has it already */
	APPLY_GAP,      /* something before it is missing, or it is of another epoch */
	APPLY_OFF,      /* a cell that is not on the board, or a color of more bits */
};

/* Asks the processor for the memory that a change of this cell will touch. */
void apply_prefetch(const struct applied *a, uint32_t cell);

/* Applies the whole change, or nothing. */
enum apply_verdict apply_change(struct applied *a, const struct change *c);

/* Begins from a snapshot's bytes. False: they are not of a board of this size, or it has begun. */
bool apply_load(struct applied *a, const uint8_t *bytes, size_t len, uint32_t epoch, uint64_t seq,
		uint64_t newest_ms);

/* A new epoch, or the same said again: the next change has seq + 1. Neither goes back. Clients
 * cannot resume over it, so nothing may be left for a frame: changed_count is 0. */
void apply_epoch(struct applied *a, uint32_t epoch, uint64_t seq);

#endif
