/*
 * report.h - the output of a run: the table, JSON, percentiles, a page. Main thread; a result is
 * constant here.
 */
#ifndef PX_LOADGEN_REPORT_H
#define PX_LOADGEN_REPORT_H

#include <stdio.h>

#include "tools/loadgen/result/run_result.h"

/* Where to write: file names, "-" for standard output, or NULL. */
struct report_files {
	const char *json;
	const char *csv;
	const char *hgrm; /* prefix of the file names */
	const char *html;
	const char *acks;
};

/* Latencies, counts, troubles, and finally the verdict. */
void report_table_write(FILE *to, const struct run_result *result);

/* The versioned result: {"loadgen":1, ...}; docs/loadgen.schema.json. */
void report_json_write(FILE *to, const struct run_result *result);

/* One self-contained page with plots. */
void report_html_write(FILE *to, const struct run_result *result);

/* In the text format of HdrHistogram, in ms. */
void report_hgrm_write(FILE *to, const struct hdr *h);

/* PREFIX-ack.hgrm, PREFIX-ack-raw.hgrm and so on, for latencies that have records. 0 or -errno. */
int report_hgrm_files(const char *prefix, const struct latencies *l);

/* The table, and every requested file; a file that cannot be written is reported, and turns a pass
 * into a failure. */
void report_all_write(const struct report_files *files, struct run_result *result);

#endif
