/*
 * options.c - the command line, from one table: names, whether a value follows, the line of --help.
 */
#include "tools/loadgen/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/loadgen/units.h"

#define PAINTERS_DEFAULT     1000
#define WINDOW_DEFAULT       1024
#define WINDOW_MANY_PAINTERS 64
#define WINDOW_MAX           65536
#define CLIENTS_MAX          2000000
#define THREADS_MAX          256

enum option_id {
	OPTION_URL = 256,
	OPTION_CLIENTS,
	OPTION_RATE,
	OPTION_UNIFORM,
	OPTION_DURATION,
	OPTION_REPLAY,
	OPTION_PAINTERS,
	OPTION_WINDOW,
	OPTION_BOARD,
	OPTION_SECRET,
	OPTION_CONNECT_RATE,
	OPTION_RESUME,
	OPTION_STOP_READING,
	OPTION_RECEIVE_BUFFER,
	OPTION_SETTLE,
	OPTION_THREADS,
	OPTION_SEED,
	OPTION_JSON,
	OPTION_ACKS,
	OPTION_QUIET,
	OPTION_HELP,
	OPTION_VERSION,
};

struct row {
	enum option_id id;
	const char *name;
	const char *value; /* NULL: takes none */
	const char *help;
};

static const struct row rows[] = {
	{OPTION_URL, "url", "ws://HOST[:PORT][/PATH]",
	 "the server; all that is needed. Path: /ws when missing"},
	{OPTION_CLIENTS, "clients", "N",
	 "connections; every one watches and checks all it gets (default 1000)"},
	{OPTION_RATE, "rate", "N/s",
	 "placements per second, all painters together (default 100/s; 0: only watch)"},
	{OPTION_UNIFORM, "uniform", NULL,
	 "evenly spaced placements (default: poisson, as independent people make)"},
	{OPTION_DURATION, "duration", "TIME",
	 "how long to place (default 10s; a replay: to its end)"},
	{OPTION_REPLAY, "replay", "FILE",
	 "place what a recorded file says, in its order (.bin or .bin.gz)"},
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
	{OPTION_RECEIVE_BUFFER, "receive-buffer", "BYTES",
	 "socket buffer of the clients that stop reading, e.g. 64KiB"},
	{OPTION_SETTLE, "settle", "TIME",
	 "wait so long for what is outstanding at the end (default 20s)"},
	{OPTION_THREADS, "threads", "N", "threads (default: one per core)"},
	{OPTION_SEED, "seed", "N", "for cells, colors and times (default 1)"},
	{OPTION_JSON, "json", "FILE", "write the result as JSON (- : standard output)"},
	{OPTION_ACKS, "acks", "FILE", "write every acknowledged placement: request,seq,cell,color"},
	{OPTION_QUIET, "quiet", NULL, "no line per second on standard error"},
	{OPTION_HELP, "help", NULL, "this text"},
	{OPTION_VERSION, "version", NULL, "the version"},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void help_print(void)
{
	printf("loadgen - opens many WebSocket clients, places pixels, and proves that every "
	       "client got every update\n\n"
	       "  loadgen --url ws://127.0.0.1:8080/ws\n"
	       "  loadgen --url ws://127.0.0.1:8080/ws --clients 10k --rate 1000/s --duration 30s\n"
	       "  loadgen --url ws://127.0.0.1:8080/ws --replay placements2017.bin.gz --json "
	       "result.json\n\n");
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
	       "Exit: 0 every client received everything and the boards are equal; 1 connections "
	       "were lost or something else;\n"
	       "2 wrong use; 3 data was wrong; 4 the server cannot be reached.\n");
}

/* HEX, or @FILE whose bytes are the secret as they stand there. */
static int secret_parse(const char *text, struct options *o)
{
	size_t len = strlen(text);

	if (text[0] == '@') {
		FILE *file = fopen(text + 1, "rb");

		if (file == NULL)
			return -errno;
		o->secret_len = fread(o->secret, 1, sizeof(o->secret), file);
		(void)fclose(file);
	} else {
		if (len % 2 != 0 || len / 2 > sizeof(o->secret) ||
		    strspn(text, "0123456789abcdefABCDEF") != len)
			return -EINVAL;
		for (size_t i = 0; i < len / 2; i++) {
			const char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};

			o->secret[i] = (uint8_t)strtoul(pair, NULL, 16);
		}
		o->secret_len = len / 2;
	}
	return o->secret_len < SESSION_SECRET_BYTES_MIN ? -EINVAL : 0;
}

static int u32_parse(const char *text, uint64_t low, uint64_t high, uint32_t *ret_value)
{
	uint64_t v;
	int r = units_count(text, &v);

	if (r < 0)
		return r;
	if (v < low || v > high)
		return -ERANGE;
	*ret_value = (uint32_t)v;
	return 0;
}

static int url_parse(const char *text, struct options *o)
{
	const char *why = "";
	int r = target_parse(text, &o->target, &why);

	if (r < 0)
		fprintf(stderr, "loadgen: --url %s: %s\n", text, why);
	o->url = text;
	return r;
}

