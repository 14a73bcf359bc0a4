/*
 * run.c - the phases of a run, driven from the main thread.
 *
 *	preflight -> CONNECT -> RUN -> SETTLE -> LEAVE -> verdict
 *
 * The main thread only sleeps, reads atomics, fetches the bitmap, and writes the live line. SIGINT
 * and SIGTERM end the placing early; everything is still checked.
 */
#include "tools/loadgen/pixel/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "engine/base/clock.h"
#include "engine/base/hash.h"
#include "tools/loadgen/net/capacity.h"
#include "tools/loadgen/net/drive.h"
#include "tools/loadgen/report/live.h"
#include "tools/loadgen/result/remedy.h"
#include "tools/loadgen/pixel/verdict.h"
#include "tools/loadgen/pixel/pixel_crew.h"

struct runner {
	struct options *options;
	struct run_shared shared;
	struct drive drive;
	struct plan plan;
	struct pace pace;
	struct sight_times *times;
	struct session_token *tokens;
	struct crowd **crowds; /* of the crews */
	uint64_t crowds_next;  /* for crowds_record() */
	uint64_t place_ns;     /* when placing began; 0: not yet */
	struct live live;
	struct run_totals totals; /* at the last tick */
	struct run_result *result;
};

static struct pixel_crew *pixel_crew_at(const struct runner *r, uint32_t i)
{
	return pixel_crew_of(r->drive.crews[i]);
}

static uint64_t rss_bytes(void)
{
	struct rusage use;

	(void)getrusage(RUSAGE_SELF, &use);
	return (uint64_t)use.ru_maxrss << 10;
}

static void totals_add(struct run_totals *t, const struct pixel_crew_stats *s)
{
	t->placed += stat_get(&s->placed);
	t->resent += stat_get(&s->resent);
	t->acknowledged += stat_get(&s->acknowledged);
	t->looked_up += stat_get(&s->looked_up);
	t->to_place += stat_get(&s->to_place);
	for (unsigned i = 0; i < TEARS; i++)
		t->torn[i] += stat_get(&s->torn[i]);
	t->resumes += stat_get(&s->resumes);
	t->stale += stat_get(&s->stale);
	t->refetches += stat_get(&s->refetches);
	t->seq_sum += stat_get(&s->seq_sum);
	t->seq_max_sum += stat_get(&s->seq_max_sum);
	if (stat_get(&s->frames) > t->frames)
		t->frames = stat_get(&s->frames);
	if (stat_get(&s->faces) > t->faces)
		t->faces = stat_get(&s->faces);
	for (unsigned i = 0; i < REFUSAL_MAX; i++) {
		t->refused[i] += stat_get(&s->refused[i]);
		t->refused_all += stat_get(&s->refused[i]);
	}
}

