/*
 * worker_priv.h - what the files of worker and client share: one thread's structs.
 */
#ifndef PX_LOADGEN_WORKER_PRIV_H
#define PX_LOADGEN_WORKER_PRIV_H

#include <pthread.h>
#include <stddef.h>

#include "edge/codec/ws_frame.h"
#include "engine/base/cache_line.h"
#include "engine/base/clock.h"
#include "engine/ring/op.h"
#include "engine/ring/ring.h"
#include "tools/loadgen/check/crowd.h"
#include "tools/loadgen/check/follow.h"
#include "tools/loadgen/pixel/painter.h"
#include "tools/loadgen/net/ring_set.h"
#include "tools/loadgen/load/schedule.h"
#include "tools/loadgen/check/stream.h"
#include "tools/loadgen/pixel/worker.h"

#define NO_CLIENT     UINT32_MAX
#define ALIVE_AFTER_S 50U /* without a word a client says that it is alive */

/*
 *	NEW -> CONNECTING -> UPGRADING -> SUBSCRIBING <-> FOLLOWING     any of the four -> CLOSING
 *	CLOSING -> RELEASING -> WAITING -> CONNECTING                   or RELEASING -> DEAD
 *
 * CLOSING waits until nothing of the connection is in flight, RELEASING until the slot is free.
 */
enum client_state {
	CLIENT_NEW,
	CLIENT_CONNECTING,
	CLIENT_UPGRADING,
	CLIENT_SUBSCRIBING,
	CLIENT_FOLLOWING,
	CLIENT_CLOSING,
	CLIENT_RELEASING,
	CLIENT_WAITING,
	CLIENT_DEAD,
	CLIENT_STATES
};

enum op {
	OP_CONNECT = 1,
	OP_RECV,
	OP_SEND_NOW, /* no event unless short; not counted in flight */
	OP_SEND_ALL,
	OP_SHUTDOWN,
	OP_CANCEL,
	OP_CLOSE,
	OP_RESET,
};

/* Bytes of a head or message that is not complete yet: borrowed only while that lasts. */
struct carry {
	uint32_t len, room;
	uint8_t bytes[];
};

/* One connection. An idle one costs this and nothing else of ours. The first cache line is all that
 * a receive needs whose bytes are those of the stream. */
struct client {
	_Alignas(CACHE_LINE) struct follow follow;
	struct stream_place place; /* STREAM_NONE, or behind the last delta and what came since */
	uint32_t generation;       /* of the slot, for the tags */
	uint8_t state;             /* enum client_state */
	uint8_t inflight;          /* operations whose last event is to come */
	bool observer : 1;         /* gives visibility latencies */
	bool parsing : 1;          /* the parser is in the midst of a message */
	bool marked : 1;           /* the socket tells of bytes only from the read mark on */

	struct ws_parser parser;
	struct carry *carry;
	struct painter *painter; /* NULL: only watches */
	uint64_t since_ns;       /* when the connect began; WAITING: when to come back */
	uint64_t intended_ns;    /* when the connect was to begin */
	uint64_t lost_ns;        /* when the connection broke that it tries to replace */
	uint64_t missed_seq;     /* it was torn off until here: no visibility up to this seq */
	uint32_t slot;
	uint32_t next;    /* in the list of those that wait */
	uint32_t sent_s;  /* when it last said something */
	uint32_t heard_s; /* while it is marked: when it last read something */
	int fd;           /* the socket as a plain descriptor until it is marked; else -1 */
	uint16_t board;
	uint16_t ring;
	uint8_t attempts; /* connects since it last followed */
	bool counted : 1; /* in the crowd */
	bool stopper : 1; /* stops reading once it follows */
	bool stopped : 1;
	bool slow : 1;     /* reads one buffer at a time once it follows */
	bool bulk : 1;     /* reads in bulk once it follows */
	bool reading : 1;  /* a receive is in flight */
	bool torn : 1;     /* broke off on purpose, and is to come back */
	bool vanished : 1; /* broke off on purpose, and is not to come back */
	bool resuming : 1; /* the subscribe that is under way asked to resume */
	bool leaving : 1;  /* said goodbye: an end is no trouble */
	bool fatal : 1;    /* had trouble that reconnecting does not mend */
};

_Static_assert(sizeof(struct client) <= 256, "512 bytes per client with its share of the buffers");
_Static_assert(offsetof(struct client, parser) == CACHE_LINE, "what a receive needs is one line");

struct worker {
	const struct options *options;
	struct run_shared *shared;
	struct worker_stats stats;
	struct now now; /* of the batch of events that is being handled */
	uint64_t rng;
	pthread_t thread;
	uint32_t number;

	struct ring_set rings;

