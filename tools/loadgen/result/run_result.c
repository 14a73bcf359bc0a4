/* run_result.c - see run_result.h. */
#include "tools/loadgen/result/run_result.h"

#include <errno.h>
#include <stdlib.h>

struct run_result *run_result_new(void)
{
	return calloc(1, sizeof(struct run_result));
}

void run_result_free(struct run_result *result)
{
	if (result != NULL)
		run_result_fini(result);
	free(result);
}

void run_result_fini(struct run_result *result)
{
	ledger_fini(&result->ledger);
	series_fini(&result->series);
	free(result->machines);
	result->machines = NULL;
}

int run_result_machine_add(struct run_result *result, int argc, char *const *argv)
{
	struct machine *more =
		realloc(result->machines, (result->machines_count + 1U) * sizeof(*more));

	if (more == NULL)
		return -ENOMEM;
	machine_look(&more[result->machines_count++], argc, argv);
	result->machines = more;
	return 0;
}

double run_result_reach(const struct run_result *result)
{
	if (result->reach.expected == 0)
		return result->reach.complete == result->reach.clients ? 1 : 0;
	return (double)result->reach.received / (double)result->reach.expected;
}
