/*
 * raw_report.h - the output of a raw run: a line per second, table, JSON. Main thread.
 */
#ifndef PX_LOADGEN_RAW_REPORT_H
#define PX_LOADGEN_RAW_REPORT_H

#include <stdio.h>

#include "tools/loadgen/raw/raw_run.h"

struct raw_line {
	const struct raw_totals *now;
	const struct raw_totals *before; /* at the last line */
	const struct hdr *second;        /* latencies of the last second */
	double since_start_s;
	double passed_s; /* since the last line */
	double cpu_percent;
};

void raw_report_line(FILE *to, const struct raw_line *line);
void raw_report_table(FILE *to, const struct raw_options *o, const struct raw_result *result);

/* {"loadgen":1, "profile":"raw", ...}: uses the names of the other mode where the meaning is the
 * same. */
void raw_report_json(FILE *to, const struct raw_options *o, const struct raw_result *result);

#endif
