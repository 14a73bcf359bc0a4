/*
 * fanout.c - the broadcast: every subscription is a cursor into its board's log, visited in rounds.
 *
 * A visit sends log[cursor .. head at that moment] directly from the log. A round visits every
 * subscription once, in batches between which the worker does everything else; the next round
 * starts when the minimum interval is over, or when this one ends. So overload makes frames larger,
 * not more numerous.
 *
 *   prepare: guard the cursor, move it to the head, send   (one per connection and batch)
 *   submit:  the kernel accepts what it can; an event arrives only if that was not everything
 *   reap:    the event moves the cursor back to what was accepted
 *   then:    guards are released
 *
 * A short send leaves the client inside a frame: `inside` and frame_end record it, and nothing else
 * may be sent before the frame's end. Until the reap this is unknown (conn_is_in_batch()), and the
 * client's input may be reaped first, so no subscription is dropped in between. Sockets are never
 * polled: a full one is tried again in the next round, and less often while it stays full.
 */
#include "edge/conn/state.h"
#include "engine/room_log.h"

/* --- subscriptions ---------------------------------------------------------------------------- */

static uint32_t lane_slot_take(struct worker *w, struct lane *lane)
{
	uint32_t index = lane->sub_free;

	px_assert(index == NONE || w->subs[index].conn == NONE);
	if (index != NONE)
		lane->sub_free = w->subs[index].next;
	else if (lane->subs_end < lane->subs_base + w->subs_per_lane)
		index = lane->subs_end++;
	return index;
}

/* Among those of the connection's own ring, so that a batch of the round is one submit to one ring;
 * elsewhere only when that has none left. */
static uint32_t sub_slot_take(struct worker *w, struct lane *lane)
{
	uint32_t index = lane_slot_take(w, lane);

	for (uint32_t i = 0; index == NONE && i < w->config.rings; i++)
		index = lane_slot_take(w, &w->lanes[i]);
	return index;
}

struct sub *sub_new(struct worker *w, struct conn *c, uint16_t room, uint64_t cursor)
{
	struct room *r = w->shared->rooms->at[room];
	struct sub *s;
	uint32_t index;

	px_assert(c->state == CONN_WS && c->why == CLOSE_NONE);
	px_assert(sub_find(w, c, room) == NULL); /* one of each board */
	px_assert(r != NULL && c->encoding < ROOM_LOGS);
	if (c->subs >= SUBS_PER_CONN_MAX)
		return NULL;
	index = sub_slot_take(w, conn_lane(w, c));
	if (index == NONE)
		return NULL;

	s = &w->subs[index];
	s->cursor = cursor;
	s->sent = 0;
	s->log = atomic_load_explicit(&r->logs[c->encoding], memory_order_acquire);
	px_assert(s->log != NULL);
	s->conn = conn_index(w, c);
	s->room = room;
	s->encoding = c->encoding;
	s->skip = s->backoff = 0;
	s->inside = s->was_inside = s->shorted = s->face_due = s->ends = false;
	s->next = c->sub_head;
	c->sub_head = index;
	c->subs++;
	w->sub_count++;
	w->round.lagging = true; /* it may be behind the head: a round is due */
	metric_add(&w->metrics.subs, 1);
	atomic_fetch_add_explicit(&r->online[w->config.index], 1, memory_order_relaxed);
	return s;
}

void sub_free(struct worker *w, struct sub *s)
{
	struct conn *c = &w->conns[s->conn];
	uint32_t index = (uint32_t)(s - w->subs);
	struct lane *lane = &w->lanes[index / w->subs_per_lane];
	uint32_t *link = &c->sub_head;

	px_assert(s->conn != NONE);
	while (*link != index) {
		px_assert(*link != NONE);
		link = &w->subs[*link].next;
	}
	*link = s->next;
	px_assert(w->sub_count > 0 && (s->ends || c->subs > 0));
	if (c->inside_sub == index)
		c->inside_sub = NONE;
	c->subs -= !s->ends;
	w->faces_due -= s->face_due;
	s->face_due = false;
	s->conn = NONE;
	s->generation = (s->generation + 1) & OP_GENERATION_MASK;
	s->next = lane->sub_free;
	lane->sub_free = index;
	w->sub_count--;
	metric_sub(&w->metrics.subs, 1);
	atomic_fetch_sub_explicit(&w->shared->rooms->at[s->room]->online[w->config.index], 1,
				  memory_order_relaxed);
}

