/*
 * schedule.c - paces and schedules. Memory: the pieces of the pace, made at start.
 */
#include "tools/loadgen/load/schedule.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/clock.h"
#include "tools/loadgen/load/recording.h"
#include "tools/loadgen/load/rng.h"

#define CURVE_STEP_NS (60 * NS_PER_SEC)

/* --- the pace --------------------------------------------------------------------------------- */

uint64_t pace_length_ns(const struct pace *pace)
{
	return pace->count == 0 ? 0 : pace->pieces[pace->count - 1].until_ns;
}

static double piece_total(const struct pace_piece *p)
{
	if (p->per_second <= 0)
		return 0;
	if (p->until_ns == UINT64_MAX)
		return INFINITY;
	return (double)(p->until_ns - p->from_ns) * 1e-9 * p->per_second;
}

double pace_total(const struct pace *pace)
{
	const struct pace_piece *last;

	if (pace->count == 0)
		return 0;
	last = &pace->pieces[pace->count - 1];
	return last->before + piece_total(last);
}

int pace_add(struct pace *pace, uint64_t length_ns, double per_second)
{
	uint64_t from_ns = pace_length_ns(pace);
	double before = pace_total(pace);

	if (pace->count == pace->room) {
		uint32_t room = pace->room == 0 ? 64 : pace->room * 2;
		struct pace_piece *more = realloc(pace->pieces, room * sizeof(*more));

		if (more == NULL)
			return -ENOMEM;
		pace->pieces = more;
		pace->room = room;
	}
	pace->pieces[pace->count++] = (struct pace_piece){
		.from_ns = from_ns,
		.until_ns = length_ns > UINT64_MAX - from_ns ? UINT64_MAX : from_ns + length_ns,
		.per_second = per_second,
		.before = before,
	};
	return 0;
}

void pace_steady(struct pace *pace, struct pace_piece *piece, double per_second)
{
	*piece = (struct pace_piece){.until_ns = UINT64_MAX, .per_second = per_second};
	*pace = (struct pace){.pieces = piece, .count = 1};
}

void pace_end_at(struct pace *pace, uint64_t length_ns)
{
	while (pace->count > 1 && pace->pieces[pace->count - 1].from_ns >= length_ns)
		pace->count--;
	if (pace->count > 0 && pace->pieces[pace->count - 1].until_ns > length_ns)
		pace->pieces[pace->count - 1].until_ns = length_ns;
}

void pace_fini(struct pace *pace)
{
	free(pace->pieces);
	*pace = (struct pace){0};
}

static int curve_read(struct pace *pace, FILE *file, double speedup)
{
	char line[128];

	while (fgets(line, sizeof(line), file) != NULL) {
		unsigned long long minute;
		double placements;
		int r;

		if (sscanf(line, "%llu,%lf", &minute, &placements) != 2) {
			if (pace->count == 0 && strpbrk(line, "0123456789") == NULL)
				continue;
			return -EBADMSG;
		}
		if (!(placements >= 0))
			return -EBADMSG;
		r = pace_add(pace, (uint64_t)((double)CURVE_STEP_NS / speedup),
			     placements / 60 * speedup);
		if (r < 0)
			return r;
	}
	return pace->count == 0 ? -EBADMSG : 0;
}

int pace_curve_load(struct pace *pace, const char *path, double speedup)
{
	struct recording recording;
	int r = recording_open(path, &recording);
	int end;

	px_assert(speedup > 0);
	if (r < 0)
		return r;
	r = curve_read(pace, recording.file, speedup);
	end = recording_close(&recording);
	return r < 0 ? r : end;
}

/* --- the schedule ----------------------------------------------------------------------------- */

/* Turns the count into a time. Counts only grow, so the piece is found by going on. */
static void next_find(struct schedule *s)
{
	const struct pace *pace = s->pace;

	while (s->piece < pace->count) {
		const struct pace_piece *p = &pace->pieces[s->piece];

		if (s->at < p->before + piece_total(p)) {
			double inside = (s->at - p->before) / p->per_second * 1e9;

			s->next_ns = s->start_ns + p->from_ns + (uint64_t)inside;
			return;
		}
		s->piece++;
	}
	s->next_ns = UINT64_MAX;
}

static double gap_draw(struct schedule *s)
{
	return (s->uniform ? 1.0 : -log(1.0 - rng_unit(&s->rng))) / s->share;
}

void schedule_start(struct schedule *s, const struct pace *pace, uint64_t start_ns, double share,
		    bool uniform, uint64_t seed)
{
	px_assert(share > 0 && share <= 1);
	*s = (struct schedule){.pace = pace,
			       .start_ns = start_ns,
			       .share = share,
			       .rng = rng_mix(seed),
			       .uniform = uniform};
	/* Evenly spaced threads begin at different places, so as not to place all at once. */
	s->at = uniform ? rng_unit(&s->rng) / share : gap_draw(s);
	next_find(s);
}

uint64_t schedule_next_ns(const struct schedule *s)
{
	return s->next_ns;
}

void schedule_take(struct schedule *s)
{
	s->at += gap_draw(s);
	next_find(s);
}
