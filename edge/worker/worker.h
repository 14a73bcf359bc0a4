/*
 * worker.h - one thread of clients: accepts them, reads from them, answers them, and sends the
 * broadcast.
 *
 * A worker owns its connections, subscriptions, rings and buffers; no other thread touches them. It
 * communicates with the writer through two queues of mail. worker_turn() never blocks and reads no
 * clock; the thread's loop sleeps on worker_ring() between turns.
 */
#ifndef PX_WORKER_WORKER_H
#define PX_WORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "edge/codec/close_reason.h"
#include "edge/conn/worker_config.h"
#include "edge/conn/worker_metrics.h"
#include "engine/base/clock.h"
#include "engine/base/histogram.h"
#include "engine/ring/ring.h"

struct worker;

/* Opens the rings, so call it on the worker's thread. 0, or -errno as from ring_open(); -ENOMEM. */
int worker_new(const struct worker_config *config, struct now now, struct worker **ret_worker);
void worker_free(struct worker *w);

/* One turn: completions, input, answers, one batch of the fan-out, deadlines. Returns how many
 * nanoseconds the thread may sleep; 0: not at all. Everything is submitted on return. */
uint64_t worker_turn(struct worker *w, struct now now);

/* Whether something is waiting that the last turn has not seen; for the check between ring_doze()
 * and ring_wait(). */
bool worker_has_mail(struct worker *w);

struct ring *worker_ring(struct worker *w); /* the lead, to sleep on and to wake */

/* Any thread. */
const struct worker_metrics *worker_metrics(const struct worker *w);
uint64_t worker_closed(const struct worker *w, enum close_reason why);
uint64_t worker_round_ns(const struct worker *w); /* of the last round over all subscriptions */
const struct histogram *worker_rounds(const struct worker *w);

/* What is still in use: for the end of tests. Owner thread. */
struct worker_left {
	uint32_t conns, subs, in_bufs, out_bufs, loans, requests;
};
struct worker_left worker_left(const struct worker *w);

#endif
