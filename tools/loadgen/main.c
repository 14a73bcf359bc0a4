/*
 * main.c - loadgen: options, a run, its report.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tools/loadgen/capacity.h"
#include "tools/loadgen/options.h"
#include "tools/loadgen/raw_run.h"
#include "tools/loadgen/report.h"
#include "tools/loadgen/run.h"

/* Direct descriptors are bounded by the soft limit: take all that is allowed. */
static void descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int json_write(const struct options *o, const struct run_result *result)
{
	FILE *file = strcmp(o->json, "-") == 0 ? stdout : fopen(o->json, "w");

	if (file == NULL)
		return -errno;
	report_json_write(file, o, result);
	if (file == stdout)
		return fflush(file) == 0 ? 0 : -errno;
	return fclose(file) == 0 ? 0 : -errno;
}

/* Files that were asked for; a file that cannot be written is told, and spoils a pass. */
static void files_write(const struct options *o, struct run_result *result)
{
	int r = o->json == NULL ? 0 : json_write(o, result);

	if (r < 0)
		fprintf(stderr, "loadgen: --json %s: %s\n", o->json, strerror(-r));
	if (r == 0 && o->acks != NULL) {
		r = ledger_write(&result->ledger, o->acks);
		if (r < 0)
			fprintf(stderr, "loadgen: --acks %s: %s\n", o->acks, strerror(-r));
	}
	if (r < 0 && result->code == EXIT_PASS)
		result->code = EXIT_OTHER;
}

static int system_check(struct options *o)
{
	struct capacity_facts facts;

	(void)target_resolve(&o->target); /* one that is unknown is taken for another host */
	capacity_look(&facts);
	return capacity_report(stdout, &facts, o);
}

int main(int argc, char **argv)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct run_result *result;
	struct options options;
	bool json_on_stdout;
	int code;
	int r;

	descriptors_raise();
	if (raw_is_asked(argc, argv))
		return raw_main(argc, argv);
	result = calloc(1, sizeof(*result));
	if (result == NULL)
		return EXIT_OTHER;
	r = options_parse(argc, argv, cores < 1 ? 1 : (unsigned)cores, &options);
	if (r != 0) {
		free(result);
		return r > 0 ? EXIT_PASS : EXIT_USAGE;
	}
	if (options.check_system) {
		code = system_check(&options);
		options_fini(&options);
		free(result);
		return code;
	}
	run(&options, result);
	if (result->words[0] != '\0') {
		json_on_stdout = options.json != NULL && strcmp(options.json, "-") == 0;
		report_table_write(json_on_stdout ? stderr : stdout, &options, result);
		files_write(&options, result);
	}
	code = (int)result->code;
	run_result_fini(result);
	options_fini(&options);
	free(result);
	return code;
}
