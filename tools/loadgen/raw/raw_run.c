/*
 * raw_run.c - the phases of a raw run, driven from the main thread.
 *
 *	CONNECT -> WARM -> RUN -> SETTLE -> LEAVE -> verdict
 *
 * The main thread does nothing but sleep, look at atomics, and write the live line. SIGINT and
 * SIGTERM end the sending early; what came back is still checked.
 */
#include "tools/loadgen/raw/raw_run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/ring/ring.h"
#include "tools/loadgen/raw/raw_report.h"
#include "tools/loadgen/raw/server_process.h"
#include "tools/loadgen/net/tls.h"

#define TICK_NS        (20 * NS_PER_MS)
#define CONNECT_MAX_NS (600 * NS_PER_SEC)

struct runner {
	const struct raw_options *options;
	struct raw_shared shared;
	struct raw_worker **workers;
	uint32_t started; /* workers whose thread runs */
	uint64_t line_ns; /* of the last live line */
	struct raw_totals line_totals;
	uint64_t line_cpu_ns;
	struct raw_result *result;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static uint64_t own_cpu_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

static uint64_t unix_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

static uint64_t stat_get(const _Atomic uint64_t *stat)
{
	return atomic_load_explicit(stat, memory_order_relaxed);
}

static void totals_get(const struct runner *r, struct raw_totals *ret_totals)
{
	struct raw_totals t = {0};

	for (uint32_t i = 0; i < r->started; i++) {
		const struct raw_stats *s = raw_worker_stats(r->workers[i]);

		t.open += stat_get(&s->open);
		t.dead += stat_get(&s->dead);
		t.sent += stat_get(&s->sent);
		t.echoed += stat_get(&s->echoed);
		t.outstanding += stat_get(&s->outstanding);
		t.deliveries += stat_get(&s->deliveries);
		t.awaited += stat_get(&s->awaited);
		t.bytes_in += stat_get(&s->bytes_in);
		t.bytes_out += stat_get(&s->bytes_out);
		if (stat_get(&s->lag_max_ns) > t.lag_max_ns)
			t.lag_max_ns = stat_get(&s->lag_max_ns);
		if (stat_get(&s->failed) != 0)
			t.failed = stat_get(&s->failed);
		for (unsigned k = 0; k < TROUBLE_MAX; k++)
			t.trouble[k] += stat_get(&s->trouble[k]);
	}
	*ret_totals = t;
}

/* --- while it runs ---------------------------------------------------------------------------- */

static void line_write(struct runner *r, const struct raw_totals *now, uint64_t now_ns)
{
	struct raw_line line = {
		.now = now,
		.before = &r->line_totals,
		.since_start_s = (double)(now_ns - r->shared.began_ns) * 1e-9,
		.passed_s = (double)(now_ns - r->line_ns) * 1e-9,
	};
	struct hdr *second = calloc(1, sizeof(*second));
	uint64_t cpu = own_cpu_ns();

	if (second == NULL)
		return;
	for (uint32_t i = 0; i < r->started; i++)
		raw_worker_second_get(r->workers[i], second);
	line.second = second;
	line.cpu_percent = (double)(cpu - r->line_cpu_ns) * 1e-7 / line.passed_s;
	raw_report_line(stderr, &line);
	free(second);
	r->line_ns = now_ns;
	r->line_cpu_ns = cpu;
	r->line_totals = *now;
}

/* Sleeps one tick; gives the counters, and every second a line. */
static uint64_t tick(struct runner *r, struct raw_totals *ret_totals)
{
	const struct timespec ts = {.tv_nsec = (long)TICK_NS};
	uint64_t now_ns;

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	now_ns = clock_now().mono_ns;
	totals_get(r, ret_totals);
	if (!r->options->quiet && now_ns - r->line_ns >= NS_PER_SEC)
		line_write(r, ret_totals, now_ns);
	return now_ns;
}

static void tick_until(struct runner *r, uint64_t end_ns)
{
	struct raw_totals t;

	while (!interrupted && tick(r, &t) < end_ns && t.open > 0)
		continue;
}

/* What the watched server uses now; 0 without one. */
static struct server_use server_look(const struct runner *r)
{
	struct server_use use = {0};

