/*
 * main.c - loadgen: a run and its report, or one of the other commands.
 *
 * SIGHUP is ignored: a run whose terminal closed continues to its end and writes its report. SIGINT
 * and SIGTERM end it early.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "engine/base/command_line.h"
#include "tools/loadgen/net/capacity.h"
#include "tools/loadgen/find_max.h"
#include "tools/loadgen/merge.h"
#include "tools/loadgen/pixel/options.h"
#include "tools/loadgen/raw/raw_run.h"
#include "tools/loadgen/report/report.h"
#include "tools/loadgen/pixel/run.h"

/* Direct descriptors are bounded by the soft limit: take all that is allowed. */
static void descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int system_check(struct net_options *o)
{
	struct capacity_facts facts;

	(void)target_resolve(&o->targets[0]); /* one that is unknown is taken for another host */
	capacity_look(&facts);
	return capacity_report(stdout, &facts, o);
}

static int run_main(int argc, char **argv)
{
	struct run_result *result;
	struct options options;
	int code;
	int r;

	descriptors_raise();
	if (raw_is_asked(argc, argv))
		return raw_main(argc, argv);
	result = run_result_new();
	if (result == NULL)
		return EXIT_FAILED;
	r = options_parse(argc, argv, net_cores(), &options);
	if (r != 0) {
		free(result);
		return r > 0 ? EXIT_PASS : EXIT_USAGE;
	}
	if (options.check_system) {
		code = system_check(&options.net);
		options_fini(&options);
		free(result);
		return code;
	}
	run(&options, result);
	if (result->outcome.words[0] != '\0' && run_result_machine_add(result, argc, argv) == 0)
		report_all_write(&options.files, result);
	code = (int)result->outcome.code;
	run_result_free(result);
	options_fini(&options);
	return code;
}

static int command_refuse(const char *word)
{
	struct nearest n = nearest_to(word);
	const char *near;

	nearest_try(&n, "merge");
	nearest_try(&n, "find-max");
	near = nearest_get(&n);
	fprintf(stderr, "loadgen: unknown command %.100s%s%s; see loadgen --help\n", word,
		near != NULL ? "; the nearest is " : "", near != NULL ? near : "");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	(void)sigaction(SIGHUP, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	if (argc > 1 && strcmp(argv[1], "merge") == 0)
		return merge_main(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "find-max") == 0) {
		descriptors_raise();
		return find_max_main(argc - 1, argv + 1);
	}
	if (argc > 1 && argv[1][0] != '-')
		return command_refuse(argv[1]);
	return run_main(argc, argv);
}
