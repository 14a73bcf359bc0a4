/*
 * server_threads.c - the loops of the threads, their start and their end.
 *
 * Every loop is the same: read the clock, take a turn, sleep as long as the turn allows unless
 * something has arrived in an inbox since; the helpers' loop is in helper.c. Started in the order
 * writer, helpers, workers; ended in the order workers, writer, helpers: each after all threads
 * that give it work.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/log.h"
#include "server/server_priv.h"

#define WRITER_SLICE_NS 100000
#define STOP_POLL_NS    (20 * NS_PER_MS)
#define LINGER_EXTRA_NS (3 * NS_PER_SEC)

static void loop_sleep(struct ring *lead, uint64_t wait_ns, bool has_mail)
{
	ring_wait(lead, has_mail ? 0 : wait_ns);
	/* More work than time: whoever shares the core goes first, instead of at the next tick of
	 * the scheduler, which is 4 ms away. */
	if (wait_ns == 0)
		(void)sched_yield();
}

static void thread_say(struct server *s, int error)
{
	if (error != 0)
		atomic_store(&s->start_error, error);
	(void)sem_post(&s->ready);
}

/* --- workers ---------------------------------------------------------------------------------- */

static void *worker_run(void *arg)
{
	struct server_worker *sw = arg;
	struct server *s = sw->server;
	struct worker *w;
	int rc = worker_new(&sw->config, clock_now(), &w);
	struct ring *lead;

	if (rc == 0)
		atomic_store(&sw->worker, w);
	thread_say(s, rc);
	if (rc != 0)
		return NULL;
	lead = worker_ring(w);
	while (!atomic_load_explicit(&s->workers_end, memory_order_acquire)) {
		uint64_t wait = worker_turn(w, clock_now());

		ring_doze(lead);
		loop_sleep(lead, wait, worker_has_mail(w));
	}
	return NULL;
}

static void wake_worker(void *arg, unsigned worker)
{
	struct server *s = arg;
	struct worker *w = atomic_load_explicit(&s->workers[worker].worker, memory_order_acquire);

	if (w != NULL)
		ring_wake(worker_ring(w));
}

static uint64_t longest_round_ns(void *arg)
{
	const struct server *s = arg;
	uint64_t longest = 0;

	for (unsigned i = 0; i < s->shared.worker_count; i++) {
		struct worker *w =
			atomic_load_explicit(&s->workers[i].worker, memory_order_acquire);
		uint64_t round = w != NULL ? worker_round_ns(w) : 0;

		longest = round > longest ? round : longest;
	}
	return longest;
}

/* --- the writer ------------------------------------------------------------------------------- */

/* Asks the scheduler for short slices: the writer works for microseconds, and everybody waits for
 * it, while workers keep all cores busy. Kernels before 6.12 ignore the wish. */
static void slice_set(uint64_t slice_ns)
{
	struct { /* sched_attr of the kernel, as it was at first; libc has none */
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr = {.size = sizeof(attr), .runtime = slice_ns};

	(void)syscall(SYS_sched_setattr, 0, &attr, 0);
}

static void *writer_run(void *arg)
{
	struct server *s = arg;
	int rc = writer_start(s->writer, s->helpers[HELPER_KEEPER].self, clock_now());
	struct ring *lead;

	slice_set(WRITER_SLICE_NS);
	thread_say(s, rc);
	if (rc != 0)
		return NULL;
	lead = writer_ring(s->writer);
	while (!writer_is_stopped(s->writer)) {
		uint64_t wait;
		bool nap;

		if (atomic_load_explicit(&s->writer_end, memory_order_acquire))
			writer_stop(s->writer);
		wait = writer_turn(s->writer, clock_now(), &nap);
		if (!nap)
			ring_doze(lead);
		loop_sleep(lead, wait, !nap && writer_has_mail(s->writer));
	}
	return NULL;
}

void server_wake_writer(void *arg)
{
	struct server *s = arg;
	struct ring *lead = writer_ring(s->writer);

	if (lead != NULL)
		ring_wake(lead);
}

/* --- start and end ---------------------------------------------------------------------------- */

/* Starts a thread and waits until it says that it runs, by thread_say(). -errno. */
static int thread_start(struct server *s, pthread_t *thread, void *(*run)(void *), void *arg)
{
	int rc = pthread_create(thread, NULL, run, arg);

	if (rc != 0)
		return -rc;
	while (sem_wait(&s->ready) < 0 && errno == EINTR)
		;
	return atomic_load(&s->start_error);
}

int server_threads_start(struct server *s, char why[static SERVER_WHY_CHARS])
{
	int rc = thread_start(s, &s->writer_thread, writer_run, s);

	if (rc == 0)
		rc = server_helpers_start(s);
	for (unsigned i = 0; rc == 0 && i < s->shared.worker_count; i++) {
		struct server_worker *sw = &s->workers[i];

		sw->config.wake_writer = server_wake_writer;
		sw->config.wake_arg = s;
		rc = thread_start(s, &sw->thread, worker_run, sw);
	}
	if (rc != 0)
		snprintf(why, SERVER_WHY_CHARS, "cannot start: %s: %s", strerror(-rc),
			 ring_open_remedy(rc));
	return rc;
}

static void workers_stop(struct server *s)
{
	uint64_t drain_ns = s->running->drain_ms * NS_PER_MS;
	uint64_t end_ns = clock_now().mono_ns + drain_ns + LINGER_EXTRA_NS;
	struct timespec pause = {.tv_nsec = (long)STOP_POLL_NS};

	atomic_store(&s->shared.drain_ns, drain_ns);
	atomic_store(&s->shared.stopping, true);
	while (atomic_load(&s->shared.clients) > 0 && clock_now().mono_ns < end_ns) {
		for (unsigned i = 0; i < s->shared.worker_count; i++)
			wake_worker(s, i);
		(void)nanosleep(&pause, NULL);
	}
	atomic_store(&s->workers_end, true);
	for (unsigned i = 0; i < s->shared.worker_count; i++) {
		wake_worker(s, i);
		(void)pthread_join(s->workers[i].thread, NULL);
	}
}

void server_threads_stop(struct server *s)
{
	server_helpers_hurry(s);
	workers_stop(s);
	atomic_store(&s->writer_end, true);
	server_wake_writer(s);
	(void)pthread_join(s->writer_thread, NULL);
	server_helpers_stop(s);
}

void server_wiring_fill(struct server *s)
{
	s->writer_config.arg = s;
	s->writer_config.wake_worker = wake_worker;
	s->writer_config.round_ns = longest_round_ns;
}
