/*
 * plan.h - which placement is the n-th, and when it is due.
 *
 * A plan is made by the main thread and then read by all. A schedule belongs to one thread.
 */
#ifndef PX_LOADGEN_PLAN_H
#define PX_LOADGEN_PLAN_H

#include <stdbool.h>
#include <stdint.h>

struct plan {
	uint64_t seed;
	uint64_t count;    /* placements in the replay; UINT64_MAX without one */
	uint32_t *records; /* replay: (y * 1000 + x) << 4 | color; NULL without one */
};

struct place {
	uint32_t x, y;
	uint8_t color;
};

/* Random cells and colors. */
void plan_init(struct plan *plan, uint64_t seed);

/* Reads a recorded file; one whose name ends in .gz through gzip. -errno; -EBADMSG: not such a
 * file. */
int plan_replay_load(struct plan *plan, const char *path);
void plan_fini(struct plan *plan);

/* The placement of this index: the same at every call. index < count. */
struct place plan_place(const struct plan *plan, uint64_t index, uint32_t width, uint32_t height,
			unsigned bits);

/* Intended times: poisson, or evenly spaced. They depend on the start and the seed only. */
struct schedule {
	double gap_ns; /* mean */
	double next_ns;
	uint64_t rng;
	bool uniform;
};

/* per_second > 0. */
void schedule_start(struct schedule *s, uint64_t start_ns, double per_second, bool uniform,
		    uint64_t seed);
uint64_t schedule_next_ns(const struct schedule *s); /* when the next one is due */
void schedule_take(struct schedule *s);              /* it was taken: goes to the one behind */

#endif
