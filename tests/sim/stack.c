/*
 * stack.c - see stack.h.
 *
 * Memory: everything of a run of pixeld, freed by stack_kill() or stack_free(). Threads are rows of
 * a table: how to run one, whether it sleeps. Workers and writer sleep on their rings; the helpers
 * (keeper, packer, historian) on a flag, and while what they do takes its time.
 */
#include "tests/sim/stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/picture/pack.h"
#include "engine/base/assert.h"
#include "engine/base/blob.h"
#include "engine/mail.h"
#include "engine/room_log.h"
#include "writer/historian.h"
#include "tests/prng.h"
#include "tests/sim/disk_sim.h"
#include "tests/sim/truth.h"

#define MAIL_MAX    256 /* of each queue: small enough to be full at times */
#define PACK_MAX    16
#define THREADS_MAX (STACK_WORKERS_MAX + 4)

enum thread_kind { THREAD_WORKER, THREAD_WRITER, THREAD_KEEPER, THREAD_PACKER, THREAD_HISTORIAN };

struct thread {
	enum thread_kind kind;
	unsigned worker;
	/* of helpers */
	bool woken;
	uint64_t sleep_until_ns; /* unless it is woken */
	uint64_t busy_until_ns;  /* its last turn takes so long */
};

struct stack {
	struct stack_config config;
	struct disk *disk;
	struct keeper *keeper;
	struct packer *packer;
	struct historian *historian;
	struct disk *history_disk; /* the historian's own */
	struct writer *writer;
	struct worker *workers[STACK_WORKERS_MAX];
	struct worker_shared shared;
	struct spsc *requests[STACK_WORKERS_MAX], *answers[STACK_WORKERS_MAX], *pack_jobs,
		*pack_done, *history_jobs, *history_done;
	struct thread threads[THREADS_MAX];
	unsigned threads_len;
	bool stopping, workers_gone;
	uint64_t seq[ROOMS_MAX]; /* of each room at the turn before */
};

/* --- wiring --------------------------------------------------------------------------------- */

static struct thread *thread_of(struct stack *s, enum thread_kind kind)
{
	for (unsigned i = 0; i < s->threads_len; i++)
		if (s->threads[i].kind == kind)
			return &s->threads[i];
	px_unreachable("a thread that was not made");
}

static void wake_writer(void *arg)
{
	struct stack *s = arg;

	ring_wake(writer_ring(s->writer));
}

static void wake_worker(void *arg, unsigned worker)
{
	struct stack *s = arg;

	if (s->workers[worker] != NULL)
		ring_wake(worker_ring(s->workers[worker]));
}

static void wake_packer(void *arg)
{
	thread_of(arg, THREAD_PACKER)->woken = true;
}

static void wake_keeper(void *arg)
{
	thread_of(arg, THREAD_KEEPER)->woken = true;
}

static void wake_historian(void *arg)
{
	thread_of(arg, THREAD_HISTORIAN)->woken = true;
}

static uint64_t round_ns(void *arg)
{
	struct stack *s = arg;
	uint64_t longest = 0;

	for (unsigned i = 0; i < s->config.workers; i++) {
		uint64_t ns = s->workers[i] != NULL ? worker_round_ns(s->workers[i]) : 0;

		longest = ns > longest ? ns : longest;
	}
	return longest;
}

static size_t metrics_render(void *arg, char *out, size_t room)
{
	(void)arg;
	return (size_t)snprintf(out, room, "simulated 1\n");
}

static bool is_ready(void *arg)
{
	return stack_is_ready(arg);
}

static void threads_make(struct stack *s)
{
	for (unsigned i = 0; i < s->config.workers; i++)
		s->threads[s->threads_len++] = (struct thread){.kind = THREAD_WORKER, .worker = i};
	for (enum thread_kind kind = THREAD_WRITER; kind <= THREAD_HISTORIAN; kind++)
		s->threads[s->threads_len++] = (struct thread){.kind = kind, .woken = true};
}

