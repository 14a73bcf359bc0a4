/*
 * threshold.h - what a run must achieve: "visible.p99<3s", "reach==1", "refused<0.1%".
 *
 * METRIC OPERATOR VALUE. Metrics: connect, ack, visible, visible_last with .p50 .p99 .p99.9 .max
 * (and .raw in between), lag likewise; reach; rate, acknowledged placements per second; cpu;
 * refused, errors, and every count of run_number.def. Operators: < <= == != > >=. A latency has a
 * unit (50ms), and a percentage of a count refers to the placements, or to the clients.
 *
 * Parsed once; measured by the main thread at the end.
 */
#ifndef PX_LOADGEN_THRESHOLD_H
#define PX_LOADGEN_THRESHOLD_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/loadgen/load/latency.h"

#define THRESHOLDS_MAX 32U

struct run_result;

enum threshold_kind {
	THRESHOLD_LATENCY, /* ns */
	THRESHOLD_LAG,     /* ns */
	THRESHOLD_REACH,
	THRESHOLD_RATE,  /* per second */
	THRESHOLD_CPU,   /* 1 = one core */
	THRESHOLD_COUNT, /* a row of run_number.def */
};

enum threshold_relation {
	THRESHOLD_BELOW,
	THRESHOLD_AT_MOST,
	THRESHOLD_EQUAL,
	THRESHOLD_UNEQUAL,
	THRESHOLD_ABOVE,
	THRESHOLD_AT_LEAST,
};

struct threshold {
	const char *text; /* borrowed */
	enum threshold_kind kind;
	enum threshold_relation relation;
	enum latency latency;
	double quantile; /* 0..1; 1: the maximum */
	unsigned number; /* enum run_number */
	double value;
	bool raw;
	bool percent; /* of a count: the value is a ratio */
};

struct threshold_result {
	struct threshold asked;
	double measured; /* in the unit of `asked` */
	char said[64];   /* with its unit; "nothing was measured" */
	bool known;      /* false: nothing was measured, so it is missed */
	bool met;
};

/* 0; -EINVAL, with a reason for people. */
int threshold_parse(const char *text, struct threshold *ret_threshold, const char **ret_why);

void threshold_measure(const struct threshold *t, const struct run_result *result,
		       struct threshold_result *ret_result);

/* Measures all of them. If one is missed, a pass becomes EXIT_MISSED, and so does a failure that is
 * neither wrong data nor an unreachable server. The words name the first one missed. */
void thresholds_apply(struct run_result *result, const struct threshold *list, size_t count);

#endif
