/*
 * worker.c - the turn of a worker, and its parts.
 *
 * A turn has a fixed order: completions, the end of the last batch, answers from the writer, input
 * that waited, drain, deadlines, answers to clients, one batch of the fan-out, accepts, submit.
 * Each step has a budget, so that a flood in one starves no other.
 */
#include "edge/worker/worker.h"

#include <errno.h>
#include <stdlib.h>

#include "edge/conn/state.h"
#include "edge/http/bitmaps.h"
#include "edge/http/http.h"
#include "edge/mail/mail.h"
#include "edge/worker/accept.h"
#include "edge/ws/echo.h"
#include "edge/ws/ws.h"
#include "edge/ws/ws_face.h"
#include "engine/memory/pages.h"

#define INS_MAX          2048  /* in buffers of a worker, where it has so many connections */
#define OUTS_MAX         16384 /* out buffers likewise */
#define TRIMS_PER_TICK   256   /* buffers whose pages are given back */
#define RECV_TRIM_SWEEPS 40    /* 10 s: what is in use is faulted in again */
#define REAPS_PER_TURN   16    /* per ring */
#define ANSWERS_PER_TURN 512
#define RING_SQ_ENTRIES  1024
#define RING_CQ_ENTRIES  16384

/* What each state of a connection speaks. */
static const struct conn_protocol protocols[CONN_STATES] = {
	[CONN_HTTP] = {.input = http_bytes, .late = http_late},
	[CONN_WAIT] = {.late = http_wait_late},
	[CONN_WS] = {.input = ws_input, .sent = ws_face_sent, .lost = ws_stale},
	[CONN_ECHO] = {.input = echo_bytes, .sent = echo_input},
};

/* --- making ----------------------------------------------------------------------------------- */

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* The memory plan of a worker: one connection and one subscription for every slot (and a quarter
 * more subscriptions), buffers for those who are in the middle of something. */
static int memory_new(struct worker *w)
{
	w->conns_max = w->config.rings * w->config.slots_per_ring;
	w->subs_per_lane = w->config.slots_per_ring + w->config.slots_per_ring / 4;
	w->subs_max = w->config.rings * w->subs_per_lane;
	px_assert(w->subs_max >= w->conns_max); /* each client has one */
	w->conns = pages_new(w->conns_max * sizeof(*w->conns), "connections");
	w->deadlines = pages_new(w->conns_max * sizeof(*w->deadlines), "deadlines");
	w->subs = pages_new(w->subs_max * sizeof(*w->subs), "subscriptions");
	w->addresses = addresses_new();
	w->round.history = calloc(1, sizeof(*w->round.history));
	w->lanes = calloc(w->config.rings, sizeof(*w->lanes));
	if (w->conns == NULL || w->deadlines == NULL || w->subs == NULL || w->addresses == NULL ||
	    w->round.history == NULL || w->lanes == NULL)
		return -ENOMEM;
	if (pool_init(&w->ins, sizeof(struct in_buf), least(w->conns_max, INS_MAX),
		      "input buffers") < 0 ||
	    pool_init(&w->outs, sizeof(struct out_buf), least(w->conns_max, OUTS_MAX),
		      "output buffers") < 0)
		return -ENOMEM;
	return 0;
}

