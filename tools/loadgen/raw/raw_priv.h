/*
 * raw_priv.h - what raw_worker.c, raw_turn.c, raw_client.c and raw_sender.c share: the structs of
 * one thread.
 */
#ifndef PX_LOADGEN_RAW_PRIV_H
#define PX_LOADGEN_RAW_PRIV_H

#include <pthread.h>

#include "edge/codec/ws_frame.h"
#include "engine/base/clock.h"
#include "engine/ring/op.h"
#include "engine/ring/ring.h"
#include "tools/loadgen/load/schedule.h"
#include "tools/loadgen/raw/raw_worker.h"
#include "tools/loadgen/net/ring_set.h"

/*
 *	NEW -> CONNECTING -> UPGRADING -> OPEN     any of the last three -> CLOSING
 *	CLOSING -> RELEASING -> DEAD               and NEW -> DEAD without a socket
 *
 * CLOSING waits until nothing of the connection is in flight, RELEASING until the slot is free.
 */
enum raw_state {
	RAW_NEW,
	RAW_CONNECTING,
	RAW_UPGRADING,
	RAW_OPEN,
	RAW_CLOSING,
	RAW_RELEASING,
	RAW_DEAD,
	RAW_STATES
};

enum raw_op {
	RAW_OP_NONE,
	RAW_OP_CONNECT,
	RAW_OP_RECV,
	RAW_OP_SEND_NOW, /* no event unless short; not counted in flight */
	RAW_OP_FIRST,
	RAW_OP_SEND_ALL,
	RAW_OP_WIRE, /* TLS: what the two above became */
	RAW_OP_SHUTDOWN,
	RAW_OP_CANCEL,
	RAW_OP_CLOSE,
};

/* Bytes of a head or message that is not complete yet: borrowed only while that lasts. */
struct raw_carry {
	uint32_t len, room;
	uint8_t bytes[];
};

/* A message that waits for its echo. */
struct raw_pending {
	uint64_t hash;
	uint64_t intended_ns;
};

/* What a client that sends has beyond the others. */
struct raw_sender {
	uint64_t tail, head; /* echo: tail: all below came back; head: all below were made */
	struct raw_pending *pending;
	uint8_t *out;  /* belongs to the ring while `sending` */
	uint8_t *next; /* is filled meanwhile */
	uint32_t next_len;
	uint32_t out_len;
	uint32_t client; /* index at its worker */
	bool sending;
	bool ready; /* is on the worker's list */
	bool gone;
};

/* One connection. An idle one costs this and nothing else of ours. */
struct raw_client {
	struct ws_parser parser;
	struct raw_carry *carry;   /* of the head, or of a data message */
	struct raw_carry *control; /* of a ping that comes in pieces */
	uint8_t *first;            /* first message in flight */
	struct raw_wire *wire;     /* NULL: without TLS */
	struct raw_sender *sender; /* NULL: only listens */
	uint64_t since_ns;         /* when the connect began */
	uint32_t slot;
	uint32_t generation; /* of the slot, for the tags */
	uint16_t ring;
	uint8_t state;    /* enum raw_state */
	uint8_t inflight; /* operations whose last event is to come */
	bool leaving : 1; /* stood to the end: what ends it now is no trouble */
	bool has_bad : 1; /* got something wrong */
};

_Static_assert(sizeof(struct raw_client) <= 256, "512 bytes per client with its share of buffers");

struct raw_worker {
	const struct raw_options *options;
	struct raw_shared *shared;
	struct raw_stats stats;
	struct now now; /* of the batch of events that is being handled */
	uint64_t rng;
	pthread_t thread;
	uint32_t number;

	struct ring_set rings;

	struct raw_client *clients;
	uint32_t clients_count;
	uint32_t opened;  /* clients whose first connect has begun */
	uint32_t opening; /* connections between connect and open */
	uint32_t beat_at; /* circle over the clients */
	uint64_t beat_ns;
	uint32_t leave_at;

