/*
 * report_parts.h - table rows and JSON members that all reports use.
 */
#ifndef PX_LOADGEN_REPORT_PARTS_H
#define PX_LOADGEN_REPORT_PARTS_H

#include <stdint.h>
#include <stdio.h>

#include "engine/base/json_out.h"
#include "tools/loadgen/load/hdr.h"
#include "tools/loadgen/load/outcome.h"

void report_latency_head(FILE *to);
void report_latency_row(FILE *to, const char *name, const struct hdr *h);

/* What went wrong: as table rows; as fields in a line of key=value. */
void report_trouble_rows(FILE *to, const struct tally *t, const struct outcome *o);
void report_trouble_fields(FILE *to, const struct tally *t);

/* The first members of a result: version, verdict, exit code, words. */
void report_json_head(struct json_out *j, const struct outcome *o);
void report_json_troubles(struct json_out *j, const struct tally *t, const struct outcome *o);

/* The quantiles of a histogram in ms, its maximum and its count, as members of an object. */
void report_json_quantiles(struct json_out *j, const struct hdr *h);
void report_json_latency(struct json_out *j, const char *name, const struct hdr *h);

#endif
