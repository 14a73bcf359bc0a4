/*
 * options.c - what options mean together: defaults, conflicts, the text of --help.
 */
#include "tools/loadgen/pixel/options_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/loadgen/result/machine.h"

#define CLIENTS_DEFAULT      1000
#define PAINTERS_DEFAULT     1000
#define DURATION_NS          10000000000ULL
#define WINDOW_DEFAULT       1024
#define WINDOW_MANY_PAINTERS 64
#define OBSERVERS_ALL_MAX    10000U
#define UNSET                UINT32_MAX

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
	option_table_print(stdout, &options_table);
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
	       "  loadgen merge A.json B.json ...   adds up the results of several runs, exactly\n"
	       "  loadgen find-max --rate --from 1k --to 200k --threshold 'ack.p99<50ms' --url "
	       "...\n"
	       "                                    finds the highest rate (or --clients) that "
	       "holds\n");
}

static int wrong(const char *what)
{
	return option_table_wrong(&options_table, "%s", what);
}

/* Where the placements come from, and for how long. */
static int placing_fill(struct options *o)
{
	bool stages = o->timeline.count > 0;
	double most = o->rate;

	if (stages && o->profile != NULL)
		return wrong("--phase and --profile both set the rate");
	if (stages && o->duration_ns != UINT64_MAX)
		return wrong("--phase sets how long; --duration does not go with it");
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
		return wrong("one process does not open that many clients");
	if ((uint64_t)o->stop_reading + o->slow_readers > o->net.clients)
		return wrong("--stop-reading and --slow-readers exceed --clients");
	if (o->observers_share > 0)
		o->observers = (uint32_t)ceil(o->observers_share * o->net.clients);
	else if (o->observers == UNSET)
		o->observers =
			o->net.clients <= OBSERVERS_ALL_MAX ? o->net.clients : o->net.clients / 100;
	net_threads_fill(&o->net, cores);
	return 0;
}

/* What depends on other options, and what does not fit together. */
static int defaults_fill(struct options *o, unsigned cores)
{
	int r;

	if (o->net.url == NULL && o->check_system)
		(void)options_url_take("ws://127.0.0.1:8080/ws", o);
	if (o->net.url == NULL)
		return wrong("--url is missing, for example --url ws://127.0.0.1:8080/ws");
	r = crowd_fill(o, cores);
	if (r == 0)
		r = placing_fill(o);
	if (r == 0)
		r = painters_fill(o);
	return r;
}

int options_parse_reports(int argc, char **argv, struct options *options)
{
	struct option_table t = options_table;

	t.of = OPTIONS_OF_RESULT;
	t.words = argc;
	t.hint = "Only options about a result are allowed here; see loadgen --help.";
	return option_table_read(&t, argc, argv, options);
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
	int r = option_table_read(&options_table, argc, argv, &o);

	if (r > 0)
		r == OPTIONS_HELP ? help_print() : (void)puts("loadgen " LOADGEN_VERSION);
	if (r == OPTIONS_TAKEN)
		r = defaults_fill(&o, cores);
	if (r != 0) {
		options_fini(&o);
		return r < 0 ? r : 1;
	}
	*ret_options = o;
	return 0;
}

void options_fini(struct options *o)
{
	timeline_fini(&o->timeline);
}
