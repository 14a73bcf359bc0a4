/* report_parts.c - see report_parts.h. No state. */
#include "tools/loadgen/report/report_parts.h"

#include <inttypes.h>

static const struct {
	const char *name;
	double q;
} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}};

#define QUANTILES (sizeof(quantiles) / sizeof(quantiles[0]))

static double ms(uint64_t ns)
{
	return (double)ns * 1e-6;
}

void report_latency_head(FILE *to)
{
	fprintf(to, "\n  %-10s %10s %10s %10s %10s %10s %12s\n", "ms", "p50", "p90", "p99", "p99.9",
		"max", "samples");
}

void report_latency_row(FILE *to, const char *name, const struct hdr *h)
{
	fprintf(to, "  %-10s", name);
	for (unsigned i = 0; i < QUANTILES; i++)
		fprintf(to, " %10.2f", ms(hdr_quantile(h, quantiles[i].q)));
	fprintf(to, " %10.2f %12" PRIu64 "\n", ms(h->max_ns), h->total);
}

void report_trouble_rows(FILE *to, const struct tally *t, const struct outcome *o)
{
	for (unsigned i = TROUBLE_NONE + 1; i < TROUBLE_MAX; i++)
		if (t->trouble[i] > 0)
			fprintf(to, "  %-14s %8" PRIu64 "  %s%s%s\n", trouble_str(i), t->trouble[i],
				trouble_text(i), o->first[i][0] != '\0' ? "; first: " : "",
				o->first[i]);
}

void report_trouble_fields(FILE *to, const struct tally *t)
{
	for (unsigned i = 0; i < TROUBLE_MAX; i++)
		if (t->trouble[i] > 0)
			fprintf(to, " %s=%" PRIu64, trouble_str(i), t->trouble[i]);
}

void report_json_head(struct json_out *j, const struct outcome *o)
{
	json_put_number(j, "loadgen", 1);
	json_put_text(j, "verdict", o->code == EXIT_PASS ? "pass" : "fail");
	json_put_number(j, "exit", o->code);
	json_put_text(j, "words", o->words);
}

void report_json_troubles(struct json_out *j, const struct tally *t, const struct outcome *o)
{
	json_open_object(j, "errors");
	for (unsigned i = TROUBLE_NONE + 1; i < TROUBLE_MAX; i++) {
		if (t->trouble[i] == 0)
			continue;
		json_line_object(j, trouble_str(i));
		json_put_number(j, "count", t->trouble[i]);
		json_put_text(j, "first", o->first[i]);
		json_close(j);
	}
	json_close(j);
}

void report_json_quantiles(struct json_out *j, const struct hdr *h)
{
	for (unsigned i = 0; i < QUANTILES; i++)
		json_put_decimal(j, quantiles[i].name, ms(hdr_quantile(h, quantiles[i].q)), 4);
	json_put_decimal(j, "max", ms(h->max_ns), 4);
	json_put_number(j, "count", h->total);
}

void report_json_latency(struct json_out *j, const char *name, const struct hdr *h)
{
	json_line_object(j, name);
	report_json_quantiles(j, h);
	json_close(j);
}
