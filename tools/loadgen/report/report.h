/*
 * report.h - what people and programs read of a result: the table, JSON, percentiles, a page. Main
 * thread; a result is constant here.
 */
#ifndef PX_LOADGEN_REPORT_H
#define PX_LOADGEN_REPORT_H

#include <stdio.h>

#include "tools/loadgen/result/run_result.h"

/* Where to write: files, "-" for standard output, or NULL. */
struct report_files {
	const char *json;
	const char *csv;
	const char *hgrm; /* what file names begin with */
	const char *html;
	const char *acks;
};

/* Latencies, counts, troubles, and the verdict last. */
void report_table_write(FILE *to, const struct run_result *result);

/* The versioned result: {"loadgen":1, ...}; docs/loadgen.schema.json. */
void report_json_write(FILE *to, const struct run_result *result);

/* One page with plots, complete in itself. */
void report_html_write(FILE *to, const struct run_result *result);

/* The text format of HdrHistogram, in ms. */
void report_hgrm_write(FILE *to, const struct hdr *h);

/* PREFIX-ack.hgrm, PREFIX-ack-raw.hgrm and so on, for latencies that have records. -errno. */
int report_hgrm_files(const char *prefix, const struct latencies *l);

/* The table, and every file that was asked for; one that cannot be written is told, and spoils a
 * pass. */
void report_all_write(const struct report_files *files, struct run_result *result);

#endif