	if (r->options->server_pid != 0)
		(void)server_use_get(r->options->server_pid, &use);
	return use;
}

/* True: every client stands, or never will. */
static bool connect_all(struct runner *r)
{
	uint64_t end_ns = clock_now().mono_ns + CONNECT_MAX_NS;
	struct raw_totals t;

	for (;;) {
		uint64_t now_ns = tick(r, &t);

		if (t.failed != 0)
			return false;
		if (t.open + t.dead >= r->options->net.clients || now_ns > end_ns || interrupted)
			return t.open > 0;
	}
}

static void send_all(struct runner *r)
{
	uint64_t start_ns = clock_now().mono_ns;
	uint64_t end_ns = start_ns + r->options->duration_ns;
	struct raw_result *result = r->result;
	struct server_use before = server_look(r);
	uint64_t cpu = own_cpu_ns();
	struct raw_totals first, t;
	uint64_t now_ns;

	totals_get(r, &first);
	result->server.rss_idle_bytes = before.rss_bytes;
	r->shared.start_ns = start_ns;
	r->shared.end_ns = end_ns;
	r->shared.phase = RAW_PHASE_RUN;
	do
		now_ns = tick(r, &t);
	while (now_ns < end_ns && !interrupted && t.open > 0);
	if (now_ns < end_ns)
		r->shared.end_ns = now_ns;
	result->server.cpu_ns = server_look(r).cpu_ns - before.cpu_ns;
	result->server.rss_end_bytes = server_look(r).rss_bytes;
	result->window_deliveries = t.deliveries - first.deliveries;
	result->window_bytes = t.bytes_in - first.bytes_in;
	result->run_s = (double)(now_ns - start_ns) * 1e-9;
	result->cpu_percent = (double)(own_cpu_ns() - cpu) * 1e-7 / result->run_s;
}

/* All workers have counted what they wait for since this was asked. */
static bool all_looked(const struct runner *r)
{
	for (uint32_t i = 0; i < r->started; i++)
		if (stat_get(&raw_worker_stats(r->workers[i])->looked) < 2)
			return false;
	return true;
}

/*
 * Waits for echoes, or until every client has every broadcast. When the server sends by itself, a
 * message may have begun at one thread and not yet at another; as messages come in the same order
 * to all, it has come to all when what began a second later has.
 */
static void settle(struct runner *r)
{
	const struct raw_options *o = r->options;
	uint64_t begin_ns = clock_now().mono_ns;
	bool by_itself = o->expect == RAW_EXPECT_BROADCAST && o->senders == 0;
	uint64_t until_ns = r->shared.end_ns + (by_itself ? NS_PER_SEC : 0);
	struct raw_totals t;
	uint64_t now_ns;

	r->shared.phase = RAW_PHASE_SETTLE;
	if (by_itself)
		tick_until(r, until_ns);
	r->shared.open_until_ns = until_ns;
	do {
		now_ns = tick(r, &t);
		if (o->expect == RAW_EXPECT_BROADCAST ? all_looked(r) && t.awaited == 0
						      : t.outstanding == 0)
			return;
	} while (now_ns - begin_ns < o->settle_ns && t.open > 0);
}

/* --- after ------------------------------------------------------------------------------------ */

static int broadcasts_join(struct runner *r)
{
	struct raw_track **tracks = calloc(r->started + 1U, sizeof(struct raw_track *));
	int e = tracks == NULL ? -ENOMEM : 0;

	for (uint32_t i = 0; e == 0 && i < r->started; i++) {
		tracks[i] = raw_worker_track(r->workers[i]);
		r->result->dropped += raw_track_dropped(tracks[i]);
	}
	if (e == 0)
		e = raw_track_join(tracks, r->started, r->options->net.clients, r->shared.start_ns,
				   r->shared.end_ns, &r->result->tracked);
	free(tracks);
	return e;
}

static void result_judge(struct runner *r)
{
	struct raw_result *result = r->result;

	totals_get(r, &result->totals);
	if (r->options->expect == RAW_EXPECT_BROADCAST && broadcasts_join(r) < 0)
		result->dropped++;
	for (uint32_t i = 0; i < r->started; i++) {
		const struct raw_worker *w = r->workers[i];

		hdr_merge(&result->echo, raw_worker_echo_hdr(w));
		hdr_merge(&result->visible, raw_worker_visible_hdr(w));
		hdr_merge(&result->connect, raw_worker_connect_hdr(w));
		raw_worker_clients_count(w, &result->stood, &result->whole);
		for (unsigned t = 0; t < TROUBLE_MAX; t++)
			if (result->trouble_first[t][0] == '\0')
				memcpy(result->trouble_first[t], raw_worker_trouble_first(w, t),
				       TROUBLE_WORDS_MAX);
	}
	raw_verdict_decide(r->options, result);
}

static void runner_run(struct runner *r)
{
	r->result->began = connect_all(r);
	if (r->result->began) {
		r->shared.phase = RAW_PHASE_WARM;
		tick_until(r, clock_now().mono_ns + r->options->warmup_ns);
		send_all(r);
		settle(r);
	}
	r->shared.phase = RAW_PHASE_LEAVE;
	for (uint32_t i = 0; i < r->started; i++)
		raw_worker_join(r->workers[i]);
	result_judge(r);
	if (r->result->totals.failed != 0)
		fprintf(stderr, "loadgen: io_uring: %s\n",
			ring_open_remedy(-(int)r->result->totals.failed));
}

static enum exit_code workers_start(struct runner *r)
{
	const struct raw_options *o = r->options;
	int e = 0;

