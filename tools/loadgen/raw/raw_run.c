/*
 * raw_run.c - the phases of a raw run, driven from the main thread.
 *
 *	CONNECT -> WARM -> RUN -> SETTLE -> LEAVE -> verdict
 *
 * The main thread only sleeps, reads atomics, and writes the live line. SIGINT and SIGTERM end the
 * sending early; what was received is still checked.
 */
#include "tools/loadgen/raw/raw_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "edge/tls/tls.h"
#include "engine/base/clock.h"
#include "tools/loadgen/raw/raw_report.h"
#include "tools/loadgen/raw/server_process.h"
#include "tools/loadgen/report/text_file.h"
#include "tools/loadgen/net/drive.h"

struct runner {
	const struct raw_options *options;
	struct raw_shared shared;
	struct drive drive;
	uint64_t line_ns; /* of the last live line */
	struct raw_totals line_totals;
	uint64_t line_cpu_ns;
	struct raw_totals totals; /* at the last tick */
	struct raw_result *result;
};

static struct raw_crew *raw_crew_at(const struct runner *r, uint32_t i)
{
	return raw_crew_of(r->drive.crews[i]);
}

static uint64_t unix_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

static void totals_get(const struct runner *r, struct raw_totals *ret_totals)
{
	struct raw_totals t = {0};

	drive_tally(&r->drive, &t.tally);
	for (uint32_t i = 0; i < r->drive.started; i++) {
		const struct raw_stats *s = raw_crew_stats(raw_crew_at(r, i));

		t.sent += stat_get(&s->sent);
		t.echoed += stat_get(&s->echoed);
		t.awaited += stat_get(&s->awaited);
		t.bytes_out += stat_get(&s->bytes_out);
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
	struct second *second = drive_second(&r->drive);
	uint64_t cpu = drive_cpu_ns();

	if (second == NULL)
		return;
	line.second = &second->ack;
	line.cpu_percent = (double)(cpu - r->line_cpu_ns) * 1e-7 / line.passed_s;
	raw_report_line(stderr, &line);
	free(second);
	r->line_ns = now_ns;
	r->line_cpu_ns = cpu;
	r->line_totals = *now;
}

/* Sleeps one tick; looks at the counters, and every second writes a line. */
static uint64_t tick(void *arg)
{
	struct runner *r = arg;
	uint64_t now_ns = drive_sleep();

	totals_get(r, &r->totals);
	if (!r->options->quiet && now_ns - r->line_ns >= NS_PER_SEC)
		line_write(r, &r->totals, now_ns);
	return now_ns;
}

static void tick_until(struct runner *r, uint64_t end_ns)
{

	while (!drive_is_interrupted() && tick(r) < end_ns && r->totals.tally.standing > 0)
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

static void send_all(struct runner *r)
{
	uint64_t start_ns = clock_now().mono_ns;
	uint64_t end_ns = start_ns + r->options->duration_ns;
	struct raw_result *result = r->result;
	struct server_use before = server_look(r);
	uint64_t cpu = drive_cpu_ns();
	const struct tally *t = &r->totals.tally;
	struct tally first;
	uint64_t now_ns;

	drive_tally(&r->drive, &first);
	result->server.rss_idle_bytes = before.rss_bytes;
	drive_run(&r->drive, start_ns, end_ns);
	do
		now_ns = tick(r);
	while (now_ns < end_ns && !drive_is_interrupted() && t->standing > 0);
	if (now_ns < end_ns)
		r->shared.crew.end_ns = now_ns;
	result->server.cpu_ns = server_look(r).cpu_ns - before.cpu_ns;
	result->server.rss_end_bytes = server_look(r).rss_bytes;
	result->window_deliveries = t->deliveries - first.deliveries;
	result->window_bytes = t->bytes_in - first.bytes_in;
	result->run_s = (double)(now_ns - start_ns) * 1e-9;
	result->cpu_percent = (double)(drive_cpu_ns() - cpu) * 1e-7 / result->run_s;
}

/* All crews have counted what they wait for since this was asked. */
static bool all_looked(const struct runner *r)
{
	for (uint32_t i = 0; i < r->drive.started; i++)
		if (stat_get(&raw_crew_stats(raw_crew_at(r, i))->looked) < 2)
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
	uint64_t until_ns = r->shared.crew.end_ns + (by_itself ? NS_PER_SEC : 0);
	uint64_t now_ns;

	r->shared.crew.phase = PHASE_SETTLE;
	if (by_itself)
		tick_until(r, until_ns);
	r->shared.open_until_ns = until_ns;
	do {
		now_ns = tick(r);
		if (o->expect == RAW_EXPECT_BROADCAST ? all_looked(r) && r->totals.awaited == 0
						      : r->totals.tally.outstanding == 0)
			return;
	} while (now_ns - begin_ns < o->settle_ns && r->totals.tally.standing > 0);
}

/* --- after ------------------------------------------------------------------------------------ */

static int broadcasts_join(struct runner *r)
{
	struct raw_track **tracks = calloc(r->drive.started + 1U, sizeof(struct raw_track *));
	int e = tracks == NULL ? -ENOMEM : 0;

	for (uint32_t i = 0; e == 0 && i < r->drive.started; i++) {
		tracks[i] = raw_crew_track(raw_crew_at(r, i));
		r->result->dropped += raw_track_dropped(tracks[i]);
	}
	if (e == 0)
		e = raw_track_join(tracks, r->drive.started, r->options->net.clients,
				   r->shared.crew.start_ns, r->shared.crew.end_ns,
				   &r->result->tracked);
	free(tracks);
	return e;
}

static void result_judge(struct runner *r)
{
	struct raw_result *result = r->result;
	uint64_t first_ns = UINT64_MAX, last_ns = 0;

	totals_get(r, &result->totals);
	if (r->options->expect == RAW_EXPECT_BROADCAST && broadcasts_join(r) < 0)
		result->dropped++;
	drive_troubles(&r->drive, result->outcome.first);
	for (uint32_t i = 0; i < r->drive.started; i++) {
		const struct raw_crew *w = raw_crew_at(r, i);

		hdr_merge(&result->echo, raw_crew_echo_hdr(w));
		hdr_merge(&result->visible, raw_crew_visible_hdr(w));
		hdr_merge(&result->connect, raw_crew_connect_hdr(w));
		raw_crew_connected_add(w, &first_ns, &last_ns);
		raw_crew_clients_count(w, &result->stood, &result->whole);
	}
	if (last_ns > 0)
		result->connect_s = (double)(last_ns - first_ns) * 1e-9;
	raw_verdict_decide(r->options, result);
}

static void runner_run(struct runner *r)
{
	uint64_t cpu_ns = server_look(r).cpu_ns;

	r->result->began = drive_connect(&r->drive, r->options->net.clients, tick);
	r->result->server.cpu_connect_ns = server_look(r).cpu_ns - cpu_ns;
	if (r->result->began) {
		r->shared.crew.phase = PHASE_WARM;
		tick_until(r, clock_now().mono_ns + r->options->warmup_ns);
		send_all(r);
		settle(r);
	}
	drive_leave(&r->drive);
	result_judge(r);
}

static int crew_make(void *arg, uint32_t number, struct crew **ret_crew)
{
	struct runner *r = arg;

	return raw_crew_new(&r->shared, number, ret_crew);
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
	struct tls_trust *trust = NULL;
	const char *why = "";

	ret_result->outcome.code = preflight(options);
	if (ret_result->outcome.code != EXIT_PASS)
		return;
	if (options->net.targets[0].tls &&
	    tls_trust_new(options->net.targets[0].host, options->ca_file, options->insecure, &trust,
			  &why) < 0) {
		fprintf(stderr, "loadgen: --url %s: %s\n", options->net.url, why);
		ret_result->outcome.code = EXIT_FAILED;
		return;
	}
	r.shared.crew = (struct crew_shared){
		.options = &options->net, .ask = &options->ask, .trust = trust};
	r.shared.options = options;
	r.shared.began_ns = r.line_ns = clock_now().mono_ns;
	r.shared.unix_offset_ns = unix_ns() - r.shared.began_ns;
	r.shared.open_until_ns = UINT64_MAX;
	r.line_cpu_ns = drive_cpu_ns();
	ret_result->server.rss_before_bytes = server_look(&r).rss_bytes;
	r.drive = (struct drive){.shared = &r.shared.crew, .make = crew_make, .arg = &r};
	ret_result->outcome.code = drive_start(&r.drive);
	if (ret_result->outcome.code == EXIT_PASS)
		runner_run(&r);
	drive_free(&r.drive);
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
	FILE *file = strcmp(o->json, "-") == 0 ? stdout : fopen(o->json, "w");

	if (file == NULL)
		return -errno;
	raw_report_json(file, o, result);
	return text_file_end(file);
}

static void reports_write(const struct raw_options *o, struct raw_result *result)
{
	int r;

	raw_report_table(o->json != NULL && strcmp(o->json, "-") == 0 ? stderr : stdout, o, result);
	r = o->json == NULL ? 0 : json_write(o, result);
	if (r == 0)
		return;
	fprintf(stderr, "loadgen: --json %s: %s\n", o->json, strerror(-r));
	if (result->outcome.code == EXIT_PASS)
		result->outcome.code = EXIT_FAILED;
}

int raw_main(int argc, char **argv)
{
	struct raw_result *result;
	struct raw_options options;
	int code = raw_options_parse(argc, argv, net_cores(), &options);

	if (code != 0)
		return code > 0 ? EXIT_PASS : EXIT_USAGE;
	code = EXIT_FAILED;
	result = calloc(1, sizeof(*result));
	if (result != NULL) {
		run(&options, result);
		if (result->outcome.words[0] != '\0')
			reports_write(&options, result);
		code = (int)result->outcome.code;
	}
	free(result);
	raw_options_fini(&options);
	return code;
}
