/*
 * report_html.c - one page that explains itself: verdict, latencies, plots, facts.
 *
 * Everything is in the file: it can be kept with a release and opened without a network. Main
 * thread; a plot is allocated while writing.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/loadgen/report/plot.h"
#include "tools/loadgen/report/report.h"
#include "tools/loadgen/result/run_number.h"

static const char page_head[] =
	"<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
	"<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
	"<meta name=color-scheme content=\"light dark\">\n"
	"<title>loadgen</title>\n<style>\n"
	":root{--bg:#fff;--fg:#1c1f24;--dim:#646b76;--card:#f5f6f8;--rule:#dfe2e7;--good:#11734a;"
	"--bad:#b3261e;--warn:#8a5a00;--c0:#1f66d0;--c1:#d2600a;--c2:#8e3bb8;--c3:#15826b;"
	"--c4:#b3261e;--c5:#7a6a00}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#14171c;--fg:#e6e8ec;--dim:#98a0ac;"
	"--card:#1d2128;--rule:#333943;--good:#4cc38a;--bad:#ff7b72;--warn:#e3b341;--c0:#6cabff;"
	"--c1:#ff9d4d;--c2:#cf94f5;--c3:#4fd1b3;--c4:#ff7b72;--c5:#e0cf5a}}\n"
	"*{box-sizing:border-box}body{margin:0 auto;max-width:1380px;padding:28px 24px 60px;"
	"background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}\n"
	"h1{font-size:22px;margin:0}h2{font-size:17px;margin:36px 0 "
	"10px}h3{font-size:14px;margin:0}"
	"p{margin:6px "
	"0;max-width:85ch}.dim,.note{color:var(--dim)}.note{font-size:12.5px;margin:2px 0 "
	"6px}code{font:13px/1.5 ui-monospace,monospace;overflow-wrap:anywhere}\n"
	".verdict{border-left:5px solid var(--good);background:var(--card);padding:12px 16px;"
	"margin:16px 0;border-radius:0 6px 6px 0}.verdict.fail{border-color:var(--bad)}"
	".verdict b{color:var(--good)}.verdict.fail b{color:var(--bad)}"
	".verdict .warn{color:var(--warn);font-weight:600}\n"
	".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px}"
	".tile{background:var(--card);border-radius:6px;padding:10px 14px}.tile "
	"div{color:var(--dim);"
	"font-size:12.5px}.tile "
	"b{font-size:21px;font-weight:600;font-variant-numeric:tabular-nums}\n"
	"table{border-collapse:collapse;font-variant-numeric:tabular-nums}th,td{padding:4px 14px "
	"4px "
	"0;text-align:right;border-bottom:1px solid "
	"var(--rule)}th{color:var(--dim);font-weight:500;"
	"font-size:12.5px}th:first-child,td:first-child,td.text{text-align:left}"
	".scroll{overflow-x:auto}.met{color:var(--good)}.missed{color:var(--bad)}\n"
	".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(520px,100%),1fr));"
	"gap:18px}figure{margin:0;background:var(--card);border-radius:6px;padding:14px 16px 12px;"
	"position:relative}.plot{width:100%;display:block}.grid{stroke:var(--rule)}"
	".tick{fill:var(--dim);font:11.5px system-ui,sans-serif}.line{fill:none;stroke-width:2;"
	"stroke-linejoin:round}.dashed{stroke-dasharray:4 4;stroke-width:1.5}"
	".l0{stroke:var(--c0)}.l1{stroke:var(--c1)}.l2{stroke:var(--c2)}.l3{stroke:var(--c3)}"
	".l4{stroke:var(--c4)}.l5{stroke:var(--c5)}.cross{stroke:var(--dim)}\n"
	"figcaption{display:flex;flex-wrap:wrap;gap:2px 18px;font-size:12.5px;color:var(--dim)}"
	"figcaption svg{margin-right:6px;vertical-align:middle}"
	".tip{position:absolute;pointer-events:none;background:var(--bg);border:1px solid "
	"var(--rule);border-radius:5px;padding:5px 9px;font-size:12.5px;white-space:pre;top:44px}\n"
	"</style>\n";

/* Shows the values of all lines at the point next to the pointer. */
static const char page_script[] =
	"<script>\n"
	"for(const svg of document.querySelectorAll('svg.plot')){\n"
	" const "
	"cross=svg.querySelector('.cross'),tip=document.createElement('div');tip.className='tip';"
	"tip.hidden=true;svg.parentNode.append(tip)\n"
	" const lines=[...svg.querySelectorAll('polyline')].map(l=>({label:l.dataset.label,"
	"v:l.dataset.v.split('|'),at:l.dataset.x.split('|'),"
	"x:l.getAttribute('points').split(' ').map(p=>+p.split(',')[0])}))\n"
	" svg.onpointermove=e=>{const box=svg.getBoundingClientRect(),"
	"x=(e.clientX-box.left)/box.width*640\n"
	"  if(!lines.length)return\n"
	"  let head='',text='';let best=0\n"
	"  for(const l of lines){let i=0;for(let k=1;k<l.x.length;k++)"
	"if(Math.abs(l.x[k]-x)<Math.abs(l.x[i]-x))i=k\n"
	"   if(!head){head=l.at[i];best=l.x[i]}text+='\\n'+l.label+'  '+l.v[i]}\n"
	"  cross.setAttribute('x1',best);cross.setAttribute('x2',best);"
	"cross.setAttribute('visibility','visible')\n"
	"  tip.textContent=head+text;tip.hidden=false\n"
	"  const px=best/640*box.width;if(px>box.width/2){tip.style.left='';"
	"tip.style.right=(box.width-px+28)+'px'}else{tip.style.right='';tip.style.left=(px+28)+'px'"
	"}}\n"
	" svg.onpointerleave=()=>{tip.hidden=true;cross.setAttribute('visibility','hidden')}\n"
	"}\n</script>\n";

