/*
 * report.c - lines, table and JSON from the result. No state.
 */
#include "tools/loadgen/report.h"

#include <inttypes.h>

static const double quantiles[] = {0.5, 0.9, 0.99, 0.999};

static double ms(uint64_t ns)
{
	return (double)ns * 1e-6;
}

static double per_second(uint64_t now, uint64_t before, double passed_s)
{
	return (double)(now - before) / passed_s;
}

static double reach_of(const struct run_result *result)
{
	if (result->reach.expected == 0)
		return result->reach.complete == result->reach.clients ? 1 : 0;
	return (double)result->reach.received / (double)result->reach.expected;
}

void report_line_write(FILE *to, const struct report_line *line)
{
	const struct run_totals *t = line->now;
	const struct run_totals *b = line->before;
	double s = line->passed_s;
	double reach = t->seq_max_sum == 0 ? 1 : (double)t->seq_sum / (double)t->seq_max_sum;

	fprintf(to,
		"t=%.0fs connections=%" PRIu64 " placed=%.0f/s acked=%.0f/s frames=%.0f/s"
		" deliveries=%.0f/s ack_p50=%.2fms ack_p99=%.2fms reach=%.6f cpu=%.0f%%",
		line->since_start_s, t->following, per_second(t->placed, b->placed, s),
		per_second(t->acknowledged, b->acknowledged, s),
		per_second(t->frames, b->frames, s), per_second(t->deliveries, b->deliveries, s),
		ms(hdr_quantile(line->second, 0.5)), ms(hdr_quantile(line->second, 0.99)), reach,
		line->cpu_percent);
	for (unsigned i = 0; i < REFUSAL_MAX; i++)
		if (t->refused[i] > 0)
			fprintf(to, " refused.%s=%" PRIu64, refusal_str(i), t->refused[i]);
	for (unsigned i = 0; i < TROUBLE_MAX; i++)
		if (t->trouble[i] > 0)
			fprintf(to, " %s=%" PRIu64, trouble_str(i), t->trouble[i]);
	if (t->broken > 0)
		fprintf(to, " coming_back=%" PRIu64, t->broken);
	fputc('\n', to);
}

/* --- table ------------------------------------------------------------------------------------ */

