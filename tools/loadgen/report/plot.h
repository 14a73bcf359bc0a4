/*
 * plot.h - a line plot as inline SVG.
 *
 * Colors come from the page (classes l0 to l5, and a dashed one for raw values); a script of the
 * page shows the values under the pointer from the data-v of each line. Main thread; nothing is
 * kept.
 */
#ifndef PX_LOADGEN_PLOT_H
#define PX_LOADGEN_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define PLOT_LINES_MAX  8U
#define PLOT_POINTS_MAX 600U

enum plot_x {
	PLOT_SECONDS,
	PLOT_NINES, /* x = log10(1 / (1 - fraction)): 50 %, 90 %, 99 %, 99.9 % ... */
};

enum plot_unit {
	PLOT_COUNT,
	PLOT_MS, /* on a logarithmic axis */
	PLOT_FRACTION,
	PLOT_PERCENT,
};

struct plot_line {
	const char *label;
	unsigned color;
	bool dashed;
	size_t count;
	double x[PLOT_POINTS_MAX];
	double y[PLOT_POINTS_MAX];
};

struct plot {
	const char *title;
	const char *note; /* below the title; may be NULL */
	enum plot_x x;
	enum plot_unit unit;
	size_t count;
	struct plot_line lines[PLOT_LINES_MAX];
};

/* A new line; NULL: there are already PLOT_LINES_MAX. */
struct plot_line *plot_line_add(struct plot *p, const char *label, unsigned color, bool dashed);

/* Points beyond PLOT_POINTS_MAX are dropped: the caller thins them out first. */
void plot_point_add(struct plot_line *line, double x, double y);

void plot_write(FILE *to, const struct plot *p);

/* "1.2 s", "340 µs", "12.5k", "99.9 %". */
void plot_value_write(double value, enum plot_unit unit, char *out, size_t room);

#endif
