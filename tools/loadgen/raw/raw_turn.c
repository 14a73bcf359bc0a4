/*
 * raw_turn.c - the thread of a raw worker: the order of a turn, and what comes due in it.
 *
 *	events -> come due (connects, messages) -> flush senders -> beat -> submit -> sleep
 *
 * Owner: the worker's thread. Each part has a budget, so that a flood of events holds up no message
 * for long, and many messages no event.
 */
#include "engine/base/assert.h"
#include "tools/loadgen/raw/raw_priv.h"

#define OPENING_MAX       1000
#define OPENS_PER_TURN    64
#define LEAVES_PER_TURN   512
#define SLEEP_MAX_NS      (5 * NS_PER_MS)
#define BEAT_CIRCLE_NS    (2 * NS_PER_SEC)
#define AWAITED_LOOK_NS   (50 * NS_PER_MS)
#define ANSWER_TIMEOUT_NS (30 * NS_PER_SEC)
#define LEAVE_NS          (2 * NS_PER_SEC)

/* --- events ----------------------------------------------------------------------------------- */

static void event_take(void *arg, const struct ring_event *e)
{
	struct raw_worker *w = arg;
	struct op_tag tag = op_tag_unpack(e->tag);
	struct raw_client *c;

	px_assert(tag.slot < w->clients_count);
	c = &w->clients[tag.slot];
	if (tag.generation == c->generation)
		raw_client_event(w, c, (enum raw_op)tag.kind, e);
}

/* --- what comes due --------------------------------------------------------------------------- */

static void connects_open(struct raw_worker *w)
{
	double passed = (double)(w->now.mono_ns - w->shared->began_ns) * 1e-9;
	double rate = w->options->net.connect_rate / w->options->net.threads;

	for (int i = 0; i < OPENS_PER_TURN && w->opened < w->clients_count; i++) {
		if (w->opening >= OPENING_MAX || (rate > 0 && w->opened > passed * rate))
			return;
		raw_client_open(w, &w->clients[w->opened++]);
	}
}

/* Looks at every client once in BEAT_CIRCLE_NS, a few in each turn. */
static void beat(struct raw_worker *w)
{
	uint64_t passed_ns = w->now.mono_ns - w->beat_ns;
	uint64_t due = passed_ns * w->clients_count / BEAT_CIRCLE_NS;

	if (due == 0)
		return;
	if (due > w->clients_count)
		due = w->clients_count;
	w->beat_ns = w->now.mono_ns;
	for (; due > 0; due--) {
		struct raw_client *c = &w->clients[w->beat_at];

		if ((c->state == RAW_CONNECTING || c->state == RAW_UPGRADING) &&
		    w->now.mono_ns - c->since_ns > ANSWER_TIMEOUT_NS)
			raw_client_break(w, c, TROUBLE_TIMEOUT, "while connecting");
		w->beat_at = (w->beat_at + 1) % w->clients_count;
	}
}

static void second_publish(struct raw_worker *w)
{
	if (w->now.mono_ns - w->second_ns < NS_PER_SEC)
		return;
	w->second_ns = w->now.mono_ns;
	(void)pthread_mutex_lock(&w->lock);
	w->second_last = w->second;
	(void)pthread_mutex_unlock(&w->lock);
	hdr_reset(&w->second);
}

static void awaited_publish(struct raw_worker *w, uint64_t *looked_ns)
{
	uint64_t until_ns = w->shared->open_until_ns;

	if (w->track == NULL || until_ns == UINT64_MAX ||
	    w->now.mono_ns - *looked_ns < AWAITED_LOOK_NS)
		return;
	*looked_ns = w->now.mono_ns;
	raw_stat_set(&w->stats.awaited, raw_track_open(w->track, until_ns));
	atomic_fetch_add_explicit(&w->stats.looked, 1, memory_order_release);
}

/* --- leaving ---------------------------------------------------------------------------------- */

/* From here on the end of a connection is no trouble; one that does not stand by now is. */
static void leave_begin(struct raw_worker *w)
{
	for (uint32_t i = 0; i < w->clients_count; i++) {
		struct raw_client *c = &w->clients[i];

		c->leaving = c->state == RAW_OPEN;
		if (c->state <= RAW_UPGRADING)
			raw_trouble(w, TROUBLE_TIMEOUT, c, "it was not connected by the end");
	}
}

static void goodbye(struct raw_worker *w, struct raw_client *c)
{
	uint8_t code[2] = {1000 >> 8, 1000 & 0xff};

	if (c->state == RAW_OPEN)
		raw_client_say(w, c, WS_CLOSE, code, sizeof(code));
}

/* True: everybody is gone, or had the time to. */
static bool leave(struct raw_worker *w, uint64_t *leave_ns)
{
	if (w->shared->phase != RAW_PHASE_LEAVE)
		return false;
	if (w->leave_at == 0)
		leave_begin(w);
	for (int i = 0; i < LEAVES_PER_TURN && w->leave_at < w->clients_count; i++) {
		goodbye(w, &w->clients[w->leave_at++]);
		*leave_ns = w->now.mono_ns;
	}
	return w->leave_at == w->clients_count &&
	       (w->stats.open == 0 || w->now.mono_ns - *leave_ns > LEAVE_NS);
}

/* --- the thread ------------------------------------------------------------------------------- */

static uint64_t sleep_ns(const struct raw_worker *w)
{
	uint64_t due_ns;

	if (w->shared->phase == RAW_PHASE_LEAVE)
		return w->leave_at < w->clients_count ? 0 : NS_PER_MS;
	if (!w->scheduled || w->shared->phase != RAW_PHASE_RUN)
		return SLEEP_MAX_NS;
	due_ns = schedule_next_ns(&w->schedule);
	if (due_ns <= w->now.mono_ns)
		return NS_PER_MS; /* held up by full windows: an echo wakes us */
	return due_ns - w->now.mono_ns < SLEEP_MAX_NS ? due_ns - w->now.mono_ns : SLEEP_MAX_NS;
}

static void turns(struct raw_worker *w)
{
	uint64_t looked_ns = 0;
	uint64_t leave_ns = 0;

	w->beat_ns = w->second_ns = clock_now().mono_ns;
	for (;;) {
		bool more = ring_set_take(&w->rings, &w->now, event_take, w);

		if (w->shared->phase != RAW_PHASE_LEAVE)
			connects_open(w);
		raw_senders_assign(w);
		if (leave(w, &leave_ns))
			break;
		raw_senders_flush(w);
		beat(w);
		second_publish(w);
		awaited_publish(w, &looked_ns);
		ring_set_submit(&w->rings);
		ring_set_wait(&w->rings, more ? 0 : sleep_ns(w));
	}
}

void *raw_thread_main(void *arg)
{
	struct raw_worker *w = arg;
	int r = ring_set_open(&w->rings);

	if (target_is_loopback(&w->options->net.targets[0]))
		ring_set_thread_first();

	if (r < 0)
		raw_stat_set(&w->stats.failed, (uint64_t)-r);
	else
		turns(w);
	ring_set_close(&w->rings);
	return NULL;
}
