/*
 * ring_set.c - several rings as one.
 *
 * Owner: the crew. Memory: the rings with their receive buffers, and the arena, which holds the
 * bytes of small sends until they were submitted.
 */
#include "tools/loadgen/net/ring_set.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "engine/base/assert.h"
#include "engine/base/clock.h"
#include "tools/loadgen/net/capacity.h"

#define SQ_ENTRIES      1024U
#define CQ_ENTRIES      8192U
#define NAP_NS          NS_PER_MS
#define NAP_CLIENTS     500U /* of one thread; from here on it naps */
#define NICE            -5
#define EVENTS_PER_REAP 64
#define EVENTS_NS       NS_PER_MS
#define IN_A_ROW        1024U /* events of a class, when those behind it wait */
/* One buffer takes what a client gets in a round; the ring goes through all its buffers again and
 * again, and they should stay in the cache. */
#define RECV_BUFS       64U
#define RECV_BUF_BYTES  8192U

static uint32_t parts(uint32_t total, uint32_t most)
{
	return (total + most - 1) / most;
}

int ring_set_plan(struct ring_set *s, const uint32_t clients[static RING_CLASSES])
{
	struct rlimit limit = {.rlim_cur = 1024};
	uint32_t most;

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	most = capacity_slots(limit.rlim_cur);
	for (unsigned c = 0; c < RING_CLASSES; c++) {
		uint32_t rings = parts(clients[c], most);

		if (c == RING_SENDERS && rings == 0)
			rings = 1; /* it leads: in a nap no other class ends the sleep */
		s->clients += clients[c];
		s->classes[c].from = s->classes[c].next = s->count;
		s->count += rings;
		s->classes[c].end = s->count;
		if (rings > 0 && parts(clients[c], rings) > s->slots)
			s->slots = parts(clients[c], rings);
	}
	s->at = calloc(s->count, sizeof(struct ring *));
	s->arena = malloc(RING_SET_ARENA_BYTES);
	return s->at == NULL || s->arena == NULL ? -ENOMEM : 0;
}

void ring_set_locate(const struct ring_set *s, enum ring_class class, uint32_t i,
		     uint16_t *ret_ring, uint32_t *ret_slot)
{
	*ret_ring = (uint16_t)(s->classes[class].from + i / s->slots);
	*ret_slot = i % s->slots;
}

void ring_set_free(struct ring_set *s)
{
	free(s->at);
	free(s->arena);
}

int ring_set_open(struct ring_set *s)
{
	struct ring_config config = {
		.sq_entries = SQ_ENTRIES,
		.cq_entries = CQ_ENTRIES,
		.slots = s->slots,
		.recv_bufs = RECV_BUFS,
		.recv_buf_bytes = RECV_BUF_BYTES,
	};

	for (uint32_t i = 0; i < s->count; i++) {
		int r;

		config.lead = s->at[0];
		r = ring_open(&config, &s->at[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

void ring_set_close(struct ring_set *s)
{
	for (uint32_t i = s->count; i-- > 0;)
		ring_close(s->at[i]);
}

static uint32_t class_reap(struct ring_set *s, unsigned class, struct ring_event *events,
			   uint32_t max, struct ring **ret_ring)
{
	uint32_t from = s->classes[class].from;
	uint32_t end = s->classes[class].end;

	for (uint32_t i = from; i < end; i++) {
		struct ring *ring = s->at[s->classes[class].next];
		uint32_t n = ring_reap(ring, events, max);

		if (++s->classes[class].next == end)
			s->classes[class].next = from;
		*ret_ring = ring;
		if (n > 0)
			return n;
	}
	return 0;
}

uint32_t ring_set_reap(struct ring_set *s, struct ring_event *events, uint32_t max,
		       struct ring **ret_ring)
{
	for (unsigned c = 0; c < 2 * RING_CLASSES; c++) {
		unsigned class = c % RING_CLASSES;
		uint32_t n = 0;

		if (c >= RING_CLASSES) /* nobody behind it had anything: go on */
			s->classes[class].taken = 0;
		if (s->classes[class].taken < IN_A_ROW)
			n = class_reap(s, class, events, max, ret_ring);
		s->classes[class].taken += n;
		if (n == 0)
			continue;
		for (unsigned before = 0; before < class; before++)
			s->classes[before].taken = 0;
		return n;
	}
	return 0;
}

bool ring_set_take(struct ring_set *s, struct now *now,
		   void (*each)(void *arg, const struct ring_event *event), void *arg)
{
	struct ring_event events[EVENTS_PER_REAP];
	struct ring *ring;
	uint64_t end_ns;
	uint32_t count;

	*now = clock_now();
	end_ns = now->mono_ns + EVENTS_NS;
	while ((count = ring_set_reap(s, events, EVENTS_PER_REAP, &ring)) > 0) {
		for (uint32_t i = 0; i < count; i++) {
			each(arg, &events[i]);
			if (events[i].flags & RING_BUFFER)
				ring_recv_return(ring, events[i].buf);
		}
		*now = clock_now();
		if (now->mono_ns > end_ns)
			return true;
	}
	return false;
}

void ring_set_submit(struct ring_set *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		ring_submit(s->at[i]);
	s->arena_len = 0;
}

uint8_t *ring_set_arena(struct ring_set *s, size_t len)
{
	uint8_t *at;

	px_assert(len <= RING_SET_ARENA_BYTES);
	if (s->arena_len + len > RING_SET_ARENA_BYTES)
		ring_set_submit(s);
	at = s->arena + s->arena_len;
	s->arena_len += len;
	return at;
}

void ring_set_wait(struct ring_set *s, uint64_t timeout_ns)
{
	if (s->clients > NAP_CLIENTS) {
		ring_nap(s->at[0], timeout_ns < NAP_NS ? timeout_ns : NAP_NS);
		return;
	}
	ring_doze(s->at[0]);
	ring_wait(s->at[0], timeout_ns);
}

void ring_set_thread_first(void)
{
	(void)setpriority(PRIO_PROCESS, 0, NICE); /* on Linux: of this thread */
}
