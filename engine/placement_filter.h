/*
 * placement_filter.h - selects placements of a board: every condition must hold.
 *
 * Plain data. PLACEMENT_FILTER_ALL selects all.
 */
#ifndef PX_ENGINE_PLACEMENT_FILTER_H
#define PX_ENGINE_PLACEMENT_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/user.h"

struct placement_filter {
	uint64_t from_ms; /* placed at or after this, */
	uint64_t to_ms;   /* and before */
	uint64_t upto_seq;
	uint16_t x, y, x_last, y_last; /* the area, its last column and row included */
	bool by_user;                  /* compares the user */
	bool by_color;                 /* compares the color */
	uint8_t color;
	uint8_t user[USER_BYTES];
};

#define PLACEMENT_FILTER_ALL                                                                       \
	((struct placement_filter){.to_ms = UINT64_MAX,                                            \
				   .upto_seq = UINT64_MAX,                                         \
				   .x_last = UINT16_MAX,                                           \
				   .y_last = UINT16_MAX})

#endif
