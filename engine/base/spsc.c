/*
 * spsc.c - see spsc.h.
 *
 * Two counters that only grow (and wrap at 2^32): the pushing thread writes `published`, the
 * popping thread `popped`. Each is in a cache line of its owner, together with what only the owner
 * uses, above all the last value seen of the other counter, so that a queue that is neither full
 * nor empty moves no cache line of the other side per item.
 *
 *	popped ........ published ........ pushed ........ popped + capacity
 *	   to be popped          not yet shown      free
 *
 * A queue that has become empty starts over at its first item: so it touches only as much memory as
 * was ever in it at one time, and stays in the caches, however many items have passed. The position
 * of that, `start`, is plain memory: the pushing thread sets it only while nothing is to be popped,
 * and the popping thread reads it only after it has seen a later `published`.
 *
 * spsc_publish() and the load in spsc_peek() are sequentially consistent, because they are one half
 * of going to sleep: "publish, then check whether the other dozes" against "doze, then check once
 * more" must not both see nothing.
 */
#include "engine/base/spsc.h"

#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/base/cache_line.h"

struct spsc {
	uint8_t *items;
	uint32_t mask;
	uint32_t item_bytes;
	uint32_t start; /* the count at which the first item lies; set by the pushing thread */
	/* the pushing thread */
	alignas(CACHE_LINE) _Atomic uint32_t published;
	uint32_t pushed;
	uint32_t popped_seen;
	/* the popping thread */
	alignas(CACHE_LINE) _Atomic uint32_t popped;
	uint32_t published_seen;
};

static void *lines_alloc(size_t bytes)
{
	return aligned_alloc(CACHE_LINE, (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
}

int spsc_new(uint32_t capacity, uint32_t item_bytes, struct spsc **ret_queue)
{
	struct spsc *q;

	px_assert(capacity > 0 && (capacity & (capacity - 1)) == 0);
	px_assert(item_bytes > 0);
	q = lines_alloc(sizeof(*q));
	if (q == NULL)
		return -ENOMEM;
	*q = (struct spsc){.mask = capacity - 1, .item_bytes = item_bytes};
	q->items = lines_alloc((size_t)capacity * item_bytes);
	if (q->items == NULL) {
		free(q);
		return -ENOMEM;
	}
	*ret_queue = q;
	return 0;
}

void spsc_free(struct spsc *q)
{
	if (q == NULL)
		return;
	free(q->items);
	free(q);
}

static uint8_t *item(struct spsc *q, uint32_t counter)
{
	return q->items + (size_t)((counter - q->start) & q->mask) * q->item_bytes;
}

static bool full(const struct spsc *q)
{
	return q->pushed - q->popped_seen > q->mask;
}

/* Looked at once for what is published together: the counter is the other side's. */
static void start_again_if_empty(struct spsc *q)
{
	if (q->pushed != atomic_load_explicit(&q->published, memory_order_relaxed))
		return;
	q->popped_seen = atomic_load_explicit(&q->popped, memory_order_acquire);
	if (q->popped_seen == q->pushed)
		q->start = q->pushed;
}

void *spsc_push(struct spsc *q)
{
	start_again_if_empty(q);
	if (full(q)) {
		q->popped_seen = atomic_load_explicit(&q->popped, memory_order_acquire);
		if (full(q))
			return NULL;
	}
	return item(q, q->pushed++);
}

bool spsc_publish(struct spsc *q)
{
	if (atomic_load_explicit(&q->published, memory_order_relaxed) == q->pushed)
		return false;
	atomic_store_explicit(&q->published, q->pushed, memory_order_seq_cst);
	return true;
}

uint32_t spsc_room(struct spsc *q)
{
	q->popped_seen = atomic_load_explicit(&q->popped, memory_order_acquire);
	px_assert(q->pushed - q->popped_seen <= q->mask + 1);
	return q->mask + 1 - (q->pushed - q->popped_seen);
}

const void *spsc_peek(struct spsc *q)
{
	uint32_t at = atomic_load_explicit(&q->popped, memory_order_relaxed);

	if (at == q->published_seen) {
		q->published_seen = atomic_load_explicit(&q->published, memory_order_seq_cst);
		if (at == q->published_seen)
			return NULL;
	}
	return item(q, at);
}

void spsc_pop(struct spsc *q)
{
	uint32_t at = atomic_load_explicit(&q->popped, memory_order_relaxed);

	px_assert(at != q->published_seen);
	atomic_store_explicit(&q->popped, at + 1, memory_order_release);
}

const void *spsc_peek_ahead(struct spsc *q, uint32_t ahead)
{
	uint32_t at = atomic_load_explicit(&q->popped, memory_order_relaxed);

	return ahead < q->published_seen - at ? item(q, at + ahead) : NULL;
}