static void escaped(FILE *to, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '<')
			fputs("&lt;", to);
		else if (*text == '&')
			fputs("&amp;", to);
		else if (*text == '"')
			fputs("&quot;", to);
		else
			fputc(*text, to);
	}
}

/* --- words and numbers ------------------------------------------------------------------------ */

static void verdict_write(FILE *to, const struct run_result *result)
{
	bool pass = result->outcome.code == EXIT_PASS;
	const char *words = strchr(result->outcome.words, ':');

	fprintf(to, "<div class=\"verdict %s\"><b>%s</b>", pass ? "pass" : "fail",
		pass ? "PASS" : "FAIL");
	escaped(to, words == NULL ? result->outcome.words : words);
	fputs(".", to);
	if (result->saturated)
		fputs("<p class=warn>Generator saturated: results are a lower bound.</p>", to);
	fputs("</div>\n", to);
}

static void tile(FILE *to, const char *name, double value, enum plot_unit unit)
{
	char text[32];

	plot_value_write(value, unit, text, sizeof(text));
	fprintf(to, "<div class=tile><div>%s</div><b>%s</b></div>\n", name, text);
}

static double quantile_ms(const struct hdr *h, double q)
{
	return (double)hdr_quantile(h, q) * 1e-6;
}

static void tiles_write(FILE *to, const struct run_result *result)
{
	const struct hdr *h = result->latencies.corrected;

	fputs("<div class=tiles>\n", to);
	tile(to, "clients", (double)result->clients, PLOT_COUNT);
	tile(to, "received everything", (double)result->reach.complete, PLOT_COUNT);
	tile(to, "reach", run_result_reach(result), PLOT_FRACTION);
	tile(to, "acknowledged", (double)result->totals.acknowledged, PLOT_COUNT);
	tile(to, "each second",
	     result->run_s > 0 ? (double)result->totals.acknowledged / result->run_s : 0,
	     PLOT_COUNT);
	tile(to, "lost placements", (double)result->ledger_verdict.lost, PLOT_COUNT);
	if (h[LATENCY_ACK].total > 0)
		tile(to, "acknowledged, p99", quantile_ms(&h[LATENCY_ACK], 0.99), PLOT_MS);
	if (h[LATENCY_VISIBLE].total > 0)
		tile(to, "visible, p99", quantile_ms(&h[LATENCY_VISIBLE], 0.99), PLOT_MS);
	fputs("</div>\n", to);
}

static const char *const latency_words[LATENCY_MAX] = {
	[LATENCY_ACK] = "acknowledged",
	[LATENCY_VISIBLE] = "visible to an observer",
	[LATENCY_VISIBLE_LAST] = "visible to the last observer",
	[LATENCY_CONNECT] = "connected",
};

static const char *const latency_words_raw[LATENCY_MAX] = {
	[LATENCY_ACK] = "acknowledged, raw",
	[LATENCY_VISIBLE] = "visible, raw",
	[LATENCY_VISIBLE_LAST] = "visible to the last, raw",
	[LATENCY_CONNECT] = "connected, raw",
};

static void latency_row(FILE *to, const char *name, const char *kind, const struct hdr *h)
{
	static const double q[] = {0.5, 0.9, 0.99, 0.999};

	fprintf(to, "<tr><td>%s<td class=text>%s", name, kind);
	for (unsigned i = 0; i < sizeof(q) / sizeof(q[0]); i++)
		fprintf(to, "<td>%.2f", quantile_ms(h, q[i]));
	fprintf(to, "<td>%.2f<td>%" PRIu64 "\n", (double)h->max_ns * 1e-6, h->total);
}

