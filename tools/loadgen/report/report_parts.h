/*
 * report_parts.h - rows of tables and members of JSON objects that all reports are made of.
 */
#ifndef PX_LOADGEN_REPORT_PARTS_H
#define PX_LOADGEN_REPORT_PARTS_H

#include <stdint.h>
#include <stdio.h>

#include "tools/loadgen/load/hdr.h"

void report_latency_head(FILE *to);
void report_latency_row(FILE *to, const char *name, const struct hdr *h);

/* A string with its quotes. */
void report_json_text(FILE *to, const char *text);

/* "name": value, and a comma behind it. */
void report_json_number(FILE *to, const char *name, uint64_t value);
void report_json_latency(FILE *to, const char *name, const struct hdr *h); /* ms */

#endif
