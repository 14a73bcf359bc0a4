/*
 * live.c - the view of a second.
 *
 * Drawing moves up over the lines of the last time and clears each to its end, in one write, so
 * that nothing flickers. Lines are truncated to the width of the terminal: one that wrapped could
 * not be redrawn.
 */
#include "tools/loadgen/report/live.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/loadgen/report/plot.h"
#include "tools/loadgen/report/report_parts.h"

#define VIEW_BYTES_MAX 8192
#define LINE_BYTES_MAX 512
#define SPARKS         32U
#define BAR            30
#define COLUMNS_MIN    40

struct view {
	char bytes[VIEW_BYTES_MAX];
	size_t len;
	unsigned columns;
	unsigned lines;
};

void live_begin(struct live *live, uint32_t clients)
{
	const char *term = getenv("TERM");
	const char *no_color = getenv("NO_COLOR");

	*live = (struct live){
		.clients = clients,
		.terminal = isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0 &&
			    (no_color == NULL || no_color[0] == '\0'),
	};
}

/* --- a line of key=value ---------------------------------------------------------------------- */

static void classes_write(FILE *to, const struct run_totals *t)
{
	for (unsigned i = 0; i < REFUSAL_MAX; i++)
		if (t->refused[i] > 0)
			fprintf(to, " refused.%s=%" PRIu64, refusal_str(i), t->refused[i]);
	report_trouble_fields(to, &t->tally);
}

static void line_write(const struct series *series)
{
	const struct series_row *row = &series->rows[series->count - 1];

	fprintf(stderr,
		"t=%.0fs phase=%s connections=%.0f placed=%.0f/s acked=%.0f/s frames=%.0f/s"
		" deliveries=%.0f/s ack_p50=%.2fms ack_p99=%.2fms visible_p50=%.2fms"
		" visible_p99=%.2fms reach=%.6f cpu=%.0f%% lag_p99=%.2fms",
		row->t_s, row->phase, row->connections, row->placed_per_s, row->acked_per_s,
		row->frames_per_s, row->deliveries_per_s, row->ack_p50_ms, row->ack_p99_ms,
		row->visible_p50_ms, row->visible_p99_ms, row->reach, row->cpu_percent,
		row->lag_p99_ms);
	classes_write(stderr, &series->last);
	if (row->coming_back > 0)
		fprintf(stderr, " coming_back=%.0f", row->coming_back);
	fputc('\n', stderr);
}

/* --- the view in a terminal ------------------------------------------------------------------- */

/* The bytes of `line` that fill at most so many columns: one per character that begins. */
static size_t bytes_in_columns(const char *line, unsigned columns)
{
	size_t i = 0;

	for (; line[i] != '\0'; i++) {
		bool begins = ((unsigned char)line[i] & 0xc0) != 0x80;

		if (begins && columns-- == 0)
			break;
	}
	return i;
}