static void latencies_write(FILE *to, const struct run_result *result)
{
	fputs("<h2>Latencies in ms</h2>\n<p class=dim>Corrected counts from the time the schedule "
	      "intended, so it holds the waiting that a slow server causes. Raw counts from when "
	      "the request was really sent.</p>\n<div class=scroll><table><tr><th>until<th "
	      "class=text>"
	      "<th>p50<th>p90<th>p99<th>p99.9<th>max<th>records\n",
	      to);
	for (unsigned i = 0; i < LATENCY_MAX; i++) {
		if (result->latencies.corrected[i].total == 0)
			continue;
		latency_row(to, latency_words[i], "corrected", &result->latencies.corrected[i]);
		latency_row(to, "", "raw", &result->latencies.raw[i]);
	}
	if (result->lag.total > 0)
		latency_row(to, "handed to its connection", "our own lag", &result->lag);
	fputs("</table></div>\n", to);
}

static void thresholds_write(FILE *to, const struct run_result *result)
{
	if (result->thresholds_count == 0)
		return;
	fputs("<h2>Thresholds</h2>\n<table><tr><th>threshold<th>measured<th>\n", to);
	for (uint32_t i = 0; i < result->thresholds_count; i++) {
		const struct threshold_result *t = &result->thresholds[i];

		fputs("<tr><td><code>", to);
		escaped(to, t->asked.text);
		fprintf(to, "</code><td>%s<td class=%s>%s\n", t->said, t->met ? "met" : "missed",
			t->met ? "met" : "missed");
	}
	fputs("</table>\n", to);
}

static void classes_write(FILE *to, const struct run_result *result)
{
	const struct run_totals *t = &result->totals;

	if (t->refused_all == 0 && result->errors_all == 0)
		return;
	fputs("<h2>Errors and refusals</h2>\n<div class=scroll><table><tr><th>class<th>count<th "
	      "class=text>\n",
	      to);
	for (unsigned i = TROUBLE_NONE + 1; i < TROUBLE_MAX; i++) {
		if (t->tally.trouble[i] == 0)
			continue;
		fprintf(to, "<tr><td>%s<td>%" PRIu64 "<td class=text>%s; first: ", trouble_str(i),
			t->tally.trouble[i], trouble_text(i));
		escaped(to, result->outcome.first[i]);
		fputc('\n', to);
	}
	for (unsigned i = 0; i < REFUSAL_MAX; i++)
		if (t->refused[i] > 0)
			fprintf(to, "<tr><td>refused: %s<td>%" PRIu64 "<td class=text>%s\n",
				refusal_str(i), t->refused[i], refusal_text(i));
	fputs("</table></div>\n", to);
}

static void facts_write(FILE *to, const struct run_result *result)
{
	fputs("<h2>Where and how</h2>\n", to);
	for (uint32_t i = 0; i < result->machines_count; i++) {
		const struct machine *m = &result->machines[i];

		fputs("<p>", to);
		escaped(to, m->host);
		fprintf(to, ": %" PRIu64 " cores, ", m->cpus);
		escaped(to, m->cpu);
		fprintf(to, ", %.1f GiB, ", (double)m->memory_bytes / 1073741824.0);
		escaped(to, m->kernel);
		fputs(", loadgen ", to);
		escaped(to, m->loadgen);
		fputs("<br><code>", to);
		escaped(to, m->command);
		fputs("</code></p>\n", to);
	}
	fputs("<h2>All counts</h2>\n<div class=scroll><table>\n", to);
	for (unsigned i = 0; i < RUN_NUMBERS; i++)
		fprintf(to, "<tr><td>%s<td>%" PRIu64 "<td class=text>%s\n", run_number_str(i),
			run_number_get(result, i), run_number_text(i));
	fputs("</table></div>\n", to);
}

/* --- plots ------------------------------------------------------------------------------------ */

/* The curve of a histogram: a point per bucket, as long as the line moves. */
static void curve_add(struct plot *p, const char *label, unsigned color, bool dashed,
		      const struct hdr *h)
{
	struct plot_line *line = h->total == 0 ? NULL : plot_line_add(p, label, color, dashed);
	double end = log10((double)h->total + 1);
	uint64_t seen = 0;
	double last = -1;

	for (uint32_t i = 0; line != NULL && i < HDR_BUCKETS; i++) {
		double high =
			(double)(hdr_bucket_high(i) < h->max_ns ? hdr_bucket_high(i) : h->max_ns);
		double x;

		if (h->counts[i] == 0)
			continue;
		seen += h->counts[i];
		x = seen == h->total ? end : -log10(1 - (double)seen / (double)h->total);
		if (x - last < 2 * end / PLOT_POINTS_MAX && seen < h->total)
			continue;
		plot_point_add(line, x, high * 1e-6);
		last = x;
	}
}

