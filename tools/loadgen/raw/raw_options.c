/*
 * raw_options.c - the command line of --profile-protocol raw, from one table. Where a name is one
 * of the other mode's, it means the same; short names are those of tcpkali.
 */
#include "tools/loadgen/raw/raw_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/exit_code.h"
#include "tools/loadgen/net/option_word.h"
#include "tools/loadgen/raw/raw_stamp.h"
#include "tools/loadgen/load/units.h"

#define WINDOW_DEFAULT    1024
#define WINDOW_MAX        65536
#define SAMPLE_UNIX_NS    1790000000123456789ULL
#define SAMPLES_OF_STAMPS 64

enum option_id {
	OPTION_CLIENTS = 'c',
	OPTION_DURATION = 'T',
	OPTION_FIRST_MESSAGE = '1',
	OPTION_HEADER = 'H',
	OPTION_HELP = 'h',
	OPTION_MESSAGE = 'm',
	OPTION_RATE = 'r',
	OPTION_PROFILE = 256,
	OPTION_URL,
	OPTION_SUBPROTOCOL,
	OPTION_BINARY,
	OPTION_EXPECT,
	OPTION_SENDERS,
	OPTION_UNIFORM,
	OPTION_WINDOW,
	OPTION_CONNECT_RATE,
	OPTION_SOURCE,
	OPTION_WARMUP,
	OPTION_SETTLE,
	OPTION_SERVER_PID,
	OPTION_CA,
	OPTION_INSECURE,
	OPTION_THREADS,
	OPTION_SEED,
	OPTION_JSON,
	OPTION_QUIET,
};

struct row {
	enum option_id id;
	const char *name;
	const char *value; /* NULL: takes none */
	const char *help;
};

