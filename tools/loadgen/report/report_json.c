/*
 * report_json.c - the result for programs: docs/loadgen.schema.json describes it, and merge.c reads
 * it back. No state.
 *
 * A histogram is a list of pairs: the largest value of a bucket in ns, and its number of records;
 * together with the exact maximum that is all that merging needs.
 */
#include <inttypes.h>
#include <time.h>

#include "engine/base/json_out.h"
#include "tools/loadgen/report/report.h"
#include "tools/loadgen/report/report_parts.h"
#include "tools/loadgen/report/text_file.h"
#include "tools/loadgen/result/run_number.h"

static void latencies_write(struct json_out *j, const struct run_result *result)
{
	for (unsigned i = 0; i < LATENCY_MAX; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "%s_ms", latency_str(i));
		json_line_object(j, name);
		report_json_quantiles(j, &result->latencies.corrected[i]);
		json_open_object(j, "raw");
		report_json_quantiles(j, &result->latencies.raw[i]);
		json_close(j);
		json_close(j);
	}
	report_json_latency(j, "lag_ms", &result->lag);
}

static void histogram_write(struct json_out *j, const char *name, const struct hdr *h)
{
	json_line_object(j, name);
	json_put_number(j, "max_ns", h->max_ns);
	json_open_array(j, "counts");
	for (uint32_t i = 0; i < HDR_BUCKETS; i++) {
		if (h->counts[i] == 0)
			continue;
		json_open_array(j, NULL);
		json_put_number(j, NULL, hdr_bucket_high(i));
		json_put_number(j, NULL, h->counts[i]);
		json_close(j);
	}
	json_close(j);
	json_close(j);
}

static void histograms_write(struct json_out *j, const struct run_result *result)
{
	json_open_object(j, "histograms");
	for (unsigned i = 0; i < LATENCY_MAX; i++) {
		json_open_object(j, latency_str(i));
		histogram_write(j, "corrected", &result->latencies.corrected[i]);
		histogram_write(j, "raw", &result->latencies.raw[i]);
		json_close(j);
	}
	histogram_write(j, "lag", &result->lag);
	json_close(j);
}

static void classes_write(struct json_out *j, const struct run_result *result)
{
	const struct run_totals *t = &result->totals;

	json_line_object(j, "refused");
	for (unsigned i = 0; i < REFUSAL_MAX; i++)
		if (t->refused[i] > 0)
			json_put_number(j, refusal_str(i), t->refused[i]);
	json_close(j);
	report_json_troubles(j, &t->tally, &result->outcome);
}

static void thresholds_write(struct json_out *j, const struct run_result *result)
{
	json_open_array(j, "thresholds");
	for (uint32_t i = 0; i < result->thresholds_count; i++) {
		const struct threshold_result *t = &result->thresholds[i];

		json_line_object(j, NULL);
		json_put_text(j, "threshold", t->asked.text);
		json_put_text(j, "measured", t->said);
		json_put_bool(j, "met", t->met);
		json_close(j);
	}
	json_close(j);
}

static void machines_write(struct json_out *j, const struct run_result *result)
{
	json_open_array(j, "machines");
	for (uint32_t i = 0; i < result->machines_count; i++) {
		const struct machine *m = &result->machines[i];

		json_open_object(j, NULL);
		json_put_text(j, "host", m->host);
		json_put_number(j, "cpus", m->cpus);
		json_put_text(j, "cpu", m->cpu);
		json_put_number(j, "memory_bytes", m->memory_bytes);
		json_put_text(j, "kernel", m->kernel);
		json_put_text(j, "loadgen", m->loadgen);
		json_put_text(j, "command", m->command);
		json_close(j);
	}
	json_close(j);
}

static void started_write(struct json_out *j, uint64_t started_ms)
{
	time_t s = (time_t)(started_ms / 1000);
	char text[40] = "";
	struct tm day;

	if (started_ms > 0 && gmtime_r(&s, &day) != NULL)
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &day);
	json_put_text(j, "started", text);
}

void report_json_write(FILE *to, const struct run_result *result)
{
	char room[TEXT_FILE_BYTES], hash[20];
	struct json_out j = json_out_lines(text_to_file(to, room, sizeof(room)));

	json_open_object(&j, NULL);
	report_json_head(&j, &result->outcome);
	json_put_bool(&j, "saturated", result->saturated);
	json_put_decimal(&j, "reach", run_result_reach(result), 9);
	for (unsigned i = 0; i < RUN_NUMBERS; i++)
		json_put_number(&j, run_number_str(i), run_number_get(result, i));
	json_put_bool(&j, "folded", result->ledger_verdict.folded);
	json_put_number(&j, "epoch", result->epoch);
	(void)snprintf(hash, sizeof(hash), "%016" PRIx64, result->board_hash);
	json_put_text(&j, "board_xxh3", hash);
	classes_write(&j, result);
	latencies_write(&j, result);
	started_write(&j, result->started_ms);
	json_put_decimal(&j, "run_seconds", result->run_s, 3);
	json_put_decimal(&j, "cpu_percent", result->cpu_percent, 1);
	thresholds_write(&j, result);
	machines_write(&j, result);
	histograms_write(&j, result);
	json_close(&j);
	text_flush(&j.text);
}
