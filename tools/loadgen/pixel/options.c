/*
 * options.c - the command line, from one table: names, whether a value follows, the line of --help.
 */
#include "tools/loadgen/pixel/options_priv.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/loadgen/result/machine.h"
#include "tools/loadgen/net/option_word.h"
#include "tools/loadgen/load/units.h"

#define CLIENTS_DEFAULT      1000
#define PAINTERS_DEFAULT     1000
#define DURATION_NS          10000000000ULL
#define OPTIONS_SHORT        ":c:T:h"
#define WINDOW_DEFAULT       1024
#define WINDOW_MANY_PAINTERS 64
#define OBSERVERS_ALL_MAX    10000U
#define UNSET                UINT32_MAX

struct row {
	enum option_id id;
	const char *name;
	const char *value; /* NULL: takes none */
	const char *help;
};

static const struct row rows[] = {
	{OPTION_URL, "url", "ws://HOST[:PORT][/PATH]",
	 "the server; all that is needed. Path: /ws when missing. Repeatable:\n"
	 "clients take them in turn"},
	{OPTION_CLIENTS, "clients", "N",
	 "connections; every one watches and checks all it gets (default 1000);\n"
	 "also -c, --connections"},
	{OPTION_RATE, "rate", "N/s",
	 "placements per second, all painters together (default 100/s; 0: only watch)"},
	{OPTION_UNIFORM, "uniform", NULL,
	 "evenly spaced placements (default: poisson, as independent people make)"},
	{OPTION_DURATION, "duration", "TIME",
	 "how long to place (default 10s; a replay: to its end); also -T"},
	{OPTION_PHASE, "phase", "KIND:TIME[:...]",
	 "a stretch of the run; repeatable, in order. ramp:30s:0..300k opens clients,\n"
	 "hold:10m:rate=1000 places, burst:1s:rate=10000 likewise,\n"
	 "storm:10s:reconnect=20% breaks off that share at once, half without FIN,\n"
	 "and lets them resume; storm:10s:vanish=5% keeps them away"},
	{OPTION_PROFILE, "profile", "FILE",
	 "rates from a curve, lines of minute,placements (.csv or .csv.gz)"},
	{OPTION_REPLAY, "replay", "FILE",
	 "place what a recorded file says, in its order (.bin or .bin.gz);\n"
	 "with --rate or --phase at those times, again from its begin at its end"},
	{OPTION_SPEEDUP, "speedup", "N",
	 "play a profile so many times as fast; a replay at its recorded times\n"
	 "(without: as fast as the server answers)"},
	{OPTION_HOT_CELLS, "hot-cells", "N:SHARE%",
	 "N cells get that share of the random placements, as in 10000:13%"},
	{OPTION_NOOP_SHARE, "noop-share", "SHARE%",
	 "so many random placements set the color that is there already; 33% is real"},
	{OPTION_COOLDOWN, "cooldown", "keep|break",
	 "painters wait for their cooldown, or place on purpose without (default\n"
	 "break: refusals are counted)"},
	{OPTION_PAINTERS, "painters", "N",
	 "how many clients place (default: 1000 at most; a replay: 1)"},
	{OPTION_WINDOW, "window", "N",
	 "placements of a painter that wait for an answer (default 1024; 64 with\n"
	 "more than 16 painters)"},
	{OPTION_BOARD, "board", "NAME", "which board (default main)"},
	{OPTION_SECRET, "session-secret", "HEX|@FILE",
	 "mint the painters' sessions with the server's secret\n"
	 "(default: ask the server, POST /session)"},
	{OPTION_CONNECT_RATE, "connect-rate", "N/s",
	 "open so many connections per second (default: as fast as it goes)"},
	{OPTION_RESUME, "resume", NULL,
	 "come back when a connection breaks, and go on where it broke"},
	{OPTION_STOP_READING, "stop-reading", "N",
	 "so many clients stop reading after they subscribed"},
	{OPTION_SLOW_READERS, "slow-readers", "N",
	 "so many clients read at most 2 KiB every two seconds"},
	{OPTION_RECEIVE_BUFFER, "receive-buffer", "BYTES",
	 "socket buffer of the clients that read slowly or not at all, e.g. 64KiB"},
	{OPTION_OBSERVERS, "observers", "N|SHARE%",
	 "clients that read at once and give the visibility (default: all up to\n"
	 "10k clients, else 1%)"},
	{OPTION_READ_MARK, "read-mark", "BYTES",
	 "bytes that the other watchers let gather before they read; 0: none\n"
	 "(default: a quarter of tcp_mem for all of them together)"},
	{OPTION_SOURCE, "source", "ADDR[-ADDR][,...]",
	 "addresses to connect from, as in 127.0.0.2-127.0.0.9 (default: what\n"
	 "loopback needs; else the system's). Repeatable"},
	{OPTION_SETTLE, "settle", "TIME",
	 "wait so long for what is outstanding at the end (default 20s)"},
	{OPTION_THREADS, "threads", "N", "threads (default: one per core)"},
	{OPTION_SEED, "seed", "N", "for cells, colors and times (default 1)"},
	{OPTION_JSON, "json", "FILE", "write the result as JSON (- : standard output)"},
	{OPTION_CSV, "csv", "FILE", "write a line per second"},
	{OPTION_HGRM, "hgrm", "PREFIX",
	 "write latency percentiles as PREFIX-ack.hgrm and so on (HdrHistogram's format)"},
	{OPTION_HTML, "html", "FILE", "write a page with plots"},
	{OPTION_THRESHOLD, "threshold", "'METRIC<VALUE'",
	 "exit with 99 when this does not hold: 'visible.p99<3s', 'ack.raw.max<=1s',\n"
	 "'reach==1', 'refused<0.1%', 'rate>=10k'. Repeatable"},
	{OPTION_START_AT, "start-at", "HH:MM:SS[Z]",
	 "place from this time on (or Unix time): for several machines at once"},
	{OPTION_ACKS, "acks", "FILE",
	 "write every acknowledged placement: request,seq,cell,color,client"},
	{OPTION_CHECK_SYSTEM, "check-system", NULL,
	 "tell what this host allows for so many --clients, and end"},
	{OPTION_QUIET, "quiet", NULL, "no line per second on standard error"},
	{OPTION_HELP, "help", NULL, "this text; also -h"},
	{OPTION_VERSION, "version", NULL, "the version"},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void help_print(void)
{
	printf("loadgen - opens many WebSocket clients, places pixels, and proves that every "
	       "client got every update\n\n"
	       "  loadgen --url ws://127.0.0.1:8080/ws\n"
	       "  loadgen --url ws://127.0.0.1:8080/ws --clients 10k --rate 1000/s --duration 30s\n"
	       "  loadgen --url ws://127.0.0.1:8080/ws --phase ramp:30s:0..100k "
	       "--phase hold:1m:rate=1000 --phase storm:20s:reconnect=10%%\n"
	       "  loadgen --url ws://127.0.0.1:8080/ws --replay placements2017.bin.gz --json "
	       "result.json\n"
	       "  loadgen --profile-protocol raw --help         for any other WebSocket "
	       "server\n\n");
	for (size_t i = 0; i < ROWS; i++) {
		char left[64];
		const char *at = rows[i].help;
		const char *line;

		(void)snprintf(left, sizeof(left), "--%s%s%s", rows[i].name,
			       rows[i].value ? " " : "", rows[i].value ? rows[i].value : "");
		printf("  %-32s", left);
		while ((line = strchr(at, '\n')) != NULL) {
			printf("%.*s\n  %-32s", (int)(line - at), at, "");
			at = line + 1;
		}
		printf("%s\n", at);
	}
	printf("\nNumbers: 10k, 1.5M; 250ms, 30s, 10m; 1000/s, 60k/m; 64KiB.\n\n"
	       "Placing is open loop: each placement has an intended time that does not depend on "
	       "the server, and latencies count\n"
	       "from it. With one painter, a replay reaches the server in the order of the file "
	       "over one pipelined connection.\n\n"
	       "Every client checks that sequence numbers have no gap and that each frame equals "
	       "the first copy seen of it; at the\n"
	       "end the boards made from the frames must equal the server's bitmap byte for "
	       "byte.\n\n"
	       "It passes when every client received everything and the boards are equal.\n\n");
	exit_codes_print(stdout);
	printf("\n"
	       "  loadgen merge A.json B.json ...   adds the results of several runs, exactly\n"
	       "  loadgen find-max --rate --from 1k --to 200k --threshold 'ack.p99<50ms' --url "
	       "...\n"
	       "                                    searches the highest rate (or --clients) that "
	       "holds\n");
}

static int help_name(void)
{
	fputs("loadgen --help tells more.\n", stderr);
	return -EINVAL;
}

static int wrong(const char *what)
{
	fprintf(stderr, "loadgen: %s\n", what);
	return help_name();
}

/* Where the placements come from, and for how long. */
static int placing_fill(struct options *o)
{
	bool stages = o->timeline.count > 0;
	double most = o->rate;

	if (stages && o->profile != NULL)
		return wrong("--phase and --profile both say the rate");
	if (stages && o->duration_ns != UINT64_MAX)
		return wrong("--phase says how long; --duration does not go with it");
	if (o->speedup > 0 && o->replay == NULL && o->profile == NULL)
		return wrong("--speedup goes with --profile or --replay");
	if (o->replay != NULL && o->speedup > 0 && (stages || o->rate > 0))
		return wrong(
			"--speedup plays a replay at its own times; --rate and --phase do not");
	if (o->rate < 0)
		o->rate = o->replay != NULL || stages || o->profile != NULL ? 0 : 100;
	for (uint32_t i = 0; i < o->timeline.count; i++)
		if (o->timeline.stages[i].rate > most)
			most = o->timeline.stages[i].rate;
	if (o->profile != NULL || o->rate > 0 || most > 0)
		o->placing = PLACING_PACED;
	else if (o->replay != NULL && !stages)
		o->placing = o->speedup > 0 ? PLACING_TIMED : PLACING_FREE;
	else
		o->placing = PLACING_NONE;
	if (o->cooldown_keep && o->placing == PLACING_FREE)
		return wrong(
			"--cooldown keep needs times to place at: --rate, --phase or --speedup");
	if (o->speedup <= 0)
		o->speedup = 1;
	if (o->duration_ns == UINT64_MAX)
		o->duration_ns =
			o->replay != NULL || stages || o->profile != NULL ? 0 : DURATION_NS;
	return 0;
}

static int painters_fill(struct options *o)
{
	uint32_t reading = o->net.clients - o->stop_reading - o->slow_readers;

	if (o->painters == 0)
		o->painters =
			o->replay != NULL && o->placing != PLACING_PACED ? 1 : PAINTERS_DEFAULT;
	if (o->placing == PLACING_NONE)
		o->painters = 0;
	if (o->painters > reading)
		o->painters = reading;
	if (o->placing != PLACING_NONE && o->painters == 0)
		return wrong("placing needs a client that reads");
	if (o->window == 0)
		o->window = o->painters > 16 ? WINDOW_MANY_PAINTERS : WINDOW_DEFAULT;
	return 0;
}

static int crowd_fill(struct options *o, unsigned cores)
{
	uint32_t ramped = timeline_clients_last(&o->timeline, 0);

	if (o->net.clients == UNSET)
		o->net.clients = ramped > 0 ? ramped : CLIENTS_DEFAULT;
	if (ramped > o->net.clients)
		return wrong("a ramp goes beyond --clients");
	if (ramped > 0)
		o->net.clients = ramped;
	if (o->net.clients > NET_CLIENTS_MAX)
		return wrong("so many clients one process does not open");
	if ((uint64_t)o->stop_reading + o->slow_readers > o->net.clients)
		return wrong("--stop-reading and --slow-readers are more than --clients");
	if (o->observers_share > 0)
		o->observers = (uint32_t)ceil(o->observers_share * o->net.clients);
	else if (o->observers == UNSET)
		o->observers =
			o->net.clients <= OBSERVERS_ALL_MAX ? o->net.clients : o->net.clients / 100;
	if (o->net.threads == 0)
		o->net.threads = cores;
	if (o->net.threads > o->net.clients)
		o->net.threads = o->net.clients;
	return 0;
}

/* What depends on other options, and what does not fit together. */
static int defaults_fill(struct options *o, unsigned cores)
{
	int r;

	if (o->net.url == NULL && o->check_system)
		(void)options_value_take(OPTION_URL, "ws://127.0.0.1:8080/ws", o);
	if (o->net.url == NULL)
		return wrong("--url is missing, for example --url ws://127.0.0.1:8080/ws");
	r = crowd_fill(o, cores);
	if (r == 0)
		r = placing_fill(o);
	if (r == 0)
		r = painters_fill(o);
	return r;
}

/* Names of tcpkali with the same meaning. */
static const struct {
	const char *name;
	enum option_id id;
} aliases[] = {{"connections", OPTION_CLIENTS}};

#define ALIASES (sizeof(aliases) / sizeof(aliases[0]))

static void long_options_fill(struct option list[static ROWS + ALIASES + 1])
{
	for (size_t i = 0; i < ROWS; i++)
		list[i] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].value != NULL ? required_argument : no_argument,
			.val = (int)rows[i].id,
		};
	for (size_t i = 0; i < ALIASES; i++)
		list[ROWS + i] = (struct option){.name = aliases[i].name,
						 .has_arg = required_argument,
						 .val = (int)aliases[i].id};
	list[ROWS + ALIASES] = (struct option){0};
}

