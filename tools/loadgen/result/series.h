/*
 * series.h - what happened in each second of a run. Main thread.
 *
 * The source of the live view, --csv and the plots of --html.
 */
#ifndef PX_LOADGEN_SERIES_H
#define PX_LOADGEN_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/loadgen/load/latency.h"
#include "tools/loadgen/result/totals.h"

struct series_row {
	const char *phase; /* constant text */
#define COLUMN(name, digits, text) double name;
#include "tools/loadgen/result/series_column.def"
#undef COLUMN
};

struct series {
	struct series_row *rows;
	size_t count, room;
	uint64_t began_ns, last_ns; /* of the run; of the last row */
	uint64_t last_cpu_ns;
	struct run_totals last;
};

/* cpu_ns: CPU time of the process so far. */
void series_begin(struct series *s, uint64_t now_ns, uint64_t cpu_ns);
void series_fini(struct series *s);

bool series_is_due(const struct series *s, uint64_t now_ns); /* a second has passed */

/* The row for the time since the last one. NULL: out of memory; the next row then counts from
 * here. */
const struct series_row *series_take(struct series *s, const char *phase,
				     const struct run_totals *totals, const struct second *second,
				     uint64_t now_ns, uint64_t cpu_ns);

/* A header line with the names, then a line per second. */
void series_csv_write(FILE *to, const struct series *s);

#endif
