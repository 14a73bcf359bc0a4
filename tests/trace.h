/*
 * trace.h - placements of the real event (or some like them), cut into rounds.
 *
 * For tests and benchmarks. The real trace is r/place 2017: $PIXELD_TRACES or ../shared/data/, seen
 * from the root of the repository; where it is absent, a synthetic one has the same properties: a
 * third of the placements set the color that is there already, 1 % of the cells take 13 % of the
 * placements. Board and fold are 1000 x 1000 cells, 16 colors. One thread.
 */
#ifndef PX_TESTS_TRACE_H
#define PX_TESTS_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/delta.h"
#include "tests/prng.h"

#define TRACE_BOARD_CELLS    1000000
#define TRACE_BITS           4
#define TRACE_PLACEMENTS_MAX 1000000

struct trace {
	uint32_t *placements; /* cell << 4 | color, in order; trace_free() frees it */
	size_t len;
	bool real;
};

/* The board as it stands after the rounds so far. */
struct trace_fold {
	uint8_t color[TRACE_BOARD_CELLS];
	uint32_t slot[TRACE_BOARD_CELLS]; /* where the cell stands in the round, if it does */
};

/* Records of 8 bytes: u32 LE second, u32 LE placement; gzip or plain. False: not there. */
static inline bool trace_read(const char *path, struct trace *t)
{
	uint8_t record[8];

	if (setenv("TRACE_FILE", path, 1) != 0)
		return false;
	FILE *f = popen("test -r \"$TRACE_FILE\" && exec gzip -dcf <\"$TRACE_FILE\"", "r");

	if (f == NULL)
		return false;
	while (t->len < TRACE_PLACEMENTS_MAX && fread(record, sizeof(record), 1, f) == 1) {
		uint32_t p = 0;

		for (unsigned i = 0; i < 4; i++)
			p |= (uint32_t)record[4 + i] << (8 * i);
		if (p >> 4 < TRACE_BOARD_CELLS)
			t->placements[t->len++] = p;
	}
	pclose(f);
	return t->len > 0;
}

static inline void trace_synthesize(struct trace *t, uint64_t seed)
{
	uint8_t *color = calloc(TRACE_BOARD_CELLS, 1);

	if (color == NULL)
		abort();
	for (t->len = 0; t->len < 300000; t->len++) {
		uint32_t cell = (uint32_t)prng_below(&seed, TRACE_BOARD_CELLS);
		uint8_t to = (uint8_t)(prng_next(&seed) & prng_next(&seed) & 15);

		if (prng_below(&seed, 100) < 12)
			cell = cell / 100 * 100;
		if (prng_below(&seed, 3) == 0)
			to = color[cell];
		color[cell] = to;
		t->placements[t->len] = cell << 4 | to;
	}
	free(color);
}

/* path NULL: the trace of the repository's data, else a synthetic one. */
static inline bool trace_load(struct trace *t, const char *path)
{
	const char *folder = getenv("PIXELD_TRACES");
	char usual[512];

	*t = (struct trace){.placements = calloc(TRACE_PLACEMENTS_MAX, sizeof(uint32_t))};
	if (t->placements == NULL)
		return false;
	if (path != NULL)
		return t->real = trace_read(path, t);
	snprintf(usual, sizeof(usual), "%s/placements2017.bin.gz",
		 folder != NULL ? folder : "../shared/data");
	t->real = trace_read(usual, t);
	if (!t->real)
		trace_synthesize(t, 2017);
	return true;
}

static inline void trace_free(struct trace *t)
{
	free(t->placements);
	*t = (struct trace){0};
}

static inline int trace_cell_order(const void *a, const void *b)
{
	const struct delta_cell *x = a, *y = b;

	return x->cell < y->cell ? -1 : x->cell > y->cell;
}

/*
 * Applies placements [from, from + n) and gives what their frame carries: every cell that one of
 * them changed, with its last color, sorted. `out` has room for n.
 */
static inline uint32_t trace_round(struct trace_fold *fold, const struct trace *t, size_t from,
				   size_t n, struct delta_cell *out)
{
	uint32_t count = 0;

	for (size_t i = from; i < from + n && i < t->len; i++) {
		uint32_t cell = t->placements[i] >> 4;
		uint8_t color = t->placements[i] & 15;
		uint32_t slot = fold->slot[cell];

		if (fold->color[cell] == color)
			continue;
		fold->color[cell] = color;
		if (slot >= count || out[slot].cell != cell) {
			slot = fold->slot[cell] = count++;
			out[slot].cell = cell;
		}
		out[slot].color = color;
	}
	qsort(out, count, sizeof(out[0]), trace_cell_order);
	return count;
}

#endif
