/*
 * apply.h - the one place where a numbered change becomes visible.
 *
 * Live placements, rollbacks, recovery and the refilling of the broadcast log all go through
 * apply_change(); so does a node that follows another node's order. It knows neither who numbered a
 * change nor where it is stored: it accepts only the next change in order and refuses any other.
 *
 * A struct applied belongs to one thread. It owns nothing: board and arrays belong to its maker.
 * Only `seq_shown` is read by others.
 */
#ifndef PX_ENGINE_APPLY_H
#define PX_ENGINE_APPLY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/board.h"
#include "engine/change.h"

/* The last user to place on a cell. */
struct last_placer {
	uint64_t placed_at_ms; /* 0: not known, or none */
	uint8_t user[USER_BYTES];
};

/* A board, and how far its order has been applied to it. */
struct applied {
	struct board *board;
	uint32_t epoch;
	uint64_t seq;       /* the newest on the board */
	uint64_t newest_ms; /* the latest time of all changes on the board */
	/* cells whose color changed since the last frame, in no order, some of them twice; NULL: no
	 * frames are made. Room for changed_max, and no change has more cells than that. */
	uint32_t *changed;
	uint32_t changed_count, changed_max;
	uint8_t *unknown; /* one bit per cell: its color is not known yet; NULL: all are known */
	struct last_placer *placers; /* per cell; NULL: not kept */
	uint64_t unchanged;          /* cells, over all changes, that already had their color */
	_Atomic uint64_t *seq_shown; /* set to `seq` after the board has it; NULL: not published */
};

enum apply_verdict {
	APPLY_DONE,
	APPLY_FULL,     /* no room in `changed`: make a frame, then try again; nothing was done */
	APPLY_REPEATED, /* the board already has it */
	APPLY_GAP,      /* a change before it is missing, or it is of another epoch */
	APPLY_OFF,      /* a cell outside the board, or a color with too many bits */
};

/* Prefetches the memory that a change of this cell will touch. */
void apply_prefetch(const struct applied *a, uint32_t cell);

/* Whether all cells of the change are on the board, in colors that its bits can be. */
bool apply_fits(const struct applied *a, const struct change *c);

/* Applies the whole change, or nothing. Publishes the new seq in *seq_shown. */
enum apply_verdict apply_change(struct applied *a, const struct change *c);

/* Starts from the bytes of a snapshot. false: they are not those of a board of this size, or it has
 * already started. */
bool apply_load(struct applied *a, const uint8_t *bytes, size_t len, uint32_t epoch, uint64_t seq,
		uint64_t newest_ms);

/* A new epoch, or a repetition of the current one: the next change has seq + 1. Neither may go
 * back. Clients cannot resume across it, so nothing may be waiting for a frame: changed_count is
 * 0. */
void apply_epoch(struct applied *a, uint32_t epoch, uint64_t seq);

#endif