void sub_end(struct worker *w, struct sub *s)
{
	struct conn *c = &w->conns[s->conn];

	px_assert(!s->ends && c->subs > 0); /* once */
	if (!s->inside && !conn_is_in_batch(w, c)) {
		sub_free(w, s);
		return;
	}
	s->ends = true;
	c->subs--;
	w->round.lagging = true;
}

struct sub *sub_find(struct worker *w, const struct conn *c, uint16_t room)
{
	for (uint32_t i = c->sub_head; i != NONE; i = w->subs[i].next)
		if (w->subs[i].room == room && !w->subs[i].ends)
			return &w->subs[i];
	return NULL;
}

/* --- one visit -------------------------------------------------------------------------------- */

/* Guards the cursor for the batch; false: it has fallen out of the log. */
static bool sub_guard(struct worker *w, const struct sub *s)
{
	unsigned log = s->room * (unsigned)ROOM_LOGS + s->encoding;

	if (!room_log_guard(s->log, w->config.index, s->cursor))
		return false;
	if (!w->batch.is_guarded[log]) {
		px_assert(w->batch.guarded_count < ROOMS_MAX * ROOM_LOGS);
		w->batch.is_guarded[log] = true;
		w->batch.guarded[w->batch.guarded_count++] = (uint16_t)log;
	}
	return true;
}

void fanout_release(struct worker *w)
{
	for (unsigned i = 0; i < w->batch.guarded_count; i++) {
		unsigned log = w->batch.guarded[i];
		struct room *room = w->shared->rooms->at[log / ROOM_LOGS];

		room_log_release(
			atomic_load_explicit(&room->logs[log % ROOM_LOGS], memory_order_relaxed),
			w->config.index);
		w->batch.is_guarded[log] = false;
	}
	w->batch.guarded_count = 0;
}

static void sub_lost(struct worker *w, struct conn *c, struct sub *s)
{
	px_assert(c->state == CONN_WS && !conn_is_in_batch(w, c)); /* else `inside` is not known */
	if (s->inside)
		conn_abort(w, c, CLOSE_LAGGED);
	else
		w->protocols[c->state].lost(w, c, s);
}

/* Its last frame is sent, unless an event says otherwise. */
static void sub_over(struct worker *w, struct sub *s)
{
	px_assert(s->ends && !s->inside);
	if (conn_is_in_batch(w, &w->conns[s->conn]))
		w->round.lagging = true;
	else
		sub_free(w, s);
}

/* True: a send was prepared. */
static bool sub_visit(struct worker *w, uint32_t index)
{
	struct sub *s = &w->subs[index];
	struct conn *c;
	uint64_t end;

	if (s->conn == NONE)
		return false;
	if (s->ends && !s->inside) {
		sub_over(w, s);
		return false;
	}
	end = room_log_head(s->log);
	if (s->cursor == end)
		return false;
	if (s->skip > 0) {
		s->skip--;
		w->round.lagging = true;
		return false;
	}
	c = &w->conns[s->conn];
	if (c->inside_sub != NONE && c->inside_sub != index) { /* which is visited once a round */
		w->round.lagging = true;
		return false;
	}
	if (conn_is_in_batch(w, c)) {
		if (w->batch.deferred_count < FANOUT_BATCH)
			w->batch.deferred[w->batch.deferred_count++] = index;
		w->round.lagging = true;
		return false;
	}
	if (c->why != CLOSE_NONE && !s->inside)
		return false; /* closing: the frame that it stood in was its last */
	/* answers go first, but never into a frame */
	if (c->out != NULL || c->why != CLOSE_NONE) {
		w->round.lagging = true;
		if (!s->inside)
			return false;
		end = s->frame_end;
	} else if (s->inside && (c->subs > 1 || s->ends)) { /* then the others have their turn */
		w->round.lagging = true;
		end = s->frame_end;
	}
	if (!sub_guard(w, s)) {
		sub_lost(w, c, s);
		return false;
	}
	px_assert(s->cursor < end);
	wire_send_now(&c->wire, conn_ring(w, c),
		      (struct wire_range){room_log_at(s->log, s->cursor), end - s->cursor},
		      op_tag_pack(OP_SEND_LOG, s->generation, index));
	metric_add(&w->metrics.log_sends, 1);
	metric_add(&w->metrics.log_bytes, end - s->cursor);
	if (!s->shorted)
		s->backoff = 0;
	s->shorted = false;
	s->sent = (uint32_t)(end - s->cursor); /* a log is far shorter */
	s->was_inside = s->inside;
	s->cursor = end; /* this and the next two: unless an event says otherwise */
	s->inside = false;
	c->inside_sub = NONE;
	c->batch = w->batch.number;
	return true;
}

