/*
 * report_json.c - the result for programs: docs/loadgen.schema.json says what stands where, and
 * merge.c reads it back. No state.
 *
 * A histogram is a list of pairs: the largest value of a bucket in ns, and how many records it
 * holds; with the exact maximum that is all that merging needs.
 */
#include <inttypes.h>
#include <time.h>

#include "tools/loadgen/report/json_out.h"
#include "tools/loadgen/report/report.h"
#include "tools/loadgen/result/run_number.h"

static const struct {
	const char *name;
	double q;
} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}};

static void quantiles_write(struct json_out *j, const struct hdr *h)
{
	for (unsigned i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		json_decimal(j, quantiles[i].name, (double)hdr_quantile(h, quantiles[i].q) * 1e-6,
			     4);
	json_decimal(j, "max", (double)h->max_ns * 1e-6, 4);
	json_whole(j, "count", h->total);
}

static void latencies_write(struct json_out *j, const struct run_result *result)
{
	for (unsigned i = 0; i < LATENCY_MAX; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "%s_ms", latency_str(i));
		json_open_line(j, name, '{');
		quantiles_write(j, &result->latencies.corrected[i]);
		json_open(j, "raw", '{');
		quantiles_write(j, &result->latencies.raw[i]);
		json_close(j, '}');
		json_close(j, '}');
	}
	json_open_line(j, "lag_ms", '{');
	quantiles_write(j, &result->lag);
	json_close(j, '}');
}

static void histogram_write(struct json_out *j, const char *name, const struct hdr *h)
{
	json_open_line(j, name, '{');
	json_whole(j, "max_ns", h->max_ns);
	json_open(j, "counts", '[');
	for (uint32_t i = 0; i < HDR_BUCKETS; i++) {
		if (h->counts[i] == 0)
			continue;
		json_open(j, NULL, '[');
		json_whole(j, NULL, hdr_bucket_high(i));
		json_whole(j, NULL, h->counts[i]);
		json_close(j, ']');
	}
	json_close(j, ']');
	json_close(j, '}');
}

static void histograms_write(struct json_out *j, const struct run_result *result)
{
	json_open(j, "histograms", '{');
	for (unsigned i = 0; i < LATENCY_MAX; i++) {
		json_open(j, latency_str(i), '{');
		histogram_write(j, "corrected", &result->latencies.corrected[i]);
		histogram_write(j, "raw", &result->latencies.raw[i]);
		json_close(j, '}');
	}
	histogram_write(j, "lag", &result->lag);
	json_close(j, '}');
}

static void classes_write(struct json_out *j, const struct run_result *result)
{
	const struct run_totals *t = &result->totals;

	json_open_line(j, "refused", '{');
	for (unsigned i = 0; i < REFUSAL_MAX; i++)
		if (t->refused[i] > 0)
			json_whole(j, refusal_str(i), t->refused[i]);
	json_close(j, '}');
	json_open(j, "errors", '{');
	for (unsigned i = TROUBLE_NONE + 1; i < TROUBLE_MAX; i++) {
		if (t->tally.trouble[i] == 0)
			continue;
		json_open_line(j, trouble_str(i), '{');
		json_whole(j, "count", t->tally.trouble[i]);
		json_text(j, "first", result->trouble_first[i]);
		json_close(j, '}');
	}
	json_close(j, '}');
}

static void thresholds_write(struct json_out *j, const struct run_result *result)
{
	json_open(j, "thresholds", '[');
	for (uint32_t i = 0; i < result->thresholds_count; i++) {
		const struct threshold_result *t = &result->thresholds[i];
		char measured[64];

		threshold_measured_write(t, measured, sizeof(measured));
		json_open_line(j, NULL, '{');
		json_text(j, "threshold", t->asked.text);
		json_text(j, "measured", measured);
		json_truth(j, "met", t->met);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void machines_write(struct json_out *j, const struct run_result *result)
{
	json_open(j, "machines", '[');
	for (uint32_t i = 0; i < result->machines_count; i++) {
		const struct machine *m = &result->machines[i];

		json_open(j, NULL, '{');
		json_text(j, "host", m->host);
		json_whole(j, "cpus", m->cpus);
		json_text(j, "cpu", m->cpu);
		json_whole(j, "memory_bytes", m->memory_bytes);
		json_text(j, "kernel", m->kernel);
		json_text(j, "loadgen", m->loadgen);
		json_text(j, "command", m->command);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void started_write(struct json_out *j, uint64_t started_ms)
{
	time_t s = (time_t)(started_ms / 1000);
	char text[40] = "";
	struct tm day;

	if (started_ms > 0 && gmtime_r(&s, &day) != NULL)
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &day);
	json_text(j, "started", text);
}

void report_json_write(FILE *to, const struct run_result *result)
{
	struct json_out j = {.to = to};
	char hash[20];

	json_open(&j, NULL, '{');
	json_whole(&j, "loadgen", 1);
	json_text(&j, "verdict", result->code == EXIT_PASS ? "pass" : "fail");
	json_whole(&j, "exit", result->code);
	json_text(&j, "words", result->words);
	json_truth(&j, "saturated", result->saturated);
	json_decimal(&j, "reach", run_result_reach(result), 9);
	for (unsigned i = 0; i < RUN_NUMBERS; i++)
		json_whole(&j, run_number_str(i), run_number_get(result, i));
	json_truth(&j, "folded", result->ledger_verdict.folded);
	json_whole(&j, "epoch", result->epoch);
	(void)snprintf(hash, sizeof(hash), "%016" PRIx64, result->board_hash);
	json_text(&j, "board_xxh3", hash);
	classes_write(&j, result);
	latencies_write(&j, result);
	started_write(&j, result->started_ms);
	json_decimal(&j, "run_seconds", result->run_s, 3);
	json_decimal(&j, "cpu_percent", result->cpu_percent, 1);
	thresholds_write(&j, result);
	machines_write(&j, result);
	histograms_write(&j, result);
	json_close(&j, '}');
}
