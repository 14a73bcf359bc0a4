/*
 * report_hgrm.c - percentiles in the text format of HdrHistogram, which its plotters read.
 *
 * A line gives a value, the fraction of records at or below it, and their number. The fractions
 * advance in steps that are halved whenever half of the way to 1 is done, five steps each. Values
 * are milliseconds.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "tools/loadgen/report/report.h"
#include "tools/loadgen/report/text_file.h"

#define STEPS_PER_HALF 5

/* The fraction to show after this one. */
static double fraction_next(double fraction)
{
	double halvings = floor(log2(1 / (1 - fraction))) + 1;

	return fraction + 1 / (STEPS_PER_HALF * exp2(halvings));
}

/* From bucket to bucket; one line when the wanted fraction is reached. */
static void lines_write(FILE *to, const struct hdr *h)
{
	double wanted = 0;
	uint64_t seen = 0;

	for (uint32_t i = 0; i < HDR_BUCKETS && seen < h->total; i++) {
		uint64_t high = hdr_bucket_high(i) < h->max_ns ? hdr_bucket_high(i) : h->max_ns;
		double fraction;

		if (h->counts[i] == 0)
			continue;
		seen += h->counts[i];
		fraction = (double)seen / (double)h->total;
		if (seen == h->total)
			fprintf(to, "%12.3f %2.12f %10" PRIu64 "\n", (double)high * 1e-6, 1.0,
				seen);
		else if (fraction >= wanted)
			fprintf(to, "%12.3f %2.12f %10" PRIu64 " %14.2f\n", (double)high * 1e-6,
				fraction, seen, 1 / (1 - fraction));
		while (seen < h->total && wanted <= fraction)
			wanted = fraction_next(wanted);
	}
}

void report_hgrm_write(FILE *to, const struct hdr *h)
{
	double mean, deviation;

	hdr_moments(h, &mean, &deviation);
	fprintf(to, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
		"1/(1-Percentile)");
	lines_write(to, h);
	fprintf(to, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", mean * 1e-6,
		deviation * 1e-6);
	fprintf(to, "#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n",
		(double)h->max_ns * 1e-6, h->total);
	fprintf(to, "#[Buckets = %12u, SubBuckets     = %12u]\n", HDR_BUCKETS / 1024, 2048U);
}

int report_hgrm_files(const char *prefix, const struct latencies *l)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < 2U * LATENCY_MAX; i++) {
		const struct hdr *h = &(i % 2 == 0 ? l->corrected : l->raw)[i / 2];
		char path[4096];
		FILE *file;

		if (h->total == 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s-%s%s.hgrm", prefix, latency_str(i / 2),
			       i % 2 == 0 ? "" : "-raw");
		file = fopen(path, "w");
		if (file == NULL)
			return -errno;
		report_hgrm_write(file, h);
		r = text_file_end(file);
	}
	return r;
}
