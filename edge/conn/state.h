/*
 * state.h - the parts of a worker.
 *
 * Each part belongs to the module with its name; the parts above conn (accepts, bitmaps, the date)
 * are used only there. Everything runs on the worker's thread, except for atomics.
 */
#ifndef PX_CONN_STATE_H
#define PX_CONN_STATE_H

#include "edge/conn/conn.h"
#include "edge/conn/fanout.h"
#include "edge/conn/pool.h"
#include "edge/conn/worker_config.h"
#include "edge/conn/worker_metrics.h"
#include "edge/mail/mail.h"
#include "engine/base/assert.h"
#include "engine/base/clock.h"
#include "engine/base/histogram.h"
#include "engine/ring/op.h"

#define OUTS_BATCH      1024 /* answers between two checks: as fast as handshakes arrive */
#define EVENTS_PER_REAP 256
#define SWEEP_NS        (250 * NS_PER_MS)

_Static_assert(ROOMS_MAX <= MESSAGE_NO_BOARD && ROOMS_MAX * ROOM_LOGS <= UINT16_MAX,
	       "a board and one of its logs are a uint16_t");

struct accept_op;
struct bitmap_wait;

struct conn_list {
	uint32_t head, tail; /* tail is valid only while head is not NONE */
};

/* One ring with its share of the connections: index = base + slot. */
struct lane {
	struct ring *ring;
	uint32_t base;
	uint32_t used;        /* clients in it, those that are refused included */
	uint32_t accepts;     /* armed */
	uint32_t accept_tick; /* none is armed before this tick: the last one failed */
	uint32_t subs_base;   /* its subscriptions: [subs_base, subs_end) were ever used */
	uint32_t subs_end;
	uint32_t sub_free; /* list */
};

/* Connections with something to do, waiting for their turn. */
struct due {
	struct conn_list flush;         /* something to say */
	struct conn_list stuck;         /* the same, but not before the next round */
	uint32_t starved[FANOUT_BATCH]; /* their receive found no buffer */
	uint32_t starved_count;
	bool starved_more; /* the list was full: check all connections */
};

/* The sends between two checks for completions. */
struct batch {
	uint32_t number;
	uint32_t guarded_count;
	uint16_t guarded[ROOMS_MAX * ROOM_LOGS]; /* room * ROOM_LOGS + encoding */
	bool is_guarded[ROOMS_MAX * ROOM_LOGS];
	uint32_t deferred[FANOUT_BATCH]; /* subs whose connection already had a send in the batch */
	uint32_t deferred_count;
	uint32_t outs[OUTS_BATCH]; /* connections whose `out` was sent in the batch */
	uint32_t outs_count;
};

/* One pass over all subscriptions. */
struct round {
	bool is_on;
	bool lagging;  /* some sub did not get everything */
	uint32_t lane; /* whose subs are visited */
	uint32_t at;   /* next sub to visit */
	uint64_t start_ns;
	uint64_t next_ns;  /* not before this */
	uint64_t batch_ns; /* when the last batch was prepared; 0: the rest after it is decided */
	uint64_t rest_until_ns; /* no batch before this */
	uint64_t rest_left_ns;  /* rest left for this round */
	uint64_t frames_seen;   /* rooms.frames when it began: more means there is work */
	_Atomic uint64_t took_ns;
	struct histogram *history;
};

/* What the writer has. */
struct mailbox {
	uint32_t out;         /* requests without an answer */
	bool pushed;          /* something was pushed in this turn */
	uint64_t without_key; /* PUTs so far */
};

struct drain {
	bool is_on;
	uint32_t at; /* connections below it are closed */
	uint64_t start_ns;
};

/* For the Date field of HTTP answers. */
struct date {
	uint64_t s;
	char text[40];
};

struct worker {
	struct worker_config config;
	struct worker_shared *shared;
	const struct conn_protocol *protocols; /* [CONN_STATES] */
	struct now now;
	uint64_t start_ns;
	uint32_t tick; /* number of SWEEP_NS since start_ns, from 1 */
	uint64_t sweep_next_ns;
	uint32_t recv_sweeps; /* since the start: receive buffers are trimmed regularly */

	struct lane *lanes;
	struct conn *conns;
	uint32_t *deadlines; /* of each connection, in ticks (SWEEP_NS); 0: none */
	uint32_t conns_max;
	uint32_t subs_max;
	struct sub *subs;
	uint32_t subs_per_lane;
	uint32_t sub_count;
	uint32_t faces_due;        /* of all subscriptions */
	struct pool ins;           /* of struct in_buf */
	struct pool outs;          /* of struct out_buf */
	struct accept_op *accepts; /* [lane * accepts_per_lane ...] */
	uint32_t accepts_end, accepts_per_lane;

	struct due due;
	struct batch batch;
	struct round round;
	struct mailbox mailbox;
	struct drain drain;

	struct bitmap_wait *bitmaps; /* [board * BOARD_FORMS + form] */
	struct addresses *addresses; /* new sessions per address */
	struct date date;

	struct worker_metrics metrics;
	_Atomic uint64_t closed[CLOSE_REASONS];
	struct ring_event events[EVENTS_PER_REAP];
};

/* Over all workers together. */
static inline bool worker_is_full(const struct worker *w)
{
	return atomic_load_explicit(&w->shared->clients, memory_order_relaxed) >=
	       w->shared->clients_max;
}

static inline struct lane *conn_lane(struct worker *w, const struct conn *c)
{
	return &w->lanes[c->wire.lane];
}

static inline struct ring *conn_ring(struct worker *w, const struct conn *c)
{
	return w->lanes[c->wire.lane].ring;
}

static inline uint32_t conn_index(const struct worker *w, const struct conn *c)
{
	return (uint32_t)(c - w->conns);
}

static inline uint64_t conn_tag(const struct worker *w, const struct conn *c, enum worker_op op)
{
	return op_tag_pack(op, c->generation, conn_index(w, c));
}

/* Whether bytes were sent to it whose result is not known yet: a WebSocket may then have a frame in
 * part. Never true between the end of a batch and the next sends. */
static inline bool conn_is_in_batch(const struct worker *w, const struct conn *c)
{
	return c->batch == w->batch.number;
}

#endif
