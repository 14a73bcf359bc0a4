/*
 * sight.c - visibility latency of observers.
 *
 * The table is direct-mapped by seq; an entry is written by the one thread that got the
 * acknowledgement (times first, then seq) and read by any. The queue of what was seen is a ring
 * sized for SEEN_PER_OBSERVER frames of every observer; when it is full, which takes a flood of
 * others' placements, the oldest is dropped.
 */
#include "tools/loadgen/check/sight.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define TIMES             262144U
#define SEEN_MIN          16384U
#define SEEN_PER_OBSERVER 64U
#define RECORDED_PER_CALL 1024U

struct sight_times {
	struct {
		_Atomic uint64_t seq;
		_Atomic uint64_t intended_ns;
		_Atomic uint64_t begun_ns;
	} at[TIMES];
};

struct seen {
	uint64_t at_ns;
	uint64_t first, last;
};

struct sight {
	struct sight_times *times;
	uint64_t head, tail;
	uint64_t room;
	uint32_t per_frame;
	uint32_t turn; /* which of a large frame's placements are next */
	struct seen seen[];
};

int sight_times_new(struct sight_times **ret_times)
{
	struct sight_times *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	*ret_times = t;
	return 0;
}

void sight_times_free(struct sight_times *t)
{
	free(t);
}

void sight_times_set(struct sight_times *t, uint64_t seq, const struct span *span)
{
	atomic_store_explicit(&t->at[seq % TIMES].intended_ns, span->intended_ns,
			      memory_order_release);
	atomic_store_explicit(&t->at[seq % TIMES].begun_ns, span->begun_ns, memory_order_release);
	atomic_store_explicit(&t->at[seq % TIMES].seq, seq, memory_order_release);
}

bool sight_times_get(const struct sight_times *t, uint64_t seq, struct span *ret_span)
{
	uint64_t before = atomic_load_explicit(&t->at[seq % TIMES].seq, memory_order_acquire);
	struct span span = {
		atomic_load_explicit(&t->at[seq % TIMES].intended_ns, memory_order_acquire),
		atomic_load_explicit(&t->at[seq % TIMES].begun_ns, memory_order_acquire),
	};

	if (before != seq || span.intended_ns == 0)
		return false;
	*ret_span = span;
	return true;
}

int sight_new(struct sight_times *times, uint32_t observers, struct sight **ret_sight)
{
	uint64_t room = (uint64_t)observers * SEEN_PER_OBSERVER;
	struct sight *s;

	if (room < SEEN_MIN)
		room = SEEN_MIN;
	s = calloc(1, sizeof(*s) + room * sizeof(s->seen[0]));
	if (s == NULL)
		return -ENOMEM;
	s->times = times;
	s->room = room;
	s->per_frame = observers > 0 ? SIGHT_PER_FRAME_ALL / observers : SIGHT_PER_FRAME;
	if (s->per_frame > SIGHT_PER_FRAME)
		s->per_frame = SIGHT_PER_FRAME;
	if (s->per_frame == 0)
		s->per_frame = 1;
	*ret_sight = s;
	return 0;
}

void sight_free(struct sight *s)
{
	free(s);
}

void sight_seen(struct sight *s, uint64_t now_ns, uint64_t first, uint64_t last)
{
	if (s->head - s->tail == s->room)
		s->tail++;
	s->seen[s->head++ % s->room] = (struct seen){.at_ns = now_ns, .first = first, .last = last};
}

static uint64_t stride_of(const struct sight *s, const struct seen *seen)
{
	return (seen->last - seen->first) / s->per_frame + 1;
}

/* All that will be recorded of this is known. */
static bool is_known(const struct sight *s, const struct seen *seen, uint64_t from)
{
	struct span span;

	for (uint64_t seq = from; seq <= seen->last; seq += stride_of(s, seen))
		if (!sight_times_get(s->times, seq, &span))
			return false;
	return true;
}

static void record(const struct sight *s, const struct seen *seen, uint64_t from,
		   struct latencies *into, struct second *second)
{
	struct span span;

	for (uint64_t seq = from; seq <= seen->last; seq += stride_of(s, seen)) {
		if (!sight_times_get(s->times, seq, &span))
			continue;
		latency_record(into, LATENCY_VISIBLE, &span, seen->at_ns);
		hdr_record(&second->visible,
			   seen->at_ns > span.intended_ns ? seen->at_ns - span.intended_ns : 0);
	}
}

void sight_record(struct sight *s, uint64_t now_ns, struct latencies *into, struct second *second)
{
	for (uint32_t n = 0; s->tail < s->head && (n < RECORDED_PER_CALL || now_ns == UINT64_MAX);
	     n++) {
		const struct seen *seen = &s->seen[s->tail % s->room];
		uint64_t from = seen->first + s->turn % stride_of(s, seen);

		if (seen->at_ns + SIGHT_DELAY_NS > now_ns && !is_known(s, seen, from))
			return;
		record(s, seen, from, into, second);
		s->tail++;
		s->turn++;
	}
}
