/*
 * stack.c - see stack.h.
 *
 * Threads are rows of a table: how to run one, whether it sleeps. Workers and writer sleep on their
 * rings; the helpers (keeper, packer, historian, receiver) on a flag, and while what they do takes
 * its time.
 */
#include "tests/sim/stack.h"

#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/blob.h"
#include "engine/room_log.h"
#include "tests/prng.h"
#include "tests/sim/ring_sim.h"
#include "tests/sim/stack_priv.h"

#define CATCH_UP_NS (5 * NS_PER_SEC) /* as server_receiver.c gives it */

/* --- turns ---------------------------------------------------------------------------------- */

static bool thread_is_awake(struct stack *s, struct thread *t, uint64_t now_ns)
{
	switch (t->kind) {
	case THREAD_WORKER:
		return s->workers[t->worker] != NULL &&
		       ring_sim_is_awake(worker_ring(s->workers[t->worker]));
	case THREAD_WRITER:
		return ring_sim_is_awake(writer_ring(s->writer));
	case THREAD_KEEPER:
	case THREAD_PACKER:
	case THREAD_HISTORIAN:
	case THREAD_RECEIVER:
		return now_ns >= t->busy_until_ns && (t->woken || now_ns >= t->sleep_until_ns);
	}
	px_unreachable("kind of thread");
}

/* The end of the loop of a thread with a ring, as main() has it. */
static void ring_sleep(struct ring *lead, uint64_t wait_ns, bool has_mail)
{
	if (wait_ns > 0 && !has_mail)
		ring_wait(lead, wait_ns);
	else
		ring_wait(lead, 0);
}

static void worker_run(struct worker *w, struct now now)
{
	uint64_t wait_ns = worker_turn(w, now);

	if (wait_ns == 0)
		return;
	ring_doze(worker_ring(w));
	ring_sleep(worker_ring(w), wait_ns, worker_has_mail(w));
}

static void writer_run(struct writer *w, struct now now)
{
	bool nap; /* to take a turn more is always right */
	uint64_t wait_ns = writer_turn(w, now, &nap);

	if (wait_ns == 0)
		return;
	ring_doze(writer_ring(w));
	ring_sleep(writer_ring(w), wait_ns, writer_has_mail(w));
}

static uint64_t packer_turn(struct stack *s)
{
	const struct pack_job *job = spsc_peek(s->pack_jobs);
	struct pack_job *done = job != NULL ? spsc_push(s->pack_done) : NULL;

	if (done == NULL)
		return job != NULL ? 0 : UINT64_MAX;
	*done = *job;
	done->blob = packer_run(s->packer, job->face, job->copy, (enum board_form)job->form);
	if (done->blob != NULL)
		blob_account(done->blob, job->account);
	spsc_pop(s->pack_jobs);
	(void)spsc_publish(s->pack_done);
	stack_wake_writer(s);
	return 0;
}

/* Reading takes time, in which others place. */
static uint64_t historian_run(struct stack *s, struct thread *t, struct now now, uint64_t *dice)
{
	uint64_t wait_ns = historian_turn(s->historian, now);

	if (wait_ns == 0 && s->config.read_ns_max > 0)
		t->busy_until_ns = now.mono_ns + prng_below(dice, s->config.read_ns_max);
	return wait_ns;
}

static uint64_t receiver_run(struct stack *s, struct thread *t, struct now now)
{
	uint64_t wait_ns = receiver_turn(s->receiver, now);

	px_assert(s->receiver_stopping || !receiver_is_closed(s->receiver));
	t->busy_until_ns = now.mono_ns + sink_busy_ns(s->config.sink);
	return wait_ns;
}

static void helper_run(struct stack *s, struct thread *t, struct now now, uint64_t *dice)
{
	uint64_t wait_ns;

	t->woken = false;
	if (t->kind == THREAD_KEEPER)
		wait_ns = keeper_turn(s->keeper, now);
	else if (t->kind == THREAD_PACKER)
		wait_ns = packer_turn(s);
	else if (t->kind == THREAD_HISTORIAN)
		wait_ns = historian_run(s, t, now, dice);
	else
		wait_ns = receiver_run(s, t, now);
	t->sleep_until_ns = wait_ns == UINT64_MAX ? UINT64_MAX : now.mono_ns + wait_ns;
}

