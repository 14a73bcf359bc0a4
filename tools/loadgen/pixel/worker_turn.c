/*
 * worker_turn.c - the thread of a worker: the order of a turn, and what comes due in it.
 *
 *	events -> come due (worker_due.c) -> flush painters -> beat -> submit -> sleep
 *
 * Owner: the worker's thread. Each part has a budget, so that a flood of events holds up no
 * placement for long, and many placements no event.
 */
#include <string.h>

#include "engine/base/assert.h"
#include "tools/loadgen/pixel/worker_priv.h"

#define LEAVES_PER_TURN   512
#define SLEEP_MAX_NS      (5 * NS_PER_MS)
#define BEAT_CIRCLE_NS    (2 * NS_PER_SEC)
#define BEATS_PER_TURN    128U
#define SETTLE_CIRCLE_NS  (500 * NS_PER_MS)
#define READ_OUT_NS       (5 * NS_PER_SEC)
#define QUIET_S           30U
#define BEHIND_LOOK_NS    (50 * NS_PER_MS)
#define BEHIND_CLIENTS    10000U
#define ANSWER_TIMEOUT_NS (30 * NS_PER_SEC)
#define LEAVE_NS          (2 * NS_PER_SEC)

/* --- events ----------------------------------------------------------------------------------- */

static void event_take(void *arg, const struct ring_event *e)
{
	struct worker *w = arg;
	struct op_tag tag = op_tag_unpack(e->tag);
	struct client *c;

	px_assert(tag.slot < w->clients_count);
	c = &w->clients[tag.slot];
	if (tag.generation == c->generation)
		client_event(w, c, (enum op)tag.kind, e);
}

/* --- painters --------------------------------------------------------------------------------- */

static void painters_flush(struct worker *w)
{
	uint32_t count = w->ready_count;

	for (uint32_t i = 0; i < count; i++) {
		struct painter *p = &w->painters[w->ready[i]];

		worker_painter_fill(w, p);
		p->ready = false;
		client_flush(w, &w->clients[p->client]);
	}
	w->ready_count = 0;
}

/* --- the beat --------------------------------------------------------------------------------- */

/* What lies below its mark: at the end, and when it heard nothing for long. */
static bool is_to_read_out(const struct worker *w, const struct client *c, uint32_t now_s)
{
	uint64_t final = w->shared->final_seq;

	if (w->shared->phase == PHASE_SETTLE && final != UINT64_MAX)
		return w->reads_out && c->follow.seq < final;
	return now_s - c->heard_s >= QUIET_S;
}

static void client_beat(struct worker *w, struct client *c)
{
	uint8_t payload[1] = {MSG_ALIVE};
	uint32_t now_s = (uint32_t)(w->now.mono_ns / NS_PER_SEC);

	switch (c->state) {
	case CLIENT_CONNECTING:
	case CLIENT_UPGRADING:
	case CLIENT_SUBSCRIBING:
		if (w->now.mono_ns - c->since_ns > ANSWER_TIMEOUT_NS)
			client_break(w, c, TROUBLE_TIMEOUT, "while connecting");
		else if (c->marked)
			client_read_out(w, c);
		break;
	case CLIENT_FOLLOWING:
		client_stream_look(w, c);
		if (now_s - c->sent_s >= ALIVE_AFTER_S)
			client_say(w, c, WS_BINARY, payload, sizeof(payload));
		if (c->slow || (c->marked && is_to_read_out(w, c, now_s)))
			client_read_out(w, c);
		break;
	default:
		break;
	}
}

static void reach_add(struct worker *w, const struct client *c)
{
	uint64_t seq = reference_seq(w->reference);

	if (c->stopper || c->vanished || !c->follow.joined)
		return;
	w->circle_sum += follow_received(&c->follow, seq);
	w->circle_max_sum += seq > c->follow.start ? seq - c->follow.start : 0;
}

static void circle_end(struct worker *w)
{
	stat_set(&w->stats.seq_sum, w->circle_sum);
	stat_set(&w->stats.seq_max_sum, w->circle_max_sum);
	w->circle_sum = w->circle_max_sum = 0;
	w->beat_at = 0;
}

/* Looks at every client once in a circle, a few in each turn. At the end, when there is most to
 * read out, the circle is shorter. */
static void beat(struct worker *w)
{
	uint64_t passed_ns = w->now.mono_ns - w->beat_ns;
	uint64_t circle_ns = w->shared->phase == PHASE_SETTLE ? SETTLE_CIRCLE_NS : BEAT_CIRCLE_NS;
	uint64_t due = passed_ns * w->clients_count / circle_ns;

	if (due == 0)
		return;
	if (due > w->clients_count)
		due = w->clients_count;
	if (due > BEATS_PER_TURN) /* each may cost events, which have their time in a turn, too */
		due = BEATS_PER_TURN;
	w->beat_ns = w->now.mono_ns;
	for (; due > 0; due--) {
		client_beat(w, &w->clients[w->beat_at]);
		reach_add(w, &w->clients[w->beat_at]);
		if (++w->beat_at == w->clients_count)
			circle_end(w);
	}
}