	struct client *clients;
	uint32_t clients_count;
	uint32_t observers;
	uint32_t opened;       /* clients whose first connect has begun */
	uint32_t opening;      /* connections between connect and following */
	uint32_t waiting_head; /* list of clients in CLIENT_WAITING */
	uint64_t waiting_looked_ns;
	uint32_t beat_at; /* circle over the clients */
	uint64_t beat_ns;
	uint64_t circle_sum, circle_max_sum; /* live reach, over the circle so far */
	uint64_t settle_ns; /* when this thread began to look who is behind; 0: not yet */
	bool reads_out;     /* the time to read out what lies below marks has come */
	uint32_t leave_at;

	struct painter *painters;
	uint32_t painters_count;
	uint32_t *ready; /* painters with something to send */
	uint32_t ready_count;
	uint32_t next_painter;
	struct schedule schedule;
	bool scheduled;    /* the schedule has begun */
	bool unwanted;     /* a refusal ended the replay: remedy.h */
	uint32_t stage;    /* of the timeline: the next to begin, or the storm under way */
	uint32_t storm_at; /* the next client to share in it */
	uint64_t held_ns;  /* when a full window held up the schedule last */
	struct canvas canvas;

	struct reference *reference;
	struct stream *stream;
	struct ledger ledger;
	struct sight *sight;
	struct crowd *crowd;
	struct latencies latencies;
	struct hdr lag;
	uint64_t second_ns; /* when the running second began */
	struct second second;
	pthread_mutex_t lock; /* of second_last */
	struct second second_last;
	char first[TROUBLE_MAX][TROUBLE_WORDS_MAX];
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

/* --- worker.c --- */

/* Counts, and keeps the words of the first of its kind. c may be NULL. */
void worker_trouble(struct worker *w, enum trouble t, const struct client *c, const char *format,
		    ...) __attribute__((format(printf, 4, 5)));

/* The painter has, or may have, something to send at the end of this turn. */
void worker_painter_ready(struct worker *w, struct painter *p);

/* --- worker_due.c --- */

/* Opens, breaks off and assigns what is due. began_ns: when the thread began. */
void worker_due(struct worker *w, uint64_t began_ns);

/* When the next placement is due; UINT64_MAX: none is. */
uint64_t worker_placement_due_ns(const struct worker *w);

/* Without times of its own a plan is due whenever a window has room. */
void worker_painter_fill(struct worker *w, struct painter *p);

/* --- worker_turn.c --- */

/* For pthread_create(); arg: the worker. */
void *worker_thread_main(void *arg);

/* --- client.c --- */

/* intended_ns: when the schedule wanted it. */
void client_open(struct worker *w, struct client *c, uint64_t intended_ns);
void client_event(struct worker *w, struct client *c, enum op op, const struct ring_event *e);

/* Ends the connection; the first reason counts, and TROUBLE_NONE is no reason. */
void client_break(struct worker *w, struct client *c, enum trouble t, const char *why);

/* Sends one masked message, alone or behind others of this turn's flush. `payload` is changed. */
void client_say(struct worker *w, struct client *c, enum ws_opcode opcode, uint8_t *payload,
		size_t len);

/* Hands what the painter has to the ring. */
void client_flush(struct worker *w, struct client *c);

void client_state_set(struct worker *w, struct client *c, enum client_state state);
uint32_t client_index(const struct worker *w, const struct client *c);
uint64_t client_number(const struct worker *w, const struct client *c); /* over all threads */

/* It follows from now on: those that read in bulk, slowly or not at all begin to. */
void client_settle_down(struct worker *w, struct client *c);

/* Parses the bytes, and does what they say. */
void client_parse(struct worker *w, struct client *c, uint8_t *data, size_t len);

/* Reads what lies below the mark; a slow one its next piece. */
void client_read_out(struct worker *w, struct client *c);

/* Breaks off on purpose. It follows now. */
void client_tear(struct worker *w, struct client *c, enum tear how);

/* --- client_message.c --- */

/* (Re)subscribes: session first for painters of a new connection. */
void client_subscribe(struct worker *w, struct client *c, bool with_session);

/* One whole message of the server. */
void client_message(struct worker *w, struct client *c, const uint8_t *message, size_t len);

/* An observer stood at `before`, and now stands where its follow says. */
void client_observer_moved(struct worker *w, struct client *c, uint64_t before);

/* --- client_stream.c --- */

/* Takes the bytes that are those of the stream, as far as they are; returns how many. Whoever goes
 * on behind them parses. */
size_t client_compare(struct worker *w, struct client *c, const uint8_t *bytes, size_t len);

/* What the stream will not hold much longer is handed to the parser. */
void client_stream_look(struct worker *w, struct client *c);

#endif
