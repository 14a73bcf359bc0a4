/* plot.c - see plot.h. No state. */
#include "tools/loadgen/report/plot.h"

#include <math.h>

#define WIDTH     640.0
#define HEIGHT    260.0
#define LEFT      62.0
#define RIGHT     14.0
#define TOP       12.0
#define BOTTOM    28.0
#define TICK_ROOM 30.0 /* between two ticks with words */
#define MS_LOW    0.01 /* shorter times are drawn as this */

struct range {
	double low, high; /* as drawn: logarithms on a logarithmic axis */
};

struct plot_line *plot_line_add(struct plot *p, const char *label, unsigned color, bool dashed)
{
	struct plot_line *line;

	if (p->count == PLOT_LINES_MAX)
		return NULL;
	line = &p->lines[p->count++];
	line->label = label;
	line->color = color;
	line->dashed = dashed;
	line->count = 0;
	return line;
}

void plot_point_add(struct plot_line *line, double x, double y)
{
	if (line == NULL || line->count == PLOT_POINTS_MAX)
		return;
	line->x[line->count] = x;
	line->y[line->count++] = y;
}

static void count_write(double value, char *out, size_t room)
{
	if (value >= 1e9)
		(void)snprintf(out, room, "%.4gG", value * 1e-9);
	else if (value >= 1e6)
		(void)snprintf(out, room, "%.4gM", value * 1e-6);
	else if (value >= 1e4)
		(void)snprintf(out, room, "%.4gk", value * 1e-3);
	else
		(void)snprintf(out, room, "%.4g", value);
}

void plot_value_write(double value, enum plot_unit unit, char *out, size_t room)
{
	switch (unit) {
	case PLOT_COUNT:
		count_write(value, out, room);
		break;
	case PLOT_MS:
		if (value >= 1000)
			(void)snprintf(out, room, "%.3g s", value * 1e-3);
		else if (value >= 1)
			(void)snprintf(out, room, "%.3g ms", value);
		else
			(void)snprintf(out, room, "%.3g µs", value * 1e3);
		break;
	case PLOT_FRACTION:
		(void)snprintf(out, room, "%.6g", value);
		break;
	case PLOT_PERCENT:
		(void)snprintf(out, room, "%.3g %%", value);
		break;
	}
}

/* --- scales ----------------------------------------------------------------------------------- */

static double drawn(double y, enum plot_unit unit)
{
	return unit == PLOT_MS ? log10(y > MS_LOW ? y : MS_LOW) : y;
}

/* 1, 2 or 5 times a power of ten: about `count` of them make up the length. */
static double step_of(double length, int count)
{
	double rough = length / count;
	double power = pow(10, floor(log10(rough)));

	if (rough / power > 5)
		return 10 * power;
	if (rough / power > 2)
		return 5 * power;
	return rough / power > 1 ? 2 * power : power;
}

/* False: there is nothing to draw. */
static bool has_points(const struct plot *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->lines[i].count > 0)
			return true;
	return false;
}

/* Of a plot that has points. */
static struct range y_range(const struct plot *p)
{
	struct range r = {.low = INFINITY, .high = -INFINITY};

	for (size_t i = 0; i < p->count; i++) {
		for (size_t k = 0; k < p->lines[i].count; k++) {
			r.low = fmin(r.low, drawn(p->lines[i].y[k], p->unit));
			r.high = fmax(r.high, drawn(p->lines[i].y[k], p->unit));
		}
	}
	if (p->unit == PLOT_MS) {
		r.low = floor(r.low);
		r.high = fmax(ceil(r.high), r.low + 1);
	} else if (p->unit == PLOT_FRACTION) {
		r.low = r.low > 0.99 ? 0.99 : 0;
		r.high = 1;
	} else {
		r.low = 0;
		r.high = r.high > 0 ? r.high * 1.05 : 1;
		r.high = ceil(r.high / step_of(r.high, 4)) * step_of(r.high, 4);
	}
	return r;
}

static struct range x_range(const struct plot *p)
{
	struct range r = {.low = 0, .high = 1};

	for (size_t i = 0; i < p->count; i++)
		for (size_t k = 0; k < p->lines[i].count; k++)
			r.high = fmax(r.high, p->lines[i].x[k]);
	return r;
}

static double x_position(double x, struct range r)
{
	return LEFT + (x - r.low) / (r.high - r.low) * (WIDTH - LEFT - RIGHT);
}

static double y_position(double y, struct range r)
{
	return HEIGHT - BOTTOM - (y - r.low) / (r.high - r.low) * (HEIGHT - TOP - BOTTOM);
}

/* --- drawing ---------------------------------------------------------------------------------- */

