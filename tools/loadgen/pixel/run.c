/*
 * run.c - the phases of a run, driven from the main thread.
 *
 *	preflight -> CONNECT -> RUN -> SETTLE -> LEAVE -> verdict
 *
 * The main thread does nothing but sleep, look at atomics, fetch the bitmap, and write the live
 * line. SIGINT and SIGTERM end the placing early; everything is still checked.
 */
#include "tools/loadgen/pixel/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "engine/base/clock.h"
#include "engine/base/hash.h"
#include "engine/ring/ring.h"
#include "tools/loadgen/net/capacity.h"
#include "tools/loadgen/report/live.h"
#include "tools/loadgen/result/remedy.h"
#include "tools/loadgen/pixel/verdict.h"
#include "tools/loadgen/pixel/worker.h"

#define TICK_NS        (20 * NS_PER_MS)
#define CONNECT_MAX_NS (600 * NS_PER_SEC)

struct runner {
	struct options *options;
	struct run_shared shared;
	struct plan plan;
	struct pace pace;
	struct sight_times *times;
	struct session_token *tokens;
	struct worker **workers;
	struct crowd **crowds; /* of the workers */
	uint64_t crowds_next;  /* for crowds_settle() */
	uint32_t started;      /* workers whose thread runs */
	uint64_t place_ns;     /* when placing began; 0: not yet */
	struct live live;
	struct run_result *result;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static uint64_t cpu_ns(void)
{
	struct rusage use;

	(void)getrusage(RUSAGE_SELF, &use);
	return (uint64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * NS_PER_SEC +
	       (uint64_t)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1000;
}

static uint64_t rss_bytes(void)
{
	struct rusage use;

	(void)getrusage(RUSAGE_SELF, &use);
	return (uint64_t)use.ru_maxrss << 10;
}

static uint64_t stat_get(const _Atomic uint64_t *stat)
{
	return atomic_load_explicit(stat, memory_order_relaxed);
}

static void totals_add(struct run_totals *t, const struct worker_stats *s)
{
	t->following += stat_get(&s->following);
	t->dead += stat_get(&s->dead);
	t->broken += stat_get(&s->broken);
	t->placed += stat_get(&s->placed);
	t->resent += stat_get(&s->resent);
	t->acknowledged += stat_get(&s->acknowledged);
	t->looked_up += stat_get(&s->looked_up);
	t->outstanding += stat_get(&s->outstanding);
	t->to_place += stat_get(&s->to_place);
	t->deliveries += stat_get(&s->deliveries);
	t->bytes_in += stat_get(&s->bytes_in);
	for (unsigned i = 0; i < TEARS; i++)
		t->torn[i] += stat_get(&s->torn[i]);
	t->resumes += stat_get(&s->resumes);
	t->stale += stat_get(&s->stale);
	t->refetches += stat_get(&s->refetches);
	t->seq_sum += stat_get(&s->seq_sum);
	t->seq_max_sum += stat_get(&s->seq_max_sum);
	if (stat_get(&s->lag_max_ns) > t->lag_max_ns)
		t->lag_max_ns = stat_get(&s->lag_max_ns);
	if (stat_get(&s->frames) > t->frames)
		t->frames = stat_get(&s->frames);
	if (stat_get(&s->failed) != 0)
		t->failed = stat_get(&s->failed);
	for (unsigned i = 0; i < REFUSAL_MAX; i++) {
		t->refused[i] += stat_get(&s->refused[i]);
		t->refused_all += stat_get(&s->refused[i]);
	}
	for (unsigned i = 0; i < TROUBLE_MAX; i++)
		t->trouble[i] += stat_get(&s->trouble[i]);
}

static void totals_get(const struct runner *r, struct run_totals *ret_totals)
{
	memset(ret_totals, 0, sizeof(*ret_totals));
	for (uint32_t i = 0; i < r->started; i++)
		totals_add(ret_totals, worker_stats(r->workers[i]));
}

/* --- before ----------------------------------------------------------------------------------- */

static enum exit_code preflight(struct runner *r)
{
	struct options *o = r->options;
	struct board_bytes board = {0};
	int e = 0;

