/*
 * find_max.c - doubling, then bisecting; each step is a short run in a process of its own.
 *
 * A step starts with empty histograms and fresh connections, so the runs are forked: the child
 * writes its result to a memory file, which the parent reads like any result. Painters keep their
 * sessions; their number is the same in every step. Only the parent writes to the terminal.
 */
#include "tools/loadgen/find_max.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/command_line.h"
#include "engine/base/json_out.h"
#include "tools/loadgen/pixel/options.h"
#include "tools/loadgen/report/plot.h"
#include "tools/loadgen/report/report.h"
#include "tools/loadgen/report/result_read.h"
#include "tools/loadgen/report/text_file.h"
#include "tools/loadgen/pixel/run.h"
#include "tools/options/units.h"

#define PRECISION          0.05 /* the search ends when what held and what did not are so near */
#define STEPS_MAX          32
#define ACKNOWLEDGED_SHARE 0.95 /* of the placements, or the rate is not held */

static char option_clients[] = "--clients";
static char option_rate[] = "--rate";

struct step {
	double value;
	bool held;
	char words[256];
};

struct search {
	struct find_max f;
	bool clients; /* what is searched; else the rate */
	const char *json;
	char **argv; /* what a run takes, with room for a name and a value */
	int argc;
	struct step steps[STEPS_MAX];
	unsigned count;
};

/* --- the search ------------------------------------------------------------------------------- */

double find_max_next(const struct find_max *f)
{
	if (f->missed == 0) {
		if (f->held == 0)
			return f->from;
		return f->held >= f->to ? 0 : fmin(f->held * 2, f->to);
	}
	if (f->held == 0 || f->missed <= f->held * (1 + f->precision))
		return 0;
	return round((f->held + f->missed) / 2);
}

void find_max_tell(struct find_max *f, double tried, bool held)
{
	if (held)
		f->held = tried;
	else
		f->missed = tried;
}

/* --- one step --------------------------------------------------------------------------------- */

/* The options of a step: those that were given, and the value behind them. */
static int options_of(const struct search *s, double value, struct options *ret_options)
{
	char number[32];

	(void)snprintf(number, sizeof(number), "%.0f", value);
	s->argv[s->argc] = s->clients ? option_clients : option_rate;
	s->argv[s->argc + 1] = number;
	return options_parse(s->argc + 2, s->argv, net_cores(), ret_options);
}

/* In the child: the result goes to `file`, and nothing else is said. */
static void child_run(const struct search *s, double value, FILE *file)
{
	struct run_result *result = run_result_new();
	struct options o;

	if (result == NULL || options_of(s, value, &o) != 0)
		_exit(EXIT_FAILED);
	o.quiet = true;
	run(&o, result);
	if (result->outcome.words[0] != '\0')
		report_json_write(file, result);
	(void)fflush(file);
	_exit((int)result->outcome.code);
}

