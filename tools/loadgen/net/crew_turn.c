/*
 * crew_turn.c - the thread of a crew: the order of a turn, and what is due in it.
 *
 *	events -> connects -> due (the speaker's) -> flush -> beat -> publish -> submit -> sleep
 *
 * Owner: the thread. Each part has a budget, so that a flood of events does not delay what is due
 * for long, nor much that is due the events.
 */
#include <string.h>

#include "engine/base/assert.h"
#include "engine/ring/op.h"
#include "tools/loadgen/net/crew.h"

#define OPENING_MAX       1000
#define OPENS_PER_TURN    64
#define LEAVES_PER_TURN   512
#define SLEEP_MAX_NS      (5 * NS_PER_MS)
#define WAITING_LOOK_NS   (10 * NS_PER_MS)
#define BEAT_CIRCLE_NS    (2 * NS_PER_SEC)
#define SETTLE_CIRCLE_NS  (500 * NS_PER_MS)
#define BEATS_PER_TURN    128U
#define ANSWER_TIMEOUT_NS (30 * NS_PER_SEC)
#define LEAVE_NS          (2 * NS_PER_SEC)

/* --- events ----------------------------------------------------------------------------------- */

static void event_take(void *arg, const struct ring_event *e)
{
	struct crew *crew = arg;
	struct op_tag tag = op_tag_unpack(e->tag);
	struct link *c;

	px_assert(tag.slot < crew->count);
	c = crew_link(crew, tag.slot);
	if (tag.generation == c->generation)
		link_event(crew, c, (enum link_op)tag.kind, e);
}

/* --- connects --------------------------------------------------------------------------------- */

/* When the next client is to open. Those that are open from the start do so before the run, at the
 * connect rate. */
static uint64_t open_due_ns(const struct crew *crew)
{
	uint64_t number = (uint64_t)crew->opened * crew->options->threads + crew->number;
	uint64_t at_ns =
		crew->speaker->opens_ns == NULL ? 0 : crew->speaker->opens_ns(crew, number);

	if (at_ns != 0)
		return at_ns;
	if (crew->options->connect_rate <= 0)
		return crew->now.mono_ns;
	return crew->began_ns + (uint64_t)((double)number * 1e9 / crew->options->connect_rate);
}

static void connects_open(struct crew *crew)
{
	for (int i = 0; i < OPENS_PER_TURN && crew->opened < crew->count; i++) {
		uint64_t due_ns = open_due_ns(crew);

		if (crew->opening >= OPENING_MAX || due_ns > crew->now.mono_ns)
			return;
		link_open(crew, crew_link(crew, crew->opened++), due_ns);
	}
}

/* Those whose time has come leave the list and connect. */
static void waiting_open(struct crew *crew)
{
	uint32_t *link = &crew->waiting_head;
	int budget = OPENS_PER_TURN;

	if (crew->now.mono_ns - crew->waiting_looked_ns < WAITING_LOOK_NS)
		return;
	crew->waiting_looked_ns = crew->now.mono_ns;
	while (*link != LINK_NONE && crew->opening < OPENING_MAX && budget > 0) {
		struct link *c = crew_link(crew, *link);

		if (c->since_ns > crew->now.mono_ns) {
			link = &c->next;
			continue;
		}
		*link = c->next;
		c->next = LINK_NONE;
		link_open(crew, c, c->since_ns);
		budget--;
	}
}

/* --- the beat --------------------------------------------------------------------------------- */

static void link_beat(struct crew *crew, struct link *c)
{
	if (link_is_opening(c->state) && crew->now.mono_ns - c->since_ns > ANSWER_TIMEOUT_NS)
		link_break(crew, c, TROUBLE_TIMEOUT, "while connecting");
	if (crew->speaker->beat != NULL)
		crew->speaker->beat(crew, c);
}

/* Looks at every client once in a circle, a few in each turn. At the end, when there is most to
 * read out, the circle is shorter. */