/* --- what was not taken whole ----------------------------------------------------------------- */

/* Where the frame ends in which `cursor` stands, or cursor itself at a boundary. `from` is a
 * boundary. Everything is guarded. */
static uint64_t frame_end_find(const struct room_log *log, uint64_t from, uint64_t cursor)
{
	uint64_t head = room_log_head(log);

	while (from < cursor) {
		uint64_t len = ws_frame_bytes(room_log_at(log, from), head - from);

		px_assert(len > 0);
		from += len;
	}
	return from;
}

static void sub_inside_set(struct worker *w, struct conn *c, struct sub *s, uint64_t sent_from)
{
	uint64_t boundary = s->was_inside ? s->frame_end : sent_from;

	if (s->cursor >= boundary)
		s->frame_end = frame_end_find(s->log, boundary, s->cursor);
	s->inside = s->frame_end != s->cursor;
	px_assert(s->cursor <= s->frame_end); /* guarded: it can be finished */
	c->inside_sub = s->inside ? (uint32_t)(s - w->subs) : NONE;
}

/* The event of a send from the log: what the socket took, or why it took nothing. */
void fanout_send_short(struct worker *w, uint32_t index, int res)
{
	struct sub *s = &w->subs[index];
	struct conn *c = &w->conns[s->conn];
	struct wire_sent sent = wire_now_sent(res);
	uint64_t from = s->cursor - s->sent;

	px_assert(s->conn != NONE && s->sent <= s->cursor);
	px_assert(conn_is_in_batch(w, c) && c->inside_sub == NONE); /* until now it was not known */
	if (sent.is_broken) {
		conn_abort(w, c, CLOSE_PEER_GONE);
		return;
	}
	px_assert(sent.taken < s->sent); /* ring.h: of a whole send there is no event */
	metric_add(&w->metrics.log_short, 1);
	metric_sub(&w->metrics.log_bytes, s->sent - sent.taken);
	s->cursor = from + sent.taken;
	s->shorted = true;
	sub_inside_set(w, c, s, from);
	if (sent.taken == 0) {
		s->skip = s->backoff;
		s->backoff = s->backoff < BACKOFF_ROUNDS_MAX / 2 ? (uint8_t)(s->backoff * 2 + 1)
								 : BACKOFF_ROUNDS_MAX;
	}
	if (c->closed_in_batch) { /* now it is known what is owed */
		c->closed_in_batch = false;
		conn_owed_begin(w, c);
	}
	w->round.lagging = true;
}

/* --- rounds ----------------------------------------------------------------------------------- */

static uint64_t frames_now(const struct worker *w)
{
	return atomic_load_explicit(&w->shared->rooms->frames, memory_order_acquire);
}

static bool round_is_due(const struct worker *w)
{
	if (w->sub_count == 0)
		return w->due.stuck.head != NONE;
	return w->round.lagging || w->due.stuck.head != NONE ||
	       frames_now(w) != w->round.frames_seen;
}

static void round_begin(struct worker *w)
{
	px_assert(!w->round.is_on && w->batch.deferred_count == 0); /* the last one is over */
	w->round.is_on = true;
	w->round.lane = 0;
	w->round.at = w->lanes[0].subs_base;
	w->round.start_ns = w->now.mono_ns;
	w->round.frames_seen = frames_now(w);
	w->round.lagging = false;
	w->round.rest_left_ns = w->shared->limits.round_rest_ns;
	conn_stuck_retry(w);
}

