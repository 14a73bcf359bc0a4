/*
 * change.h - the unit of a board's order: a cause, a first seq, and n cells.
 *
 * A placement is a change of one cell, a rollback one of many. Cell i has seq `first` + i, and all
 * cells of a change become visible together. A change borrows its cells and its user from its
 * maker; nothing here owns memory.
 */
#ifndef PX_ENGINE_CHANGE_H
#define PX_ENGINE_CHANGE_H

#include <stdint.h>

#include "engine/delta.h"
#include "engine/user.h"

enum change_cause {
	CHANGE_PLACEMENT, /* by a user; one cell */
	CHANGE_ROLLBACK,  /* without a user; any number of cells, or none */
};

struct change {
	enum change_cause cause;
	uint32_t epoch;
	uint64_t first; /* the seq of cells[0] */
	uint64_t at_ms; /* wall clock */
	uint32_t count;
	const struct delta_cell *cells; /* in the order of their seqs */
	const uint8_t *user;            /* [USER_BYTES]; NULL: none */
};

/* The board's seq after the change. */
static inline uint64_t change_last(const struct change *c)
{
	return c->first + c->count - 1;
}

#endif