	r->workers = calloc(o->net.threads, sizeof(struct raw_worker *));
	if (r->workers == NULL)
		e = -ENOMEM;
	for (uint32_t i = 0; e == 0 && i < o->net.threads; i++)
		e = raw_worker_new(&r->shared, i, &r->workers[i]);
	for (uint32_t i = 0; e == 0 && i < o->net.threads; i++) {
		e = raw_worker_start(r->workers[i]);
		r->started += e == 0;
	}
	if (e == 0)
		return EXIT_PASS;
	fprintf(stderr, "loadgen: cannot start: %s\n", strerror(-e));
	r->shared.phase = RAW_PHASE_LEAVE;
	for (uint32_t i = 0; i < r->started; i++)
		raw_worker_join(r->workers[i]);
	return EXIT_FAILED;
}

static enum exit_code preflight(struct raw_options *o)
{
	struct server_use use;

	if (target_resolve(&o->net.targets[0]) < 0) {
		fprintf(stderr, "loadgen: the host of %s is not known\n", o->net.url);
		return EXIT_UNREACHABLE;
	}
	if (o->server_pid == 0 || server_use_get(o->server_pid, &use) == 0)
		return EXIT_PASS;
	fprintf(stderr, "loadgen: --server-pid %d: there is no such process\n", o->server_pid);
	return EXIT_FAILED;
}

static void run(struct raw_options *options, struct raw_result *ret_result)
{
	struct runner r = {.options = options, .result = ret_result};
	const struct sigaction on = {.sa_handler = on_signal};
	struct tls_trust *trust = NULL;
	const char *why = "";

	ret_result->code = preflight(options);
	if (ret_result->code != EXIT_PASS)
		return;
	if (options->net.targets[0].tls &&
	    tls_trust_new(options->net.targets[0].host, options->ca_file, options->insecure, &trust,
			  &why) < 0) {
		fprintf(stderr, "loadgen: --url %s: %s\n", options->net.url, why);
		ret_result->code = EXIT_FAILED;
		return;
	}
	r.shared.options = options;
	r.shared.trust = trust;
	r.shared.began_ns = r.line_ns = clock_now().mono_ns;
	r.shared.unix_offset_ns = unix_ns() - r.shared.began_ns;
	r.shared.end_ns = UINT64_MAX;
	r.shared.open_until_ns = UINT64_MAX;
	r.line_cpu_ns = own_cpu_ns();
	ret_result->server.rss_before_bytes = server_look(&r).rss_bytes;
	ret_result->code = workers_start(&r);
	if (ret_result->code == EXIT_PASS) {
		(void)sigaction(SIGINT, &on, NULL);
		(void)sigaction(SIGTERM, &on, NULL);
		runner_run(&r);
	}
	for (uint32_t i = 0; r.workers != NULL && i < options->net.threads; i++)
		raw_worker_free(r.workers[i]);
	free(r.workers);
	tls_trust_free(trust);
}

/* --- main ------------------------------------------------------------------------------------- */

bool raw_is_asked(int argc, char **argv)
{
	static const char name[] = "--profile-protocol";

	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], name, strlen(name)) != 0)
			continue;
		if (strcmp(argv[i] + strlen(name), "=raw") == 0)
			return true;
		if (argv[i][strlen(name)] == '\0' && i + 1 < argc &&
		    strcmp(argv[i + 1], "raw") == 0)
			return true;
	}
	return false;
}

static int json_write(const struct raw_options *o, const struct raw_result *result)
{
	bool is_stdout = strcmp(o->json, "-") == 0;
	FILE *file = is_stdout ? stdout : fopen(o->json, "w");

	if (file == NULL)
		return -errno;
	raw_report_json(file, o, result);
	return (is_stdout ? fflush(file) : fclose(file)) == 0 ? 0 : -errno;
}

static void reports_write(const struct raw_options *o, struct raw_result *result)
{
	int r;

	raw_report_table(o->json != NULL && strcmp(o->json, "-") == 0 ? stderr : stdout, o, result);
	r = o->json == NULL ? 0 : json_write(o, result);
	if (r == 0)
		return;
	fprintf(stderr, "loadgen: --json %s: %s\n", o->json, strerror(-r));
	if (result->code == EXIT_PASS)
		result->code = EXIT_FAILED;
}

int raw_main(int argc, char **argv)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct raw_result *result = calloc(1, sizeof(*result));
	struct raw_options options;
	int code;
	int r;

	if (result == NULL)
		return EXIT_FAILED;
	r = raw_options_parse(argc, argv, cores < 1 ? 1 : (unsigned)cores, &options);
	if (r != 0) {
		free(result);
		return r > 0 ? EXIT_PASS : EXIT_USAGE;
	}
	run(&options, result);
	if (result->words[0] != '\0')
		reports_write(&options, result);
	code = (int)result->code;
	raw_options_fini(&options);
	free(result);
	return code;
}
