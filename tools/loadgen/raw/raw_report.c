/*
 * raw_report.c - lines, table and JSON of a raw run. No state.
 */
#include "tools/loadgen/raw/raw_report.h"

#include <inttypes.h>

#include "tools/loadgen/report/report_parts.h"

static double per_second(uint64_t now, uint64_t before, double passed_s)
{
	return (double)(now - before) / passed_s;
}

void raw_report_line(FILE *to, const struct raw_line *line)
{
	const struct raw_totals *t = line->now;
	const struct raw_totals *b = line->before;
	double s = line->passed_s;

	fprintf(to,
		"t=%.0fs connections=%" PRIu64 " sent=%.0f/s echoed=%.0f/s deliveries=%.0f/s "
		"in=%.1fMB/s p50=%.2fms p99=%.2fms max=%.2fms cpu=%.0f%%",
		line->since_start_s, t->tally.standing, per_second(t->sent, b->sent, s),
		per_second(t->echoed, b->echoed, s),
		per_second(t->tally.deliveries, b->tally.deliveries, s),
		per_second(t->tally.bytes_in, b->tally.bytes_in, s) * 1e-6,
		(double)hdr_quantile(line->second, 0.5) * 1e-6,
		(double)hdr_quantile(line->second, 0.99) * 1e-6,
		(double)line->second->max_ns * 1e-6, line->cpu_percent);
	for (unsigned i = 0; i < TROUBLE_MAX; i++)
		if (t->tally.trouble[i] > 0)
			fprintf(to, " %s=%" PRIu64, trouble_str(i), t->tally.trouble[i]);
	fputc('\n', to);
}

/* --- table ------------------------------------------------------------------------------------ */

static void server_rows(FILE *to, const struct raw_options *o, const struct raw_result *result)
{
	const struct raw_server *s = &result->server;

	if (o->server_pid == 0)
		return;
	fprintf(to, "server     %.3f s CPU in %.2f s", (double)s->cpu_ns * 1e-9, result->run_s);
	if (result->window_deliveries > 0)
		fprintf(to, ", %.3f us per message received",
			(double)s->cpu_ns * 1e-3 / (double)result->window_deliveries);
	fprintf(to, "; memory %.1f MB before, %.1f MB connected, %.1f MB after\n",
		(double)s->rss_before_bytes * 1e-6, (double)s->rss_idle_bytes * 1e-6,
		(double)s->rss_end_bytes * 1e-6);
}

static void latency_rows(FILE *to, const struct raw_options *o, const struct raw_result *result)
{
	report_latency_head(to);
	if (o->expect == RAW_EXPECT_ECHO)
		report_latency_row(to, "echo", &result->echo);
	if (o->expect == RAW_EXPECT_BROADCAST) {
		report_latency_row(to, "visible", &result->visible);
		report_latency_row(to, "last", &result->tracked.last);
		report_latency_row(to, "spread", &result->tracked.spread);
	}
	report_latency_row(to, "connect", &result->connect);
}

