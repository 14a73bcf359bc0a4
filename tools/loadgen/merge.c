/*
 * merge.c - one result from many.
 *
 * The worst verdict counts: wrong data before an unreachable server before a missed threshold
 * before lost connections. Two runs that ended at the same seq of the same epoch must have seen the
 * same board.
 */
#include "tools/loadgen/merge.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/command_line.h"
#include "tools/loadgen/pixel/options.h"
#include "tools/loadgen/report/report.h"
#include "tools/loadgen/report/result_read.h"
#include "tools/loadgen/result/run_number.h"

static int badness(enum exit_code code)
{
	switch (code) {
	case EXIT_PASS:
		return 0;
	case EXIT_FAILED:
	case EXIT_USAGE:
	case EXIT_CONFIG:
		return 1;
	case EXIT_MISSED:
		return 2;
	case EXIT_UNREACHABLE:
		return 3;
	case EXIT_DATA_WRONG:
		return 4;
	}
	return 1;
}

static void boards_compare(struct run_result *into, const struct run_result *from)
{
	if (into->epoch != from->epoch || into->seq_last != from->seq_last ||
	    into->board_hash == 0 || from->board_hash == 0 || into->board_hash == from->board_hash)
		return;
	into->totals.tally.trouble[TROUBLE_BOARD_DIFFERS]++;
	into->errors_all++;
	into->outcome.code = EXIT_DATA_WRONG;
	(void)snprintf(into->outcome.words, sizeof(into->outcome.words),
		       "FAIL: two runs saw different boards at seq %" PRIu64, into->seq_last);
}

static int machines_add(struct run_result *into, const struct run_result *from)
{
	uint32_t count = into->machines_count + from->machines_count;
	struct machine *more = realloc(into->machines, (count + 1U) * sizeof(*more));

	if (more == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < from->machines_count; i++)
		more[into->machines_count + i] = from->machines[i];
	into->machines = more;
	into->machines_count = count;
	return 0;
}

int merge_add(struct run_result *into, const struct run_result *from)
{
	boards_compare(into, from);
	if (from->seq_last > into->seq_last) {
		into->epoch = from->epoch;
		into->board_hash = from->board_hash;
	}
	run_numbers_merge(into, from);
	for (unsigned i = 0; i < REFUSAL_MAX; i++)
		into->totals.refused[i] += from->totals.refused[i];
	for (unsigned i = 0; i < TROUBLE_MAX; i++) {
		into->totals.tally.trouble[i] += from->totals.tally.trouble[i];
		if (into->outcome.first[i][0] == '\0')
			memcpy(into->outcome.first[i], from->outcome.first[i], TROUBLE_WORDS_MAX);
	}
	latencies_merge(&into->latencies, &from->latencies);
	hdr_merge(&into->lag, &from->lag);
	into->run_s = into->run_s > from->run_s ? into->run_s : from->run_s;
	into->cpu_percent += from->cpu_percent;
	into->saturated |= from->saturated;
	into->ledger_verdict.folded &= from->ledger_verdict.folded;
	if (badness(from->outcome.code) > badness(into->outcome.code)) {
		into->outcome.code = from->outcome.code;
		memcpy(into->outcome.words, from->outcome.words, sizeof(into->outcome.words));
	}
	return machines_add(into, from);
}

void merge_conclude(struct run_result *into)
{
	if (into->outcome.code != EXIT_PASS)
		return;
	(void)snprintf(into->outcome.words, sizeof(into->outcome.words),
		       "PASS: all %" PRIu64 " clients of %" PRIu64
		       " runs received everything, up to seq %" PRIu64,
		       into->reach.clients, into->runs, into->seq_last);
}

/* --- the command ------------------------------------------------------------------------------ */

static int file_read(const char *path, struct run_result *result)
{
	FILE *file = fopen(path, "r");
	const char *why = "";
	int r = file == NULL ? -errno : result_read(file, result, &why);

	if (file != NULL)
		(void)fclose(file);
	if (r < 0)
		fprintf(stderr, "loadgen: %s: %s\n", path, r == -EBADMSG ? why : strerror(-r));
	return r;
}

/* The sum of all files; NULL: told why. */
static struct run_result *files_merge(char **paths)
{
	struct run_result *sum = NULL;
	int r = 0;

	for (; *paths != NULL && r == 0; paths++) {
		struct run_result *one = run_result_new();

		r = one == NULL ? -ENOMEM : file_read(*paths, one);
		if (r == 0 && sum == NULL) {
			sum = one;
			continue;
		}
		if (r == 0)
			r = merge_add(sum, one);
		run_result_free(one);
	}
	if (r == 0)
		return sum;
	run_result_free(sum);
	return NULL;
}

static const char words[] =
	"loadgen merge A.json B.json ... [--json OUT] [--hgrm PREFIX] [--html FILE] "
	"[--threshold 'METRIC<VALUE']\n"
	"       adds up the results of several runs, exactly; the worst verdict counts\n";

static int usage(const char *what)
{
	fprintf(stderr, "loadgen: merge: %s\n%s", what, words);
	return EXIT_USAGE;
}

int merge_main(int argc, char **argv)
{
	struct options o = {0};
	struct run_result *sum;
	int code;

	if (help_is_asked(argc, argv)) {
		printf("usage: %s", words);
		return EXIT_PASS;
	}
	if (options_parse_reports(argc, argv, &o) < 0)
		return usage("that is not understood");
	if (argc - optind < 2)
		return usage("at least two results are needed");
	sum = files_merge(argv + optind);
	if (sum == NULL)
		return EXIT_FAILED;
	merge_conclude(sum);
	thresholds_apply(sum, o.thresholds, o.thresholds_count);
	report_all_write(&o.files, sum);
	code = (int)sum->outcome.code;
	run_result_free(sum);
	return code;
}
