/*
 * cells.h - lists of cells: sorted, each once.
 *
 * Pure; any thread, memory is the caller's.
 */
#ifndef PX_ENGINE_CELLS_H
#define PX_ENGINE_CELLS_H

#include <stdint.h>

/* Sorts `count` cells, all below `end`, and leaves each once; returns how many are left. scratch:
 * room for `count` more. Its time is that of reading them a few times, not of comparing them. */
uint32_t cells_sort_unique(uint32_t *cells, uint32_t count, uint32_t *scratch, uint32_t end);

#endif