static void grid_y(FILE *to, const struct plot *p, struct range r)
{
	double step = p->unit == PLOT_MS ? 1 : step_of(r.high - r.low, 4);
	char text[32];

	for (double y = r.low; y <= r.high + step * 1e-6; y += step) {
		double at = y_position(y, r);

		plot_value_write(p->unit == PLOT_MS ? pow(10, y) : y, p->unit, text, sizeof(text));
		fprintf(to,
			"<line class=grid x1=%.0f x2=%.0f y1=%.1f y2=%.1f />"
			"<text class=tick x=%.0f y=%.1f text-anchor=end>%s</text>\n",
			LEFT, WIDTH - RIGHT, at, at, LEFT - 7, at + 4, text);
	}
}

static void tick_x(FILE *to, double at, const char *text)
{
	fprintf(to,
		"<line class=grid x1=%.1f x2=%.1f y1=%.0f y2=%.0f />"
		"<text class=tick x=%.1f y=%.0f text-anchor=middle>%s</text>\n",
		at, at, TOP, HEIGHT - BOTTOM, at, HEIGHT - 9, text);
}

static void grid_x(FILE *to, const struct plot *p, struct range r)
{
	double step = step_of(r.high - r.low, 8);
	char text[32];

	if (p->x == PLOT_NINES) {
		tick_x(to, x_position(0, r), "0 %");
		if (x_position(log10(2), r) - x_position(0, r) > TICK_ROOM)
			tick_x(to, x_position(log10(2), r), "50 %");
		for (int nines = 1; nines <= r.high; nines++) {
			(void)snprintf(text, sizeof(text), "%.*f %%", nines < 3 ? 0 : nines - 2,
				       100 - 100 * pow(10, -nines));
			tick_x(to, x_position(nines, r), text);
		}
		return;
	}
	if (step < 1)
		step = 1;
	for (double x = 0; x <= r.high; x += step) {
		(void)snprintf(text, sizeof(text), "%.0f s", x);
		tick_x(to, x_position(x, r), text);
	}
}

/* What the pointer shows: values in the order of the points. */
static void values_write(FILE *to, const struct plot *p, const struct plot_line *line)
{
	char text[32];

	fprintf(to, " data-v=\"");
	for (size_t k = 0; k < line->count; k++) {
		plot_value_write(line->y[k], p->unit, text, sizeof(text));
		fprintf(to, "%s%s", k > 0 ? "|" : "", text);
	}
	fprintf(to, "\" data-x=\"");
	for (size_t k = 0; k < line->count; k++) {
		if (p->x == PLOT_NINES)
			fprintf(to, "%s%.6g %%", k > 0 ? "|" : "",
				100 - 100 * pow(10, -line->x[k]));
		else
			fprintf(to, "%s%.0f s", k > 0 ? "|" : "", line->x[k]);
	}
	fputc('"', to);
}

static void line_write(FILE *to, const struct plot *p, const struct plot_line *line, struct range x,
		       struct range y)
{
	fprintf(to, "<polyline class=\"line l%u%s\" data-label=\"%s\"", line->color,
		line->dashed ? " dashed" : "", line->label);
	values_write(to, p, line);
	fputs(" points=\"", to);
	for (size_t k = 0; k < line->count; k++)
		fprintf(to, "%s%.1f,%.1f", k > 0 ? " " : "", x_position(line->x[k], x),
			y_position(drawn(line->y[k], p->unit), y));
	fputs("\" />\n", to);
}

static void legend_write(FILE *to, const struct plot *p)
{
	fputs("<figcaption>", to);
	for (size_t i = 0; i < p->count; i++)
		fprintf(to,
			"<span><svg width=22 height=8><line class=\"line l%u%s\" x1=0 x2=22 y1=4 "
			"y2=4 /></svg>%s</span>",
			p->lines[i].color, p->lines[i].dashed ? " dashed" : "", p->lines[i].label);
	fputs("</figcaption>", to);
}

void plot_write(FILE *to, const struct plot *p)
{
	fprintf(to, "<figure><h3>%s</h3>\n", p->title);
	if (p->note != NULL)
		fprintf(to, "<p class=note>%s</p>\n", p->note);
	fprintf(to, "<svg class=plot viewBox=\"0 0 %.0f %.0f\" role=img aria-label=\"%s\">\n",
		WIDTH, HEIGHT, p->title);
	if (has_points(p)) {
		struct range x = x_range(p);
		struct range y = y_range(p);

		grid_y(to, p, y);
		grid_x(to, p, x);
		for (size_t i = 0; i < p->count; i++)
			line_write(to, p, &p->lines[i], x, y);
	}
	fputs("<line class=cross y1=12 y2=232 visibility=hidden /></svg>\n", to);
	legend_write(to, p);
	fputs("</figure>\n", to);
}