void raw_report_table(FILE *to, const struct raw_options *o, const struct raw_result *result)
{
	const struct raw_totals *t = &result->totals;

	latency_rows(to, o, result);
	fprintf(to,
		"\nclients    %u, %" PRIu64 " connected to the end, %" PRIu64
		" received everything\n",
		o->net.clients, result->stood, result->whole);
	fprintf(to, "messages   %" PRIu64 " sent by %u clients, %" PRIu64 " received (%.0f/s)\n",
		t->sent, o->senders, t->tally.deliveries,
		(double)result->window_deliveries / (result->run_s + 1e-9));
	if (o->expect == RAW_EXPECT_BROADCAST)
		fprintf(to,
			"broadcast  %" PRIu64 " messages, %" PRIu64 " of them reached everybody\n",
			result->tracked.messages, result->tracked.complete);
	if (o->expect != RAW_EXPECT_NONE)
		fprintf(to, "reach      %.9f\n", result->reach);
	fprintf(to, "bytes      %" PRIu64 " in, %" PRIu64 " out\n", t->tally.bytes_in,
		t->bytes_out);
	server_rows(to, o, result);
	fprintf(to, "ourselves  %.0f %% CPU of %u threads, a message was at most %.2f ms late\n",
		result->cpu_percent, o->net.threads, (double)t->tally.lag_max_ns * 1e-6);
	for (unsigned i = TROUBLE_NONE + 1; i < TROUBLE_MAX; i++)
		if (t->tally.trouble[i] > 0)
			fprintf(to, "  %-14s %8" PRIu64 "  %s%s%s\n", trouble_str(i),
				t->tally.trouble[i], trouble_text(i),
				result->trouble_first[i][0] != '\0' ? "; first: " : "",
				result->trouble_first[i]);
	fprintf(to, "\n%s.\n", result->words);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void json_counts(FILE *to, const struct raw_options *o, const struct raw_result *result)
{
	const struct raw_totals *t = &result->totals;
	uint64_t lost = o->expect == RAW_EXPECT_ECHO
				? t->sent - t->echoed
				: result->tracked.messages - result->tracked.complete;

	report_json_number(to, "clients", o->net.clients);
	report_json_number(to, "clients_complete", result->whole);
	report_json_number(to, "clients_lost", o->net.clients - result->stood);
	report_json_number(to, "senders", o->senders);
	report_json_number(to, "placed", t->sent);
	report_json_number(to, "acknowledged", t->echoed);
	report_json_number(to, "lost", lost);
	report_json_number(to, "messages", result->tracked.messages);
	report_json_number(to, "messages_complete", result->tracked.complete);
	report_json_number(to, "deliveries", t->tally.deliveries);
	report_json_number(to, "deliveries_in_run", result->window_deliveries);
	report_json_number(to, "bytes_in_run", result->window_bytes);
	report_json_number(to, "bytes_in", t->tally.bytes_in);
	report_json_number(to, "bytes_out", t->bytes_out);
}

static void json_troubles(FILE *to, const struct raw_result *result)
{
	const char *comma = "";

	fprintf(to, "  \"errors\": {");
	for (unsigned i = TROUBLE_NONE + 1; i < TROUBLE_MAX; i++) {
		if (result->totals.tally.trouble[i] == 0)
			continue;
		fprintf(to, "%s\"%s\": {\"count\": %" PRIu64 ", \"first\": ", comma, trouble_str(i),
			result->totals.tally.trouble[i]);
		report_json_text(to, result->trouble_first[i]);
		fprintf(to, "}");
		comma = ", ";
	}
	fprintf(to, "},\n");
}

static void json_server(FILE *to, const struct raw_result *result)
{
	const struct raw_server *s = &result->server;

	fprintf(to,
		"  \"server\": {\"cpu_s\": %.6f, \"rss_before\": %" PRIu64
		", \"rss_idle\": %" PRIu64 ", \"rss_end\": %" PRIu64 "},\n",
		(double)s->cpu_ns * 1e-9, s->rss_before_bytes, s->rss_idle_bytes, s->rss_end_bytes);
}

void raw_report_json(FILE *to, const struct raw_options *o, const struct raw_result *result)
{
	fprintf(to,
		"{\n  \"loadgen\": 1,\n  \"profile\": \"raw\",\n  \"expect\": \"%s\",\n"
		"  \"verdict\": \"%s\",\n  \"exit\": %d,\n  \"words\": ",
		raw_expect_str(o->expect), result->code == EXIT_PASS ? "pass" : "fail",
		result->code);
	report_json_text(to, result->words);
	fprintf(to, ",\n  \"reach\": %.9f,\n", result->reach);
	json_counts(to, o, result);
	json_troubles(to, result);
	report_json_latency(to, "ack_ms", &result->echo);
	report_json_latency(to, "visible_ms", &result->visible);
	report_json_latency(to, "visible_last_ms", &result->tracked.last);
	report_json_latency(to, "spread_ms", &result->tracked.spread);
	report_json_latency(to, "connect_ms", &result->connect);
	if (o->server_pid != 0)
		json_server(to, result);
	fprintf(to, "  \"lag_max_ms\": %.4f,\n", (double)result->totals.tally.lag_max_ns * 1e-6);
	fprintf(to, "  \"run_seconds\": %.3f,\n", result->run_s);
	fprintf(to, "  \"cpu_percent\": %.1f,\n", result->cpu_percent);
	fprintf(to, "  \"threads\": %u\n}\n", o->net.threads);
}
