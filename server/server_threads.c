/*
 * server_threads.c - the loops of the threads, their start and their end.
 *
 * Every loop is the same: read the clock, take a turn, sleep as long as the turn allows unless
 * somebody has put something into an inbox since; that of the helpers is in helper.c. Started in
 * the order writer, keeper, packer, receiver, historian, workers; ended in the opposite one, each
 * after everybody who gives it work.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/blob.h"
#include "engine/base/log.h"
#include "server/server_priv.h"

#define WRITER_SLICE_NS 100000
#define STOP_POLL_NS    (20 * NS_PER_MS)
#define LINGER_EXTRA_NS (3 * NS_PER_SEC)
#define PACKER_LOOK_NS  (NS_PER_SEC / 10)

/* What it reads for one client takes a core for seconds: everybody else goes first. */
#define HISTORIAN_NICE 15

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
	int rc = writer_start(s->writer, s->keeper, clock_now());
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

static void wake_writer(void *arg)
{
	struct server *s = arg;
	struct ring *lead = writer_ring(s->writer);

	if (lead != NULL)
		ring_wake(lead);
}

/* --- helpers ---------------------------------------------------------------------------------- */

static uint64_t keeper_helper_turn(void *arg, struct now now)
{
	struct server *s = arg;

	return keeper_turn(s->keeper, now);
}

static void wake_keeper(void *arg)
{
	struct server *s = arg;

	helper_wake(&s->keeper_thread);
}

static uint64_t packer_helper_turn(void *arg, struct now now)
{
	struct server *s = arg;
	const struct pack_job *job;

	(void)now;
	while ((job = spsc_peek(s->pack_jobs)) != NULL) {
		struct pack_job *done = spsc_push(s->pack_done);

		if (done == NULL)
			break; /* the writer is behind: at the next look */
		*done = *job;
		done->blob =
			packer_run(s->packer, job->room, job->copy, (enum board_form)job->form);
		if (done->blob != NULL)
			blob_account(done->blob, job->account);
		spsc_pop(s->pack_jobs);
		(void)spsc_publish(s->pack_done);
		wake_writer(s);
	}
	return PACKER_LOOK_NS;
}

static void wake_packer(void *arg)
{
	struct server *s = arg;

	helper_wake(&s->packer_thread);
}

static uint64_t historian_helper_turn(void *arg, struct now now)
{
	struct server *s = arg;

	return historian_turn(s->historian, now);
}

static void wake_historian(void *arg)
{
	struct server *s = arg;

	helper_wake(&s->historian_thread);
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
	struct keeper_config keeper = {.disk = s->disk,
				       .snapshots_past = (uint32_t)s->settings->snapshots_past,
				       .keep_bytes = s->settings->journal_keep_bytes,
				       .free_bytes_min = s->settings->journal_free_bytes,
				       .drop_unread = s->settings->journal_unread == 1,
				       .snapshot_bytes_per_sec = s->settings->snapshot_rate_mib
								 << 20,
				       .arg = s,
				       .wake_writer = wake_writer,
				       .wake_keeper = wake_keeper};
	struct historian_config historian = {.disk = s->history_disk,
					     .past = s->past,
					     .jobs = s->history_jobs,
					     .done = s->history_done,
					     .arg = s,
					     .wake_writer = wake_writer};
	int rc;

	if (s->receiver != NULL)
		keeper.received_lsn = server_received_lsn;
	rc = keeper_new(&keeper, &s->keeper);
	if (rc == 0)
		rc = historian_new(&historian, &s->historian);
	if (rc == 0)
		rc = thread_start(s, &s->writer_thread, writer_run, s);
	if (rc == 0)
		rc = helper_start(&s->keeper_thread,
				  &(struct helper_config){.arg = s, .turn = keeper_helper_turn});
	if (rc == 0)
		rc = helper_start(&s->packer_thread,
				  &(struct helper_config){.arg = s, .turn = packer_helper_turn});
	if (rc == 0)
		rc = server_receiver_start(s);
	if (rc == 0)
		rc = helper_start(&s->historian_thread,
				  &(struct helper_config){.arg = s,
							  .turn = historian_helper_turn,
							  .nice = HISTORIAN_NICE});
	for (unsigned i = 0; rc == 0 && i < s->shared.worker_count; i++) {
		struct server_worker *sw = &s->workers[i];

		sw->config.wake_writer = wake_writer;
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
	uint64_t end_ns = clock_now().mono_ns + s->settings->drain_ms * NS_PER_MS + LINGER_EXTRA_NS;
	struct timespec pause = {.tv_nsec = (long)STOP_POLL_NS};

	atomic_store(&s->shared.drain_ns, s->settings->drain_ms * NS_PER_MS);
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
	/* Who still waits for an answer out of the database gets none: nobody waits for that. */
	atomic_store(&s->past_abort, true);
	workers_stop(s);
	atomic_store(&s->writer_end, true);
	wake_writer(s);
	(void)pthread_join(s->writer_thread, NULL);
	server_receiver_stop(s);
	helper_end(&s->keeper_thread);
	helper_end(&s->packer_thread);
	helper_end(&s->historian_thread);
	helper_join(&s->keeper_thread);
	helper_join(&s->packer_thread);
	helper_join(&s->historian_thread);
}

void server_wiring_fill(struct server *s)
{
	s->writer_config.arg = s;
	s->writer_config.wake_worker = wake_worker;
	s->writer_config.wake_packer = wake_packer;
	s->writer_config.wake_historian = wake_historian;
	s->writer_config.round_ns = longest_round_ns;
}
