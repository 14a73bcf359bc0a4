/*
 * report.c - the table from the result. No state.
 */
#include "tools/loadgen/report/report.h"

#include <inttypes.h>

#include "tools/loadgen/report/report_parts.h"
#include "tools/loadgen/result/remedy.h"

static const double quantiles[] = {0.5, 0.9, 0.99, 0.999};

static double ms(uint64_t ns)
{
	return (double)ns * 1e-6;
}

static void latency_row(FILE *to, const char *name, const char *kind, const struct hdr *h)
{
	fprintf(to, "  %-13s %-10s", name, kind);
	for (unsigned i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		fprintf(to, " %10.2f", ms(hdr_quantile(h, quantiles[i])));
	fprintf(to, " %10.2f %12" PRIu64 "\n", ms(h->max_ns), h->total);
}

static void latency_rows(FILE *to, const struct run_result *result)
{
	fprintf(to, "\n  %-13s %-10s %10s %10s %10s %10s %10s %12s\n", "ms", "", "p50", "p90",
		"p99", "p99.9", "max", "samples");
	for (unsigned i = 0; i < LATENCY_MAX; i++) {
		if (result->latencies.corrected[i].total == 0)
			continue;
		latency_row(to, latency_str(i), "corrected", &result->latencies.corrected[i]);
		latency_row(to, "", "raw", &result->latencies.raw[i]);
	}
	fprintf(to,
		"  corrected: from the time the schedule intended; raw: from when it was really "
		"sent\n  visible: to %" PRIu64 " observers of %" PRIu64 " clients\n",
		result->observers, result->clients);
	if (result->read_mark > 0)
		fprintf(to,
			"  the others read once %" PRIu64 " to %" PRIu64
			" bytes have accumulated, and check every one\n",
			result->read_mark / 2, result->read_mark);
}

static void places_rows(FILE *to, const struct run_result *result)
{
	const struct run_totals *t = &result->totals;

	fprintf(to, "places     %" PRIu64 " sent by %" PRIu64 " painters, %" PRIu64 " acknowledged",
		t->placed, result->painters, t->acknowledged);
	if (t->looked_up > 0 || t->resent > 0)
		fprintf(to, ", %" PRIu64 " looked up after a break, %" PRIu64 " sent again",
			t->looked_up, t->resent);
	if (result->unanswered > 0)
		fprintf(to, ", %" PRIu64 " not answered", result->unanswered);
	fprintf(to, ", %.0f acknowledged/s\n", (double)t->acknowledged / (result->run_s + 1e-9));
	for (unsigned i = 0; i < REFUSAL_MAX; i++) {
		const char *remedy = remedy_of(i);

		if (t->refused[i] > 0)
			fprintf(to, "refused    %" PRIu64 " %s: %s%s%s\n", t->refused[i],
				refusal_str(i), refusal_text(i),
				remedy == NULL ? "" : "; none are with the server's ",
				remedy == NULL ? "" : remedy);
	}
	if (result->ledger_verdict.folded)
		fprintf(to, "fold       the acknowledged placements in their order %s\n",
			result->ledger_verdict.lost == 0 ? "make the server's board"
							 : "do NOT make the server's board");
}

static void clients_rows(FILE *to, const struct run_result *result)
{
	fprintf(to,
		"\nclients    %" PRIu64 ", %" PRIu64 " of %" PRIu64 " received everything, %" PRIu64
		" lost for good",
		result->clients, result->reach.complete, result->reach.clients,
		result->totals.tally.dead);
	if (result->stopped > 0)
		fprintf(to, ", %" PRIu64 " stopped reading", result->stopped);
	if (result->torn_all > 0)
		fprintf(to,
			", %" PRIu64 " disconnected on purpose (%" PRIu64 " without FIN, %" PRIu64
			" not to come back)",
			result->torn_all, result->torn_reset, result->vanished);
	if (result->slow > 0)
		fprintf(to, ", %" PRIu64 " read slowly", result->slow);
	fprintf(to,
		"\nreach      %.9f (%" PRIu64 " of %" PRIu64 " sequence numbers, over clients)\n",
		run_result_reach(result), result->reach.received, result->reach.expected);
	fprintf(to,
		"board      epoch %u, seq %" PRIu64 " to %" PRIu64 ", xxh3 %016" PRIx64 ", %" PRIu64
		" of %" PRIu64 " threads equal\n",
		result->epoch, result->seq_first, result->seq_last, result->board_hash,
		result->boards_equal, result->threads);
}

static void threshold_rows(FILE *to, const struct run_result *result)
{
	for (uint32_t i = 0; i < result->thresholds_count; i++) {
		const struct threshold_result *t = &result->thresholds[i];
		fprintf(to, "threshold  %-24s %-7s %s\n", t->asked.text, t->met ? "met" : "MISSED",
			t->said);
	}
}

void report_table_write(FILE *to, const struct run_result *result)
{
	const struct run_totals *t = &result->totals;

	latency_rows(to, result);
	clients_rows(to, result);
	places_rows(to, result);
	fprintf(to, "received   %" PRIu64 " deliveries of %" PRIu64 " frames, %" PRIu64 " bytes\n",
		t->tally.deliveries, t->frames, t->tally.bytes_in);
	if (t->faces > 1)
		fprintf(to,
			"faces      %" PRIu64
			": palette or rules of the board changed during the run\n",
			t->faces);
	if (t->resumes > 0 || t->stale > 0)
		fprintf(to,
			"resumes    %" PRIu64 ", stale %" PRIu64 ", boards fetched again %" PRIu64
			"\n",
			t->resumes, t->stale, t->refetches);
	fprintf(to,
		"ourselves  %.0f %% CPU of %" PRIu64
		" threads; placements were %.2f ms late (p99), at most %.2f ms; "
		"%" PRIu64 " bytes of memory per client\n",
		result->cpu_percent, result->threads, ms(hdr_quantile(&result->lag, 0.99)),
		ms(result->lag.max_ns),
		result->clients == 0 ? 0 : result->rss_bytes / result->clients);
	threshold_rows(to, result);
	report_trouble_rows(to, &t->tally, &result->outcome);
	if (result->saturated)
		fprintf(to, "\nGenerator saturated: results are a lower bound.\n");
	fprintf(to, "\n%s.\n", result->outcome.words);
}