static void round_end(struct worker *w)
{
	uint64_t took_ns = w->now.mono_ns - w->round.start_ns;

	px_assert(w->round.is_on);
	w->round.is_on = false;
	w->round.next_ns = w->round.start_ns + w->shared->limits.round_interval_ns;
	atomic_store_explicit(&w->round.took_ns, took_ns, memory_order_relaxed);
	metric_add(&w->metrics.rounds, 1);
	histogram_add(w->round.history, took_ns / 1000);
}

/* A round that takes longer than the last one counts before it ends: when a quiet crowd begins to
 * place, frames would be cut as for short rounds until then. */
static void round_goes_on(struct worker *w)
{
	uint64_t ns = w->now.mono_ns - w->round.start_ns;

	px_assert(w->round.is_on);
	if (ns > metric_get(&w->round.took_ns))
		atomic_store_explicit(&w->round.took_ns, ns, memory_order_relaxed);
}

/* Behind a batch the worker rests for three quarters of its time, in all round_rest_ns in a round:
 * while it sends all cores are busy, and what people wait for, acknowledgements first of all,
 * stands in line. A crowd whose rounds take long has no use for that: its rests are soon used up,
 * and from then on its batches are large. */
static void batch_rest(struct worker *w)
{
	uint64_t rest_ns = (w->now.mono_ns - w->round.batch_ns) / 4 * 3;

	if (w->round.batch_ns == 0)
		return;
	px_assert(w->round.batch_ns <= w->now.mono_ns);
	if (rest_ns > w->round.rest_left_ns)
		rest_ns = w->round.rest_left_ns;
	w->round.rest_left_ns -= rest_ns;
	w->round.rest_until_ns = w->now.mono_ns + rest_ns;
	w->round.batch_ns = 0;
}

/* The next subscription of the round; false: all had their turn. */
static bool round_next(struct worker *w, uint32_t *ret_index)
{
	while (w->round.lane < w->config.rings && w->round.at == w->lanes[w->round.lane].subs_end) {
		w->round.lane++;
		if (w->round.lane < w->config.rings)
			w->round.at = w->lanes[w->round.lane].subs_base;
	}
	if (w->round.lane == w->config.rings)
		return false;
	*ret_index = w->round.at++;
	return true;
}

static uint32_t batch_most(const struct worker *w)
{
	if (w->shared->limits.round_rest_ns == 0)
		return FANOUT_BATCH;
	return w->round.rest_left_ns > 0 ? FANOUT_BATCH_SMALL : FANOUT_BATCH_SOON;
}

/* One batch. */
void fanout_run(struct worker *w)
{
	uint32_t sends = 0, visits = 0, deferred = w->batch.deferred_count, most, index;

	px_assert(w->batch.guarded_count == 0); /* the batch before is over */
	batch_rest(w);
	if (w->now.mono_ns < w->round.rest_until_ns)
		return;
	if (!w->round.is_on) {
		if (w->now.mono_ns < w->round.next_ns || !round_is_due(w))
			return;
		round_begin(w);
	}
	most = batch_most(w);
	for (uint32_t i = 0; i < deferred; i++)
		sends += sub_visit(w, w->batch.deferred[i]);
	w->batch.deferred_count =
		0; /* whose connection is busy again waits for the next round: a flood of
				* answers to one client must not keep the round from ending */
	while (sends < most && visits < VISITS_PER_TURN && round_next(w, &index)) {
		sends += sub_visit(w, index);
		visits++;
	}
	w->round.batch_ns = sends > 0 ? w->now.mono_ns : 0;
	if (w->round.lane == w->config.rings && w->batch.deferred_count == 0)
		round_end(w);
	else
		round_goes_on(w);
}

uint64_t fanout_wait_ns(const struct worker *w)
{
	uint64_t at_ns = w->round.is_on || w->round.next_ns < w->round.rest_until_ns
				 ? w->round.rest_until_ns
				 : w->round.next_ns;

	if (!w->round.is_on && !round_is_due(w))
		return UINT64_MAX;
	return at_ns > w->now.mono_ns ? at_ns - w->now.mono_ns : 0;
}