static void beat(struct crew *crew)
{
	uint64_t passed_ns = crew->now.mono_ns - crew->beat_ns;
	uint64_t circle_ns =
		crew->shared->phase == PHASE_SETTLE ? SETTLE_CIRCLE_NS : BEAT_CIRCLE_NS;
	uint64_t due = passed_ns * crew->count / circle_ns;

	if (due == 0)
		return;
	if (due > crew->count)
		due = crew->count;
	if (due > BEATS_PER_TURN) /* each may cost events, which have their time in a turn, too */
		due = BEATS_PER_TURN;
	crew->beat_ns = crew->now.mono_ns;
	for (; due > 0; due--) {
		link_beat(crew, crew_link(crew, crew->beat_at));
		if (++crew->beat_at < crew->count)
			continue;
		crew->beat_at = 0;
		if (crew->speaker->circle_end != NULL)
			crew->speaker->circle_end(crew);
	}
}

/* The histograms of the second that is over. */
static void second_publish(struct crew *crew)
{
	if (crew->now.mono_ns - crew->second_ns < NS_PER_SEC)
		return;
	crew->second_ns = crew->now.mono_ns;
	(void)pthread_mutex_lock(&crew->lock);
	crew->second_last = crew->second;
	(void)pthread_mutex_unlock(&crew->lock);
	memset(&crew->second, 0, sizeof(crew->second));
}

/* --- leaving ---------------------------------------------------------------------------------- */

/* From here on the end of a connection is no trouble; one that does not stand by now is. */
static void leave_begin(struct crew *crew)
{
	for (uint32_t i = 0; i < crew->count; i++) {
		struct link *c = crew_link(crew, i);

		c->leaving = c->state == LINK_STANDING;
		if (c->state < LINK_STANDING)
			crew_trouble(crew, TROUBLE_TIMEOUT, c, "%s", crew->speaker->late);
	}
}

static void goodbye(struct crew *crew, struct link *c)
{
	uint8_t code[2] = {1000 >> 8, 1000 & 0xff};

	if (c->state == LINK_STANDING && !c->stopped)
		link_say(crew, c, WS_CLOSE, code, sizeof(code));
}

/* True: everybody is gone, or had the time to. */
static bool leave(struct crew *crew)
{
	if (crew->shared->phase != PHASE_LEAVE)
		return false;
	if (crew->leave_at == 0)
		leave_begin(crew);
	for (int i = 0; i < LEAVES_PER_TURN && crew->leave_at < crew->count; i++) {
		goodbye(crew, crew_link(crew, crew->leave_at++));
		crew->leave_ns = crew->now.mono_ns;
	}
	return crew->leave_at == crew->count &&
	       (crew->stats.standing == 0 || crew->now.mono_ns - crew->leave_ns > LEAVE_NS);
}

/* --- the thread ------------------------------------------------------------------------------- */

static uint64_t sleep_ns(const struct crew *crew)
{
	uint64_t due_ns;

	if (crew->shared->phase == PHASE_LEAVE)
		return crew->leave_at < crew->count ? 0 : NS_PER_MS;
	if (crew->shared->phase != PHASE_RUN)
		return SLEEP_MAX_NS;
	due_ns = crew->speaker->due_ns(crew);
	if (due_ns <= crew->now.mono_ns)
		return NS_PER_MS; /* held up by full windows: an answer wakes us */
	return due_ns - crew->now.mono_ns < SLEEP_MAX_NS ? due_ns - crew->now.mono_ns
							 : SLEEP_MAX_NS;
}

static void turns(struct crew *crew)
{
	crew->began_ns = clock_now().mono_ns;
	crew->beat_ns = crew->second_ns = crew->began_ns;
	for (;;) {
		bool more = ring_set_take(&crew->rings, &crew->now, event_take, crew);

		if (crew->shared->phase != PHASE_LEAVE) {
			connects_open(crew);
			waiting_open(crew);
		}
		crew->speaker->due(crew);
		if (leave(crew))
			return;
		crew->speaker->flush(crew);
		beat(crew);
		crew->speaker->publish(crew);
		second_publish(crew);
		ring_set_submit(&crew->rings);
		ring_set_wait(&crew->rings, more ? 0 : sleep_ns(crew));
	}
}

void *crew_main(void *arg)
{
	struct crew *crew = arg;
	int r = ring_set_open(&crew->rings);

	if (target_is_loopback(&crew->options->targets[0]))
		ring_set_thread_first();
	if (r < 0)
		stat_set(&crew->stats.failed, (uint64_t)-r);
	else
		turns(crew);
	ring_set_close(&crew->rings);
	return NULL;
}