	for (uint32_t i = 0; e == 0 && i < o->net.targets_count; i++)
		e = target_resolve(&o->net.targets[i]);
	if (e == 0)
		e = board_fetch(&o->net.targets[0], o->board, &board);
	if (e < 0) {
		fprintf(stderr, "loadgen: cannot fetch board \"%s\" from %s: %s\n", o->board,
			o->net.targets[0].authority,
			e == -ENOENT ? "there is no such board" : strerror(-e));
		return e == -ENOENT || e == -EBADMSG ? EXIT_FAILED : EXIT_UNREACHABLE;
	}
	r->result->seq_first = board.seq;
	free(board.bytes);
	return EXIT_PASS;
}

/* When placements are due, all phases or the curve included. */
static int pace_make(struct runner *r)
{
	const struct options *o = r->options;
	int e;

	if (o->profile != NULL) {
		e = pace_curve_load(&r->pace, o->profile, o->speedup);
		if (e == 0 && o->duration_ns > 0)
			pace_cut(&r->pace, o->duration_ns);
		return e;
	}
	if (o->timeline.count > 0)
		return timeline_pace(&o->timeline, o->rate, &r->pace);
	return pace_add(&r->pace, o->duration_ns == 0 ? UINT64_MAX : o->duration_ns, o->rate);
}

static enum exit_code file_refused(const char *option, const char *path, int e)
{
	fprintf(stderr, "loadgen: --%s %s: %s\n", option, path,
		e == -EBADMSG ? "not such a recording" : strerror(-e));
	return EXIT_FAILED;
}

static enum exit_code plan_make(struct runner *r)
{
	const struct options *o = r->options;
	int e = pace_make(r);

	if (e < 0)
		return file_refused("profile", o->profile == NULL ? "" : o->profile, e);
	plan_init(&r->plan, o->net.seed);
	r->plan.speedup = o->speedup;
	r->plan.hot_cells = o->hot_cells;
	r->plan.hot_share = o->hot_share;
	r->plan.noop_share = o->noop_share;
	if (o->replay == NULL)
		return EXIT_PASS;
	e = plan_replay_load(&r->plan, o->replay);
	if (e < 0)
		return file_refused("replay", o->replay, e);
	if (o->timeline.count > 0 || o->profile != NULL)
		r->plan.count = UINT64_MAX; /* the pace says when it ends; the file begins anew */
	return EXIT_PASS;
}

/* What watchers may leave unread, unless it was said. */
static void read_mark_choose(struct options *o)
{
	uint32_t reading = o->net.clients - o->stop_reading - o->slow_readers;
	uint32_t at_once = o->observers + o->painters;

	if (o->read_mark == UINT32_MAX)
		o->read_mark = reading <= at_once ? 0
						  : capacity_read_mark(capacity_tcp_bytes(),
								       reading - at_once);
}

static enum exit_code sessions_make(struct runner *r)
{
	const struct options *o = r->options;
	int e;

	r->tokens = calloc(o->painters + 1U, sizeof(*r->tokens));
	if (r->tokens == NULL)
		return EXIT_FAILED;
	if (o->secret_len > 0)
		e = sessions_mint(o->secret, o->secret_len, clock_now().wall_ms / 1000, r->tokens,
				  o->painters);
	else
		e = o->painters == 0 ? 0
				     : sessions_fetch(&o->net.targets[0], r->tokens, o->painters);
	if (e == 0)
		return EXIT_PASS;
	fprintf(stderr, "loadgen: no sessions for %u painters: %s\n", o->painters,
		e == -EACCES ? "the server refused (POST /session); give --session-secret"
			     : strerror(-e));
	return e == -EACCES || e == -ENOMEM ? EXIT_FAILED : EXIT_UNREACHABLE;
}

static enum exit_code workers_start(struct runner *r)
{
	const struct options *o = r->options;
	int e = sight_times_new(&r->times);

