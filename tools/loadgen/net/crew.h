/*
 * crew.h - one thread of clients: its rings, its connections, the order of its turn. What clients
 * send and what they do with input is up to a speaker: pixel/ and raw/ each embed a crew.
 *
 * The main thread makes, starts and joins crews, sets the phase, and reads `stats` and, through
 * crew_second_get(), the last second while they run; everything else belongs to the thread until it
 * was joined.
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
	PHASE_WARM,    /* all are connected; input is already recorded */
	PHASE_RUN,     /* sending, until end_ns or the end of the plan */
	PHASE_SETTLE,  /* waiting for what is outstanding */
	PHASE_LEAVE,   /* close frames, then the thread ends */
};

/* Shared by the threads of a run; the atomics are written by the main thread only. */
struct crew_shared {
	const struct net_options *options;
	const struct upgrade_ask *ask;
	const struct tls_trust *trust; /* NULL: no TLS */
	int narrow_bytes; /* receive buffer of links that are `narrow`; 0: the system's default */
	bool resume;      /* clients that are disconnected reconnect */
	_Atomic enum phase phase;
	_Atomic uint64_t start_ns; /* valid from PHASE_RUN on */
	_Atomic uint64_t end_ns;   /* nothing is sent after this; UINT64_MAX: no end by time */
};

/* As in struct tally. Written by the thread, read by any: relaxed. */
struct crew_stats {
	_Atomic uint64_t failed; /* positive errno: the thread could not work, and ended */
	_Atomic uint64_t standing;
	_Atomic uint64_t dead;
	_Atomic uint64_t waiting;
	_Atomic uint64_t outstanding; /* due or sent, but not answered */
	_Atomic uint64_t deliveries;  /* over all clients */
	_Atomic uint64_t bytes_in;
	_Atomic uint64_t lag_max_ns; /* longest delay in handing something to its connection */
	_Atomic uint64_t trouble[TROUBLE_MAX];
};

/* The behavior of a kind of client; all functions run on the crew's thread. */
struct speaker {
	uint32_t message_bytes_max;
	const char *late; /* trouble text for a client that is not standing in time */

	/* --- about a connection --- */

	/* The upgrade was answered: JOINING. */
	void (*joined)(struct crew *crew, struct link *c);
	/* Bytes of an open connection; a speaker that parses everything calls link_parse(). */
	void (*bytes)(struct crew *crew, struct link *c, uint8_t *data, size_t len);
	/* A whole text or binary message. */
	void (*message)(struct crew *crew, struct link *c, enum ws_opcode opcode,
			const uint8_t *bytes, size_t len);
	/* Something small has to be sent. true: it was queued or dropped; false: send it now. */
	bool (*queue)(struct crew *crew, struct link *c, enum ws_opcode opcode, uint8_t *payload,
		      size_t len);
	/* All that was passed to link_send_all() was sent; not called when the connection broke. */
	void (*sent)(struct crew *crew, struct link *c);
	/* The connection is over and the slot is free. */
	void (*ended)(struct crew *crew, struct link *c);
	/* ... and the client will not come back. */
	void (*dead)(struct crew *crew, struct link *c);

	/* --- in a turn, in this order --- */

	/* When client `number` (across all threads) opens; 0: as --connect-rate says. NULL: that
	 * holds for all. */
	uint64_t (*opens_ns)(const struct crew *crew, uint64_t number);
	void (*due)(struct crew *crew);   /* what is due by time */
	void (*flush)(struct crew *crew); /* queued sends */
	/* Called for every client in turn, whatever its state. NULL: nothing to do. */
	void (*beat)(struct crew *crew, struct link *c);
	void (*circle_end)(struct crew *crew); /* all had their beat; NULL: nothing to do */
	void (*publish)(struct crew *crew);
	/* When something is due next; UINT64_MAX: nothing by time. */
	uint64_t (*due_ns)(const struct crew *crew);

	/* On the main thread: frees the speaker's memory, including the clients. */
	void (*free)(struct crew *crew);
};

struct crew {
	const struct speaker *speaker;
	const struct net_options *options;
	struct crew_shared *shared;
	struct crew_stats stats;
	struct now now; /* time of the batch of events being handled */
	uint64_t rng;
	pthread_t thread;
	uint32_t number;

	struct ring_set rings;
	uint32_t count;        /* clients */
	uint8_t *links;        /* struct link of the first client */
	size_t stride;         /* bytes from one to the next */
	size_t request_bytes;  /* most bytes of an upgrade request */
	uint32_t opened;       /* clients whose first connect was started */
	uint32_t opening;      /* connections between connect and standing */
	uint32_t waiting_head; /* list of clients in LINK_WAITING */
	uint64_t waiting_looked_ns;
	uint64_t began_ns;
	uint32_t beat_at; /* position in the circle over the clients */
	uint64_t beat_ns;
	uint32_t leave_at;
	uint64_t leave_ns;

	uint32_t *ready; /* senders with something to send, by their number at the speaker */
	uint32_t ready_count;

	uint64_t second_ns; /* start of the current second */
	struct second second;
	pthread_mutex_t lock; /* of second_last */
	struct second second_last;
	char first[TROUBLE_MAX][TROUBLE_WORDS_MAX]; /* first report of each class of trouble */
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

/* How many of `total` belong to thread `number`. */
uint32_t crew_share(const struct net_options *o, uint32_t total, uint32_t number);

/* `bytes`: size of the speaker's struct, which begins with the crew and is otherwise zeroed. ready:
 * capacity of that list. The clients are set with crew_links_set(). NULL: out of memory. */
struct crew *crew_new(size_t bytes, const struct speaker *speaker, struct crew_shared *shared,
		      uint32_t number, uint32_t ready);
void crew_free(struct crew *crew); /* NULL is allowed */

/* Sets the clients, zeroed: the first one's link, and the distance to the next. */
void crew_links_set(struct crew *crew, struct link *first, size_t stride);

/* Assigns every client a ring, by its `sender` and `observer`. -ENOMEM. */
int crew_rings_make(struct crew *crew);

int crew_start(struct crew *crew); /* 0 or -errno */
void crew_join(struct crew *crew);

/* Adds the counters to *into. Any thread. */
void crew_tally_add(const struct crew *crew, struct tally *into);

/* Adds the latencies of the last whole second. Any thread. */
void crew_second_get(struct crew *crew, struct second *into);

/* Counts the trouble, and keeps the text of the first of its class. c may be NULL. */
void crew_trouble(struct crew *crew, enum trouble t, struct link *c, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Puts sender i of the speaker on the list, unless *is_ready says that it is there already. */
void crew_ready(struct crew *crew, uint32_t i, bool *is_ready);

/* Memory for a small send; valid until the submit. */
uint8_t *crew_arena(struct crew *crew, size_t len);

/* Writes one masked frame; `payload` is changed, and may be located after the head in `out`.
 * Returns the frame's length. */
size_t crew_frame_write(struct crew *crew, uint8_t *out, enum ws_opcode opcode, uint8_t *payload,
			size_t len);

/* Records how late something was handed over. */
void crew_lag(struct crew *crew, uint64_t lag_ns);

/* --- crew_turn.c --- */

void *crew_main(void *arg); /* for pthread_create() */

#endif