static void queues_make(struct stack *s)
{
	int rc = spsc_new(PACK_MAX, sizeof(struct pack_job), &s->pack_jobs);

	rc |= spsc_new(PACK_MAX, sizeof(struct pack_job), &s->pack_done);
	rc |= spsc_new(HISTORY_JOBS_MAX, sizeof(struct history_job), &s->history_jobs);
	rc |= spsc_new(HISTORY_JOBS_MAX, sizeof(struct history_job), &s->history_done);
	for (unsigned i = 0; i < s->config.workers; i++) {
		rc |= spsc_new(MAIL_MAX, sizeof(struct mail_request), &s->requests[i]);
		rc |= spsc_new(MAIL_MAX, sizeof(struct mail_answer), &s->answers[i]);
	}
	px_assert(rc == 0);
}

/* --- starting ------------------------------------------------------------------------------- */

static void historian_make(struct stack *s)
{
	struct historian_config config = {.jobs = s->history_jobs,
					  .done = s->history_done,
					  .arg = s,
					  .wake_writer = wake_writer};

	px_assert(disk_open("sim", 0, 0, &s->history_disk) == 0);
	config.disk = s->history_disk;
	px_assert(historian_new(&config, &s->historian) == 0);
}

static int writer_make(struct stack *s, struct now now)
{
	struct writer_config config = {.settings = s->config.settings,
				       .disk = s->disk,
				       .worker_count = s->config.workers,
				       .pack_jobs = s->pack_jobs,
				       .pack_done = s->pack_done,
				       .history_jobs = s->history_jobs,
				       .history_done = s->history_done,
				       .arg = s,
				       .wake_worker = wake_worker,
				       .wake_packer = wake_packer,
				       .wake_historian = wake_historian,
				       .round_ns = round_ns};
	struct keeper_config keeper = {.disk = s->disk,
				       .snapshots_past =
					       (uint32_t)s->config.settings->snapshots_past,
				       .keep_bytes = s->config.settings->journal_keep_bytes,
				       .arg = s,
				       .wake_writer = wake_writer,
				       .wake_keeper = wake_keeper};
	char why[RECOVER_WHY_BYTES] = "";
	int rc;

	memcpy(config.requests, s->requests, sizeof(s->requests));
	memcpy(config.answers, s->answers, sizeof(s->answers));
	rc = writer_new(&config, now, &s->writer, why);
	if (rc != 0) {
		/* a disk that fails now may refuse the start; damage is never right here */
		truth_check(strstr(why, "damage") == NULL, "start: %s", why);
		return rc;
	}
	px_assert(keeper_new(&keeper, &s->keeper) == 0);
	historian_make(s);
	return writer_start(s->writer, s->keeper, now);
}

static void workers_make(struct stack *s, struct now now)
{
	const struct settings *settings = s->config.settings;

	s->shared = (struct worker_shared){
		.rooms = writer_rooms(s->writer),
		.session_key = s->config.session_key,
		.admin_token = "sim-admin-token-0",
		.listeners = {{.fd = s->config.listener}},
		.listener_count = 1,
		.worker_count = s->config.workers,
		.clients_max = s->config.clients_max,
		.requests_per_second = (uint32_t)settings->requests_per_second,
		.session_lifetime_s = settings->session_lifetime_s,
		.round_interval_ns = settings->round_interval_ms * NS_PER_MS,
		.round_rest_ns = settings->round_rest_ms * NS_PER_MS,
		.http_head_timeout_ms = (uint32_t)settings->http_head_timeout_ms,
		.http_idle_timeout_ms = (uint32_t)settings->http_idle_timeout_ms,
		.ws_idle_timeout_ms = (uint32_t)settings->ws_idle_timeout_ms,
		.metrics_render = metrics_render,
		.is_ready = is_ready,
		.arg = s};
	for (unsigned i = 0; i < s->config.workers; i++) {
		struct worker_config config = {.shared = &s->shared,
					       .index = i,
					       .rings = s->config.rings,
					       .slots_per_ring = s->config.slots,
					       .recv_bufs = s->config.recv_bufs,
					       .requests = s->requests[i],
					       .answers = s->answers[i],
					       .answers_max = MAIL_MAX,
					       .wake_writer = wake_writer,
					       .wake_arg = s};

		px_assert(worker_new(&config, now, &s->workers[i]) == 0);
	}
}

