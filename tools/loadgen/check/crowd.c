/*
 * crowd.c - marks that observers pass.
 *
 * Owner: the crew, except for the queue of what all have passed, which is under `lock` (one push
 * per frame, one look per tick of the main thread).
 *
 * A mark is the last seq of a frame. Observers pass marks in order, so marks are complete in order,
 * too; the seqs of a mark are those after the mark before it. When there are too many marks, the
 * oldest is dropped, and its seqs count with the next one: later than they were seen, never
 * earlier. The same holds for a queue that is full.
 */
#include "tools/loadgen/check/crowd.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "engine/base/assert.h"

#define MARKS 4096U
#define DONE  4096U

struct mark {
	uint64_t last;
	uint64_t at_ns;   /* when somebody passed it last */
	uint32_t missing; /* who have not passed it */
};

/* Seqs that every observer of this crowd holds since at_ns. */
struct done {
	uint64_t first, last;
	uint64_t at_ns;
};

struct crowd {
	_Atomic bool entered; /* somebody, ever */
	uint32_t members;
	uint64_t head, tail;
	uint64_t complete; /* the last seq that everybody holds */
	struct mark marks[MARKS];
	pthread_mutex_t lock;
	uint64_t done_head, done_tail;
	struct done done[DONE];
};

int crowd_new(struct crowd **ret_crowd)
{
	struct crowd *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	(void)pthread_mutex_init(&c->lock, NULL);
	*ret_crowd = c;
	return 0;
}

void crowd_free(struct crowd *c)
{
	if (c == NULL)
		return;
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}

static struct mark *mark_at(struct crowd *c, uint64_t i)
{
	return &c->marks[i % MARKS];
}

/* The first mark beyond seq; head when there is none. */
static uint64_t mark_beyond(struct crowd *c, uint64_t seq)
{
	uint64_t low = c->tail;
	uint64_t high = c->head;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (mark_at(c, middle)->last > seq)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void done_push(struct crowd *c, const struct mark *mark)
{
	struct done *newest;

	(void)pthread_mutex_lock(&c->lock);
	if (c->done_head - c->done_tail == DONE) {
		newest = &c->done[(c->done_head - 1) % DONE];
		newest->last = mark->last;
		newest->at_ns = mark->at_ns;
	} else {
		c->done[c->done_head++ % DONE] = (struct done){
			.first = c->complete + 1, .last = mark->last, .at_ns = mark->at_ns};
	}
	(void)pthread_mutex_unlock(&c->lock);
}

static void complete(struct crowd *c)
{
	while (c->tail < c->head && mark_at(c, c->tail)->missing == 0) {
		done_push(c, mark_at(c, c->tail));
		c->complete = mark_at(c, c->tail++)->last;
	}
}

/* Beyond every mark there is, everybody has yet to come. */
static void mark_add(struct crowd *c, uint64_t last, uint64_t now_ns)
{
	if (last <= c->complete || (c->head > c->tail && mark_at(c, c->head - 1)->last >= last))
		return;
	if (c->head - c->tail == MARKS)
		c->tail++;
	*mark_at(c, c->head++) =
		(struct mark){.last = last, .at_ns = now_ns, .missing = c->members};
}

void crowd_enter(struct crowd *c, uint64_t seq, uint64_t now_ns)
{
	if (!c->entered)
		c->complete = seq;
	c->entered = true;
	mark_add(c, seq, now_ns);
	for (uint64_t i = mark_beyond(c, seq); i < c->head; i++)
		mark_at(c, i)->missing++;
	c->members++;
	complete(c);
}

void crowd_move(struct crowd *c, uint64_t from, uint64_t to, uint64_t now_ns)
{
	px_assert(c->members > 0 && from <= to);
	mark_add(c, to, now_ns);
	for (uint64_t i = mark_beyond(c, from); i < c->head && mark_at(c, i)->last <= to; i++) {
		px_assert(mark_at(c, i)->missing > 0);
		mark_at(c, i)->missing--;
		mark_at(c, i)->at_ns = now_ns;
	}
	complete(c);
}

void crowd_leave(struct crowd *c, uint64_t seq)
{
	px_assert(c->members > 0);
	for (uint64_t i = mark_beyond(c, seq); i < c->head; i++)
		mark_at(c, i)->missing--;
	c->members--;
	complete(c);
}

/* --- the main thread -------------------------------------------------------------------------- */

/* What this crowd says of seq, or of what comes behind it. False: nothing yet. */
static bool done_look(struct crowd *c, uint64_t seq, struct done *ret_done)
{
	bool found;

	(void)pthread_mutex_lock(&c->lock);
	while (c->done_tail < c->done_head && c->done[c->done_tail % DONE].last < seq)
		c->done_tail++;
	found = c->done_tail < c->done_head;
	if (found)
		*ret_done = c->done[c->done_tail % DONE];
	(void)pthread_mutex_unlock(&c->lock);
	return found;
}

/* The seqs from *next on that all crowds have since the same moment. False: none yet. */
static bool done_by_all(struct crowd *const *crowds, size_t count, uint64_t next,
			struct done *ret_done)
{
	struct done all = {.first = UINT64_MAX, .last = UINT64_MAX};
	struct done one;

	for (size_t i = 0; i < count; i++) {
		uint64_t first;

		if (!crowds[i]->entered)
			continue; /* has no observers */
		if (!done_look(crowds[i], next, &one))
			return false;
		first = one.first > next ? one.first : next;
		if (first > all.first) { /* it entered later: no say in what was before */
			all.last = all.last < first ? all.last : first - 1;
			continue;
		}
		if (first < all.first && all.first != UINT64_MAX) {
			all.last = all.first - 1;
			all.at_ns = 0;
		}
		all.first = first;
		all.last = all.last < one.last ? all.last : one.last;
		all.at_ns = all.at_ns > one.at_ns ? all.at_ns : one.at_ns;
	}
	*ret_done = all;
	return all.first != UINT64_MAX;
}

void crowds_record(struct crowd *const *crowds, size_t count, const struct sight_times *times,
		   uint64_t now_ns, uint64_t *next, struct latencies *into)
{
	struct done all;

	while (done_by_all(crowds, count, *next, &all)) {
		for (uint64_t seq = all.first; seq <= all.last; seq++) {
			struct span span;
			bool known = sight_times_get(times, seq, &span);

			*next = seq;
			if (!known && all.at_ns + SIGHT_DELAY_NS > now_ns)
				return;
			if (known)
				latency_record(into, LATENCY_VISIBLE_LAST, &span, all.at_ns);
		}
		*next = all.last + 1;
	}
}
