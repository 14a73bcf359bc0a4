/*
 * pixel_due.c - what is due in a turn of a crew: storms, placements.
 *
 * Owner: the crew's thread. Everything here follows the clock and the plan, never the server: that
 * is what makes the load an open loop. Each part has a budget for one turn.
 */
#include "tools/loadgen/load/rng.h"
#include "tools/loadgen/pixel/pixel_priv.h"

#define BREAKS_PER_TURN 256
#define RESTING_SKIPS   32

/* --- connects --------------------------------------------------------------------------------- */

uint64_t pixel_opens_ns(const struct crew *crew, uint64_t number)
{
	const struct pixel_crew *w = pixel_crew_of(crew);
	uint64_t at_ns = timeline_opens_ns(&w->options->timeline, number, w->options->net.clients);

	if (at_ns == 0)
		return 0;
	if (at_ns == TIMELINE_NEVER || crew->shared->phase == PHASE_CONNECT)
		return UINT64_MAX;
	return crew->shared->start_ns + at_ns;
}

/* --- storms ----------------------------------------------------------------------------------- */

/* The lot of one client in one storm; the same in every run with this seed. */
static void storm_take(struct pixel_crew *w, struct client *c, const struct stage *s)
{
	uint64_t random = rng_mix(rng_mix(w->options->net.seed ^ s->from_ns) +
				  link_number(&w->crew, &c->link));
	double lot = (double)(random >> 11) * 0x1p-53;

	if (c->link.state != LINK_STANDING || c->link.stopped || lot >= s->reconnect + s->vanish)
		return;
	if (lot < s->vanish)
		client_tear(w, c, TEAR_VANISH);
	else
		client_tear(w, c, (random & 1) != 0 ? TEAR_RESET : TEAR_FIN);
}

/* Goes through the stages as their time comes, and in a storm through all clients. */
static void storms_begin(struct pixel_crew *w)
{
	const struct timeline *t = &w->options->timeline;
	int budget = BREAKS_PER_TURN;

	if (w->crew.shared->phase != PHASE_RUN)
		return;
	while (w->stage < t->count &&
	       w->crew.now.mono_ns >= w->crew.shared->start_ns + t->stages[w->stage].from_ns) {
		const struct stage *s = &t->stages[w->stage];

		if (s->kind == STAGE_STORM) {
			for (; budget > 0 && w->storm_at < w->crew.count; budget--)
				storm_take(w, &w->clients[w->storm_at++], s);
			if (w->storm_at < w->crew.count)
				return;
		}
		w->storm_at = 0;
		w->stage++;
	}
}

/* --- placements ------------------------------------------------------------------------------- */

/* What a full window held up is late by the server's doing, and no lag of ours. */
static void assign(struct pixel_crew *w, struct painter *p, uint64_t intended_ns)
{
	uint64_t due_ns = intended_ns > w->held_ns ? intended_ns : w->held_ns;
	uint64_t lag_ns = w->crew.now.mono_ns > due_ns ? w->crew.now.mono_ns - due_ns : 0;

	painter_assign(p, intended_ns);
	stat_add(&w->crew.stats.outstanding, 1);
	if (plan_ends(w->shared->plan))
		stat_add(&w->stats.to_place, (uint64_t)-1);
	hdr_record(&w->lag, lag_ns);
	hdr_record(&w->crew.second.lag, lag_ns);
	crew_lag(&w->crew, lag_ns);
	pixel_painter_ready(w, p);
}

static uint64_t placement_due_ns(const struct pixel_crew *w)
{
	const struct painter *p = &w->painters[w->next_painter];

	switch (w->options->placing) {
	case PLACING_PACED:
		return schedule_next_ns(&w->schedule);
	case PLACING_TIMED:
		if (p->head >= p->limit)
			return UINT64_MAX;
		return w->crew.shared->start_ns +
		       plan_due_ns(w->shared->plan, painter_index(p, p->head));
	case PLACING_NONE:
	case PLACING_FREE:
		break;
	}
	return UINT64_MAX;
}

uint64_t pixel_due_ns(const struct crew *crew)
{
	const struct pixel_crew *w = pixel_crew_of(crew);

	return w->scheduled ? placement_due_ns(w) : UINT64_MAX;
}

/* Whether the painter may place now; with --cooldown keep one placement at a time, and none before
 * the server's cooldown is over. */
static bool may_place(const struct pixel_crew *w, const struct painter *p)
{
	if (!painter_has_room(p))
		return false;
	return !w->options->cooldown_keep ||
	       (p->head == p->tail && w->crew.now.mono_ns >= p->rests_until_ns);
}

/* Placements go to the painters in turn. One who may not place holds up the schedule (a resting one
 * only when his neighbors rest, too): placements keep their intended times, so the wait is part of
 * their latency. */
static void scheduled_assign(struct pixel_crew *w)
{
	uint64_t end_ns = w->crew.shared->end_ns;
	uint32_t gone = 0;
	uint32_t resting = 0;

	while (gone < w->painters_count) {
		struct painter *p = &w->painters[w->next_painter];
		uint64_t due_ns = placement_due_ns(w);

		if (p->gone || p->head >= p->limit) {
			gone++;
		} else if (due_ns > w->crew.now.mono_ns || due_ns >= end_ns) {
			return;
		} else if (may_place(w, p)) {
			gone = 0;
			assign(w, p, due_ns);
			if (w->options->placing == PLACING_PACED)
				schedule_take(&w->schedule);
		} else if (!w->options->cooldown_keep || ++resting == RESTING_SKIPS) {
			w->held_ns = w->crew.now.mono_ns;
			return;
		}
		w->next_painter = (w->next_painter + 1) % w->painters_count;
	}
}

void pixel_painter_fill(struct pixel_crew *w, struct painter *p)
{
	if (w->options->placing != PLACING_FREE || w->crew.shared->phase != PHASE_RUN ||
	    w->crew.now.mono_ns >= w->crew.shared->end_ns || w->unwanted)
		return;
	while (!p->gone && may_place(w, p))
		assign(w, p, w->crew.now.mono_ns);
}

static void placements_assign(struct pixel_crew *w)
{
	const struct options *o = w->options;

	if (w->painters_count == 0 || w->crew.shared->phase != PHASE_RUN)
		return;
	if (!w->scheduled) {
		w->scheduled = true;
		for (uint32_t i = 0; i < w->painters_count; i++)
			pixel_painter_ready(w, &w->painters[i]);
		if (o->placing == PLACING_PACED)
			schedule_start(&w->schedule, w->shared->pace, w->crew.shared->start_ns,
				       (double)w->painters_count / o->painters, o->uniform,
				       o->net.seed * 31 + w->crew.number);
	}
	scheduled_assign(w);
}

void pixel_due(struct crew *crew)
{
	struct pixel_crew *w = pixel_crew_of(crew);

	storms_begin(w);
	placements_assign(w);
}
