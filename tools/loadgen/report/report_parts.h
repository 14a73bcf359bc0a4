/*
 * report_parts.h - rows of tables and members of JSON objects that all reports are made of.
 */
#ifndef PX_LOADGEN_REPORT_PARTS_H
#define PX_LOADGEN_REPORT_PARTS_H

#include <stdint.h>
#include <stdio.h>

#include "engine/base/json_out.h"
#include "tools/loadgen/load/hdr.h"

void report_latency_head(FILE *to);
void report_latency_row(FILE *to, const char *name, const struct hdr *h);

/* The quantiles of a histogram in ms, its maximum and its count: members of an object. */
void report_json_quantiles(struct json_out *j, const struct hdr *h);
void report_json_latency(struct json_out *j, const char *name, const struct hdr *h);

#endif
