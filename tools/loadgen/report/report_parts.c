/* report_parts.c - see report_parts.h. No state. */
#include "tools/loadgen/report/report_parts.h"

#include <inttypes.h>

static const double quantiles[] = {0.5, 0.9, 0.99, 0.999};

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
		fprintf(to, " %10.2f", ms(hdr_quantile(h, quantiles[i])));
	fprintf(to, " %10.2f %12" PRIu64 "\n", ms(h->max_ns), h->total);
}

void report_json_text(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(to, "\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			fprintf(to, "\\u%04x", (unsigned)*text);
		else
			fputc(*text, to);
	}
	fputc('"', to);
}

void report_json_number(FILE *to, const char *name, uint64_t value)
{
	fprintf(to, "  \"%s\": %" PRIu64 ",\n", name, value);
}

void report_json_latency(FILE *to, const char *name, const struct hdr *h)
{
	static const char *const names[QUANTILES] = {"p50", "p90", "p99", "p999"};

	fprintf(to, "  \"%s\": {", name);
	for (unsigned i = 0; i < QUANTILES; i++)
		fprintf(to, "\"%s\": %.4f, ", names[i], ms(hdr_quantile(h, quantiles[i])));
	fprintf(to, "\"max\": %.4f, \"count\": %" PRIu64 "},\n", ms(h->max_ns), h->total);
}