static void totals_get(const struct runner *r, struct run_totals *ret_totals)
{
	*ret_totals = (struct run_totals){0};
	drive_tally(&r->drive, &ret_totals->tally);
	for (uint32_t i = 0; i < r->drive.started; i++)
		totals_add(ret_totals, pixel_crew_stats(pixel_crew_at(r, i)));
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
	preview_fetch(&o->net.targets[0], o->board, &r->shared.preview);
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
			pace_end_at(&r->pace, o->duration_ns);
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

static int crew_make(void *arg, uint32_t number, struct crew **ret_crew)
{
	struct runner *r = arg;
	int e = pixel_crew_new(&r->shared, number, ret_crew);

	if (e == 0)
		r->crowds[number] = pixel_crew_crowd(pixel_crew_of(*ret_crew));
	return e;
}

static enum exit_code crews_start(struct runner *r)
{
	const struct options *o = r->options;

	r->crowds = calloc(o->net.threads, sizeof(struct crowd *));
	if (r->crowds == NULL || sight_times_new(&r->times) < 0) {
		fprintf(stderr, "loadgen: cannot start: %s\n", strerror(ENOMEM));
		return EXIT_FAILED;
	}
	r->shared.crew = (struct crew_shared){
		.options = &o->net,
		.ask = &upgrade_of_pixeld,
		.narrow_bytes = (int)o->receive_buffer_bytes,
		.resume = o->resume,
	};
	r->shared.options = o;
	r->shared.plan = &r->plan;
	r->shared.pace = &r->pace;
	r->shared.times = r->times;
	r->shared.tokens = r->tokens;
	r->shared.final_seq = UINT64_MAX;
	return drive_start(&r->drive);
}

/* --- while it runs ---------------------------------------------------------------------------- */

/* How far the phase is. */
static struct live_progress progress_of(const struct runner *r, const struct run_totals *t,
					uint64_t now_ns)
{
	const struct options *o = r->options;
	struct live_progress p = {.phase = "connecting", .unit = " clients"};

	if (r->shared.crew.phase == PHASE_CONNECT) {
		p.done = (double)t->tally.standing;
		p.whole = timeline_clients_first(&o->timeline, o->net.clients);
	} else if (r->shared.crew.phase != PHASE_RUN || now_ns >= r->shared.crew.end_ns) {
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

static void second_take(struct runner *r, uint64_t now_ns)
{
	const struct run_totals *now = &r->totals;
	struct live_progress progress = progress_of(r, now, now_ns);
	struct second *second = drive_second(&r->drive);

	if (second == NULL)
		return;
	if (series_take(&r->result->series, progress.phase, now, second, now_ns, drive_cpu_ns()) !=
		    NULL &&
	    !r->options->quiet)
		live_show(&r->live, &r->result->series, &progress);
	free(second);
}

/* Sleeps one tick; looks at the counters, and every second adds a row to the series. */
static uint64_t tick(void *arg)
{
	struct runner *r = arg;
	uint64_t now_ns = drive_sleep();

	totals_get(r, &r->totals);
	crowds_record(r->crowds, r->drive.started, r->times, now_ns, &r->crowds_next,
		      &r->result->latencies);
	if (series_is_due(&r->result->series, now_ns))
		second_take(r, now_ns);
	return now_ns;
}

/* Until the time that was agreed on with other machines. */
static void start_await(struct runner *r)
{
	uint64_t start_ms = r->options->start_at_s * 1000;

	if (start_ms > 0 && clock_now().wall_ms > start_ms)
		fprintf(stderr, "loadgen: --start-at has passed; placing begins now\n");
	while (clock_now().wall_ms < start_ms && !drive_is_interrupted())
		(void)tick(r);
}

/* A recording that the server's settings do not allow to be played like this. */
static bool replay_is_refused(struct runner *r)
{
	bool as_answered = r->options->placing == PLACING_FREE;

	for (unsigned i = 0; r->options->replay != NULL && i < REFUSAL_MAX; i++)
		if (r->totals.refused[i] > 0 && remedy_of_replay(i, as_answered) != NULL)
			r->result->replay_refused = i;
	return r->result->replay_refused != 0;
}

static void place_all(struct runner *r)
{
	const struct options *o = r->options;
	uint64_t start_ns = clock_now().mono_ns;
	uint64_t length_ns = pace_length_ns(&r->pace);
	uint64_t end_ns = length_ns == UINT64_MAX ? UINT64_MAX : start_ns + length_ns;
	uint64_t cpu = drive_cpu_ns();
	uint64_t give_up_ns = UINT64_MAX;
	const struct tally *t = &r->totals.tally;
	uint64_t now_ns;
	bool over;

	r->place_ns = start_ns;
	r->result->started_ms = clock_now().wall_ms;
	drive_run(&r->drive, start_ns, end_ns);
	do {
		now_ns = tick(r);
		if ((drive_is_interrupted() || replay_is_refused(r)) && now_ns < end_ns) {
			end_ns = now_ns;
			r->shared.crew.end_ns = end_ns;
		}
		over = now_ns >= end_ns || (plan_ends(&r->plan) && r->totals.to_place == 0);
		if (over && give_up_ns == UINT64_MAX)
			give_up_ns = now_ns + o->settle_ns;
		if (t->standing == 0 && t->waiting == 0 && t->dead >= o->net.clients)
			break;
	} while (!(over && t->outstanding == 0) && now_ns < give_up_ns);
	r->result->run_s = (double)(now_ns - start_ns) * 1e-9;
	r->result->cpu_percent = (double)(drive_cpu_ns() - cpu) * 1e-7 / r->result->run_s;
}

/* All crews have nobody behind `seq`. */
static bool all_reached(const struct runner *r, uint64_t seq)
{
	for (uint32_t i = 0; i < r->drive.started; i++) {
		const struct pixel_crew_stats *s = pixel_crew_stats(pixel_crew_at(r, i));

		if (atomic_load_explicit(&s->behind_of, memory_order_acquire) != seq ||
		    stat_get(&s->behind) != 0)
			return false;
	}
	return true;
}

static bool anybody_beyond(const struct runner *r, uint64_t seq)
{
	for (uint32_t i = 0; i < r->drive.started; i++)
		if (stat_get(&pixel_crew_stats(pixel_crew_at(r, i))->seq) > seq)
			return true;
	return false;
}

/* Fetches the final board and waits until everybody has its seq; when others place meanwhile,
 * again. */
static void settle(struct runner *r, struct board_bytes *ret_final)
{
	uint64_t end_ns = clock_now().mono_ns + r->options->settle_ns;
	uint64_t now_ns;

	r->shared.crew.phase = PHASE_SETTLE;
	do {
		struct board_bytes board;

		now_ns = tick(r);
		if (board_fetch(&r->options->net.targets[0], r->options->board, &board) < 0)
			continue;
		free(ret_final->bytes);
		*ret_final = board;
		r->shared.final_seq = board.seq;
		while (now_ns < end_ns && !all_reached(r, board.seq) &&
		       !anybody_beyond(r, board.seq))
			now_ns = tick(r);
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
	crowds_record(r->crowds, r->drive.started, r->times, UINT64_MAX, &r->crowds_next,
		      &result->latencies);
	drive_troubles(&r->drive, result->outcome.first);
	for (uint32_t i = 0; i < r->drive.started; i++) {
		struct pixel_crew *w = pixel_crew_at(r, i);

		pixel_crew_record(w);
		latencies_merge(&result->latencies, pixel_crew_latencies(w));
		hdr_merge(&result->lag, pixel_crew_lag(w));
		if (!ledger_move(&result->ledger, pixel_crew_ledger(w)))
			result->totals.tally
				.trouble[TROUBLE_ACK_LOST]++; /* no memory: not checked */
	}
}

static void boards_compare(struct runner *r, const struct board_bytes *final)
{
	struct run_result *result = r->result;

	result->seq_last = final->seq;
	result->epoch = final->epoch;
	result->board_hash = hash64(final->bytes, final->len, 0);
	for (uint32_t i = 0; i < r->drive.started; i++) {
		const struct reference *ref = pixel_crew_reference(pixel_crew_at(r, i));
		enum trouble t = verdict_board(ref, final);

		if (!reference_is_loaded(ref))
			continue; /* none of its clients ever subscribed, and that was told */
		if (t == TROUBLE_NONE) {
			result->boards_equal++;
			continue;
		}
		result->totals.tally.trouble[t]++;
		(void)snprintf(result->outcome.first[t], sizeof(result->outcome.first[t]),
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
		const struct reference *ref = pixel_crew_reference(pixel_crew_at(r, 0));

		boards_compare(r, final);
		for (uint32_t i = 0; i < r->drive.started; i++)
			pixel_crew_reach_add(pixel_crew_at(r, i), result->seq_first, final->seq,
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
	const struct options *o = r->options;
	struct board_bytes final = {0};

	series_begin(&r->result->series, clock_now().mono_ns, drive_cpu_ns());
	live_begin(&r->live, o->net.clients);
	if (drive_connect(&r->drive, timeline_clients_first(&o->timeline, o->net.clients), tick)) {
		start_await(r);
		place_all(r);
		settle(r, &final);
	}
	drive_leave(&r->drive);
	result_judge(r, &final);
	free(final.bytes);
}

void run(struct options *options, struct run_result *ret_result)
{
	struct runner r = {.options = options, .result = ret_result};
	enum exit_code code = preflight(&r);

	r.drive = (struct drive){.shared = &r.shared.crew, .make = crew_make, .arg = &r};
	if (code == EXIT_PASS)
		code = plan_make(&r);
	if (code == EXIT_PASS)
		code = sessions_make(&r);
	read_mark_choose(options);
	if (code == EXIT_PASS)
		code = crews_start(&r);
	ret_result->outcome.code = code;
	if (code == EXIT_PASS)
		runner_run(&r);
	drive_free(&r.drive);
	free(r.crowds);
	free(r.tokens);
	sight_times_free(r.times);
	plan_fini(&r.plan);
	pace_fini(&r.pace);
}