static int board_parse(const char *text, struct options *o)
{
	if (text[0] == '\0' || strlen(text) > BOARD_NAME_BYTES_MAX ||
	    strpbrk(text, "/? \r\n") != NULL)
		return -EINVAL;
	memcpy(o->board, text, strlen(text) + 1);
	return 0;
}

static int text_take(const char *text, const char **ret_text)
{
	*ret_text = text;
	return 0;
}

static int flag_set(bool *flag)
{
	*flag = true;
	return 0;
}

static int value_take(enum option_id id, const char *text, struct options *o)
{
	switch (id) {
	case OPTION_URL:
		return url_parse(text, o);
	case OPTION_CLIENTS:
		return u32_parse(text, 1, CLIENTS_MAX, &o->clients);
	case OPTION_RATE:
		return units_rate(text, &o->rate);
	case OPTION_UNIFORM:
		return flag_set(&o->uniform);
	case OPTION_DURATION:
		return units_duration(text, &o->duration_ns);
	case OPTION_REPLAY:
		return text_take(text, &o->replay);
	case OPTION_PAINTERS:
		return u32_parse(text, 1, CLIENTS_MAX, &o->painters);
	case OPTION_WINDOW:
		return u32_parse(text, 1, WINDOW_MAX, &o->window);
	case OPTION_BOARD:
		return board_parse(text, o);
	case OPTION_SECRET:
		return secret_parse(text, o);
	case OPTION_CONNECT_RATE:
		return units_rate(text, &o->connect_rate);
	case OPTION_RESUME:
		return flag_set(&o->resume);
	case OPTION_STOP_READING:
		return u32_parse(text, 0, CLIENTS_MAX, &o->stop_reading);
	case OPTION_RECEIVE_BUFFER:
		return units_bytes(text, &o->receive_buffer_bytes);
	case OPTION_SETTLE:
		return units_duration(text, &o->settle_ns);
	case OPTION_THREADS:
		return u32_parse(text, 1, THREADS_MAX, &o->threads);
	case OPTION_SEED:
		return units_count(text, &o->seed);
	case OPTION_JSON:
		return text_take(text, &o->json);
	case OPTION_ACKS:
		return text_take(text, &o->acks);
	case OPTION_QUIET:
		return flag_set(&o->quiet);
	case OPTION_HELP:
	case OPTION_VERSION:
		break;
	}
	return 0;
}

static int wrong(const char *what)
{
	fprintf(stderr, "loadgen: %s\nloadgen --help tells more.\n", what);
	return -EINVAL;
}

/* What depends on other options, and what does not fit together. */
static int defaults_fill(struct options *o, unsigned cores)
{
	if (o->url == NULL)
		return wrong("--url is missing, for example --url ws://127.0.0.1:8080/ws");
	if (o->rate < 0)
		o->rate = o->replay != NULL ? 0 : 100;
	if (o->duration_ns == UINT64_MAX)
		o->duration_ns = o->replay != NULL ? 0 : 10000000000ULL;
	if (o->painters == 0)
		o->painters = o->replay != NULL ? 1 : PAINTERS_DEFAULT;
	if (o->replay == NULL && o->rate <= 0)
		o->painters = 0;
	if (o->stop_reading > o->clients)
		return wrong("--stop-reading is more than --clients");
	if (o->painters > o->clients - o->stop_reading)
		o->painters = o->clients - o->stop_reading;
	if (o->replay != NULL && o->painters == 0)
		return wrong("a replay needs a client that reads");
	if (o->window == 0)
		o->window = o->painters > 16 ? WINDOW_MANY_PAINTERS : WINDOW_DEFAULT;
	if (o->threads == 0)
		o->threads = cores;
	if (o->threads > o->clients)
		o->threads = o->clients;
	return 0;
}

static void long_options_fill(struct option list[static ROWS + 1])
{
	for (size_t i = 0; i < ROWS; i++)
		list[i] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].value != NULL ? required_argument : no_argument,
			.val = (int)rows[i].id,
		};
	list[ROWS] = (struct option){0};
}

int options_parse(int argc, char **argv, unsigned cores, struct options *ret_options)
{
	struct options o = {
		.clients = 1000,
		.rate = -1,
		.duration_ns = UINT64_MAX,
		.settle_ns = 20000000000ULL,
		.seed = 1,
		.board = "main",
	};
	struct option list[ROWS + 1];
	int which = 0;
	int id;
	int r;

	long_options_fill(list);
	optind = 1;
	while ((id = getopt_long(argc, argv, "", list, &which)) != -1) {
		if (id == '?')
			return wrong("see above");
		if (id == OPTION_HELP || id == OPTION_VERSION) {
			id == OPTION_HELP ? help_print() : (void)puts("loadgen 0.1.0");
			return 1;
		}
		r = value_take((enum option_id)id, optarg, &o);
		if (r < 0) {
			fprintf(stderr, "loadgen: --%s %s: %s\n", list[which].name, optarg,
				r == -EINVAL ? "not understood" : strerror(-r));
			return wrong("a value is wrong");
		}
	}
	if (optind < argc) {
		fprintf(stderr, "loadgen: %s: every option begins with --\n", argv[optind]);
		return wrong("there is a word too many");
	}
	r = defaults_fill(&o, cores);
	if (r < 0)
		return r;
	*ret_options = o;
	return 0;
}
