/*
 * sight.c - visibility latency of sampled watchers.
 *
 * The table is direct-mapped by seq; an entry is written by the one thread that got the
 * acknowledgement (time first, then seq) and read by any. The queue of what was seen is a ring;
 * when it is full the oldest is recorded early.
 */
#include "tools/loadgen/sight.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define TIMES 1048576U
#define SEEN  16384U

struct sight_times {
	struct {
		_Atomic uint64_t seq;
		_Atomic uint64_t intended_ns;
	} at[TIMES];
};

struct seen {
	uint64_t at_ns;
	uint64_t first, last;
};

struct sight {
	struct sight_times *times;
	uint64_t head, tail;
	struct hdr *early; /* where a full queue records to: the one of the last settle */
	struct seen seen[SEEN];
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

void sight_times_set(struct sight_times *t, uint64_t seq, uint64_t intended_ns)
{
	atomic_store_explicit(&t->at[seq % TIMES].intended_ns, intended_ns, memory_order_release);
	atomic_store_explicit(&t->at[seq % TIMES].seq, seq, memory_order_release);
}

bool sight_times_get(const struct sight_times *t, uint64_t seq, uint64_t *ret_intended_ns)
{
	uint64_t before = atomic_load_explicit(&t->at[seq % TIMES].seq, memory_order_acquire);
	uint64_t intended =
		atomic_load_explicit(&t->at[seq % TIMES].intended_ns, memory_order_acquire);

	if (before != seq || intended == 0)
		return false;
	*ret_intended_ns = intended;
	return true;
}

int sight_new(struct sight_times *times, struct sight **ret_sight)
{
	struct sight *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->times = times;
	*ret_sight = s;
	return 0;
}

void sight_free(struct sight *s)
{
	free(s);
}

static void record(const struct sight *s, const struct seen *seen, struct hdr *hdr)
{
	for (uint64_t seq = seen->first; seq <= seen->last; seq++) {
		uint64_t intended;

		if (sight_times_get(s->times, seq, &intended) && seen->at_ns >= intended)
			hdr_record(hdr, seen->at_ns - intended);
	}
}

void sight_seen(struct sight *s, uint64_t now_ns, uint64_t first, uint64_t last)
{
	if (s->head - s->tail == SEEN && s->early != NULL)
		record(s, &s->seen[s->tail % SEEN], s->early);
	if (s->head - s->tail == SEEN)
		s->tail++;
	s->seen[s->head++ % SEEN] = (struct seen){.at_ns = now_ns, .first = first, .last = last};
}

void sight_settle(struct sight *s, uint64_t until_ns, struct hdr *hdr)
{
	s->early = hdr;
	while (s->tail < s->head && s->seen[s->tail % SEEN].at_ns < until_ns)
		record(s, &s->seen[s->tail++ % SEEN], hdr);
}