static const char *option_name(int id)
{
	for (size_t i = 0; i < ROWS; i++)
		if ((int)rows[i].id == id)
			return rows[i].name;
	return "";
}

static const char *why_not(int id, int error)
{
	if (error != -EINVAL)
		return strerror(-error);
	return id == OPTION_SECRET ? "it must be 16 to 256 bytes, as hex or in @FILE"
				   : "not understood";
}

/* -EINVAL: told. */
static int option_take(int id, struct options *o)
{
	int r;

	if (id == 'c' || id == 'T')
		id = id == 'c' ? OPTION_CLIENTS : OPTION_DURATION;
	r = options_value_take((enum option_id)id, optarg, o);
	if (r == 0)
		return 0;
	fprintf(stderr, "loadgen: --%s %s: %s\n", option_name(id), optarg, why_not(id, r));
	return wrong("a value is wrong");
}

static bool is_about_reports(int id)
{
	return id == OPTION_JSON || id == OPTION_HGRM || id == OPTION_HTML ||
	       id == OPTION_THRESHOLD;
}

int options_parse_reports(int argc, char **argv, struct options *options)
{
	struct option list[ROWS + ALIASES + 1];
	int id;

	long_options_fill(list);
	optind = 1;
	opterr = 0;
	while ((id = getopt_long(argc, argv, OPTIONS_SHORT, list, NULL)) != -1) {
		if (id == '?' || id == ':')
			return option_word_refuse(id, argv, list);
		if (!is_about_reports(id)) {
			fprintf(stderr, "loadgen: %s: not here\n", argv[optind - 1]);
			return -EINVAL;
		}
		if (option_take(id, options) < 0)
			return -EINVAL;
	}
	return 0;
}

