/* report_files.c - the requested files. No state. */
#include <errno.h>
#include <string.h>

#include "tools/loadgen/report/report.h"
#include "tools/loadgen/report/text_file.h"

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
	return text_file_end(file);
}

static void told(struct run_result *result, const char *option, const char *path, int r)
{
	if (r == 0)
		return;
	fprintf(stderr, "loadgen: %s %s: %s\n", option, path, strerror(-r));
	if (result->outcome.code == EXIT_PASS)
		result->outcome.code = EXIT_FAILED;
}

static bool is_stdout(const char *path)
{
	return path != NULL && strcmp(path, "-") == 0;
}

void report_all_write(const struct report_files *files, struct run_result *result)
{
	bool taken = is_stdout(files->json) || is_stdout(files->csv) || is_stdout(files->html);

	report_table_write(taken ? stderr : stdout, result);
	if (files->csv != NULL)
		told(result, "--csv", files->csv, file_write(files->csv, result, csv_write));
	if (files->hgrm != NULL)
		told(result, "--hgrm", files->hgrm,
		     report_hgrm_files(files->hgrm, &result->latencies));
	if (files->html != NULL)
		told(result, "--html", files->html,
		     file_write(files->html, result, report_html_write));
	if (files->acks != NULL)
		told(result, "--acks", files->acks, ledger_write(&result->ledger, files->acks));
	if (files->json != NULL) /* last, so that it knows of a file that failed */
		told(result, "--json", files->json,
		     file_write(files->json, result, report_json_write));
}
