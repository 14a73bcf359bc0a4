/*
 * crew.h - one thread of clients: its rings, its connections, the order of its turn. What clients
 * say and what they make of what comes is a speaker's: pixel/ and raw/ each embed a crew.
 *
 * The main thread makes, starts and joins crews, moves the phase, and reads `stats` and, by
 * crew_second_get(), the last second while they run; everything else is the thread's until it was
 * joined.
 */
#ifndef PX_LOADGEN_CREW_H
#define PX_LOADGEN_CREW_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/clock.h"
#include "tools/loadgen/load/latency.h"
#include "tools/loadgen/load/tally.h"
#include "tools/loadgen/net/link.h"
#include "tools/loadgen/net/net_options.h"
#include "tools/loadgen/net/ring_set.h"
#include "tools/loadgen/net/upgrade.h"

struct tls_trust;

enum phase {
	PHASE_CONNECT, /* opening; nothing is sent by schedule */
	PHASE_WARM,    /* all are connected; what comes is noted already */
	PHASE_RUN,     /* sending, until end_ns or the end of the plan */
	PHASE_SETTLE,  /* what is outstanding is awaited */
	PHASE_LEAVE,   /* close frames, then the thread ends */
};

/* Shared by the threads of a run; the atomics are written by the main thread only. */
struct crew_shared {
	const struct net_options *options;
	const struct upgrade_ask *ask;
	const struct tls_trust *trust; /* NULL: without TLS */
	int narrow_bytes; /* receive buffer of links that are `narrow`; 0: the system's */
	bool resume;      /* who is cut off comes back */
	_Atomic enum phase phase;
	_Atomic uint64_t start_ns; /* valid from PHASE_RUN on */
	_Atomic uint64_t end_ns;   /* nothing is sent from here on; UINT64_MAX: no end by time */
};

/* As struct tally. Written by the thread, read by anybody: relaxed. */
struct crew_stats {
	_Atomic uint64_t failed; /* positive errno: the thread could not work, and ended */
	_Atomic uint64_t standing;
	_Atomic uint64_t dead;
	_Atomic uint64_t waiting;
	_Atomic uint64_t outstanding; /* due or sent, not answered */
	_Atomic uint64_t deliveries;  /* over all clients */
	_Atomic uint64_t bytes_in;
	_Atomic uint64_t lag_max_ns; /* how late something was handed to its connection */
	_Atomic uint64_t trouble[TROUBLE_MAX];
};

/* What a kind of client does; all are called on the crew's thread. */
struct speaker {
	uint32_t message_bytes_max;
	const char *late; /* of one that does not stand by the end */

	/* --- of a connection --- */

	/* The upgrade was answered: JOINING. */
	void (*joined)(struct crew *crew, struct link *c);
	/* Bytes of an open connection; link_parse() for those who parse all. */
	void (*bytes)(struct crew *crew, struct link *c, uint8_t *data, size_t len);
	/* A whole text or binary message. */
	void (*message)(struct crew *crew, struct link *c, enum ws_opcode opcode,
			const uint8_t *bytes, size_t len);
	/* Something small is to be said. True: it was queued or let go; false: send it now. */
	bool (*queue)(struct crew *crew, struct link *c, enum ws_opcode opcode, uint8_t *payload,
		      size_t len);
	/* What link_send_all() was given is gone, all of it; not told when the connection broke. */
	void (*sent)(struct crew *crew, struct link *c);
	/* The slot is free: the connection is over. */
	void (*ended)(struct crew *crew, struct link *c);
	/* And the client does not come back. */
	void (*dead)(struct crew *crew, struct link *c);

	/* --- of a turn, in this order --- */

	/* When the client of this number (over all threads) opens; 0: as --connect-rate says. NULL:
	 * so all do. */
	uint64_t (*opens_ns)(const struct crew *crew, uint64_t number);
	void (*due)(struct crew *crew);   /* what the clock brings */
	void (*flush)(struct crew *crew); /* sends that gathered */
	/* Every client once in a circle, whatever its state. NULL: nothing to do. */
	void (*beat)(struct crew *crew, struct link *c);
	void (*circle_end)(struct crew *crew); /* all had their beat; NULL likewise */
	void (*publish)(struct crew *crew);
	/* When something is due next; UINT64_MAX: nothing by time. */
	uint64_t (*due_ns)(const struct crew *crew);