/* The histogram of the second that is over. */
static void second_publish(struct worker *w)
{
	if (w->now.mono_ns - w->second_ns < NS_PER_SEC)
		return;
	w->second_ns = w->now.mono_ns;
	(void)pthread_mutex_lock(&w->lock);
	w->second_last = w->second;
	(void)pthread_mutex_unlock(&w->lock);
	memset(&w->second, 0, sizeof(w->second));
}

static void stats_publish(struct worker *w, uint64_t *behind_ns)
{
	uint64_t final = w->shared->final_seq;
	uint64_t behind = 0;
	uint64_t at_once = 0;

	stat_set(&w->stats.seq, reference_seq(w->reference));
	stat_set(&w->stats.epoch, reference_epoch(w->reference));
	stat_set(&w->stats.frames, reference_frames(w->reference));
	if (w->shared->phase != PHASE_SETTLE || final == UINT64_MAX ||
	    w->now.mono_ns - *behind_ns < BEHIND_LOOK_NS * (1 + w->clients_count / BEHIND_CLIENTS))
		return;
	*behind_ns = w->now.mono_ns;
	for (uint32_t i = 0; i < w->clients_count; i++) {
		const struct client *c = &w->clients[i];
		bool late = !c->stopper && c->state != CLIENT_DEAD &&
			    (c->state != CLIENT_FOLLOWING || c->follow.seq < final);

		behind += late;
		at_once += late && !c->marked;
	}
	/* The server is done with the others about when it is done with those that read at once: to
	 * read out earlier would only take its CPU. */
	if (w->settle_ns == 0)
		w->settle_ns = w->now.mono_ns;
	w->reads_out = at_once == 0 || w->now.mono_ns - w->settle_ns > READ_OUT_NS;
	stat_set(&w->stats.behind, behind);
	atomic_store_explicit(&w->stats.behind_of, final, memory_order_release);
}

/* --- leaving ---------------------------------------------------------------------------------- */

/* From here on the end of a connection is no trouble; one that is not complete by now is. */
static void leave_begin(struct worker *w)
{
	for (uint32_t i = 0; i < w->clients_count; i++) {
		struct client *c = &w->clients[i];

		c->leaving = c->state == CLIENT_FOLLOWING;
		if (c->state == CLIENT_NEW || c->state == CLIENT_CONNECTING ||
		    c->state == CLIENT_UPGRADING || c->state == CLIENT_SUBSCRIBING)
			worker_trouble(w, TROUBLE_TIMEOUT, c, "it did not follow by the end");
	}
}

static void goodbye(struct worker *w, struct client *c)
{
	uint8_t code[2] = {1000 >> 8, 1000 & 0xff};

	if (c->state == CLIENT_FOLLOWING && !(c->stopper && c->stopped))
		client_say(w, c, WS_CLOSE, code, sizeof(code));
}

/* True: everybody is gone, or had the time to. */
static bool leave(struct worker *w, uint64_t *leave_ns)
{
	if (w->shared->phase != PHASE_LEAVE)
		return false;
	if (w->leave_at == 0)
		leave_begin(w);
	for (int i = 0; i < LEAVES_PER_TURN && w->leave_at < w->clients_count; i++) {
		goodbye(w, &w->clients[w->leave_at++]);
		*leave_ns = w->now.mono_ns;
	}
	return w->leave_at == w->clients_count &&
	       (w->stats.following == 0 || w->now.mono_ns - *leave_ns > LEAVE_NS);
}

/* --- the thread ------------------------------------------------------------------------------- */

static uint64_t sleep_ns(const struct worker *w)
{
	uint64_t due_ns;

	if (w->shared->phase == PHASE_LEAVE)
		return w->leave_at < w->clients_count ? 0 : NS_PER_MS;
	if (!w->scheduled || w->shared->phase != PHASE_RUN)
		return SLEEP_MAX_NS;
	due_ns = worker_placement_due_ns(w);
	if (due_ns <= w->now.mono_ns)
		return NS_PER_MS; /* held up by a full window: the answer wakes us */
	return due_ns - w->now.mono_ns < SLEEP_MAX_NS ? due_ns - w->now.mono_ns : SLEEP_MAX_NS;
}

static void turns(struct worker *w)
{
	uint64_t began_ns = clock_now().mono_ns;
	uint64_t behind_ns = 0;
	uint64_t leave_ns = 0;

	w->beat_ns = w->second_ns = began_ns;
	for (;;) {
		bool more = ring_set_take(&w->rings, &w->now, event_take, w);

		worker_due(w, began_ns);
		if (leave(w, &leave_ns))
			break;
		painters_flush(w);
		beat(w);
		sight_settle(w->sight, w->now.mono_ns, &w->latencies, &w->second);
		second_publish(w);
		stats_publish(w, &behind_ns);
		ring_set_submit(&w->rings);
		ring_set_wait(&w->rings, more ? 0 : sleep_ns(w));
	}
	sight_settle(w->sight, UINT64_MAX, &w->latencies, &w->second);
}

void *worker_thread_main(void *arg)
{
	struct worker *w = arg;
	int r = ring_set_open(&w->rings);

	if (target_is_loopback(&w->options->net.targets[0]))
		ring_set_thread_first();

	if (r < 0)
		stat_set(&w->stats.failed, (uint64_t)-r);
	else
		turns(w);
	ring_set_close(&w->rings);
	return NULL;
}