static void view_add(struct view *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void view_add(struct view *v, const char *format, ...)
{
	char line[LINE_BYTES_MAX];
	size_t bytes;
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	bytes = bytes_in_columns(line, v->columns - 1);
	if (v->len + bytes + 8 > sizeof(v->bytes))
		return;
	memcpy(v->bytes + v->len, line, bytes);
	v->len += bytes;
	memcpy(v->bytes + v->len, "\x1b[K\n", 4);
	v->len += 4;
	v->lines++;
}

/* The last seconds of a column as blocks, the largest one full. */
static void sparks_write(const struct series *s, size_t offset, char out[static SPARKS * 3 + 1])
{
	static const char blocks[8][4] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	size_t from = s->count > SPARKS ? s->count - SPARKS : 0;
	double values[SPARKS];
	double most = 0;
	size_t n = 0;

	for (size_t i = from; i < s->count; i++, n++) {
		memcpy(&values[n], (const char *)&s->rows[i] + offset, sizeof(values[n]));
		most = fmax(most, values[n]);
	}
	for (size_t i = 0; i < n; i++) {
		double part = most > 0 ? values[i] / most * 7 : 0;

		memcpy(out + i * 3, blocks[(unsigned)lround(part)], 3);
	}
	out[n * 3] = '\0';
}

static void progress_add(struct view *v, const struct live_progress *p, double t_s)
{
	double part = p->whole > 0 ? fmin(p->done / p->whole, 1) : 0;
	int filled = (int)(part * BAR);
	char bar[BAR * 3 + 1];

	for (int i = 0; i < BAR; i++)
		memcpy(bar + i * 3, i < filled ? "━" : "┄", 3);
	bar[BAR * 3] = '\0';
	if (p->whole > 0)
		view_add(v, "%-12s %s %3.0f %%  %.0f of %.0f%s", p->phase, bar, part * 100, p->done,
			 p->whole, p->unit);
	else
		view_add(v, "%-12s since %.0f s", p->phase, t_s);
}

static void latency_add(struct view *v, const char *name, double p50, double p99, double max,
			const struct series *s, size_t offset)
{
	char sparks[SPARKS * 3 + 1];
	char text[3][32];

	sparks_write(s, offset, sparks);
	plot_value_write(p50, PLOT_MS, text[0], sizeof(text[0]));
	plot_value_write(p99, PLOT_MS, text[1], sizeof(text[1]));
	plot_value_write(max, PLOT_MS, text[2], sizeof(text[2]));
	view_add(v, "%-12s p50 %-9s p99 %-9s max %-9s %s", name, text[0], text[1], text[2], sparks);
}

static void classes_add(struct view *v, const struct run_totals *t)
{
	char line[LINE_BYTES_MAX] = "";
	FILE *to = fmemopen(line, sizeof(line) - 1, "w");

	if (to == NULL)
		return;
	classes_write(to, t);
	(void)fclose(to);
	view_add(v, "%-12s%s", "errors", line[0] == '\0' ? " none" : line);
}

static unsigned columns_get(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < COLUMNS_MIN)
		return 80;
	return size.ws_col;
}

static void view_fill(struct view *v, const struct live *live, const struct series *s,
		      const struct live_progress *progress)
{
	const struct series_row *row = &s->rows[s->count - 1];
	char sparks[SPARKS * 3 + 1];
	char bytes[32];

	progress_add(v, progress, row->t_s);
	view_add(v, "%-12s %.0f of %u, %.0f coming back, %.0f lost", "connections",
		 row->connections, live->clients, row->coming_back, row->clients_lost);
	sparks_write(s, offsetof(struct series_row, acked_per_s), sparks);
	view_add(v, "%-12s %.0f/s sent, %.0f/s acknowledged, %.0f waiting   %s", "placements",
		 row->placed_per_s, row->acked_per_s, row->waiting, sparks);
	latency_add(v, "acknowledged", row->ack_p50_ms, row->ack_p99_ms, row->ack_max_ms, s,
		    offsetof(struct series_row, ack_p99_ms));
	latency_add(v, "visible", row->visible_p50_ms, row->visible_p99_ms, row->visible_max_ms, s,
		    offsetof(struct series_row, visible_p99_ms));
	plot_value_write(row->bytes_per_s, PLOT_COUNT, bytes, sizeof(bytes));
	view_add(v, "%-12s %.0f/s of %.0f frames/s, %sB/s, reach %.6f", "deliveries",
		 row->deliveries_per_s, row->frames_per_s, bytes, row->reach);
	view_add(v, "%-12s %.0f %% CPU, a placement is %.2f ms late (p99)", "ourselves",
		 row->cpu_percent, row->lag_p99_ms);
	classes_add(v, &s->last);
}

void live_show(struct live *live, const struct series *series, const struct live_progress *progress)
{
	struct view v = {.columns = columns_get()};

	if (series->count == 0)
		return;
	if (!live->terminal) {
		line_write(series);
		return;
	}
	if (live->drawn > 0)
		v.len = (size_t)snprintf(v.bytes, sizeof(v.bytes), "\x1b[%uA", live->drawn);
	view_fill(&v, live, series, progress);
	live->drawn = v.lines;
	(void)fwrite(v.bytes, 1, v.len, stderr);
	(void)fflush(stderr);
}
