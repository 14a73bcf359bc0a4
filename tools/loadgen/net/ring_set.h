/*
 * ring_set.h - the rings of one thread: as many as its clients need under the descriptor limit.
 *
 * Planned by the main thread, then opened and used by the owning thread. The first ring leads: the
 * thread sleeps on it. Clients of different importance are in different rings: when a thread cannot
 * read as fast as the server sends, only what is not measured has to wait.
 */
#ifndef PX_LOADGEN_RING_SET_H
#define PX_LOADGEN_RING_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/clock.h"
#include "engine/ring/ring.h"

#define RING_SET_ARENA_BYTES 65536

enum ring_class {
	RING_SENDERS,   /* clients that wait for answers: read first */
	RING_OBSERVERS, /* clients that measure when they see something */
	RING_OTHERS,
	RING_CLASSES
};

struct ring_set {
	struct ring **at; /* ordered by class */
	uint32_t count;
	uint32_t slots; /* of each */
	uint32_t clients;
	struct {
		uint32_t from, end; /* range of its rings */
		uint32_t next;      /* next one to read */
		uint32_t taken;     /* events read since the lower classes were last read */
	} classes[RING_CLASSES];
	uint8_t *arena;
	size_t arena_len;
};

/* clients: number per class. -ENOMEM. Call ring_set_free() also on failure. */
int ring_set_plan(struct ring_set *s, const uint32_t clients[static RING_CLASSES]);

/* The ring and slot of client `i` of its class. */
void ring_set_locate(const struct ring_set *s, enum ring_class class, uint32_t i,
		     uint16_t *ret_ring, uint32_t *ret_slot);
void ring_set_free(struct ring_set *s);

/* 0, or -errno from ring_open(). Call ring_set_close() also on failure. */
int ring_set_open(struct ring_set *s);
void ring_set_close(struct ring_set *s);

/* Takes up to `max` events of one ring, *ret_ring. 0: none has any. */
uint32_t ring_set_reap(struct ring_set *s, struct ring_event *events, uint32_t max,
		       struct ring **ret_ring);

/* Hands over pending events, for a millisecond at most; advances *now. A receive buffer is the
 * handler's until it returns. true: the time ran out before the events did. */
bool ring_set_take(struct ring_set *s, struct now *now,
		   void (*each)(void *arg, const struct ring_event *event), void *arg);

/* Submits every ring; the arena is empty afterwards. */
void ring_set_submit(struct ring_set *s);

/* Memory for a small send; valid until the submit. len <= RING_SET_ARENA_BYTES. */
uint8_t *ring_set_arena(struct ring_set *s, size_t len);

/* Sleeps until an event arrives, timeout_ns at most; 0: does not sleep. In a large crowd only
 * events of the first ring end the sleep; the others are checked every millisecond, because one by
 * one they would cost a wake-up each. */
void ring_set_wait(struct ring_set *s, uint64_t timeout_ns);

/* For a thread that shares the machine with the server: asks the scheduler to let it read before
 * the server sends more. Data that nobody reads fills the host's memory for TCP, and then no client
 * gets anything. Has no effect without the necessary privilege. */
void ring_set_thread_first(void);

#endif
