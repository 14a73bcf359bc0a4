/* series.c - see series.h. One array, which doubles: 200 bytes a second. */
#include "tools/loadgen/result/series.h"

#include <stdlib.h>

#include "engine/base/clock.h"

void series_begin(struct series *s, uint64_t now_ns, uint64_t cpu_ns)
{
	*s = (struct series){.began_ns = now_ns, .last_ns = now_ns, .last_cpu_ns = cpu_ns};
}

void series_fini(struct series *s)
{
	free(s->rows);
	*s = (struct series){0};
}

bool series_is_due(const struct series *s, uint64_t now_ns)
{
	return now_ns - s->last_ns >= NS_PER_SEC;
}

static struct series_row *row_add(struct series *s)
{
	if (s->count == s->room) {
		size_t room = s->room == 0 ? 64 : s->room * 2;
		struct series_row *more = realloc(s->rows, room * sizeof(*more));

		if (more == NULL)
			return NULL;
		s->rows = more;
		s->room = room;
	}
	return &s->rows[s->count++];
}

static double ms(uint64_t ns)
{
	return (double)ns * 1e-6;
}

static void rates_fill(struct series_row *row, const struct run_totals *t,
		       const struct run_totals *b, double s)
{
	row->placed_per_s = (double)(t->placed - b->placed) / s;
	row->acked_per_s = (double)(t->acknowledged - b->acknowledged) / s;
	row->refused_per_s = (double)(t->refused_all - b->refused_all) / s;
	row->frames_per_s = (double)(t->frames - b->frames) / s;
	row->deliveries_per_s = (double)(t->tally.deliveries - b->tally.deliveries) / s;
	row->bytes_per_s = (double)(t->tally.bytes_in - b->tally.bytes_in) / s;
}

static void latencies_fill(struct series_row *row, const struct second *second)
{
	row->ack_p50_ms = ms(hdr_quantile(&second->ack, 0.5));
	row->ack_p99_ms = ms(hdr_quantile(&second->ack, 0.99));
	row->ack_max_ms = ms(second->ack.max_ns);
	row->visible_p50_ms = ms(hdr_quantile(&second->visible, 0.5));
	row->visible_p99_ms = ms(hdr_quantile(&second->visible, 0.99));
	row->visible_max_ms = ms(second->visible.max_ns);
	row->lag_p99_ms = ms(hdr_quantile(&second->lag, 0.99));
}

const struct series_row *series_take(struct series *s, const char *phase,
				     const struct run_totals *totals, const struct second *second,
				     uint64_t now_ns, uint64_t cpu_ns)
{
	double passed_s = (double)(now_ns - s->last_ns) * 1e-9;
	struct series_row *row = row_add(s);

	if (row != NULL) {
		*row = (struct series_row){
			.phase = phase,
			.t_s = (double)(now_ns - s->began_ns) * 1e-9,
			.connections = (double)totals->tally.standing,
			.coming_back = (double)totals->tally.waiting,
			.clients_lost = (double)totals->tally.dead,
			.waiting = (double)totals->tally.outstanding,
			.reach = totals->seq_max_sum == 0
					 ? 1
					 : (double)totals->seq_sum / (double)totals->seq_max_sum,
			.cpu_percent = (double)(cpu_ns - s->last_cpu_ns) * 1e-7 / passed_s,
		};
		rates_fill(row, totals, &s->last, passed_s);
		latencies_fill(row, second);
		for (unsigned t = 0; t < TROUBLE_MAX; t++)
			row->errors += (double)totals->tally.trouble[t];
	}
	s->last_ns = now_ns;
	s->last_cpu_ns = cpu_ns;
	s->last = *totals;
	return row;
}

void series_csv_write(FILE *to, const struct series *s)
{
	fputs("phase"
#define COLUMN(name, digits, text) "," #name
#include "tools/loadgen/result/series_column.def"
#undef COLUMN
	      "\n",
	      to);
	for (size_t i = 0; i < s->count; i++) {
		const struct series_row *row = &s->rows[i];

		fputs(row->phase, to);
#define COLUMN(name, digits, text) fprintf(to, ",%.*f", digits, row->name);
#include "tools/loadgen/result/series_column.def"
#undef COLUMN
		fputc('\n', to);
	}
}