static void latency_row(FILE *to, const char *name, const struct hdr *h)
{
	fprintf(to, "  %-10s", name);
	for (unsigned i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		fprintf(to, " %10.2f", ms(hdr_quantile(h, quantiles[i])));
	fprintf(to, " %10.2f %12" PRIu64 "\n", ms(h->max_ns), h->total);
}

static void trouble_rows(FILE *to, const struct run_result *result)
{
	for (unsigned i = TROUBLE_NONE + 1; i < TROUBLE_MAX; i++) {
		if (result->totals.trouble[i] == 0)
			continue;
		fprintf(to, "  %-14s %8" PRIu64 "  %s%s%s\n", trouble_str(i),
			result->totals.trouble[i], trouble_text(i),
			result->trouble_first[i][0] != '\0' ? "; first: " : "",
			result->trouble_first[i]);
	}
}

static void places_rows(FILE *to, const struct options *o, const struct run_result *result)
{
	const struct run_totals *t = &result->totals;

	fprintf(to, "places     %" PRIu64 " sent by %u painters, %" PRIu64 " acknowledged",
		t->placed, o->painters, t->acknowledged);
	if (t->looked_up > 0 || t->resent > 0)
		fprintf(to, ", %" PRIu64 " looked up after a break, %" PRIu64 " sent again",
			t->looked_up, t->resent);
	fprintf(to, ", %.0f acknowledged/s\n", (double)t->acknowledged / (result->run_s + 1e-9));
	for (unsigned i = 0; i < REFUSAL_MAX; i++)
		if (t->refused[i] > 0)
			fprintf(to, "refused    %" PRIu64 " %s: %s\n", t->refused[i],
				refusal_str(i), refusal_text(i));
	if (result->ledger_verdict.folded)
		fprintf(to, "fold       the acknowledged placements in their order %s\n",
			result->ledger_verdict.lost == 0 ? "make the server's board"
							 : "do NOT make the server's board");
}

void report_table_write(FILE *to, const struct options *o, const struct run_result *result)
{
	const struct run_totals *t = &result->totals;

	fprintf(to, "\n  %-10s %10s %10s %10s %10s %10s %12s\n", "ms", "p50", "p90", "p99", "p99.9",
		"max", "samples");
	latency_row(to, "ack", &result->latencies.corrected[LATENCY_ACK]);
	latency_row(to, "visible", &result->latencies.corrected[LATENCY_VISIBLE]);
	latency_row(to, "last", &result->latencies.corrected[LATENCY_VISIBLE_LAST]);
	latency_row(to, "connect", &result->latencies.corrected[LATENCY_CONNECT]);
	fprintf(to,
		"\nclients    %u, %" PRIu64 " of %" PRIu64 " received everything, %" PRIu64
		" lost for good",
		o->clients, result->reach.complete, result->reach.clients, t->dead);
	if (o->stop_reading > 0)
		fprintf(to, ", %u stopped reading", o->stop_reading);
	fprintf(to,
		"\nreach      %.9f (%" PRIu64 " of %" PRIu64 " sequence numbers, over clients)\n",
		reach_of(result), result->reach.received, result->reach.expected);
	fprintf(to,
		"board      epoch %u, seq %" PRIu64 " to %" PRIu64 ", xxh3 %016" PRIx64
		", %u of %u threads equal\n",
		result->epoch, result->seq_first, result->seq_last, result->board_hash,
		result->boards_equal, o->threads);
	places_rows(to, o, result);
	fprintf(to, "received   %" PRIu64 " deliveries of %" PRIu64 " frames, %" PRIu64 " bytes\n",
		t->deliveries, t->frames, t->bytes_in);
	if (t->resumes > 0 || t->stale > 0)
		fprintf(to,
			"resumes    %" PRIu64 ", stale %" PRIu64 ", boards fetched again %" PRIu64
			"\n",
			t->resumes, t->stale, t->refetches);
	fprintf(to, "ourselves  %.0f %% CPU of %u threads, a placement was at most %.2f ms late\n",
		result->cpu_percent, o->threads, ms(t->lag_max_ns));
	if (result->cpu_percent > 90.0 * o->threads)
		fprintf(to, "           the load generator was saturated: the latencies are upper "
			    "bounds\n");
	trouble_rows(to, result);
	fprintf(to, "\n%s.\n", result->words);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void json_text(FILE *to, const char *text)
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

static void json_latency(FILE *to, const char *name, const struct hdr *h)
{
	static const char *const names[] = {"p50", "p90", "p99", "p999"};

	fprintf(to, "  \"%s\": {", name);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		fprintf(to, "\"%s\": %.4f, ", names[i], ms(hdr_quantile(h, quantiles[i])));
	fprintf(to, "\"max\": %.4f, \"count\": %" PRIu64 "},\n", ms(h->max_ns), h->total);
}

static void json_number(FILE *to, const char *name, uint64_t value)
{
	fprintf(to, "  \"%s\": %" PRIu64 ",\n", name, value);
}

static void json_counts(FILE *to, const struct options *o, const struct run_result *result)
{
	const struct run_totals *t = &result->totals;

	json_number(to, "clients", o->clients);
	json_number(to, "clients_complete", result->reach.complete);
	json_number(to, "clients_lost", t->dead);
	json_number(to, "clients_stopped", o->stop_reading);
	json_number(to, "painters", o->painters);
	json_number(to, "placed", t->placed);
	json_number(to, "acknowledged", t->acknowledged);
	json_number(to, "looked_up", t->looked_up);
	json_number(to, "resent", t->resent);
	json_number(to, "unanswered", t->placed - t->acknowledged - t->looked_up - t->refused_all);
	json_number(to, "lost", result->ledger_verdict.lost);
	fprintf(to, "  \"folded\": %s,\n", result->ledger_verdict.folded ? "true" : "false");
	json_number(to, "frames", t->frames);
	json_number(to, "deliveries", t->deliveries);
	json_number(to, "bytes_in", t->bytes_in);
	json_number(to, "seq_first", result->seq_first);
	json_number(to, "seq_last", result->seq_last);
	json_number(to, "epoch", result->epoch);
	fprintf(to, "  \"board_xxh3\": \"%016" PRIx64 "\",\n", result->board_hash);
	json_number(to, "boards_equal", result->boards_equal);
	json_number(to, "resumes", t->resumes);
	json_number(to, "stale", t->stale);
	json_number(to, "refetches", t->refetches);
}

static void json_classes(FILE *to, const struct run_result *result)
{
	const struct run_totals *t = &result->totals;
	const char *comma = "";

	fprintf(to, "  \"refused\": {");
	for (unsigned i = 0; i < REFUSAL_MAX; i++) {
		if (t->refused[i] > 0) {
			fprintf(to, "%s\"%s\": %" PRIu64, comma, refusal_str(i), t->refused[i]);
			comma = ", ";
		}
	}
	fprintf(to, "},\n  \"errors\": {");
	comma = "";
	for (unsigned i = TROUBLE_NONE + 1; i < TROUBLE_MAX; i++) {
		if (t->trouble[i] > 0) {
			fprintf(to, "%s\"%s\": {\"count\": %" PRIu64 ", \"first\": ", comma,
				trouble_str(i), t->trouble[i]);
			json_text(to, result->trouble_first[i]);
			fprintf(to, "}");
			comma = ", ";
		}
	}
	fprintf(to, "},\n");
}

void report_json_write(FILE *to, const struct options *o, const struct run_result *result)
{
	fprintf(to, "{\n  \"loadgen\": 1,\n  \"verdict\": \"%s\",\n  \"exit\": %d,\n  \"words\": ",
		result->code == EXIT_PASS ? "pass" : "fail", result->code);
	json_text(to, result->words);
	fprintf(to, ",\n  \"reach\": %.9f,\n", reach_of(result));
	json_counts(to, o, result);
	json_classes(to, result);
	json_latency(to, "ack_ms", &result->latencies.corrected[LATENCY_ACK]);
	json_latency(to, "visible_ms", &result->latencies.corrected[LATENCY_VISIBLE]);
	json_latency(to, "visible_last_ms", &result->latencies.corrected[LATENCY_VISIBLE_LAST]);
	json_latency(to, "connect_ms", &result->latencies.corrected[LATENCY_CONNECT]);
	fprintf(to, "  \"lag_max_ms\": %.4f,\n", ms(result->totals.lag_max_ns));
	fprintf(to, "  \"run_seconds\": %.3f,\n", result->run_s);
	fprintf(to, "  \"cpu_percent\": %.1f,\n", result->cpu_percent);
	fprintf(to, "  \"threads\": %u\n}\n", o->threads);
}