struct stack *stack_start(const struct stack_config *config, struct now now)
{
	struct stack *s = calloc(1, sizeof(*s));

	px_assert(s != NULL);
	px_assert(config->workers <= STACK_WORKERS_MAX);
	s->config = *config;
	px_assert(disk_open("sim", 1, 1, &s->disk) == 0);
	queues_make(s);
	threads_make(s);
	if (packer_new(&s->packer) != 0 || writer_make(s, now) != 0) {
		stack_kill(s);
		return NULL;
	}
	workers_make(s, now);
	return s;
}

/* --- ending --------------------------------------------------------------------------------- */

/* Bitmaps on their way to a worker hold references. */
static void answers_drop(struct spsc *answers)
{
	const struct mail_answer *a;

	while ((a = spsc_peek(answers)) != NULL) {
		if (mail_has_blob(a))
			blob_unref(a->bitmap.blob);
		spsc_pop(answers);
	}
}

/* What a rollback was asked with belongs to whoever takes the request. */
static void requests_drop(struct spsc *requests)
{
	const struct mail_request *m;

	while ((m = spsc_peek(requests)) != NULL) {
		if (m->type == MAIL_ROLLBACK)
			free(m->rollback);
		spsc_pop(requests);
	}
}

/* Packed boards are counted in the writer while they live, so it goes behind them. */
static void everything_free(struct stack *s)
{
	for (unsigned i = 0; i < s->config.workers; i++)
		worker_free(s->workers[i]);
	for (unsigned i = 0; i < s->config.workers; i++) {
		(void)spsc_publish(s->answers[i]);
		answers_drop(s->answers[i]);
		spsc_free(s->answers[i]);
		(void)spsc_publish(s->requests[i]);
		requests_drop(s->requests[i]);
		spsc_free(s->requests[i]);
	}
	keeper_free(s->keeper);
	historian_free(s->historian);
	writer_free(s->writer);
	packer_free(s->packer);
	spsc_free(s->pack_jobs);
	spsc_free(s->pack_done);
	spsc_free(s->history_jobs);
	spsc_free(s->history_done);
	disk_close(s->history_disk);
	disk_close(s->disk);
	free(s);
}

void stack_kill(struct stack *s)
{
	disk_sim_die_after(0);
	everything_free(s);
}

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
	return s->workers_gone && writer_is_stopped(s->writer);
}

void stack_free(struct stack *s)
{
	px_assert(stack_is_stopped(s));
	everything_free(s);
}

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
	done->blob = packer_run(s->packer, job->room, job->copy, (enum board_form)job->form);
	if (done->blob != NULL)
		blob_account(done->blob, job->account);
	spsc_pop(s->pack_jobs);
	(void)spsc_publish(s->pack_done);
	wake_writer(s);
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

static void helper_run(struct stack *s, struct thread *t, struct now now, uint64_t *dice)
{
	uint64_t wait_ns;

	t->woken = false;
	if (t->kind == THREAD_KEEPER)
		wait_ns = keeper_turn(s->keeper, now);
	else if (t->kind == THREAD_PACKER)
		wait_ns = packer_turn(s);
	else
		wait_ns = historian_run(s, t, now, dice);
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

/* Workers go when nothing is left of them; then the writer closes the journal. */
static void stop_run(struct stack *s)
{
	if (!s->stopping || s->workers_gone || !workers_are_empty(s))
		return;
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
	wake_writer(s);
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
	stop_run(s);
}

const struct room *stack_room(struct stack *s, const char *name)
{
	return rooms_find(writer_rooms(s->writer), name, strlen(name));
}

bool stack_is_ready(const struct stack *s)
{
	return writer_is_ready(s->writer);
}
