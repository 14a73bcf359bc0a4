/* threshold.c - see threshold.h. Constant tables only. */
#include "tools/loadgen/result/threshold.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/loadgen/result/run_number.h"
#include "tools/options/units.h"

#define METRIC_BYTES_MAX 48

static const struct {
	const char *text; /* longer ones first */
	enum threshold_relation relation;
} relations[] = {
	{"<=", THRESHOLD_AT_MOST}, {">=", THRESHOLD_AT_LEAST}, {"==", THRESHOLD_EQUAL},
	{"!=", THRESHOLD_UNEQUAL}, {"<", THRESHOLD_BELOW},     {">", THRESHOLD_ABOVE},
};

static const struct {
	const char *name;
	enum threshold_kind kind;
	unsigned number;
} plain[] = {
	{"reach", THRESHOLD_REACH, 0},
	{"rate", THRESHOLD_RATE, 0},
	{"cpu", THRESHOLD_CPU, 0},
	{"refused", THRESHOLD_COUNT, RUN_NUMBER_refused_total},
	{"errors", THRESHOLD_COUNT, RUN_NUMBER_errors_total},
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* --- parsing ---------------------------------------------------------------------------------- */

/* p50, p99, p99.9, p999 (which is p99.9), max. */
static bool quantile_parse(const char *text, double *ret_quantile)
{
	size_t digits;
	double q;

	if (strcmp(text, "max") == 0) {
		*ret_quantile = 1;
		return true;
	}
	digits = text[0] == 'p' ? strspn(text + 1, "0123456789") : 0;
	if (digits == 0 || digits > 8 || (digits > 2 && text[1] != '9'))
		return false;
	q = strtod(text + 1, NULL);
	if (text[1 + digits] == '\0')
		for (size_t i = digits; i > 2; i--)
			q /= 10;
	else if (digits > 2 || text[1 + digits] != '.' || text[2 + digits] == '\0' ||
		 text[2 + digits + strspn(text + 2 + digits, "0123456789")] != '\0')
		return false;
	if (q <= 0 || q >= 100)
		return false;
	*ret_quantile = q / 100;
	return true;
}

/* "ack.p99", "ack.raw.p99", "lag.max": the part in front of the first dot has ended at `dot`. */
static int timed_parse(const char *metric, const char *dot, struct threshold *t, const char **why)
{
	size_t len = (size_t)(dot - metric);
	const char *rest = dot + 1;

	for (unsigned i = 0; i < LATENCY_MAX; i++) {
		if (strlen(latency_str(i)) != len || memcmp(latency_str(i), metric, len) != 0)
			continue;
		t->kind = THRESHOLD_LATENCY;
		t->latency = i;
		t->raw = strncmp(rest, "raw.", 4) == 0;
		rest += t->raw ? 4 : 0;
		*why = "a latency must be followed by .p50, .p99, .p99.9 or .max";
		return quantile_parse(rest, &t->quantile) ? 0 : -EINVAL;
	}
	*why = "latencies are connect, ack, visible, visible_last, and lag";
	t->kind = THRESHOLD_LAG;
	if (len != 3 || memcmp(metric, "lag", 3) != 0)
		return -EINVAL;
	*why = "lag must be followed by .p50, .p99, .p99.9 or .max";
	return quantile_parse(rest, &t->quantile) ? 0 : -EINVAL;
}

static int metric_parse(const char *metric, struct threshold *t, const char **why)
{
	const char *dot = strchr(metric, '.');

	if (dot != NULL)
		return timed_parse(metric, dot, t, why);
	for (unsigned i = 0; i < LENGTH(plain); i++) {
		if (strcmp(plain[i].name, metric) == 0) {
			t->kind = plain[i].kind;
			t->number = plain[i].number;
			return 0;
		}
	}
	t->kind = THRESHOLD_COUNT;
	for (t->number = 0; t->number < RUN_NUMBERS; t->number++)
		if (strcmp(run_number_str(t->number), metric) == 0)
			return 0;
	*why = "there is no such metric; for example ack.p99, visible.p99, reach, refused, errors, "
	       "lost, rate";
	return -EINVAL;
}

static bool ends_with_a_digit(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && text[len - 1] >= '0' && text[len - 1] <= '9';
}

/* A number with one percent sign behind it, as a ratio. */
static bool percent_parse(const char *text, double *ret_ratio)
{
	char number[32];
	size_t len = strlen(text);
	double v;

	if (len < 2 || len > sizeof(number) || text[len - 1] != '%')
		return false;
	memcpy(number, text, len - 1);
	number[len - 1] = '\0';
	if (!ends_with_a_digit(number) || units_rate(number, &v) < 0)
		return false;
	*ret_ratio = v / 100;
	return true;
}

static int value_parse(const char *text, struct threshold *t, const char **why)
{
	uint64_t ns;

	if (t->kind == THRESHOLD_LATENCY || t->kind == THRESHOLD_LAG) {
		*why = "a latency is compared with a time that has a unit, as in 250ms or 3s";
		if (ends_with_a_digit(text) || units_duration(text, &ns) < 0)
			return -EINVAL;
		t->value = (double)ns;
		return 0;
	}
	if (percent_parse(text, &t->value)) {
		*why = "there is no percentage of this";
		t->percent = t->kind == THRESHOLD_COUNT;
		return t->kind == THRESHOLD_RATE ? -EINVAL : 0;
	}
	*why = "there is no such value; for example 1, 0.999, 10k, 0.1%";
	return units_rate(text, &t->value) < 0 ? -EINVAL : 0;
}

int threshold_parse(const char *text, struct threshold *ret_threshold, const char **ret_why)
{
	struct threshold t = {.text = text};
	size_t len = strcspn(text, "<>=!");
	char metric[METRIC_BYTES_MAX];

	*ret_why = "a threshold is METRIC OPERATOR VALUE, as in visible.p99<3s";
	if (len == 0 || len >= sizeof(metric))
		return -EINVAL;
	memcpy(metric, text, len);
	metric[len] = '\0';
	if (metric_parse(metric, &t, ret_why) < 0)
		return -EINVAL;
	for (unsigned i = 0; i < LENGTH(relations); i++) {
		size_t bytes = strlen(relations[i].text);

		if (strncmp(text + len, relations[i].text, bytes) != 0)
			continue;
		t.relation = relations[i].relation;
		if (value_parse(text + len + bytes, &t, ret_why) < 0)
			return -EINVAL;
		*ret_threshold = t;
		return 0;
	}
	*ret_why = "operators are < <= == != > >=";
	return -EINVAL;
}

/* --- measuring -------------------------------------------------------------------------------- */

static bool holds(enum threshold_relation relation, double measured, double value)
{
	switch (relation) {
	case THRESHOLD_BELOW:
		return measured < value;
	case THRESHOLD_AT_MOST:
		return measured <= value;
	case THRESHOLD_EQUAL:
		return measured >= value && measured <= value;
	case THRESHOLD_UNEQUAL:
		return measured < value || measured > value;
	case THRESHOLD_ABOVE:
		return measured > value;
	case THRESHOLD_AT_LEAST:
		return measured >= value;
	}
	return false;
}

/* False: nothing was measured. */
static bool quantile_get(const struct hdr *h, double q, double *ret_ns)
{
	*ret_ns = q >= 1 ? (double)h->max_ns : (double)hdr_quantile(h, q);
	return h->total > 0;
}

static bool count_get(const struct threshold *t, const struct run_result *result, double *ret_value)
{
	double count = (double)run_number_get(result, t->number);
	uint64_t whole = run_number_whole(result, t->number);

	*ret_value = t->percent ? count / (double)(whole == 0 ? 1 : whole) : count;
	return !t->percent || whole > 0;
}

static void said_write(struct threshold_result *t)
{
	if (!t->known)
		(void)snprintf(t->said, sizeof(t->said), "nothing was measured");
	else if (t->asked.kind == THRESHOLD_LATENCY || t->asked.kind == THRESHOLD_LAG)
		(void)snprintf(t->said, sizeof(t->said), "%.2f ms", t->measured * 1e-6);
	else if (t->asked.percent || t->asked.kind == THRESHOLD_CPU)
		(void)snprintf(t->said, sizeof(t->said), "%.4g %%", t->measured * 100);
	else
		(void)snprintf(t->said, sizeof(t->said), "%.9g", t->measured);
}

void threshold_measure(const struct threshold *t, const struct run_result *result,
		       struct threshold_result *ret_result)
{
	struct threshold_result r = {.asked = *t, .known = true};
	const struct hdr *h = t->raw ? result->latencies.raw : result->latencies.corrected;

	switch (t->kind) {
	case THRESHOLD_LATENCY:
		r.known = quantile_get(&h[t->latency], t->quantile, &r.measured);
		break;
	case THRESHOLD_LAG:
		r.known = quantile_get(&result->lag, t->quantile, &r.measured);
		break;
	case THRESHOLD_REACH:
		r.measured = run_result_reach(result);
		break;
	case THRESHOLD_RATE:
		r.measured =
			result->run_s > 0 ? (double)result->totals.acknowledged / result->run_s : 0;
		break;
	case THRESHOLD_CPU:
		r.measured = result->cpu_percent / 100;
		break;
	case THRESHOLD_COUNT:
		r.known = count_get(t, result, &r.measured);
		break;
	}
	r.met = r.known && holds(t->relation, r.measured, t->value);
	said_write(&r);
	*ret_result = r;
}

void thresholds_apply(struct run_result *result, const struct threshold *list, size_t count)
{
	const struct threshold_result *missed = NULL;
	size_t len;

	result->thresholds_count = 0;
	for (size_t i = 0; i < count && i < THRESHOLDS_MAX; i++) {
		struct threshold_result *r = &result->thresholds[result->thresholds_count++];

		threshold_measure(&list[i], result, r);
		if (!r->met && missed == NULL)
			missed = r;
	}
	if (count == 0 ||
	    (result->outcome.code != EXIT_PASS && result->outcome.code != EXIT_FAILED))
		return;
	len = missed != NULL && result->outcome.code == EXIT_PASS ? 0
								  : strlen(result->outcome.words);
	if (missed == NULL) {
		(void)snprintf(result->outcome.words + len, sizeof(result->outcome.words) - len,
			       "; all thresholds are met");
		return;
	}
	(void)snprintf(result->outcome.words + len, sizeof(result->outcome.words) - len,
		       "%s the threshold %s is missed: %s", len == 0 ? "FAIL:" : ";",
		       missed->asked.text, missed->said);
	result->outcome.code = EXIT_MISSED;
}