static const struct row rows[] = {
	{OPTION_PROFILE, "profile-protocol", "raw", "this mode: any WebSocket server"},
	{OPTION_URL, "url", "ws[s]://HOST[:PORT][/PATH]", "the server; all that is needed"},
	{OPTION_CLIENTS, "clients", "N", "connections (default 1000)"},
	{OPTION_MESSAGE, "message", "TEXT", "what is sent (default: nothing; the clients listen)"},
	{OPTION_FIRST_MESSAGE, "first-message", "TEXT",
	 "what every client sends once, before all else; \\{seq} is its number"},
	{OPTION_BINARY, "binary", NULL, "messages are binary (default: text)"},
	{OPTION_EXPECT, "expect", "echo|broadcast|none",
	 "echo: every message comes back to its sender, unchanged and in order\n"
	 "broadcast: every message reaches every client once, whoever sent it\n"
	 "none: what comes is only counted\n"
	 "(default echo; none without --message)"},
	{OPTION_RATE, "rate", "N/s", "messages per second, all senders together (default 100/s)"},
	{OPTION_SENDERS, "senders", "N",
	 "how many clients send (default: all; with --expect broadcast: 1)"},
	{OPTION_UNIFORM, "uniform", NULL, "evenly spaced messages (default: poisson)"},
	{OPTION_DURATION, "duration", "TIME", "how long (default 10s)"},
	{OPTION_HEADER, "header", "NAME: VALUE",
	 "one more header field of the upgrade, repeatable"},
	{OPTION_SUBPROTOCOL, "subprotocol", "NAME[,NAME]", "the server has to choose one of them"},
	{OPTION_WINDOW, "window", "N",
	 "messages of a sender that wait for their echo (default 1024)"},
	{OPTION_CONNECT_RATE, "connect-rate", "N/s",
	 "open so many connections per second (default: as fast as it goes)"},
	{OPTION_SOURCE, "source", "A[-B][,C...]",
	 "connect from these addresses (default on loopback: as many as are needed)"},
	{OPTION_CA, "ca", "FILE",
	 "wss: who signs the server's certificate, as PEM (default: whom the system trusts)"},
	{OPTION_INSECURE, "insecure", NULL, "wss: take any certificate"},
	{OPTION_WARMUP, "warmup", "TIME",
	 "wait so long once all are connected (default 0s; broadcast: 1s)"},
	{OPTION_SETTLE, "settle", "TIME",
	 "wait so long for what is outstanding at the end (default 20s)"},
	{OPTION_SERVER_PID, "server-pid", "PID",
	 "report CPU time and memory of this process, all its threads"},
	{OPTION_THREADS, "threads", "N", "threads (default: one per core)"},
	{OPTION_SEED, "seed", "N", "for random parts and times (default 1)"},
	{OPTION_JSON, "json", "FILE", "write the result as JSON (- : standard output)"},
	{OPTION_QUIET, "quiet", NULL, "no line per second on standard error"},
	{OPTION_HELP, "help", NULL, "this text"},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const char *const expects[RAW_EXPECTS] = {
	[RAW_EXPECT_NONE] = "none",
	[RAW_EXPECT_ECHO] = "echo",
	[RAW_EXPECT_BROADCAST] = "broadcast",
};

const char *raw_expect_str(enum raw_expect expect)
{
	return expects[expect];
}

static void help_print(void)
{
	printf("loadgen --profile-protocol raw - opens many clients of any WebSocket server, sends "
	       "on a schedule,\nand proves what came back\n\n"
	       "  loadgen --profile-protocol raw --url ws://127.0.0.1:9000/ --message 'hello "
	       "\\{seq}'\n"
	       "  loadgen --profile-protocol raw --url ws://127.0.0.1:9000/ -c 10k --expect "
	       "broadcast "
	       "\\\n          --message '{\"t\":\\{now_ns}}' --rate 5/s\n\n");
	for (size_t i = 0; i < ROWS; i++) {
		char left[64], letter[8] = "";
		const char *at = rows[i].help;
		const char *line;

		if (rows[i].id < 256)
			(void)snprintf(letter, sizeof(letter), "-%c, ", (char)rows[i].id);
		(void)snprintf(left, sizeof(left), "%s--%s%s%s", letter, rows[i].name,
			       rows[i].value ? " " : "", rows[i].value ? rows[i].value : "");
		printf("  %-35s", left);
		while ((line = strchr(at, '\n')) != NULL) {
			printf("%.*s\n  %-35s", (int)(line - at), at, "");
			at = line + 1;
		}
		printf("%s\n", at);
	}
	printf("\nIn a message: \\{seq} counts the messages of all clients; \\{now_ns} is the time "
	       "at "
	       "which it was due, 19 digits\nof Unix time in nanoseconds, different in each "
	       "message; "
	       "\\{re [a-z]{8}} is random text of a pattern; \\n \\r \\t\n\\\\ and \\xHH are "
	       "bytes. "
	       "Latencies of broadcasts count from the \\{now_ns} that is found in what comes, "
	       "wherever "
	       "it\nstands there; so a server may wrap it, and may send such times by itself.\n\n"
	       "Frames are masked with random masks. Sending is open loop: a slow server does not "
	       "slow "
	       "the schedule, and latencies\ncount from the intended time.\n\n");
	exit_codes_print(stdout);
}

/* --- values ----------------------------------------------------------------------------------- */

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

static int why_tell(const char *name, const char *why, int r)
{
	if (r < 0)
		fprintf(stderr, "loadgen: --%s: %s\n", name, r == -ENOMEM ? "no memory" : why);
	return r;
}

static int url_parse(const char *text, struct raw_options *o)
{
	const char *why = "";
	const char *slash;
	int r = target_parse(text, &o->net.targets[0], &why);

	if (r < 0)
		return why_tell("url", why, r);
	slash = strchr(strstr(text, "://") + 3, '/');
	if (slash == NULL || slash[1] == '\0')
		memcpy(o->net.targets[0].path, "/", sizeof("/"));
	o->net.url = text;
	return 0;
}

static int template_parse(const char *name, const char *text, struct raw_template **ret_template)
{
	struct raw_template *t = NULL;
	const char *why = "";
	int r = raw_template_new(text, &t, &why);

	if (r < 0)
		return why_tell(name, why, r);
	raw_template_free(*ret_template);
	*ret_template = t;
	return 0;
}

/* "Name: value" joins the others, with its CRLF. */
static int header_parse(const char *text, struct raw_options *o)
{
	size_t have = strlen(o->fields);
	size_t name = strcspn(text, ": \t\r\n");

	if (name == 0 || text[name] != ':' || strpbrk(text, "\r\n") != NULL)
		return -EINVAL;
	if (have + strlen(text) + 3 > sizeof(o->fields))
		return -ERANGE;
	(void)snprintf(o->fields + have, sizeof(o->fields) - have, "%s\r\n", text);
	o->ask.has_host |= name == 4 && strncasecmp(text, "Host", 4) == 0;
	return 0;
}

static int expect_parse(const char *text, struct raw_options *o)
{
	for (unsigned i = 0; i < RAW_EXPECTS; i++) {
		if (strcmp(text, expects[i]) == 0) {
			o->expect = (enum raw_expect)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int subprotocol_parse(const char *text, struct raw_options *o)
{
	if (text[0] == '\0' || strpbrk(text, "\r\n") != NULL || strlen(text) > 256)
		return -EINVAL;
	o->ask.protocols = text;
	return 0;
}

static int pid_parse(const char *text, struct raw_options *o)
{
	uint32_t pid;
	int r = u32_parse(text, 1, INT32_MAX, &pid);

	if (r == 0)
		o->server_pid = (int)pid;
	return r;
}

static int flag_set(bool *flag)
{
	*flag = true;
	return 0;
}

static int value_take(enum option_id id, const char *text, struct raw_options *o)
{
	switch (id) {
	case OPTION_PROFILE:
		return strcmp(text, "raw") == 0 ? 0 : -EINVAL;
	case OPTION_URL:
		return url_parse(text, o);
	case OPTION_CLIENTS:
		return u32_parse(text, 1, NET_CLIENTS_MAX, &o->net.clients);
	case OPTION_MESSAGE:
		return template_parse("message", text, &o->message);
	case OPTION_FIRST_MESSAGE:
		return template_parse("first-message", text, &o->first_message);
	case OPTION_BINARY:
		return flag_set(&o->binary);
	case OPTION_EXPECT:
		return expect_parse(text, o);
	case OPTION_RATE:
		return units_rate(text, &o->rate);
	case OPTION_SENDERS:
		return u32_parse(text, 0, NET_CLIENTS_MAX, &o->senders);
	case OPTION_UNIFORM:
		return flag_set(&o->uniform);
	case OPTION_DURATION:
		return units_duration(text, &o->duration_ns);
	case OPTION_HEADER:
		return header_parse(text, o);
	case OPTION_SUBPROTOCOL:
		return subprotocol_parse(text, o);
	case OPTION_WINDOW:
		return u32_parse(text, 1, WINDOW_MAX, &o->window);
	case OPTION_CONNECT_RATE:
		return units_rate(text, &o->net.connect_rate);
	case OPTION_SOURCE:
		return source_parse(text, &o->net.sources);
	case OPTION_WARMUP:
		return units_duration(text, &o->warmup_ns);
	case OPTION_SETTLE:
		return units_duration(text, &o->settle_ns);
	case OPTION_SERVER_PID:
		return pid_parse(text, o);
	case OPTION_CA:
		o->ca_file = text;
		return 0;
	case OPTION_INSECURE:
		return flag_set(&o->insecure);
	case OPTION_THREADS:
		return u32_parse(text, 1, NET_THREADS_MAX, &o->net.threads);
	case OPTION_SEED:
		return units_count(text, &o->net.seed);
	case OPTION_JSON:
		o->json = text;
		return 0;
	case OPTION_QUIET:
		return flag_set(&o->quiet);
	case OPTION_HELP:
		break;
	}
	return 0;
}

/* --- what fits together ----------------------------------------------------------------------- */

static int help_name(void)
{
	fputs("loadgen --profile-protocol raw --help tells more.\n", stderr);
	return -EINVAL;
}

static int wrong(const char *what)
{
	fprintf(stderr, "loadgen: %s\n", what);
	return help_name();
}

/* Digits beside \{now_ns} would hide it. */
static bool stamp_is_found(const struct raw_template *t)
{
	uint8_t *out = malloc(raw_template_bytes_max(t) + 1);
	uint64_t rng = 1;
	bool found = out != NULL;

	for (int i = 0; found && i < SAMPLES_OF_STAMPS; i++) {
		size_t len = raw_template_write(t, 1, SAMPLE_UNIX_NS, &rng, out);
		size_t hint = 0;
		uint64_t ns;

		found = raw_stamp_find(out, len, SAMPLE_UNIX_NS, SAMPLE_UNIX_NS, &hint, &ns);
	}
	free(out);
	return found;
}

static int defaults_fill(struct raw_options *o, unsigned cores)
{
	if (o->net.url == NULL)
		return wrong("--url is missing, for example --url ws://127.0.0.1:9000/");
	if (o->expect == RAW_EXPECTS)
		o->expect = o->message != NULL ? RAW_EXPECT_ECHO : RAW_EXPECT_NONE;
	if (o->expect == RAW_EXPECT_ECHO && o->message == NULL)
		return wrong("--expect echo needs a --message");
	if (o->senders == UINT32_MAX)
		o->senders = o->expect == RAW_EXPECT_BROADCAST ? 1 : o->net.clients;
	if (o->message == NULL || o->rate <= 0)
		o->senders = 0;
	if (o->senders > o->net.clients)
		o->senders = o->net.clients;
	if (o->senders > 0 && o->expect == RAW_EXPECT_BROADCAST &&
	    !raw_template_has_now(o->message))
		return wrong("--expect broadcast needs \\{now_ns} in --message: by it a message is "
			     "known again");
	if (o->message != NULL && raw_template_has_now(o->message) && !stamp_is_found(o->message))
		return wrong("there can be digits right beside \\{now_ns}: put something between");
	if (o->warmup_ns == UINT64_MAX)
		o->warmup_ns = o->expect == RAW_EXPECT_BROADCAST ? 1000000000ULL : 0;
	if (o->net.threads == 0)
		o->net.threads = cores;
	if (o->net.threads > o->net.clients)
		o->net.threads = o->net.clients;
	o->ask.fields = o->fields;
	return 0;
}

/* --- getopt ----------------------------------------------------------------------------------- */

static const struct row *row_of(int id)
{
	for (size_t i = 0; i < ROWS; i++)
		if ((int)rows[i].id == id)
			return &rows[i];
	return NULL;
}

static void names_fill(struct option list[static ROWS + 1], char letters[static 2 * ROWS + 2])
{
	*letters++ = ':'; /* a missing value is told apart */
	for (size_t i = 0; i < ROWS; i++) {
		list[i] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].value != NULL ? required_argument : no_argument,
			.val = (int)rows[i].id,
		};
		if (rows[i].id < 256) {
			*letters++ = (char)rows[i].id;
			if (rows[i].value != NULL)
				*letters++ = ':';
		}
	}
	*letters = '\0';
	list[ROWS] = (struct option){0};
}

static int arguments_take(int argc, char **argv, struct raw_options *o)
{
	struct option list[ROWS + 1];
	char letters[2 * ROWS + 2];
	int id;

	names_fill(list, letters);
	optind = 1;
	opterr = 0;
	while ((id = getopt_long(argc, argv, letters, list, NULL)) != -1) {
		const struct row *row = row_of(id);
		int r;

		if (row == NULL) {
			(void)option_word_refuse(id, argv, list);
			return help_name();
		}
		if (id == OPTION_HELP) {
			help_print();
			return 1;
		}
		r = value_take(row->id, optarg, o);
		if (r < 0) {
			fprintf(stderr, "loadgen: --%s %s: %s\n", row->name, optarg,
				r == -EINVAL ? "not understood" : strerror(-r));
			return wrong("a value is wrong");
		}
	}
	return optind < argc ? wrong("there is a word too many") : 0;
}

int raw_options_parse(int argc, char **argv, unsigned cores, struct raw_options *ret_options)
{
	struct raw_options *o = ret_options;
	int r;

	*o = (struct raw_options){
		.net = {.clients = 1000, .seed = 1, .targets_count = 1},
		.senders = UINT32_MAX,
		.window = WINDOW_DEFAULT,
		.rate = 100,
		.expect = RAW_EXPECTS,
		.duration_ns = 10000000000ULL,
		.warmup_ns = UINT64_MAX,
		.settle_ns = 20000000000ULL,
	};
	r = arguments_take(argc, argv, o);
	if (r == 0)
		r = defaults_fill(o, cores);
	if (r != 0)
		raw_options_fini(o);
	return r;
}

void raw_options_fini(struct raw_options *o)
{
	raw_template_free(o->message);
	raw_template_free(o->first_message);
	o->message = o->first_message = NULL;
}
