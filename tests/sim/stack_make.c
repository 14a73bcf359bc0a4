/*
 * stack_make.c - a simulated pixeld is wired, started and ended, as server.c does it. See stack.h.
 *
 * Memory: everything of a run of pixeld, freed by stack_kill() or stack_free().
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/blob.h"
#include "engine/room_log.h"
#include "tests/sim/disk_sim.h"
#include "tests/sim/stack_priv.h"
#include "tests/sim/truth.h"

/* --- wiring --------------------------------------------------------------------------------- */

struct thread *stack_thread(struct stack *s, enum thread_kind kind)
{
	for (unsigned i = 0; i < s->threads_len; i++)
		if (s->threads[i].kind == kind)
			return &s->threads[i];
	px_unreachable("a thread that was not made");
}

void stack_wake_writer(void *arg)
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
	stack_thread(arg, THREAD_PACKER)->woken = true;
}

static void wake_keeper(void *arg)
{
	stack_thread(arg, THREAD_KEEPER)->woken = true;
}

static void wake_historian(void *arg)
{
	stack_thread(arg, THREAD_HISTORIAN)->woken = true;
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

static size_t metrics_render(void *arg, struct now now, char *out, size_t room)
{
	(void)arg;
	(void)now;
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
	for (enum thread_kind kind = THREAD_WRITER; kind <= THREAD_RECEIVER; kind++)
		if (kind != THREAD_RECEIVER || s->config.sink != NULL)
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
					  .wake_writer = stack_wake_writer};

	px_assert(disk_open("sim", 0, 0, &s->history_disk) == 0);
	config.disk = s->history_disk;
	px_assert(historian_new(&config, &s->historian) == 0);
}

static uint64_t durable_lsn(void *arg)
{
	const struct stack *s = arg;

	return writer_durable_lsn(s->writer);
}

static uint64_t received_lsn(void *arg)
{
	const struct stack *s = arg;

	return receiver_lsn(s->receiver);
}

static int receiver_make(struct stack *s, struct now now)
{
	struct receiver_config config = {.ops = &sink_ops,
					 .self = s->config.sink,
					 .data = "sim",
					 .journal_id = writer_journal_id(s->writer),
					 .boards = s->receiver_boards,
					 .batch_records = s->config.batch_records,
					 .batch_bytes = s->config.batch_bytes,
					 .batch_age_ns = s->config.batch_age_ns,
					 .gentle_per_second = s->config.gentle_per_second,
					 .seed = 1,
					 .arg = s,
					 .durable_lsn = durable_lsn};

	if (s->config.sink == NULL)
		return 0;
	for (uint32_t i = 0; i < ROOMS_MAX; i++) {
		const struct record_board *meta = writer_board_meta(s->writer, i);

		if (meta != NULL)
			s->receiver_boards[config.board_count++].meta = *meta;
	}
	return receiver_new(&config, now, &s->receiver);
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
	struct keeper_config keeper = {
		.disk = s->disk,
		.snapshots_past = (uint32_t)s->config.settings->snapshots_past,
		.keep_bytes = s->config.settings->journal_keep_bytes,
		.arg = s,
		.wake_writer = stack_wake_writer,
		.wake_keeper = wake_keeper,
		.received_lsn = s->config.sink != NULL ? received_lsn : NULL};
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
	px_assert(receiver_make(s, now) == 0);
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
		.limits = {.requests_per_second = (uint32_t)settings->requests_per_second,
			   .session_lifetime_s = settings->session_lifetime_s,
			   .round_interval_ns = settings->round_interval_ms * NS_PER_MS,
			   .round_rest_ns = settings->round_rest_ms * NS_PER_MS,
			   .http_head_timeout_ms = (uint32_t)settings->http_head_timeout_ms,
			   .http_idle_timeout_ms = (uint32_t)settings->http_idle_timeout_ms,
			   .ws_idle_timeout_ms = (uint32_t)settings->ws_idle_timeout_ms},
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
					       .wake_writer = stack_wake_writer,
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
		mail_answer_drop(a);
		spsc_pop(answers);
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
		mail_requests_free(s->requests[i]);
	}
	writer_free(s->writer);
	keeper_free(s->keeper);
	historian_free(s->historian);
	receiver_free(s->receiver);
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
	struct sink *sink = s->config.sink;

	disk_sim_die_after(0);
	everything_free(s);
	if (sink != NULL)
		sink_cut(sink);
}

void stack_free(struct stack *s)
{
	px_assert(stack_is_stopped(s));
	everything_free(s);
}
