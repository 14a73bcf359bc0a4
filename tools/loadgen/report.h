/*
 * report.h - what people and programs read: the line per second, the table, JSON. Main thread.
 */
#ifndef PX_LOADGEN_REPORT_H
#define PX_LOADGEN_REPORT_H

#include <stdio.h>

#include "tools/loadgen/run.h"

struct report_line {
	const struct run_totals *now;
	const struct run_totals *before; /* at the last line */
	const struct hdr *second;        /* acknowledgements of the last second */
	double since_start_s;
	double passed_s; /* since the last line */
	double cpu_percent;
};

void report_line_write(FILE *to, const struct report_line *line);

/* Latencies, counts, troubles, and the verdict last. */
void report_table_write(FILE *to, const struct options *options, const struct run_result *result);

/* The versioned result: {"loadgen":1, ...}. */
void report_json_write(FILE *to, const struct options *options, const struct run_result *result);

#endif
