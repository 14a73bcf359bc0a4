/*
 * metrics_page.c - /metrics: the sums of all threads' counters, in the text format of Prometheus.
 *
 * Runs on a worker's thread, on request. Reads relaxed atomics of other threads; resets nothing.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/base/text_out.h"
#include "server/server_priv.h"

static struct worker *worker_at(const struct server *s, unsigned i)
{
	return atomic_load_explicit(&s->workers[i].worker, memory_order_acquire);
}

static void workers_sum(const struct server *s, struct worker_metrics *sum)
{
	const struct worker_metrics *one;

	memset(sum, 0, sizeof(*sum));
	for (unsigned i = 0; i < s->shared.worker_count; i++) {
		if (worker_at(s, i) == NULL)
			continue;
		one = worker_metrics(worker_at(s, i));
#define COUNTER(field, name, help) metric_add(&sum->field, metric_get(&one->field));
#define GAUGE(field, name, help)   metric_add(&sum->field, metric_get(&one->field));
#include "edge/conn/worker_metrics.def"
#undef COUNTER
#undef GAUGE
	}
}

static void say_counters(struct text_out *p, const struct server *s)
{
	const struct writer_metrics *writer = writer_metrics(s->writer);
	struct worker_metrics workers;

	workers_sum(s, &workers);
#define SAY(from, name, help, type)                                                                \
	text_print(p,                                                                              \
		   "# HELP pixeld_" name " " help "\n# TYPE pixeld_" name " " type                 \
		   "\npixeld_" name " %llu\n",                                                     \
		   (unsigned long long)metric_get(&from));
#define COUNTER(field, name, help) SAY(workers.field, name, help, "counter")
#define GAUGE(field, name, help)   SAY(workers.field, name, help, "gauge")
#include "edge/conn/worker_metrics.def"
#undef COUNTER
#undef GAUGE
#define COUNTER(field, name, help) SAY(writer->field, name, help, "counter")
#define GAUGE(field, name, help)   SAY(writer->field, name, help, "gauge")
#include "writer/writer_metrics.def"
#undef COUNTER
#undef GAUGE
#undef SAY
}

static void say_reasons(struct text_out *p, const struct server *s)
{
	text_print(p, "# HELP pixeld_connections_closed_total Connections closed, by reason\n"
		      "# TYPE pixeld_connections_closed_total counter\n");
	for (unsigned why = CLOSE_NONE + 1; why < CLOSE_REASONS; why++) {
		uint64_t sum = 0;

		for (unsigned i = 0; i < s->shared.worker_count; i++)
			if (worker_at(s, i) != NULL)
				sum += worker_closed(worker_at(s, i), (enum close_reason)why);
		text_print(p, "pixeld_connections_closed_total{reason=\"%s\"} %llu\n",
			   close_reason_str((enum close_reason)why), (unsigned long long)sum);
	}
	text_print(p, "# HELP pixeld_placements_refused_total Placements and requests refused by "
		      "the writer\n"
		      "# TYPE pixeld_placements_refused_total counter\n");
	for (unsigned why = REFUSAL_NONE + 1; why < REFUSAL_MAX; why++)
		if (refusal_is_known((enum refusal)why))
			text_print(
				p, "pixeld_placements_refused_total{reason=\"%s\"} %llu\n",
				refusal_str((enum refusal)why),
				(unsigned long long)writer_refused(s->writer, (enum refusal)why));
}

static void say_histogram(struct text_out *p, const char *name, const char *help,
			  const struct histogram_sum *sum)
{
	uint64_t count = 0;

	text_print(p, "# HELP pixeld_%s %s\n# TYPE pixeld_%s histogram\n", name, help, name);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t bound_us = histogram_bound_us(i);

		count += sum->counts[i];
		if (bound_us == UINT64_MAX)
			text_print(p, "pixeld_%s_bucket{le=\"+Inf\"} %llu\n", name,
				   (unsigned long long)count);
		else
			text_print(p, "pixeld_%s_bucket{le=\"%g\"} %llu\n", name,
				   (double)bound_us / 1e6, (unsigned long long)count);
	}
	text_print(p, "pixeld_%s_sum %g\npixeld_%s_count %llu\n", name, (double)sum->total_us / 1e6,
		   name, (unsigned long long)count);
}

static void say_histograms(struct text_out *p, const struct server *s)
{
	struct histogram_sum acks = {0}, commits = {0}, rounds = {0};

	histogram_sum_add(&acks, writer_acks(s->writer));
	histogram_sum_add(&commits, writer_commits(s->writer));
	for (unsigned i = 0; i < s->shared.worker_count; i++)
		if (worker_at(s, i) != NULL)
			histogram_sum_add(&rounds, worker_rounds(worker_at(s, i)));
	say_histogram(p, "ack_seconds", "From the arrival of a placement to its acknowledgement",
		      &acks);
	say_histogram(p, "journal_commit_seconds", "Group commits of the journal", &commits);
	say_histogram(p, "round_seconds", "Rounds of workers over all subscriptions", &rounds);
}

static void say_boards(struct text_out *p, const struct server *s)
{
	const struct rooms *rooms = s->shared.rooms;

	text_print(p, "# HELP pixeld_board_seq Seq of the board\n# TYPE pixeld_board_seq gauge\n");
	for (uint32_t i = 0; i < rooms->end; i++)
		if (rooms->at[i] != NULL)
			text_print(p, "pixeld_board_seq{board=\"%s\"} %llu\n", rooms->at[i]->name,
				   (unsigned long long)atomic_load(&rooms->at[i]->seq));
	text_print(
		p,
		"# HELP pixeld_board_online Subscriptions to the board\n# TYPE pixeld_board_online "
		"gauge\n");
	for (uint32_t i = 0; i < rooms->end; i++)
		if (rooms->at[i] != NULL)
			text_print(p, "pixeld_board_online{board=\"%s\"} %u\n", rooms->at[i]->name,
				   room_online(rooms->at[i]));
}

static uint64_t field_at(const struct receiver_status *status, size_t offset)
{
	return *(const uint64_t *)((const char *)status + offset);
}

/* Of all receivers at one moment: a name stands once, with a line for each of them. */
static void say_receivers(struct text_out *p, const struct server *s, struct now now)
{
	static const struct {
		const char *name, *type, *help;
		size_t field;
		unsigned unit;
	} rows[] = {
#define ROW(name, type, help, field, unit)                                                         \
	{name, type, help, offsetof(struct receiver_status, field), unit}
		ROW("lsn", "gauge", "All journal records up to this lsn were received", lsn, 1),
		ROW("lag_records", "gauge", "Durable records not received yet", lag_records, 1),
		ROW("lag_seconds", "gauge", "Nothing older than this is missing", lag_ms, 1000),
		ROW("records_total", "counter", "Records received", records, 1),
		ROW("rows_total", "counter", "Placements among them", placements, 1),
		ROW("batches_total", "counter", "Transactions", batches, 1),
		ROW("retries_total", "counter", "Retries after trouble that passes by itself",
		    retries, 1),
		ROW("stops_total", "counter", "Stops that needed an operator", stops, 1),
		ROW("quarantined_total", "counter",
		    "Placements put aside because they were refused", quarantined, 1),
#undef ROW
	};
	struct receiver_status status[RECEIVERS];
	const char *names[RECEIVERS];
	unsigned count = 0;

	for (unsigned i = 0; i < RECEIVERS; i++) {
		if (s->receivers[i].driver == NULL)
			continue;
		receiver_look(s->receivers[i].driver, now, &status[count]);
		names[count++] = receiver_name(s->receivers[i].driver);
	}
	if (count == 0)
		return;
	text_print(p, "# HELP pixeld_receiver_state State of the receiver\n"
		      "# TYPE pixeld_receiver_state gauge\n");
	for (unsigned i = 0; i < count; i++)
		for (unsigned state = 0; state < RECEIVER_STATES; state++)
			text_print(p, "pixeld_receiver_state{receiver=\"%s\",state=\"%s\"} %d\n",
				   names[i], receiver_state_str((enum receiver_state)state),
				   status[i].state == (enum receiver_state)state ? 1 : 0);
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		text_print(p, "# HELP pixeld_receiver_%s %s\n# TYPE pixeld_receiver_%s %s\n",
			   rows[row].name, rows[row].help, rows[row].name, rows[row].type);
		for (unsigned i = 0; i < count; i++)
			text_print(p, "pixeld_receiver_%s{receiver=\"%s\"} %.15g\n", rows[row].name,
				   names[i],
				   (double)field_at(&status[i], rows[row].field) / rows[row].unit);
	}
}

