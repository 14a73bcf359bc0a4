/*
 * raw_report.c - lines, table and JSON of a raw run. No state.
 */
#include "tools/loadgen/raw/raw_report.h"

#include <inttypes.h>

#include "tools/loadgen/report/report_parts.h"
#include "tools/loadgen/report/text_file.h"

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
	report_trouble_fields(to, &t->tally);
	fputc('\n', to);
}

/* --- table ------------------------------------------------------------------------------------ */

static void server_rows(FILE *to, const struct raw_options *o, const struct raw_result *result)
{
	const struct raw_server *s = &result->server;

	if (o->server_pid == 0)
		return;
	fprintf(to, "server     %.1f us CPU per connection; %.3f s CPU in %.2f s",
		(double)s->cpu_connect_ns * 1e-3 / o->net.clients, (double)s->cpu_ns * 1e-9,
		result->run_s);
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
	fprintf(to, "connected  in %.3f s, %.0f/s\n", result->connect_s,
		(double)result->connect.total / (result->connect_s + 1e-9));
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
	report_trouble_rows(to, &t->tally, &result->outcome);
	fprintf(to, "\n%s.\n", result->outcome.words);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void json_counts(struct json_out *j, const struct raw_options *o,
			const struct raw_result *result)
{
	const struct raw_totals *t = &result->totals;
	uint64_t lost = o->expect == RAW_EXPECT_ECHO
				? t->sent - t->echoed
				: result->tracked.messages - result->tracked.complete;

	json_put_number(j, "clients", o->net.clients);
	json_put_number(j, "clients_complete", result->whole);
	json_put_number(j, "clients_lost", o->net.clients - result->stood);
	json_put_number(j, "senders", o->senders);
	json_put_number(j, "placed", t->sent);
	json_put_number(j, "acknowledged", t->echoed);
	json_put_number(j, "lost", lost);
	json_put_number(j, "messages", result->tracked.messages);
	json_put_number(j, "messages_complete", result->tracked.complete);
	json_put_number(j, "deliveries", t->tally.deliveries);
	json_put_number(j, "deliveries_in_run", result->window_deliveries);
	json_put_number(j, "bytes_in_run", result->window_bytes);
	json_put_number(j, "bytes_in", t->tally.bytes_in);
	json_put_number(j, "bytes_out", t->bytes_out);
}

static void json_server(struct json_out *j, const struct raw_server *s)
{
	json_line_object(j, "server");
	json_put_decimal(j, "cpu_connect_s", (double)s->cpu_connect_ns * 1e-9, 6);
	json_put_decimal(j, "cpu_s", (double)s->cpu_ns * 1e-9, 6);
	json_put_number(j, "rss_before", s->rss_before_bytes);
	json_put_number(j, "rss_idle", s->rss_idle_bytes);
	json_put_number(j, "rss_end", s->rss_end_bytes);
	json_close(j);
}

void raw_report_json(FILE *to, const struct raw_options *o, const struct raw_result *result)
{
	char room[TEXT_FILE_BYTES];
	struct json_out j = json_out_lines(text_to_file(to, room, sizeof(room)));

	json_open_object(&j, NULL);
	report_json_head(&j, &result->outcome);
	json_put_text(&j, "profile", "raw");
	json_put_text(&j, "expect", raw_expect_str(o->expect));
	json_put_decimal(&j, "reach", result->reach, 9);
	json_counts(&j, o, result);
	report_json_troubles(&j, &result->totals.tally, &result->outcome);
	report_json_latency(&j, "ack_ms", &result->echo);
	report_json_latency(&j, "visible_ms", &result->visible);
	report_json_latency(&j, "visible_last_ms", &result->tracked.last);
	report_json_latency(&j, "spread_ms", &result->tracked.spread);
	report_json_latency(&j, "connect_ms", &result->connect);
	if (o->server_pid != 0)
		json_server(&j, &result->server);
	json_put_decimal(&j, "lag_max_ms", (double)result->totals.tally.lag_max_ns * 1e-6, 4);
	json_put_decimal(&j, "connect_seconds", result->connect_s, 6);
	json_put_decimal(&j, "run_seconds", result->run_s, 3);
	json_put_decimal(&j, "cpu_percent", result->cpu_percent, 1);
	json_put_number(&j, "threads", o->net.threads);
	json_close(&j);
	text_flush(&j.text);
}