static void thread_run(struct stack *s, struct thread *t, struct now now, uint64_t *dice)
{
	switch (t->kind) {
	case THREAD_WORKER:
		worker_run(s->workers[t->worker], now);
		return;
	case THREAD_WRITER:
		writer_run(s->writer, now);
		return;
	case THREAD_KEEPER:
	case THREAD_PACKER:
	case THREAD_HISTORIAN:
	case THREAD_RECEIVER:
		helper_run(s, t, now, dice);
		return;
	}
}

/* What must hold between any two turns. */
static void rooms_check(struct stack *s)
{
	const struct rooms *rooms = writer_rooms(s->writer);

	for (uint32_t i = 0; i < rooms->end; i++) {
		const struct room *room = rooms->at[i];
		uint64_t seq;

		if (room == NULL)
			continue;
		seq = atomic_load(&room->seq);
		px_assert(seq >= s->seq[i]);
		s->seq[i] = seq;
		for (unsigned e = 0; e < ROOM_LOGS; e++) {
			const struct room_log *log = atomic_load(&room->logs[e]);

			px_assert(log == NULL || room_log_last(log) <= seq);
		}
	}
}

/* --- the orderly stop ---------------------------------------------------------------------- */

void stack_stop(struct stack *s)
{
	s->stopping = true;
	atomic_store(&s->shared.stopping, true);
}

static bool workers_are_empty(const struct stack *s)
{
	for (unsigned i = 0; i < s->config.workers; i++) {
		struct worker_left left = worker_left(s->workers[i]);

		struct ring_sim_left ring = ring_sim_left(worker_ring(s->workers[i]));

		if (left.conns + left.subs + left.loans + left.requests != 0)
			return false;
		if (ring.slots + ring.ops + ring.loans + ring.events != 0)
			return false; /* an accept may still bring somebody */
	}
	return true;
}

bool stack_is_stopped(const struct stack *s)
{
	return s->workers_gone && writer_is_stopped(s->writer) &&
	       (s->receiver == NULL || receiver_is_closed(s->receiver));
}

static void workers_end(struct stack *s)
{
	for (unsigned i = 0; i < s->config.workers; i++) {
		struct worker_left left = worker_left(s->workers[i]);

		px_assert(left.in_bufs == 0);
		px_assert(left.out_bufs == 0);
		worker_free(s->workers[i]);
		s->workers[i] = NULL;
	}
	px_assert(atomic_load(&s->shared.clients) == 0);
	s->workers_gone = true;
	writer_stop(s->writer);
	stack_wake_writer(s);
}

/* It has a while to catch up; then nobody waits for its other end any more. */
static void receiver_end(struct stack *s, uint64_t now_ns)
{
	if (!s->receiver_stopping) {
		s->receiver_stopping = true;
		s->catch_up_until_ns = now_ns + CATCH_UP_NS;
		receiver_stop(s->receiver);
		stack_thread(s, THREAD_RECEIVER)->woken = true;
	}
	if (now_ns >= s->catch_up_until_ns)
		sink_abort(s->config.sink);
}

/* Workers go when nothing is left of them; then the writer closes the journal; then the receiver
 * ends with it. */
static void stop_run(struct stack *s, uint64_t now_ns)
{
	if (s->stopping && !s->workers_gone && workers_are_empty(s))
		workers_end(s);
	if (s->workers_gone && writer_is_stopped(s->writer) && s->receiver != NULL)
		receiver_end(s, now_ns);
}

void stack_turn(struct stack *s, struct now now, uint64_t *dice)
{
	unsigned at = (unsigned)prng_below(dice, s->threads_len);

	for (unsigned i = 0; i < s->threads_len; i++) {
		struct thread *t = &s->threads[(at + i) % s->threads_len];

		if (thread_is_awake(s, t, now.mono_ns) && prng_below(dice, 8) != 0) {
			thread_run(s, t, now, dice);
			rooms_check(s);
		}
	}
	stop_run(s, now.mono_ns);
}

void stack_faces_wish(struct stack *s, struct face_wish *wish)
{
	writer_faces_wish(s->writer, wish);
	stack_wake_writer(s);
}

const struct room *stack_room(struct stack *s, const char *name)
{
	return rooms_find(writer_rooms(s->writer), name, strlen(name));
}

uint64_t stack_durable_lsn(const struct stack *s)
{
	return writer_durable_lsn(s->writer);
}

bool stack_is_ready(const struct stack *s)
{
	return writer_is_ready(s->writer);
}
