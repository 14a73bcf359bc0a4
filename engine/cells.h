/*
 * cells.h - lists of cells: sorted, without duplicates.
 *
 * Pure; any thread; memory is the caller's.
 */
#ifndef PX_ENGINE_CELLS_H
#define PX_ENGINE_CELLS_H

#include <stdint.h>

/* Sorts `count` cells, all below `end`, removes duplicates and returns how many remain. scratch:
 * room for `count` more. Takes as long as reading them a few times, not as long as comparing
 * them. */
uint32_t cells_sort_unique(uint32_t *cells, uint32_t count, uint32_t *scratch, uint32_t end);

#endif