static void curves_fill(struct plot *p, const struct run_result *result)
{
	p->title = "Latency by percentile";
	p->note = "Each step to the right is ten times rarer. Dashed: raw.";
	p->x = PLOT_NINES;
	p->unit = PLOT_MS;
	for (unsigned i = 0; i < LATENCY_MAX; i++) {
		curve_add(p, latency_words[i], i, false, &result->latencies.corrected[i]);
		curve_add(p, latency_words_raw[i], i, true, &result->latencies.raw[i]);
	}
}

/* A column of the series; seconds are joined when there are too many: a latency by its largest
 * value, and not at all when there was none; anything else by its mean. */
static void column_add(struct plot *p, const char *label, unsigned color, const struct series *s,
		       size_t offset)
{
	struct plot_line *line = plot_line_add(p, label, color, false);
	size_t join = (s->count + PLOT_POINTS_MAX - 1) / PLOT_POINTS_MAX;

	for (size_t i = 0; i < s->count; i += join) {
		double sum = 0;
		double most = 0;
		size_t n = 0;

		for (; n < join && i + n < s->count; n++) {
			const char *row = (const char *)&s->rows[i + n];
			double value;

			memcpy(&value, row + offset, sizeof(value));
			sum += value;
			most = fmax(most, value);
		}
		if (p->unit == PLOT_MS && most > 0)
			plot_point_add(line, s->rows[i].t_s, most);
		else if (p->unit != PLOT_MS)
			plot_point_add(line, s->rows[i].t_s, sum / (double)n);
	}
}

#define OF(name) offsetof(struct series_row, name)

static const struct {
	const char *title;
	const char *note;
	enum plot_unit unit;
	struct {
		const char *label;
		unsigned color;
		size_t offset;
	} lines[4];
} over_time[] = {
	{"Latency of each second",
	 "From the intended time, of what was finished in that second.",
	 PLOT_MS,
	 {{"acknowledged, p99", 0, OF(ack_p99_ms)},
	  {"visible, p50", 3, OF(visible_p50_ms)},
	  {"visible, p99", 1, OF(visible_p99_ms)},
	  {"visible, max", 4, OF(visible_max_ms)}}},
	{"Placements per second",
	 "Sent on schedule, and answered. Where the lines part, the server is behind.",
	 PLOT_COUNT,
	 {{"placed", 0, OF(placed_per_s)},
	  {"acknowledged", 3, OF(acked_per_s)},
	  {"refused", 4, OF(refused_per_s)},
	  {"waiting for an answer", 5, OF(waiting)}}},
	{"Clients",
	 NULL,
	 PLOT_COUNT,
	 {{"connected", 0, OF(connections)},
	  {"coming back", 5, OF(coming_back)},
	  {"lost", 4, OF(clients_lost)}}},
	{"Deliveries per second",
	 "Frames received, over all clients.",
	 PLOT_COUNT,
	 {{"deliveries", 0, OF(deliveries_per_s)}}},
	{"Reach",
	 "Sequence numbers received of those sent so far, over clients. What is on its way "
	 "counts as missing.",
	 PLOT_FRACTION,
	 {{"reach", 3, OF(reach)}}},
	{"Ourselves", "100 % is one core.", PLOT_PERCENT, {{"CPU", 2, OF(cpu_percent)}}},
};

static void plots_write(FILE *to, const struct run_result *result)
{
	struct plot *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return;
	fputs("<h2>Plots</h2>\n<div class=plots>\n", to);
	curves_fill(p, result);
	plot_write(to, p);
	for (size_t i = 0; i < sizeof(over_time) / sizeof(over_time[0]); i++) {
		if (result->series.count < 2)
			continue;
		p->title = over_time[i].title;
		p->note = over_time[i].note;
		p->unit = over_time[i].unit;
		p->x = PLOT_SECONDS;
		p->count = 0;
		for (size_t k = 0; k < 4 && over_time[i].lines[k].label != NULL; k++)
			column_add(p, over_time[i].lines[k].label, over_time[i].lines[k].color,
				   &result->series, over_time[i].lines[k].offset);
		plot_write(to, p);
	}
	fputs("</div>\n", to);
	free(p);
}

void report_html_write(FILE *to, const struct run_result *result)
{
	fputs(page_head, to);
	fprintf(to, "<h1>loadgen <span class=dim>%s</span></h1>\n",
		result->runs > 1 ? "several runs" : "");
	verdict_write(to, result);
	tiles_write(to, result);
	thresholds_write(to, result);
	latencies_write(to, result);
	plots_write(to, result);
	classes_write(to, result);
	facts_write(to, result);
	fputs(page_script, to);
}