	struct raw_sender *senders;
	uint32_t senders_count;
	uint32_t *ready; /* senders with something to send */
	uint32_t ready_count;
	uint32_t next_sender;
	uint32_t send_room; /* bytes of each of a sender's two buffers */
	uint64_t made;      /* messages of this worker */
	uint64_t stamp_ns;  /* the last time that was put in a message */
	struct pace_piece steady;
	struct pace pace; /* of the piece above */
	struct schedule schedule;
	bool scheduled;   /* the schedule has begun */
	uint8_t *scratch; /* a message being made */
	size_t stamp_hint;

	struct raw_track *track; /* NULL: deliveries are only counted */
	struct hdr echo, visible, connect;
	uint64_t second_ns;   /* when the running second began */
	struct hdr second;    /* of the running second */
	pthread_mutex_t lock; /* of second_last */
	struct hdr second_last;
	char first[TROUBLE_MAX][TROUBLE_WORDS_MAX];
};

static inline void raw_stat_add(_Atomic uint64_t *stat, uint64_t n)
{
	atomic_store_explicit(stat, atomic_load_explicit(stat, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline void raw_stat_set(_Atomic uint64_t *stat, uint64_t n)
{
	atomic_store_explicit(stat, n, memory_order_relaxed);
}

/* --- raw_worker.c --- */

/* Counts, and keeps the words of the first of its kind. */
void raw_trouble(struct raw_worker *w, enum trouble t, struct raw_client *c, const char *format,
		 ...) __attribute__((format(printf, 4, 5)));

uint64_t raw_client_number(const struct raw_worker *w, const struct raw_client *c); /* of all */

/* --- raw_turn.c --- */

void *raw_thread_main(void *arg); /* for pthread_create(); arg: the worker */

/* --- raw_client.c --- */

void raw_client_open(struct raw_worker *w, struct raw_client *c);
void raw_client_event(struct raw_worker *w, struct raw_client *c, enum raw_op op,
		      const struct ring_event *e);

/* Ends the connection; the first reason counts, and TROUBLE_NONE is no reason. */
void raw_client_break(struct raw_worker *w, struct raw_client *c, enum trouble t, const char *why);

/* Sends one masked control message; `payload` is changed. Dropped while others keep it waiting. */
void raw_client_say(struct raw_worker *w, struct raw_client *c, enum ws_opcode opcode,
		    uint8_t *payload, size_t len);

uint64_t raw_client_tag(const struct raw_worker *w, const struct raw_client *c, enum raw_op op);

/* Sends the request to upgrade: the connection stands. */
void raw_client_upgrade(struct raw_worker *w, struct raw_client *c);

/* Plain bytes came. */
void raw_client_bytes(struct raw_worker *w, struct raw_client *c, uint8_t *data, size_t len);

/* --- raw_wire.c --- */

/* True: the connection needs no more to stand. False: TLS is being agreed on, or it broke. */
bool raw_wire_open(struct raw_worker *w, struct raw_client *c);
void raw_wire_free(struct raw_client *c);

/* As ring_send_now() and ring_send_all(), whose tag is that of `op`. */
void raw_wire_send_now(struct raw_worker *w, struct raw_client *c, const void *bytes, size_t len);
void raw_wire_send_all(struct raw_worker *w, struct raw_client *c, const void *bytes, size_t len,
		       enum raw_op op);

/* The event of RAW_OP_WIRE. Returns the operation that is done with it, and in *ret_len the bytes
 * that it sent; RAW_OP_NONE: none is. */
enum raw_op raw_wire_sent(struct raw_worker *w, struct raw_client *c, int res, int *ret_len);

/* Bytes came from the network. */
void raw_wire_take(struct raw_worker *w, struct raw_client *c, uint8_t *data, size_t len);

/* --- raw_sender.c --- */

/* Messages that have come due go to the senders in turn. */
void raw_senders_assign(struct raw_worker *w);
void raw_senders_flush(struct raw_worker *w);
void raw_sender_ready(struct raw_worker *w, struct raw_sender *s);
void raw_sender_sent(struct raw_worker *w, struct raw_client *c, int res);
void raw_sender_gone(struct raw_worker *w, struct raw_sender *s);

/* One whole data message came. */
void raw_message(struct raw_worker *w, struct raw_client *c, const uint8_t *bytes, size_t len,
		 enum ws_opcode opcode);

#endif
