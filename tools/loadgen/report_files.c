/* report_files.c - the files that were asked for. No state. */
#include <errno.h>
#include <string.h>

#include "tools/loadgen/report.h"

static void csv_write(FILE *to, const struct run_result *result)
{
	series_csv_write(to, &result->series);
}

/* "-" is standard output. */
static int file_write(const char *path, const struct run_result *result,
		      void (*write)(FILE *, const struct run_result *))
{
	FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");

	if (file == NULL)
		return -errno;
	write(file, result);
	if (file == stdout)
		return fflush(file) == 0 ? 0 : -errno;
	return fclose(file) == 0 ? 0 : -errno;
}

static void told(struct run_result *result, const char *option, const char *path, int r)
{
	if (r == 0)
		return;
	fprintf(stderr, "loadgen: %s %s: %s\n", option, path, strerror(-r));
	if (result->code == EXIT_PASS)
		result->code = EXIT_FAILED;
}

static bool is_stdout(const char *path)
{
	return path != NULL && strcmp(path, "-") == 0;
}

void report_all_write(const struct options *o, struct run_result *result)
{
	bool taken = is_stdout(o->json) || is_stdout(o->csv) || is_stdout(o->html);

	report_table_write(taken ? stderr : stdout, result);
	if (o->csv != NULL)
		told(result, "--csv", o->csv, file_write(o->csv, result, csv_write));
	if (o->hgrm != NULL)
		told(result, "--hgrm", o->hgrm, report_hgrm_files(o->hgrm, &result->latencies));
	if (o->html != NULL)
		told(result, "--html", o->html, file_write(o->html, result, report_html_write));
	if (o->acks != NULL)
		told(result, "--acks", o->acks, ledger_write(&result->ledger, o->acks));
	if (o->json != NULL) /* last, so that it knows of a file that failed */
		told(result, "--json", o->json, file_write(o->json, result, report_json_write));
}