	/* The main thread: frees what is the speaker's, clients too. */
	void (*free)(struct crew *crew);
};

struct crew {
	const struct speaker *speaker;
	const struct net_options *options;
	struct crew_shared *shared;
	struct crew_stats stats;
	struct now now; /* of the batch of events that is being handled */
	uint64_t rng;
	pthread_t thread;
	uint32_t number;

	struct ring_set rings;
	uint32_t count;        /* clients */
	uint8_t *links;        /* the first one's struct link */
	size_t stride;         /* from one to the next */
	size_t request_bytes;  /* of a request to upgrade, at most */
	uint32_t opened;       /* clients whose first connect has begun */
	uint32_t opening;      /* connections between connect and standing */
	uint32_t waiting_head; /* list of clients in LINK_WAITING */
	uint64_t waiting_looked_ns;
	uint64_t began_ns;
	uint32_t beat_at; /* circle over the clients */
	uint64_t beat_ns;
	uint32_t leave_at;
	uint64_t leave_ns;

	uint32_t *ready; /* those that have something to send, by number at their speaker */
	uint32_t ready_count;

	uint64_t second_ns; /* when the running second began */
	struct second second;
	pthread_mutex_t lock; /* of second_last */
	struct second second_last;
	char first[TROUBLE_MAX][TROUBLE_WORDS_MAX]; /* words of the first trouble of each kind */
};

static inline void stat_add(_Atomic uint64_t *stat, uint64_t n)
{
	atomic_store_explicit(stat, atomic_load_explicit(stat, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline void stat_set(_Atomic uint64_t *stat, uint64_t n)
{
	atomic_store_explicit(stat, n, memory_order_relaxed);
}

static inline uint64_t stat_get(const _Atomic uint64_t *stat)
{
	return atomic_load_explicit(stat, memory_order_relaxed);
}

static inline struct link *crew_link(const struct crew *crew, uint32_t index)
{
	return (struct link *)(void *)(crew->links + index * crew->stride);
}

/* How many of `total` belong to the thread of this number. */
uint32_t crew_share(const struct net_options *o, uint32_t total, uint32_t number);

/* Of `bytes`: the speaker's struct, which begins with the crew, zeroed but for that. ready: how
 * many may be on that list. The clients are told with crew_links_set(). NULL: no memory. */
struct crew *crew_new(size_t bytes, const struct speaker *speaker, struct crew_shared *shared,
		      uint32_t number, uint32_t ready);
void crew_free(struct crew *crew); /* NULL is fine */

/* The clients, zeroed: the first one's link, and how far the next one is. */
void crew_links_set(struct crew *crew, struct link *first, size_t stride);

/* Gives every client its ring, by its `sender` and `observer`. -ENOMEM. */
int crew_rings_make(struct crew *crew);

int crew_start(struct crew *crew); /* -errno */
void crew_join(struct crew *crew);

/* Adds the counters to *into. Any thread. */
void crew_tally_add(const struct crew *crew, struct tally *into);

/* Adds the latencies of the last whole second. Any thread. */
void crew_second_get(struct crew *crew, struct second *into);

/* Counts, and keeps the words of the first of its kind. c may be NULL. */
void crew_trouble(struct crew *crew, enum trouble t, struct link *c, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Puts number i of the speaker's senders on the list, once: *is_ready says that it is there. */
void crew_ready(struct crew *crew, uint32_t i, bool *is_ready);

/* Room for a small send; valid until the submit. */
uint8_t *crew_arena(struct crew *crew, size_t len);

/* Appends one masked frame; `payload` is changed, and may lie behind the head. Returns its bytes.
 * */
size_t crew_frame_write(struct crew *crew, uint8_t *out, enum ws_opcode opcode, uint8_t *payload,
			size_t len);

/* How late something is handed over that was due then. */
void crew_lag(struct crew *crew, uint64_t lag_ns);

/* --- crew_turn.c --- */

void *crew_main(void *arg); /* for pthread_create() */

#endif
