/*
 * plan.h - which placement is the n-th.
 *
 * Made by the main thread, then read by all.
 */
#ifndef PX_LOADGEN_PLAN_H
#define PX_LOADGEN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_NOOP_BACK 4096U /* how far back the placement is that a no-op repeats */

struct plan {
	uint64_t seed;
	uint64_t count;    /* placements to make; UINT64_MAX: no limit */
	uint32_t *records; /* replay: (y * 1000 + x) << 4 | color; otherwise NULL */
	uint32_t *due_ms;  /* replay: when each was made, relative to the first */
	size_t records_count;
	double speedup;     /* applied to the recorded times */
	uint32_t hot_cells; /* this many cells get hot_share of the random placements; 0: none */
	double hot_share;
	double noop_share; /* share of the random placements that change nothing */
};

struct place {
	uint32_t x, y;
	uint8_t color;
};

/* Random cells and colors. */
void plan_init(struct plan *plan, uint64_t seed);

/* Reads a recorded file; through gzip when its name ends in .gz. 0, -errno; -EBADMSG: not such a
 * file. */
int plan_replay_load(struct plan *plan, const char *path);
void plan_fini(struct plan *plan);

/* Whether there is a last placement. */
static inline bool plan_ends(const struct plan *plan)
{
	return plan->count != UINT64_MAX;
}

/* The placement with this index: with the same size and number of colors, the same in every call.
 * A replay's is as it was recorded. index < count. */
struct place plan_place(const struct plan *plan, uint64_t index, uint32_t width, uint32_t height,
			uint32_t colors);

/* Replay: when it was made, relative to the first, at the plan's speed. */
uint64_t plan_due_ns(const struct plan *plan, uint64_t index);

#endif