	r->shared.options = o;
	r->shared.plan = &r->plan;
	r->shared.pace = &r->pace;
	r->shared.times = r->times;
	r->shared.tokens = r->tokens;
	r->shared.final_seq = UINT64_MAX;
	r->shared.end_ns = UINT64_MAX;
	r->workers = calloc(o->net.threads, sizeof(struct worker *));
	r->crowds = calloc(o->net.threads, sizeof(struct crowd *));
	if (r->workers == NULL || r->crowds == NULL)
		e = -ENOMEM;
	for (uint32_t i = 0; e == 0 && i < o->net.threads; i++)
		e = worker_new(&r->shared, i, &r->workers[i]);
	for (uint32_t i = 0; e == 0 && i < o->net.threads; i++) {
		r->crowds[i] = worker_crowd(r->workers[i]);
		e = worker_start(r->workers[i]);
		r->started += e == 0;
	}
	if (e == 0)
		return EXIT_PASS;
	fprintf(stderr, "loadgen: cannot start: %s\n", strerror(-e));
	return EXIT_FAILED;
}

/* --- while it runs ---------------------------------------------------------------------------- */

/* How far the phase is. */
static struct live_progress progress_of(const struct runner *r, const struct run_totals *t,
					uint64_t now_ns)
{
	const struct options *o = r->options;
	struct live_progress p = {.phase = "connecting", .unit = " clients"};

	if (r->shared.phase == PHASE_CONNECT) {
		p.done = (double)t->following;
		p.whole = timeline_clients_first(&o->timeline, o->net.clients);
	} else if (r->shared.phase != PHASE_RUN || now_ns >= r->shared.end_ns) {
		p.phase = "settling";
	} else if (plan_ends(&r->plan)) {
		p.phase = "replaying";
		p.unit = " placements";
		p.whole = (double)r->plan.count;
		p.done = p.whole - (double)t->to_place;
	} else {
		const struct stage *stage = timeline_at(&o->timeline, now_ns - r->place_ns);

		p.phase = stage == NULL ? "placing" : stage_kind_str(stage->kind);
		p.unit = " s";
		p.done = (double)(now_ns - r->place_ns) * 1e-9;
		p.whole = (double)pace_length_ns(&r->pace) * 1e-9;
	}
	return p;
}

static void second_take(struct runner *r, const struct run_totals *now, uint64_t now_ns)
{
	struct live_progress progress = progress_of(r, now, now_ns);
	struct second *second = calloc(1, sizeof(*second));

	if (second == NULL)
		return;
	for (uint32_t i = 0; i < r->started; i++)
		worker_second_get(r->workers[i], second);
	if (series_take(&r->result->series, progress.phase, now, second, now_ns, cpu_ns()) !=
		    NULL &&
	    !r->options->quiet)
		live_show(&r->live, &r->result->series, &progress);
	free(second);
}

/* Sleeps one tick; gives the counters, and every second a row of the series. */
static uint64_t tick(struct runner *r, struct run_totals *ret_totals)
{
	const struct timespec ts = {.tv_nsec = (long)TICK_NS};
	uint64_t now_ns;

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	now_ns = clock_now().mono_ns;
	totals_get(r, ret_totals);
	crowds_settle(r->crowds, r->started, r->times, now_ns, &r->crowds_next,
		      &r->result->latencies);
	if (series_is_due(&r->result->series, now_ns))
		second_take(r, ret_totals, now_ns);
	return now_ns;
}

/* True: every client that is there from the start follows, or never will. */
static bool connect_all(struct runner *r)
{
	const struct options *o = r->options;
	uint32_t wanted = timeline_clients_first(&o->timeline, o->net.clients);
	uint64_t end_ns = clock_now().mono_ns + CONNECT_MAX_NS;
	struct run_totals t;

	for (;;) {
		uint64_t now_ns = tick(r, &t);

		if (t.failed != 0)
			return false;
		if (t.following + t.dead >= wanted || now_ns > end_ns || interrupted)
			return t.following > 0 || wanted == 0;
	}
}

/* Until the time that was agreed on with other machines. */
static void start_await(struct runner *r)
{
	uint64_t start_ms = r->options->start_at_s * 1000;
	struct run_totals t;

	if (start_ms > 0 && clock_now().wall_ms > start_ms)
		fprintf(stderr, "loadgen: --start-at has passed; placing begins now\n");
	while (clock_now().wall_ms < start_ms && !interrupted)
		(void)tick(r, &t);
}

/* A recording that the server's settings do not allow to be played like this. */
static bool replay_is_refused(struct runner *r, const struct run_totals *t)
{
	bool as_answered = r->options->placing == PLACING_FREE;

	for (unsigned i = 0; r->options->replay != NULL && i < REFUSAL_MAX; i++)
		if (t->refused[i] > 0 && remedy_of_replay(i, as_answered) != NULL)
			r->result->replay_refused = i;
	return r->result->replay_refused != 0;
}

static void place_all(struct runner *r)
{
	const struct options *o = r->options;
	uint64_t start_ns = clock_now().mono_ns;
	uint64_t length_ns = pace_length_ns(&r->pace);
	uint64_t end_ns = length_ns == UINT64_MAX ? UINT64_MAX : start_ns + length_ns;
	uint64_t cpu = cpu_ns();
	uint64_t give_up_ns = UINT64_MAX;
	struct run_totals t;
	uint64_t now_ns;
	bool over;

	r->place_ns = start_ns;
	r->result->started_ms = clock_now().wall_ms;
	r->shared.start_ns = start_ns;
	r->shared.end_ns = end_ns;
	r->shared.phase = PHASE_RUN;
	do {
		now_ns = tick(r, &t);
		if ((interrupted || replay_is_refused(r, &t)) && now_ns < end_ns) {
			end_ns = now_ns;
			r->shared.end_ns = end_ns;
		}
		over = now_ns >= end_ns || (plan_ends(&r->plan) && t.to_place == 0);
		if (over && give_up_ns == UINT64_MAX)
			give_up_ns = now_ns + o->settle_ns;
		if (t.following == 0 && t.broken == 0 && t.dead >= o->net.clients)
			break;
	} while (!(over && t.outstanding == 0) && now_ns < give_up_ns);
	r->result->run_s = (double)(now_ns - start_ns) * 1e-9;
	r->result->cpu_percent = (double)(cpu_ns() - cpu) * 1e-7 / r->result->run_s;
}

/* All workers have nobody behind `seq`. */
static bool all_reached(const struct runner *r, uint64_t seq)
{
	for (uint32_t i = 0; i < r->started; i++) {
		const struct worker_stats *s = worker_stats(r->workers[i]);

		if (atomic_load_explicit(&s->behind_of, memory_order_acquire) != seq ||
		    stat_get(&s->behind) != 0)
			return false;
	}
	return true;
}

static bool anybody_beyond(const struct runner *r, uint64_t seq)
{
	for (uint32_t i = 0; i < r->started; i++)
		if (stat_get(&worker_stats(r->workers[i])->seq) > seq)
			return true;
	return false;
}

/* Fetches the final board and waits until everybody has its seq; when others place meanwhile,
 * again. */
static void settle(struct runner *r, struct board_bytes *ret_final)
{
	uint64_t end_ns = clock_now().mono_ns + r->options->settle_ns;
	struct run_totals t;
	uint64_t now_ns;

	r->shared.phase = PHASE_SETTLE;
	do {
		struct board_bytes board;

		now_ns = tick(r, &t);
		if (board_fetch(&r->options->net.targets[0], r->options->board, &board) < 0)
			continue;
		free(ret_final->bytes);
		*ret_final = board;
		r->shared.final_seq = board.seq;
		while (now_ns < end_ns && !all_reached(r, board.seq) &&
		       !anybody_beyond(r, board.seq))
			now_ns = tick(r, &t);
		if (all_reached(r, board.seq) && !anybody_beyond(r, board.seq))
			return;
	} while (now_ns < end_ns);
}

/* --- after ------------------------------------------------------------------------------------ */

static void result_collect(struct runner *r)
{
	struct run_result *result = r->result;
	const struct options *o = r->options;

	result->runs = 1;
	result->clients = o->net.clients;
	result->painters = o->painters;
	result->threads = o->net.threads;
	result->stopped = o->stop_reading;
	result->observers = o->observers;
	result->slow = o->slow_readers;
	result->read_mark = o->read_mark;
	result->rss_bytes = rss_bytes();
	totals_get(r, &result->totals);
	result->vanished = result->totals.torn[TEAR_VANISH];
	result->torn_reset = result->totals.torn[TEAR_RESET] + result->vanished;
	for (unsigned i = 0; i < TEARS; i++)
		result->torn_all += result->totals.torn[i];
	crowds_settle(r->crowds, r->started, r->times, UINT64_MAX, &r->crowds_next,
		      &result->latencies);
	for (uint32_t i = 0; i < r->started; i++) {
		struct worker *w = r->workers[i];

		latencies_merge(&result->latencies, worker_latencies(w));
		hdr_merge(&result->lag, worker_lag(w));
		if (!ledger_move(&result->ledger, worker_ledger(w)))
			result->totals.trouble[TROUBLE_ACK_LOST]++; /* no memory: not checked */
		for (unsigned t = 0; t < TROUBLE_MAX; t++)
			if (result->trouble_first[t][0] == '\0')
				memcpy(result->trouble_first[t], worker_trouble_first(w, t),
				       TROUBLE_WORDS_MAX);
	}
}

static void boards_compare(struct runner *r, const struct board_bytes *final)
{
	struct run_result *result = r->result;

	result->seq_last = final->seq;
	result->epoch = final->epoch;
	result->board_hash = hash64(final->bytes, final->len, 0);
	for (uint32_t i = 0; i < r->started; i++) {
		const struct reference *ref = worker_reference(r->workers[i]);
		enum trouble t = verdict_board(ref, final);

		if (!reference_is_loaded(ref))
			continue; /* none of its clients ever subscribed, and that was told */
		if (t == TROUBLE_NONE) {
			result->boards_equal++;
			continue;
		}
		result->totals.trouble[t]++;
		(void)snprintf(result->trouble_first[t], sizeof(result->trouble_first[t]),
			       "thread %u: its board is at seq %llu, the bitmap at %llu", i,
			       (unsigned long long)reference_seq(ref),
			       (unsigned long long) final->seq);
	}
}

static void result_judge(struct runner *r, const struct board_bytes *final)
{
	struct run_result *result = r->result;

	result_collect(r);
	if (final->bytes != NULL) {
		const struct reference *ref = worker_reference(r->workers[0]);

		boards_compare(r, final);
		for (uint32_t i = 0; i < r->started; i++)
			worker_reach_add(r->workers[i], result->seq_first, final->seq,
					 &result->reach);
		if (reference_is_loaded(ref))
			ledger_check(&result->ledger, reference_start(ref), final,
				     reference_bits(ref), &result->ledger_verdict);
	}
	verdict_decide(result);
	thresholds_apply(result, r->options->thresholds, r->options->thresholds_count);
}

static void runner_run(struct runner *r)
{
	struct board_bytes final = {0};

	series_begin(&r->result->series, clock_now().mono_ns, cpu_ns());
	live_begin(&r->live, r->options->net.clients);
	if (connect_all(r)) {
		start_await(r);
		place_all(r);
		settle(r, &final);
	}
	r->shared.phase = PHASE_LEAVE;
	for (uint32_t i = 0; i < r->started; i++)
		worker_join(r->workers[i]);
	result_judge(r, &final);
	if (r->result->totals.failed != 0)
		fprintf(stderr, "loadgen: io_uring: %s\n",
			ring_open_remedy(-(int)r->result->totals.failed));
	free(final.bytes);
}

void run(struct options *options, struct run_result *ret_result)
{
	struct runner r = {.options = options, .result = ret_result};
	const struct sigaction on = {.sa_handler = on_signal};
	const struct sigaction off = {.sa_handler = SIG_DFL};
	enum exit_code code = preflight(&r);

	if (code == EXIT_PASS)
		code = plan_make(&r);
	if (code == EXIT_PASS)
		code = sessions_make(&r);
	read_mark_choose(options);
	if (code == EXIT_PASS)
		code = workers_start(&r);
	ret_result->code = code;
	if (code == EXIT_PASS) {
		(void)sigaction(SIGINT, &on, NULL);
		(void)sigaction(SIGTERM, &on, NULL);
		runner_run(&r);
		(void)sigaction(SIGINT, &off, NULL); /* whatever comes now may be broken off */
		(void)sigaction(SIGTERM, &off, NULL);
	} else {
		r.shared.phase = PHASE_LEAVE;
		for (uint32_t i = 0; i < r.started; i++)
			worker_join(r.workers[i]);
	}
	for (uint32_t i = 0; r.workers != NULL && i < options->net.threads; i++)
		worker_free(r.workers[i]);
	free(r.workers);
	free(r.crowds);
	free(r.tokens);
	sight_times_free(r.times);
	plan_fini(&r.plan);
	pace_fini(&r.pace);
}
