/*
 * ring_set.h - the rings of one thread: as many as its clients need under the limit of descriptors.
 *
 * Planned by the main thread, then opened and used by the thread whose they are. The first leads:
 * the thread sleeps on it. Clients of different importance live in different rings: when a thread
 * cannot read as fast as the server sends, what waits is what nobody measures.
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
	RING_SENDERS,   /* who wait for answers: read first */
	RING_OBSERVERS, /* who tell when they see something */
	RING_OTHERS,
	RING_CLASSES
};

struct ring_set {
	struct ring **at; /* class after class */
	uint32_t count;
	uint32_t slots; /* of each */
	uint32_t clients;
	struct {
		uint32_t from, end; /* its rings */
		uint32_t next;      /* whose turn it is */
		uint32_t taken;     /* events, since the classes behind it had theirs */
	} classes[RING_CLASSES];
	uint8_t *arena;
	size_t arena_len;
};

/* clients: how many of each class. -ENOMEM. Freed with ring_set_free() also on failure. */
int ring_set_plan(struct ring_set *s, const uint32_t clients[static RING_CLASSES]);

/* Where the client lives that is number `i` of its class. */
void ring_set_place(const struct ring_set *s, enum ring_class class, uint32_t i, uint16_t *ret_ring,
		    uint32_t *ret_slot);
void ring_set_free(struct ring_set *s);

/* -errno, as of ring_open(). Closed with ring_set_close() also on failure. */
int ring_set_open(struct ring_set *s);
void ring_set_close(struct ring_set *s);

/* Up to `max` events of one ring, in *ret_ring. 0: none has any. */
uint32_t ring_set_reap(struct ring_set *s, struct ring_event *events, uint32_t max,
		       struct ring **ret_ring);

/* Hands over what there is, for a millisecond at most; *now goes with it. A receive buffer is the
 * handler's until it returns. True: the time was over before the events were. */
bool ring_set_take(struct ring_set *s, struct now *now,
		   void (*each)(void *arg, const struct ring_event *event), void *arg);

/* Submits every ring; the arena is free afterwards. */
void ring_set_submit(struct ring_set *s);

/* Room for a small send; valid until the submit. len <= RING_SET_ARENA_BYTES. */
uint8_t *ring_set_arena(struct ring_set *s, size_t len);

/* Sleeps until an event comes, timeout_ns at most; 0: does not sleep. In a large crowd those of the
 * first ring alone end the sleep; the others are looked for every millisecond, because one by one
 * they would cost a wake each. */
void ring_set_wait(struct ring_set *s, uint64_t timeout_ns);

/* For a thread that shares the machine with the server: asks the scheduler to let it read before
 * the server sends more. What nobody reads fills the host's memory for TCP, and then nobody gets
 * anything. Without the right to do so nothing happens. */
void ring_set_thread_first(void);

#endif