static int arguments_take(int argc, char **argv, struct options *o)
{
	struct option list[ROWS + ALIASES + 1];
	int id;

	long_options_fill(list);
	optind = 1;
	opterr = 0;
	while ((id = getopt_long(argc, argv, OPTIONS_SHORT, list, NULL)) != -1) {
		if (id == OPTION_HELP || id == 'h' || id == OPTION_VERSION) {
			id != OPTION_VERSION ? help_print()
					     : (void)puts("loadgen " LOADGEN_VERSION);
			return 1;
		}
		if (id == '?' || id == ':') {
			(void)option_word_refuse(id, argv, list);
			return help_name();
		}
		if (option_take(id, o) < 0)
			return -EINVAL;
	}
	if (optind < argc) {
		fprintf(stderr, "loadgen: %s: every option begins with --\n", argv[optind]);
		return wrong("there is a word too many");
	}
	return 0;
}

int options_parse(int argc, char **argv, unsigned cores, struct options *ret_options)
{
	struct options o = {
		.net = {.clients = UNSET, .seed = 1},
		.observers = UNSET,
		.read_mark = UNSET,
		.rate = -1,
		.duration_ns = UINT64_MAX,
		.settle_ns = 20000000000ULL,
		.board = "main",
	};
	int r = arguments_take(argc, argv, &o);

	if (r == 0)
		r = defaults_fill(&o, cores);
	if (r != 0) {
		options_fini(&o);
		return r;
	}
	*ret_options = o;
	return 0;
}

void options_fini(struct options *o)
{
	timeline_fini(&o->timeline);
}
