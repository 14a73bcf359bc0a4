/*
 * options_value.c - the table of options, and parsing the values of some. No state.
 */
#include "tools/loadgen/pixel/options_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/options/units.h"

#define WINDOW_MAX     65536
#define NOOP_SHARE_MAX 0.95
#define READ_MARK_MAX  1048576U

/* HEX, or @FILE whose bytes are the secret as they stand there. */
static int secret_parse(const char *text, void *options)
{
	struct options *o = options;
	size_t len = strlen(text);
	bool more = false;

	if (text[0] == '@') {
		FILE *file = fopen(text + 1, "rb");

		if (file == NULL)
			return -errno;
		o->secret_len = fread(o->secret, 1, sizeof(o->secret), file);
		more = fgetc(file) != EOF; /* cut, it would be another secret */
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
	return o->secret_len < SESSION_SECRET_BYTES_MIN || more ? -EINVAL : 0;
}

static int url_parse(const char *text, void *options)
{
	struct options *o = options;
	const char *why = "";
	int r;

	if (o->net.targets_count == NET_TARGETS_MAX)
		return -E2BIG;
	r = target_parse(text, &o->net.targets[o->net.targets_count], &why);
	if (r == 0 && o->net.targets[o->net.targets_count].tls) {
		why = "wss:// is for --profile-protocol raw; name the plain port behind "
		      "the TLS proxy";
		r = -EINVAL;
	}
	if (r < 0) {
		fprintf(stderr, "loadgen: --url %s: %s\n", text, why);
		return r;
	}
	if (o->net.targets_count++ == 0)
		o->net.url = text;
	return 0;
}

static int phase_parse(const char *text, void *options)
{
	struct options *o = options;
	const char *why = "";
	int r = timeline_add(&o->timeline, text, &why);

	if (r == -EINVAL)
		fprintf(stderr, "loadgen: --phase %s: %s\n", text, why);
	return r;
}

/* N:SHARE%. */
static int hot_cells_parse(const char *text, void *options)
{
	struct options *o = options;
	const char *colon = strchr(text, ':');
	char count[32];
	uint64_t cells;

	if (colon == NULL || (size_t)(colon - text) >= sizeof(count))
		return -EINVAL;
	memcpy(count, text, (size_t)(colon - text));
	count[colon - text] = '\0';
	if (units_count(count, &cells) < 0 || cells == 0 || cells > UINT32_MAX)
		return -EINVAL;
	o->hot_cells = (uint32_t)cells;
	return units_share(colon + 1, &o->hot_share);
}

static int noop_share_parse(const char *text, void *options)
{
	struct options *o = options;
	int r = units_share(text, &o->noop_share);

	return r == 0 && o->noop_share > NOOP_SHARE_MAX ? -ERANGE : r;
}

static int cooldown_parse(const char *text, void *options)
{
	struct options *o = options;
	o->cooldown_keep = strcmp(text, "keep") == 0;
	return o->cooldown_keep || strcmp(text, "break") == 0 ? 0 : -EINVAL;
}

static int speedup_parse(const char *text, void *options)
{
	struct options *o = options;
	char *end;

	o->speedup = strtod(text, &end);
	return end == text || *end != '\0' || !(o->speedup > 0) || o->speedup > 1e6 ? -EINVAL : 0;
}

static int observers_parse(const char *text, void *options)
{
	struct options *o = options;
	uint64_t count;

	if (units_share(text, &o->observers_share) == 0)
		return 0;
	if (units_count(text, &count) < 0 || count > NET_CLIENTS_MAX)
		return -EINVAL;
	o->observers = (uint32_t)count;
	return 0;
}

static int read_mark_parse(const char *text, void *options)
{
	struct options *o = options;
	uint64_t bytes;
	int r = units_bytes(text, &bytes);

	if (r < 0)
		return r;
	if (bytes > READ_MARK_MAX)
		return -ERANGE;
	o->read_mark = (uint32_t)bytes;
	return 0;
}

static int board_parse(const char *text, void *options)
{
	struct options *o = options;
	if (text[0] == '\0' || strlen(text) > BOARD_NAME_BYTES_MAX ||
	    strpbrk(text, "/? \r\n") != NULL)
		return -EINVAL;
	memcpy(o->board, text, strlen(text) + 1);
	return 0;
}

static int threshold_take(const char *text, void *options)
{
	struct options *o = options;
	const char *why;
	int r;

	if (o->thresholds_count == THRESHOLDS_MAX)
		return -ERANGE;
	r = threshold_parse(text, &o->thresholds[o->thresholds_count], &why);
	if (r < 0)
		fprintf(stderr, "loadgen: --threshold '%s': %s\n", text, why);
	else
		o->thresholds_count++;
	return r;
}

static int source_take(const char *text, void *options)
{
	return source_parse(text, &((struct options *)options)->net.sources);
}

static int start_at_parse(const char *text, void *options)
{
	return units_time_of_day(text, (uint64_t)time(NULL),
				 &((struct options *)options)->start_at_s);
}

int options_url_take(const char *text, struct options *o)
{
	return url_parse(text, o);
}

/* --- the table -------------------------------------------------------------------------------- */

static const struct option_row rows[] = {
	{"url", "ws://HOST[:PORT][/PATH]",
	 "the server; the only option required. Default path: /ws. Repeatable:\n"
	 "clients take them in turn",
	 .take = url_parse},
	{"clients", "N",
	 "connections; each watches and checks all it receives (default 1000);\n"
	 "also -c, --connections",
	 .letter = 'c', OPTION_TO_U32(struct options, net.clients, 1, NET_CLIENTS_MAX)},
	{"rate", "N/s",
	 "placements per second, all painters together (default 100/s; 0: only watch)",
	 OPTION_TO_RATE(struct options, rate)},
	{"uniform", NULL, "evenly spaced placements (default: poisson, as independent people make)",
	 OPTION_TO_FLAG(struct options, uniform)},
	{"duration", "TIME", "how long to place (default 10s; a replay: to its end); also -T",
	 .letter = 'T', OPTION_TO_DURATION(struct options, duration_ns)},
	{"phase", "KIND:TIME[:...]",
	 "a stage of the run; repeatable, in order. ramp:30s:0..300k opens clients,\n"
	 "hold:10m:rate=1000 places, burst:1s:rate=10000 likewise,\n"
	 "storm:10s:reconnect=20% disconnects that share together, half without FIN,\n"
	 "and lets them resume; storm:10s:vanish=5% keeps them away",
	 .take = phase_parse},
	{"profile", "FILE", "rates from a curve, lines of minute,placements (.csv or .csv.gz)",
	 OPTION_TO_TEXT(struct options, profile)},
	{"replay", "FILE",
	 "place the recording in this file, in its order (.bin or .bin.gz);\n"
	 "with --rate or --phase at those times, starting over at its end",
	 OPTION_TO_TEXT(struct options, replay)},
	{"speedup", "N",
	 "play a profile this many times as fast; a replay at its recorded times\n"
	 "(without: as fast as the server answers)",
	 .take = speedup_parse},
	{"hot-cells", "N:SHARE%",
	 "N cells get this share of the random placements, as in 10000:13%",
	 .take = hot_cells_parse},
	{"noop-share", "SHARE%",
	 "share of random placements that repeat the present color (33% in r/place 2017)",
	 .take = noop_share_parse},
	{"cooldown", "keep|break",
	 "painters wait for their cooldown, or deliberately place without (default\n"
	 "break: refusals are counted)",
	 .take = cooldown_parse},
	{"painters", "N", "how many clients place (default: 1000 at most; a replay: 1)",
	 OPTION_TO_U32(struct options, painters, 1, NET_CLIENTS_MAX)},
	{"window", "N",
	 "unanswered placements of one painter (default 1024; 64 with\n"
	 "more than 16 painters)",
	 OPTION_TO_U32(struct options, window, 1, WINDOW_MAX)},
	{"board", "NAME", "which board (default main)", .take = board_parse},
	{"session-secret", "HEX|@FILE",
	 "mint the painters' sessions with the server's secret\n"
	 "(default: ask the server, POST /session)",
	 .take = secret_parse, .wrong = "it must be 16 to 256 bytes, as hex or in @FILE"},
	{"connect-rate", "N/s", "connections opened per second (default: as fast as possible)",
	 OPTION_TO_RATE(struct options, net.connect_rate)},
	{"resume", NULL, "reconnect when a connection breaks, and resume where it broke",
	 OPTION_TO_FLAG(struct options, resume)},
	{"stop-reading", "N", "this many clients stop reading after subscribing",
	 OPTION_TO_U32(struct options, stop_reading, 0, NET_CLIENTS_MAX)},
	{"slow-readers", "N", "this many clients read at most 2 KiB every two seconds",
	 OPTION_TO_U32(struct options, slow_readers, 0, NET_CLIENTS_MAX)},
	{"receive-buffer", "BYTES",
	 "socket buffer of the clients that read slowly or not at all, e.g. 64KiB",
	 OPTION_TO_BYTES(struct options, receive_buffer_bytes)},
	{"observers", "N|SHARE%",
	 "clients that read immediately and measure visibility (default: all up to\n"
	 "10k clients, else 1%)",
	 .take = observers_parse},
	{"read-mark", "BYTES",
	 "bytes that the other watchers let accumulate before they read; 0: none\n"
	 "(default: a quarter of tcp_mem for all of them together)",
	 .take = read_mark_parse},
	{"source", "ADDR[-ADDR][,...]",
	 "addresses to connect from, as in 127.0.0.2-127.0.0.9 (default: what\n"
	 "loopback needs; otherwise the system's). Repeatable",
	 .take = source_take},
	{"settle", "TIME", "wait this long for what is outstanding at the end (default 20s)",
	 OPTION_TO_DURATION(struct options, settle_ns)},
	{"threads", "N", "threads (default: one per core)",
	 OPTION_TO_U32(struct options, net.threads, 1, NET_THREADS_MAX)},
	{"seed", "N", "for cells, colors and times (default 1)",
	 OPTION_TO_COUNT(struct options, net.seed)},
	{"json", "FILE", "write the result as JSON (- : standard output)",
	 OPTION_TO_TEXT(struct options, files.json), .of = OPTIONS_OF_RESULT},
	{"csv", "FILE", "write a line per second", OPTION_TO_TEXT(struct options, files.csv)},
	{"hgrm", "PREFIX",
	 "write latency percentiles as PREFIX-ack.hgrm and so on (HdrHistogram's format)",
	 OPTION_TO_TEXT(struct options, files.hgrm), .of = OPTIONS_OF_RESULT},
	{"html", "FILE", "write a page with plots", OPTION_TO_TEXT(struct options, files.html),
	 .of = OPTIONS_OF_RESULT},
	{"threshold", "'METRIC<VALUE'",
	 "exit with 99 unless this holds: 'visible.p99<3s', 'ack.raw.max<=1s',\n"
	 "'reach==1', 'refused<0.1%', 'rate>=10k'. Repeatable",
	 .take = threshold_take, .of = OPTIONS_OF_RESULT},
	{"start-at", "HH:MM:SS[Z]",
	 "place from this time on (or Unix time): for several machines at once",
	 .take = start_at_parse},
	{"acks", "FILE", "write every acknowledged placement: request,seq,cell,color,client",
	 OPTION_TO_TEXT(struct options, files.acks)},
	{"check-system", NULL, "report what this host allows for this many --clients, and exit",
	 OPTION_TO_FLAG(struct options, check_system)},
	{"quiet", NULL, "no line per second on standard error",
	 OPTION_TO_FLAG(struct options, quiet)},
	{"help", NULL, "this text; also -h", .letter = 'h', .kind = OPTION_HELP},
	{"version", NULL, "the version", .kind = OPTION_VERSION},
	{"connections", "N", NULL,
	 OPTION_TO_U32(struct options, net.clients, 1, NET_CLIENTS_MAX)}, /* tcpkali's */
};

const struct option_table options_table = {
	.rows = rows,
	.count = sizeof(rows) / sizeof(rows[0]),
	.hint = "See loadgen --help.",
	.columns = 32,
};
