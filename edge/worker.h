/*
 * worker.h - one thread of clients: accepts them, reads them, answers them, and sends the
 * broadcast.
 *
 * A worker owns its connections, subscriptions, rings and buffers; nobody else touches them. It
 * talks to the writer by two queues of mail. worker_turn() never blocks and reads no clock; the
 * thread's loop sleeps on worker_ring() between turns.
 */
#ifndef PX_EDGE_WORKER_H
#define PX_EDGE_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "edge/codec/close_reason.h"
#include "engine/base/clock.h"
#include "engine/base/histogram.h"
#include "engine/metric.h"
#include "engine/ring/ring.h"
#include "engine/room.h"
#include "engine/base/spsc.h"

#define LISTENERS_MAX      16
#define ORIGINS_MAX        64  /* that are listed */
#define ORIGIN_CHARS_MAX   128 /* of one */
#define WORKER_SPARE_SLOTS 16  /* per ring, on which 503 is said when the server is full */
#define ORIGINS_TOLD_MAX   256 /* pairs of Origin and Host that the log has been told about */

struct session_key;
struct worker;

struct worker_listener {
	int fd;        /* listening; shared by all workers, closed by who opened it */
	bool is_local; /* Unix socket: no address, no limit of new sessions */
};

/* What all workers share: made before the first, outlives the last. Atomics apart, it is constant.
 * */
struct worker_shared {
	struct rooms *rooms;
	const struct session_key *session_key;
	const char *admin_token; /* who shows it may roll back; at least 16 characters */
	struct worker_listener listeners[LISTENERS_MAX];
	unsigned listener_count;
	unsigned worker_count;
	char origins[ORIGINS_MAX][ORIGIN_CHARS_MAX]; /* allowed besides the own host, as browsers
							write them */
	unsigned origin_count;
	uint32_t clients_max;
	uint32_t requests_per_second; /* of one connection; 0: no limit */
	uint32_t sessions_per_minute; /* new ones of one address; 0: no limit */
	uint64_t session_lifetime_s;
	uint64_t round_interval_ns;
	uint64_t round_rest_ns; /* of each round, between its batches; 0: large batches, no rests */
	uint32_t http_head_timeout_ms, http_idle_timeout_ms, ws_idle_timeout_ms;
	bool test_echo;
	/* Renders /metrics and GET /readyz's verdict; set by who knows all threads. */
	size_t (*metrics_render)(void *arg, char *out, size_t room);
	bool (*is_ready)(void *arg);
	void *arg;
	_Atomic uint32_t clients;                        /* of all workers */
	_Atomic bool stopping;                           /* drain: no new clients, close the old */
	_Atomic uint64_t drain_ns;                       /* over which the closing is spread */
	_Atomic uint64_t origins_told[ORIGINS_TOLD_MAX]; /* hashes; 0: free */
	_Atomic uint32_t origins_told_count;
};

struct worker_config {
	struct worker_shared *shared;
	unsigned index; /* 0..worker_count - 1 */
	uint32_t rings; /* at least 1 */
	uint32_t slots_per_ring;
	uint32_t recv_bufs;    /* per ring, a power of two */
	struct spsc *requests; /* of struct mail_request: we push */
	struct spsc *answers;  /* of struct mail_answer: we pop */
	uint32_t answers_max;  /* what the answer queue holds */
	void (*wake_writer)(void *arg);
	void *wake_arg;
};

/* Opens the rings: call on the worker's thread. -errno as ring_open(). */
int worker_new(const struct worker_config *config, struct now now, struct worker **ret_worker);
void worker_free(struct worker *w);

/* One turn: completions, input, answers, one batch of the fan-out, deadlines. Returns how long the
 * thread may sleep, in nanoseconds; 0: not at all. Ends with everything submitted. */
uint64_t worker_turn(struct worker *w, struct now now);

/* True when something is waiting that the last turn has not seen; for the look between ring_doze()
 * and ring_wait(). */
bool worker_has_mail(struct worker *w);

struct ring *worker_ring(struct worker *w); /* the lead, to sleep on and to wake */

/* Any thread. */
const struct metrics *worker_metrics(const struct worker *w);
uint64_t worker_closed(const struct worker *w, enum close_reason why);
uint64_t worker_round_ns(const struct worker *w); /* of the last round over all subscriptions */
const struct histogram *worker_rounds(const struct worker *w);

/* What is left: for the end of tests. Owner thread. */
struct worker_left {
	uint32_t conns, subs, in_bufs, out_bufs, loans, requests;
};
struct worker_left worker_left(const struct worker *w);

#endif