static int rings_new(struct worker *w)
{
	struct ring_config config = {
		.sq_entries = RING_SQ_ENTRIES,
		.cq_entries = RING_CQ_ENTRIES,
		.slots = w->config.slots_per_ring,
		.recv_bufs = w->config.recv_bufs,
		.recv_buf_bytes = RECV_BUF_BYTES,
	};

	for (uint32_t i = 0; i < w->config.rings; i++) {
		int rc;

		config.lead = i == 0 ? NULL : w->lanes[0].ring;
		w->lanes[i].base = i * w->config.slots_per_ring;
		w->lanes[i].subs_base = w->lanes[i].subs_end = i * w->subs_per_lane;
		w->lanes[i].sub_free = NONE;
		rc = ring_open(&config, &w->lanes[i].ring);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int worker_new(const struct worker_config *config, struct now now, struct worker **ret_worker)
{
	struct worker *w = calloc(1, sizeof(*w));
	int rc;

	if (w == NULL)
		return -ENOMEM;
	px_assert(config->rings > 0);
	px_assert(config->index < WORKERS_MAX); /* its place in the rooms */
	px_assert(config->requests != NULL && config->answers != NULL);
	px_assert(config->slots_per_ring >= config->shared->listener_count);
	px_assert(config->shared->listener_count > 0);
	w->config = *config;
	w->shared = config->shared;
	w->protocols = protocols;
	w->now = now;
	w->start_ns = now.mono_ns;
	w->due.flush.head = w->due.stuck.head = NONE;
	w->batch.number = 1;
	rc = memory_new(w);
	if (rc == 0)
		rc = rings_new(w);
	if (rc == 0)
		rc = accept_new(w);
	if (rc == 0)
		rc = bitmaps_new(w);
	if (rc < 0) {
		worker_free(w);
		return rc;
	}
	*ret_worker = w;
	return 0;
}

void worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	for (uint32_t i = w->lanes != NULL ? w->config.rings : 0; i-- > 0;)
		ring_close(w->lanes[i].ring);
	for (uint32_t i = 0; w->conns != NULL && i < w->conns_max; i++)
		blob_unref(w->conns[i].body_blob);
	bitmaps_free(w);
	for (const struct mail_answer *a; (a = spsc_peek(w->config.answers)) != NULL;) {
		mail_answer_drop(a);
		spsc_pop(w->config.answers);
	}
	pages_free(w->conns, w->conns_max * sizeof(*w->conns));
	pages_free(w->deadlines, w->conns_max * sizeof(*w->deadlines));
	pages_free(w->subs, w->subs_max * sizeof(*w->subs));
	pool_fini(&w->ins);
	pool_fini(&w->outs);
	addresses_free(w->addresses);
	free(w->round.history);
	free(w->accepts);
	free(w->lanes);
	free(w);
}

/* --- completions ------------------------------------------------------------------------------ */

static void event_done_sub(struct worker *w, struct op_tag tag, const struct ring_event *ev)
{
	px_assert(tag.slot < w->subs_max);
	if (w->subs[tag.slot].conn != NONE && w->subs[tag.slot].generation == tag.generation)
		fanout_send_short(w, tag.slot, ev->res);
}

static void event_done_conn(struct worker *w, struct op_tag tag, const struct ring_event *ev)
{
	struct conn *c;

	px_assert(tag.slot < w->conns_max);
	c = &w->conns[tag.slot];
	/* counted operations end before the slot has its next owner; only sends are not counted */
	px_assert(c->generation == tag.generation || tag.kind == OP_SEND_OUT);
	switch ((enum worker_op)tag.kind) {
	case OP_RECV:
		conn_recv_done(w, c, ev);
		return;
	case OP_SEND_OUT:
		if (c->generation == tag.generation)
			conn_send_out_short(w, c, ev->res);
		return;
	case OP_SEND_ALL:
		http_send_done(w, c, ev);
		return;
	case OP_SHUTDOWN:
		conn_op_done(w, c, CONN_OP_SHUTDOWN);
		return;
	case OP_RECV_CANCEL:
		conn_op_done(w, c, CONN_OP_RECV_CANCEL);
		return;
	case OP_SEND_CANCEL:
		conn_op_done(w, c, CONN_OP_SEND_CANCEL);
		return;
	case OP_SLOT_CLOSE:
		conn_op_done(w, c, CONN_OP_CLOSE);
		return;
	case OP_ACCEPT:
	case OP_ACCEPT_CANCEL:
	case OP_SEND_LOG:
	default:
		px_unreachable("tag of a connection");
	}
}

static void event_done(struct worker *w, struct lane *lane, const struct ring_event *ev)
{
	struct op_tag tag = op_tag_unpack(ev->tag);

	px_assert(tag.kind >= OP_ACCEPT && tag.kind <= OP_SLOT_CLOSE);
	if (tag.kind == OP_ACCEPT)
		accept_done(w, ev);
	else if (tag.kind == OP_SEND_LOG)
		event_done_sub(w, tag, ev);
	else if (tag.kind != OP_ACCEPT_CANCEL)
		event_done_conn(w, tag, ev);
	if (ev->flags & RING_BUFFER)
		ring_recv_return(lane->ring, ev->buf);
}

/* True: everything that the last submit brought has been seen. */
static bool events_run(struct worker *w)
{
	bool all = true;

	for (uint32_t i = 0; i < w->config.rings; i++) {
		struct lane *lane = &w->lanes[i];
		uint32_t n = EVENTS_PER_REAP;

		for (unsigned reaps = 0; n > 0 && reaps < REAPS_PER_TURN; reaps++) {
			n = ring_reap(lane->ring, w->events, EVENTS_PER_REAP);
			for (uint32_t k = 0; k < n; k++)
				event_done(w, lane, &w->events[k]);
		}
		all &= n == 0;
	}
	return all;
}

/* --- mail ------------------------------------------------------------------------------------- */

static void answer_to_client(struct worker *w, const struct mail_answer *a)
{
	struct conn *c;

	px_assert(a->head.client.index < w->conns_max);
	c = &w->conns[a->head.client.index];
	if (c->generation != a->head.client.generation)
		return; /* it left; a placement counts all the same */
	if (c->state == CONN_WS)
		ws_mail(w, c, a);
	else if (c->state == CONN_WAIT)
		http_mail(w, c, a);
}

static void answer_done(struct worker *w, const struct mail_answer *a)
{
	px_assert(w->mailbox.out > 0);
	w->mailbox.out--;
	if (a->head.type == MAIL_BITMAP) {
		bitmaps_mail(w, a);
		return;
	}
	answer_to_client(w, a);
	mail_answer_drop(a);
}

static void answers_run(struct worker *w)
{
	for (unsigned i = 0; i < ANSWERS_PER_TURN; i++) {
		const struct mail_answer *a = spsc_peek(w->config.answers);

		if (a == NULL)
			return;
		answer_done(w, a);
		spsc_pop(w->config.answers);
	}
}

bool worker_has_mail(struct worker *w)
{
	return spsc_peek(w->config.answers) != NULL;
}

/* --- stopping --------------------------------------------------------------------------------- */

static void drain_begin(struct worker *w)
{
	px_assert(!w->drain.is_on);
	w->drain.is_on = true;
	w->drain.start_ns = w->now.mono_ns;
	w->drain.at = 0;
	accept_stop(w);
}

/* Closes clients evenly over the drain time: all at once would make them come back all at once. A
 * request that is being answered is answered first. */
static void drain_run(struct worker *w)
{
	uint64_t over_ns = atomic_load_explicit(&w->shared->drain_ns, memory_order_relaxed);
	uint64_t gone_ns = w->now.mono_ns - w->drain.start_ns;
	uint64_t upto = over_ns == 0 || gone_ns >= over_ns
				? w->conns_max
				: (uint64_t)w->conns_max * gone_ns / over_ns;

	px_assert(w->drain.is_on && upto <= w->conns_max);
	for (; w->drain.at < upto; w->drain.at++) {
		struct conn *c = &w->conns[w->drain.at];

		if (c->state == CONN_WS || c->state == CONN_ECHO || c->state == CONN_HTTP)
			conn_close(w, c, CLOSE_GOING_AWAY);
	}
}

/* --- the turn --------------------------------------------------------------------------------- */

/* What a crowd touched when it came is not needed while it watches. */
static void memory_trim(struct worker *w)
{
	pool_trim(&w->ins, TRIMS_PER_TICK);
	pool_trim(&w->outs, TRIMS_PER_TICK);
	if (++w->recv_sweeps % RECV_TRIM_SWEEPS == 0)
		for (uint32_t i = 0; i < w->config.rings; i++)
			ring_recv_trim(w->lanes[i].ring);
}

static void time_run(struct worker *w)
{
	if (w->now.mono_ns < w->sweep_next_ns)
		return;
	w->sweep_next_ns = w->now.mono_ns + SWEEP_NS;
	w->tick = 1 + (uint32_t)((w->now.mono_ns - w->start_ns) / SWEEP_NS);
	px_assert(w->tick > 0); /* 0 in `deadlines` stands for none */
	conn_sweep(w);
	bitmaps_sweep(w);
	memory_trim(w);
}

static uint64_t wait_ns(const struct worker *w, bool all_seen)
{
	uint64_t wait = fanout_wait_ns(w);
	uint64_t sweep = w->sweep_next_ns > w->now.mono_ns ? w->sweep_next_ns - w->now.mono_ns : 0;

	if (!all_seen || w->batch.outs_count > 0 || w->batch.guarded_count > 0 ||
	    w->due.flush.head != NONE || w->due.starved_count > 0)
		return 0;
	return wait < sweep ? wait : sweep;
}

/* What holds between the fields at the end of every turn. */
static void worker_check(const struct worker *w)
{
	px_assert(w->mailbox.out <= w->config.answers_max); /* each answer has room */
	px_assert(!w->mailbox.pushed);
	px_assert(w->sub_count <= w->subs_max && w->faces_due <= w->sub_count);
	px_assert(w->batch.outs_count <= OUTS_BATCH && w->batch.deferred_count <= FANOUT_BATCH);
	px_assert(w->due.starved_count <= FANOUT_BATCH);
	px_assert(w->round.lane <= w->config.rings);
	px_assert(w->drain.at <= w->conns_max);
	for (uint32_t i = 0; i < w->config.rings; i++)
		px_assert(w->lanes[i].used + w->lanes[i].accepts <= w->config.slots_per_ring);
}

uint64_t worker_turn(struct worker *w, struct now now)
{
	bool all_seen;

	w->now = now;
	rooms_faces_see(w->shared->rooms, w->config.index);
	all_seen = events_run(w);
	if (all_seen) { /* the last batch is over */
		w->batch.number++;
		conn_batch_end(w);
		fanout_release(w);
	}
	answers_run(w);
	conn_starved_run(w);
	if (!w->drain.is_on && atomic_load_explicit(&w->shared->stopping, memory_order_acquire))
		drain_begin(w);
	if (w->drain.is_on)
		drain_run(w);
	time_run(w);
	if (all_seen) {
		conn_flush_run(w);
		fanout_run(w);
	}
	accept_arm(w);
	if (w->mailbox.pushed) {
		w->mailbox.pushed = false;
		(void)spsc_publish(w->config.requests);
		w->config.wake_writer(w->config.wake_arg);
	}
	for (uint32_t i = 0; i < w->config.rings; i++)
		ring_submit(w->lanes[i].ring);
	worker_check(w);
	return wait_ns(w, all_seen);
}

/* --- looking in ------------------------------------------------------------------------------- */

struct ring *worker_ring(struct worker *w)
{
	return w->lanes[0].ring;
}

const struct worker_metrics *worker_metrics(const struct worker *w)
{
	return &w->metrics;
}

uint64_t worker_closed(const struct worker *w, enum close_reason why)
{
	px_assert(why < CLOSE_REASONS);
	return metric_get(&w->closed[why]);
}

uint64_t worker_round_ns(const struct worker *w)
{
	return metric_get(&w->round.took_ns);
}

const struct histogram *worker_rounds(const struct worker *w)
{
	return w->round.history;
}

struct worker_left worker_left(const struct worker *w)
{
	struct worker_left left = {.subs = w->sub_count,
				   .in_bufs = pool_lent(&w->ins),
				   .out_bufs = pool_lent(&w->outs),
				   .requests = w->mailbox.out};

	for (uint32_t i = 0; i < w->config.rings; i++) {
		left.conns += w->lanes[i].used;
		left.loans += ring_recv_loans(w->lanes[i].ring);
	}
	return left;
}