/* -errno: no run took place, and that was told. The result is ended by the caller. */
static int step_run(const struct search *s, double value, struct run_result *result)
{
	int fd = memfd_create("loadgen", MFD_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w+");
	const char *why = "";
	int status = 0;
	int r = -errno;
	pid_t pid;

	if (file == NULL)
		return r;
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		child_run(s, value, file);
	r = pid < 0 || waitpid(pid, &status, 0) != pid ? -errno : 0;
	if (r == 0 && !WIFEXITED(status))
		r = -ECHILD;
	rewind(file);
	if (r == 0 && fseek(file, 0, SEEK_END) == 0 && ftell(file) > 0) {
		rewind(file);
		r = result_read(file, result, &why);
	} else if (r == 0) { /* it told why */
		result->outcome.code = (enum exit_code)WEXITSTATUS(status);
	}
	(void)fclose(file);
	return r;
}

static const char *unit_of(const struct search *s)
{
	return s->clients ? "clients" : "placements/s";
}

static void value_write(double value, char out[static 32])
{
	plot_value_write(value, PLOT_COUNT, out, 32);
}

/* A rate that the server meets with refusals is not held, whatever the latencies say. */
static void step_judge(const struct search *s, const struct run_result *result, struct step *step)
{
	const struct run_totals *t = &result->totals;
	unsigned most = 0;

	step->held = result->outcome.code == EXIT_PASS;
	(void)snprintf(step->words, sizeof(step->words), "%s", result->outcome.words);
	if (!step->held || s->clients ||
	    (double)t->acknowledged >= ACKNOWLEDGED_SHARE * (double)t->placed)
		return;
	for (unsigned i = 0; i < REFUSAL_MAX; i++)
		most = t->refused[i] > t->refused[most] ? i : most;
	step->held = false;
	(void)snprintf(step->words, sizeof(step->words),
		       "of %" PRIu64 " placements only %" PRIu64 " were acknowledged; %" PRIu64
		       " refused: %s",
		       t->placed, t->acknowledged, t->refused[most], refusal_text(most));
}

/* One line for people. */
static void step_print(const struct search *s, const struct run_result *result)
{
	const struct step *step = &s->steps[s->count - 1];
	const struct hdr *h = result->latencies.corrected;
	char value[32];

	value_write(step->value, value);
	printf("%8s %s  %-7s ack p50 %.2f p99 %.2f ms, visible p50 %.2f p99 %.2f ms, %.0f "
	       "acknowledged/s%s\n",
	       value, unit_of(s), step->held ? "holds" : "MISSED",
	       (double)hdr_quantile(&h[LATENCY_ACK], 0.5) * 1e-6,
	       (double)hdr_quantile(&h[LATENCY_ACK], 0.99) * 1e-6,
	       (double)hdr_quantile(&h[LATENCY_VISIBLE], 0.5) * 1e-6,
	       (double)hdr_quantile(&h[LATENCY_VISIBLE], 0.99) * 1e-6,
	       (double)result->totals.acknowledged / (result->run_s + 1e-9),
	       result->saturated ? "; generator saturated" : "");
	if (!step->held)
		printf("         %s\n", step->words);
	(void)fflush(stdout);
}

/* The exit code of a run that ends the search; EXIT_PASS: go on. */
static enum exit_code step_take(struct search *s, double value)
{
	struct run_result *result = run_result_new();
	enum exit_code end = EXIT_FAILED;
	int r = -ENOMEM;

	if (result != NULL)
		r = step_run(s, value, result);
	if (r == 0) {
		struct step *step = &s->steps[s->count++];

		*step = (struct step){.value = value};
		step_judge(s, result, step);
		find_max_tell(&s->f, value, step->held);
		end = result->outcome.code;
		if (end == EXIT_MISSED || (end == EXIT_FAILED && result->outcome.words[0] != '\0'))
			end = EXIT_PASS;
		if (result->outcome.words[0] != '\0')
			step_print(s, result);
	} else {
		fprintf(stderr, "loadgen: find-max: %s\n", strerror(-r));
	}
	run_result_free(result);
	return end;
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Why the lowest that did not hold did not. */
static const char *missed_words(const struct search *s)
{
	for (unsigned i = s->count; i-- > 0;)
		if (!s->steps[i].held && s->steps[i].value <= s->f.missed)
			return s->steps[i].words;
	return "";
}

static void sentence_write(const struct search *s, char *out, size_t room)
{
	char held[32], missed[32];

	value_write(s->f.held, held);
	value_write(s->f.missed, missed);
	if (s->f.held == 0)
		(void)snprintf(out, room, "Not even %s %s hold: %s", missed, unit_of(s),
			       missed_words(s));
	else if (s->f.missed == 0)
		(void)snprintf(out, room, "%s %s hold, and no more were tried", held, unit_of(s));
	else
		(void)snprintf(out, room, "The server holds %s %s; %s are too many: %s", held,
			       unit_of(s), missed, missed_words(s));
}

static void json_write(FILE *to, const struct search *s, const char *sentence)
{
	char room[TEXT_FILE_BYTES];
	struct json_out j = json_out_lines(text_to_file(to, room, sizeof(room)));

	json_open_object(&j, NULL);
	json_put_number(&j, "loadgen_find_max", 1);
	json_put_text(&j, "searched", s->clients ? "clients" : "rate");
	json_put_decimal(&j, "held", s->f.held, 0);
	json_put_decimal(&j, "missed", s->f.missed, 0);
	json_put_text(&j, "words", sentence);
	json_open_array(&j, "steps");
	for (unsigned i = 0; i < s->count; i++) {
		json_line_object(&j, NULL);
		json_put_decimal(&j, "value", s->steps[i].value, 0);
		json_put_bool(&j, "held", s->steps[i].held);
		json_put_text(&j, "words", s->steps[i].words);
		json_close(&j);
	}
	json_close(&j);
	json_close(&j);
	text_flush(&j.text);
}

/* 0, or -errno: the JSON is not all there. */
static int conclude(const struct search *s)
{
	char sentence[512];
	FILE *file;
	int r = 0;

	sentence_write(s, sentence, sizeof(sentence));
	printf("\n%s.\n", sentence);
	if (s->json == NULL)
		return 0;
	file = strcmp(s->json, "-") == 0 ? stdout : fopen(s->json, "w");
	r = -errno;
	if (file != NULL) {
		json_write(file, s, sentence);
		r = text_file_end(file);
	}
	if (r < 0)
		fprintf(stderr, "loadgen: --json %s: %s\n", s->json, strerror(-r));
	return r;
}

/* --- the command line ------------------------------------------------------------------------- */

static const char words[] =
	"loadgen find-max --rate|--clients --from N --to N --threshold 'METRIC<VALUE' "
	"[what a run takes]\n"
	"       finds the highest rate, or number of clients, that holds; for the options of\n"
	"       a run see loadgen --help\n";

/* The exit code. */
static int usage(const char *what)
{
	fprintf(stderr, "loadgen: find-max: %s\n%s", what, words);
	return EXIT_USAGE;
}

static bool is_value(const char *word)
{
	return word != NULL && word[0] != '-';
}

/* Takes what is ours out of argv, and leaves what a run takes: --rate and --clients with a value
 * belong to the run. */
static int words_take(int argc, char **argv, struct search *s)
{
	int kept = 1;

	s->argv[0] = argv[0];
	for (int i = 1; i < argc; i++) {
		double *bound = strcmp(argv[i], "--from") == 0 ? &s->f.from
				: strcmp(argv[i], "--to") == 0 ? &s->f.to
							       : NULL;

		if (bound != NULL && (!is_value(argv[i + 1]) || units_rate(argv[++i], bound) < 0))
			return -EINVAL;
		if (bound != NULL)
			continue;
		if (strcmp(argv[i], "--clients") == 0 && !is_value(argv[i + 1]))
			s->clients = true;
		else if (strcmp(argv[i], "--rate") != 0 || is_value(argv[i + 1]))
			s->argv[kept++] = argv[i];
	}
	s->argc = kept;
	return 0;
}

/* -1: go on; otherwise the exit code, and what is missing was told. */
static int options_check(struct search *s)
{
	struct options o;
	int r = options_of(s, s->f.from < 1 ? 1 : s->f.from, &o);
	bool fits;

	if (r != 0)
		return r > 0 ? EXIT_PASS : EXIT_USAGE;
	s->json = o.files.json;
	fits = o.thresholds_count > 0 && o.placing == PLACING_PACED && o.timeline.count == 0 &&
	       o.profile == NULL;
	options_fini(&o);
	return fits ? -1
		    : usage("--threshold is required, and --rate instead of phases, profile or "
			    "replay");
}

static enum exit_code search_run(struct search *s)
{
	double value;

	while ((value = find_max_next(&s->f)) > 0 && s->count < STEPS_MAX) {
		enum exit_code end = step_take(s, value);

		if (end != EXIT_PASS)
			return end;
	}
	if (conclude(s) < 0)
		return EXIT_FAILED;
	return s->f.held > 0 ? EXIT_PASS : EXIT_MISSED;
}

int find_max_main(int argc, char **argv)
{
	struct search *s;
	int code = EXIT_FAILED;

	if (help_is_asked(argc, argv)) {
		printf("usage: %s", words);
		return EXIT_PASS;
	}
	s = calloc(1, sizeof(*s));
	if (s != NULL)
		s->argv = calloc((size_t)argc + 3, sizeof(char *));
	if (s == NULL || s->argv == NULL) {
		free(s);
		return code;
	}
	s->f.precision = PRECISION;
	if (words_take(argc, argv, s) < 0)
		code = usage("--from and --to need a number");
	else
		code = options_check(s); /* first: a misspelt one may be what is missing */
	if (code < 0 && (s->f.from < 1 || s->f.to < s->f.from))
		code = usage("--from and --to are missing, or wrong");
	if (code < 0)
		code = (int)search_run(s);
	free(s->argv);
	free(s);
	return code;
}
