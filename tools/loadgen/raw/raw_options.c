/*
 * raw_options.c - the command line of --profile-protocol raw, from one table. Where a name is one
 * of the other mode's, it means the same; short names are those of tcpkali.
 */
#include "tools/loadgen/raw/raw_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/exit_code.h"
#include "tools/options/option_table.h"
#include "tools/loadgen/raw/raw_stamp.h"

#define WINDOW_DEFAULT    1024
#define WINDOW_MAX        65536
#define SAMPLE_UNIX_NS    1790000000123456789ULL
#define SAMPLES_OF_STAMPS 64

static const char *const expects[RAW_EXPECTS] = {
	[RAW_EXPECT_NONE] = "none",
	[RAW_EXPECT_ECHO] = "echo",
	[RAW_EXPECT_BROADCAST] = "broadcast",
};

const char *raw_expect_str(enum raw_expect expect)
{
	return expects[expect];
}

/* --- values ----------------------------------------------------------------------------------- */

static int why_tell(const char *name, const char *why, int r)
{
	if (r < 0)
		fprintf(stderr, "loadgen: --%s: %s\n", name, r == -ENOMEM ? "no memory" : why);
	return r;
}

static int url_parse(const char *text, void *options)
{
	struct raw_options *o = options;
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
static int header_parse(const char *text, void *options)
{
	struct raw_options *o = options;
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

static int expect_parse(const char *text, void *options)
{
	struct raw_options *o = options;
	for (unsigned i = 0; i < RAW_EXPECTS; i++) {
		if (strcmp(text, expects[i]) == 0) {
			o->expect = (enum raw_expect)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int subprotocol_parse(const char *text, void *options)
{
	struct raw_options *o = options;
	if (text[0] == '\0' || strpbrk(text, "\r\n") != NULL || strlen(text) > 256)
		return -EINVAL;
	o->ask.protocols = text;
	return 0;
}

static int pid_parse(const char *text, void *options)
{
	struct raw_options *o = options;
	uint32_t pid;
	int r = option_u32(text, 1, INT32_MAX, &pid);

	if (r == 0)
		o->server_pid = (int)pid;
	return r;
}

static int profile_parse(const char *text, void *options)
{
	(void)options;
	return strcmp(text, "raw") == 0 ? 0 : -EINVAL;
}

static int message_parse(const char *text, void *options)
{
	return template_parse("message", text, &((struct raw_options *)options)->message);
}

static int first_message_parse(const char *text, void *options)
{
	return template_parse("first-message", text,
			      &((struct raw_options *)options)->first_message);
}

static int source_take(const char *text, void *options)
{
	return source_parse(text, &((struct raw_options *)options)->net.sources);
}

/* --- the table -------------------------------------------------------------------------------- */

static const struct option_row rows[] = {
	{"profile-protocol", "raw", "this mode: any WebSocket server", .take = profile_parse},
	{"url", "ws[s]://HOST[:PORT][/PATH]", "the server; the only option required",
	 .take = url_parse},
	{"clients", "N", "connections (default 1000)", .letter = 'c',
	 OPTION_TO_U32(struct raw_options, net.clients, 1, NET_CLIENTS_MAX)},
	{"message", "TEXT", "what is sent (default: nothing; the clients listen)", .letter = 'm',
	 .take = message_parse},
	{"first-message", "TEXT",
	 "what every client sends once, before anything else; \\{seq} is its number", .letter = '1',
	 .take = first_message_parse},
	{"first-answer", NULL,
	 "a client is connected once its first message was answered (default: once\n"
	 "the upgrade was answered)",
	 OPTION_TO_FLAG(struct raw_options, first_answer)},
	{"binary", NULL, "messages are binary (default: text)",
	 OPTION_TO_FLAG(struct raw_options, binary)},
	{"expect", "echo|broadcast|none",
	 "echo: every message comes back to its sender, unchanged and in order\n"
	 "broadcast: every message reaches every client once, whoever sent it\n"
	 "none: input is only counted\n"
	 "(default echo; none without --message)",
	 .take = expect_parse},
	{"rate", "N/s", "messages per second, all senders together (default 100/s)", .letter = 'r',
	 OPTION_TO_RATE(struct raw_options, rate)},
	{"senders", "N", "how many clients send (default: all; with --expect broadcast: 1)",
	 OPTION_TO_U32(struct raw_options, senders, 0, NET_CLIENTS_MAX)},
	{"uniform", NULL, "evenly spaced messages (default: poisson)",
	 OPTION_TO_FLAG(struct raw_options, uniform)},
	{"duration", "TIME", "how long (default 10s)", .letter = 'T',
	 OPTION_TO_DURATION(struct raw_options, duration_ns)},
	{"header", "NAME: VALUE", "one more header field of the upgrade, repeatable", .letter = 'H',
	 .take = header_parse},
	{"subprotocol", "NAME[,NAME]", "the server must choose one of them",
	 .take = subprotocol_parse},
	{"window", "N", "messages of one sender without an echo (default 1024)",
	 OPTION_TO_U32(struct raw_options, window, 1, WINDOW_MAX)},
	{"connect-rate", "N/s", "connections opened per second (default: as fast as possible)",
	 OPTION_TO_RATE(struct raw_options, net.connect_rate)},
	{"source", "A[-B][,C...]",
	 "connect from these addresses (default on loopback: as many as are needed)",
	 .take = source_take},
	{"ca", "FILE",
	 "wss: the CA of the server's certificate, as PEM (default: those the system trusts)",
	 OPTION_TO_TEXT(struct raw_options, ca_file)},
	{"insecure", NULL, "wss: accept any certificate",
	 OPTION_TO_FLAG(struct raw_options, insecure)},
	{"warmup", "TIME", "wait this long once all are connected (default 0s; broadcast: 1s)",
	 OPTION_TO_DURATION(struct raw_options, warmup_ns)},
	{"settle", "TIME", "wait this long for what is outstanding at the end (default 20s)",
	 OPTION_TO_DURATION(struct raw_options, settle_ns)},
	{"server-pid", "PID", "report CPU time and memory of this process, all its threads",
	 .take = pid_parse},
	{"threads", "N", "threads (default: one per core)",
	 OPTION_TO_U32(struct raw_options, net.threads, 1, NET_THREADS_MAX)},
	{"seed", "N", "for random parts and times (default 1)",
	 OPTION_TO_COUNT(struct raw_options, net.seed)},
	{"json", "FILE", "write the result as JSON (- : standard output)",
	 OPTION_TO_TEXT(struct raw_options, json)},
	{"quiet", NULL, "no line per second on standard error",
	 OPTION_TO_FLAG(struct raw_options, quiet)},
	{"help", NULL, "this text", .letter = 'h', .kind = OPTION_HELP},
};

static const struct option_table table = {
	.rows = rows,
	.count = sizeof(rows) / sizeof(rows[0]),
	.hint = "See loadgen --profile-protocol raw --help.",
	.columns = 35,
	.letters = true,
};

static void help_print(void)
{
	printf("loadgen --profile-protocol raw - opens many clients of any WebSocket server, sends "
	       "on a schedule,\nand proves what came back\n\n"
	       "  loadgen --profile-protocol raw --url ws://127.0.0.1:9000/ --message 'hello "
	       "\\{seq}'\n"
	       "  loadgen --profile-protocol raw --url ws://127.0.0.1:9000/ -c 10k --expect "
	       "broadcast "
	       "\\\n          --message '{\"t\":\\{now_ns}}' --rate 5/s\n\n");
	option_table_print(stdout, &table);
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

/* --- what fits together ----------------------------------------------------------------------- */

static int wrong(const char *what)
{
	return option_table_wrong(&table, "%s", what);
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
	if (o->first_answer && o->first_message == NULL)
		return wrong("--first-answer needs a --first-message");
	if (o->senders == UINT32_MAX)
		o->senders = o->expect == RAW_EXPECT_BROADCAST ? 1 : o->net.clients;
	if (o->message == NULL || o->rate <= 0)
		o->senders = 0;
	if (o->senders > o->net.clients)
		o->senders = o->net.clients;
	if (o->senders > 0 && o->expect == RAW_EXPECT_BROADCAST &&
	    !raw_template_has_now(o->message))
		return wrong("--expect broadcast needs \\{now_ns} in --message: it identifies the "
			     "message");
	if (o->message != NULL && raw_template_has_now(o->message) && !stamp_is_found(o->message))
		return wrong(
			"there can be digits directly beside \\{now_ns}: put something between");
	if (o->warmup_ns == UINT64_MAX)
		o->warmup_ns = o->expect == RAW_EXPECT_BROADCAST ? 1000000000ULL : 0;
	net_threads_fill(&o->net, cores);
	o->ask.fields = o->fields;
	return 0;
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
	r = option_table_read(&table, argc, argv, o);
	if (r == OPTIONS_HELP)
		help_print();
	if (r == OPTIONS_TAKEN)
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