static void say_process(struct text_out *p, const struct server *s)
{
	struct rusage usage;
	long pages = 0;
	FILE *statm = fopen("/proc/self/statm", "re");

	if (statm != NULL) {
		if (fscanf(statm, "%*d %ld", &pages) != 1)
			pages = 0;
		(void)fclose(statm);
	}
	(void)getrusage(RUSAGE_SELF, &usage);
	text_print(p, "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total %g\n",
		   (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	text_print(
		p,
		"# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %ld\n",
		pages * sysconf(_SC_PAGESIZE));
	text_print(p, "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds %llu\n",
		   (unsigned long long)(s->started_wall_ms / 1000));
	text_print(p, "# TYPE pixeld_ready gauge\npixeld_ready %d\n",
		   writer_is_ready(s->writer) ? 1 : 0);
	text_print(p,
		   "# HELP pixeld_reloads_total Times that the settings were read again\n"
		   "# TYPE pixeld_reloads_total counter\npixeld_reloads_total %llu\n"
		   "# HELP pixeld_reloads_refused_total Times that this changed nothing\n"
		   "# TYPE pixeld_reloads_refused_total counter\n"
		   "pixeld_reloads_refused_total %llu\n",
		   (unsigned long long)atomic_load(&s->reloads),
		   (unsigned long long)atomic_load(&s->reloads_refused));
}

size_t metrics_page_render(void *arg, struct now now, char *out, size_t room)
{
	const struct server *s = arg;
	struct text_out p = text_out_of(out, room); /* ends with a whole line, should it be full */

	say_counters(&p, s);
	say_reasons(&p, s);
	say_histograms(&p, s);
	say_boards(&p, s);
	say_receivers(&p, s, now);
	say_process(&p, s);
	return text_len(&p);
}
