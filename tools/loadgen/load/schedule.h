/*
 * schedule.h - when placements are due: a rate that changes over time, and times drawn from it.
 *
 * The main thread makes a pace; afterwards every thread reads it. A schedule belongs to one thread.
 * Neither knows anything about the server: intended times depend only on pace, share, start and
 * seed.
 */
#ifndef PX_LOADGEN_SCHEDULE_H
#define PX_LOADGEN_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

/* A period of constant rate. Times count from the start of the run. */
struct pace_piece {
	uint64_t from_ns, until_ns;
	double per_second; /* all painters together */
	double before;     /* placements that are due before from_ns */
};

struct pace {
	struct pace_piece *pieces;
	uint32_t count, room;
};

/* Appends a piece; UINT64_MAX: without end. -ENOMEM. */
int pace_add(struct pace *pace, uint64_t length_ns, double per_second);

/* One endless rate, in a piece that the caller keeps: needs no pace_fini(). */
void pace_steady(struct pace *pace, struct pace_piece *piece, double per_second);

/*
 * Appends a curve of "minute_unix,placements" lines (a first line without digits is a header; .gz
 * is read through gzip), played `speedup` times as fast. 0, -errno; -EBADMSG: not such a file.
 */
int pace_curve_load(struct pace *pace, const char *path, double speedup);

void pace_end_at(struct pace *pace, uint64_t length_ns); /* nothing is due after that */
uint64_t pace_length_ns(const struct pace *pace);        /* UINT64_MAX: without end */
double pace_total(const struct pace *pace);              /* placements, all painters together */
void pace_fini(struct pace *pace);

/*
 * Intended times: Poisson, or evenly spaced. Placements are counted along the pace: the next one is
 * one (on average) after the last, and a count is turned into a time by the piece it falls into. So
 * none is lost where the rate changes.
 */
struct schedule {
	const struct pace *pace;
	uint64_t start_ns;
	uint64_t next_ns;
	double share; /* fraction of all placements that belongs to this thread */
	double at;    /* count of the next one, over the placements of all threads */
	uint64_t rng;
	uint32_t piece;
	bool uniform;
};

/* 0 < share <= 1. The pace must outlive the schedule. */
void schedule_start(struct schedule *s, const struct pace *pace, uint64_t start_ns, double share,
		    bool uniform, uint64_t seed);
uint64_t schedule_next_ns(const struct schedule *s); /* when it is due; UINT64_MAX: no more */
void schedule_take(struct schedule *s);              /* takes it: moves on to the next */

#endif
