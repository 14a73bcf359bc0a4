/*
 * test_threshold.c - what --threshold understands, and when it is met; what find-max tries.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/prng.h"
#include "tools/loadgen/find_max.h"
#include "tools/loadgen/result/run_result.h"

#define MS 1000000ULL

static struct run_result *result;

static int make(void **state)
{
	(void)state;
	result = calloc(1, sizeof(*result));
	return result == NULL;
}

static int drop(void **state)
{
	(void)state;
	free(result);
	return 0;
}

static struct threshold parsed(const char *text)
{
	struct threshold t;
	const char *why = "";
	int r = threshold_parse(text, &t, &why);

	if (r < 0)
		fprintf(stderr, "%s: %s\n", text, why);
	assert_int_equal(r, 0);
	return t;
}

static bool met(const char *text)
{
	struct threshold t = parsed(text);
	struct threshold_result measured;

	threshold_measure(&t, result, &measured);
	return measured.met;
}

static void latency_names_a_quantile_an_operator_and_a_time(void **state)
{
	struct threshold t = parsed("visible_last.raw.p99.9<=1.5s");

	(void)state;
	assert_int_equal(t.kind, THRESHOLD_LATENCY);
	assert_int_equal(t.latency, LATENCY_VISIBLE_LAST);
	assert_int_equal(t.relation, THRESHOLD_AT_MOST);
	assert_true(t.raw);
	assert_true(t.quantile > 0.998999 && t.quantile < 0.999001);
	assert_true(t.value > 1.4999e9 && t.value < 1.5001e9);
	t = parsed("ack.p999>250us");
	assert_true(t.quantile > 0.998999 && t.quantile < 0.999001);
	assert_false(t.raw);
	assert_true(parsed("connect.max<3s").quantile >= 1);
}

static void what_is_no_threshold_is_refused_with_a_reason(void **state)
{
	static const char *const wrong[] = {
		"",
		"ack",
		"<3s",
		"ack.p99",
		"ack.p99<",
		"ack.p99<3",
		"ack.p99<3 s",
		"ack.p99<s",
		"ack.p99=<3s",
		"ack.p99=3s",
		"ack.99<3s",
		"ack.p<3s",
		"ack.p0<3s",
		"ack.p100<3s",
		"ack.p99.<3s",
		"ack.mean<1s",
		"ack.raw<1s",
		"nack.p99<3s",
		"reach==",
		"reach==1s",
		"reach",
		"refused<-1",
		"refused<1%%",
		"refused<%",
		"rate>10%",
		"speed>1",
		"ack.p99<10%",
		"ack.p99<<3s",
		"ack.raw.raw.p9<1s",
		"lag<1ms",
		"a_name_that_is_much_longer_than_any_metric_can_be<1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct threshold t = {.quantile = 7};
		const char *why = NULL;

		if (threshold_parse(wrong[i], &t, &why) != -EINVAL)
			fail_msg("\"%s\" was taken", wrong[i]);
		assert_non_null(why);
		assert_true(t.quantile > 6.9);
	}
}

static void operators_differ_at_the_value_itself(void **state)
{
	static const struct {
		const char *text;
		bool met;
	} rows[] = {
		{"clients<10", false},  {"clients<=10", true}, {"clients==10", true},
		{"clients!=10", false}, {"clients>=10", true}, {"clients>10", false},
		{"clients<11", true},   {"clients>9", true},   {"clients!=11", true},
	};

	(void)state;
	result->clients = 10;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (met(rows[i].text) != rows[i].met)
			fail_msg("%s", rows[i].text);
}

static void percent_of_refusals_counts_placements_and_of_errors_clients(void **state)
{
	(void)state;
	result->totals.placed = 1000;
	result->clients = 200;
	result->totals.refused_all = 1;
	result->errors_all = 1;
	assert_false(met("refused<0.1%"));
	assert_true(met("refused<=0.1%"));
	assert_true(met("refused<0.11%"));
	assert_true(met("errors==0.5%"));
	assert_true(met("refused<2"));
}

static void latency_without_a_record_is_missed(void **state)
{
	(void)state;
	assert_false(met("ack.p99<1h"));
	assert_false(met("lag.max<1h"));
	assert_false(met("refused<1%"));
	hdr_record(&result->latencies.corrected[LATENCY_ACK], 5 * MS);
	assert_true(met("ack.p99<1h"));
	assert_false(met("ack.raw.p99<1h"));
	assert_false(met("ack.p50<5ms"));
	assert_true(met("ack.max==5ms"));
}

static void reach_is_a_ratio_and_rate_a_quotient(void **state)
{
	(void)state;
	result->reach.expected = 1000000;
	result->reach.received = 999999;
	assert_false(met("reach==1"));
	assert_true(met("reach>=99.9%"));
	assert_true(met("reach>0.99999"));
	result->reach.received = 1000000;
	assert_true(met("reach==1"));
	result->totals.acknowledged = 50000;
	result->run_s = 5;
	assert_true(met("rate>=10k"));
	assert_false(met("rate>=10.1k"));
}

static void missed_threshold_turns_a_pass_into_99(void **state)
{
	struct threshold list[2] = {parsed("clients==10"), parsed("clients==11")};

	(void)state;
	result->clients = 10;
	strcpy(result->outcome.words, "PASS: all");
	thresholds_apply(result, list, 1);
	assert_int_equal(result->outcome.code, EXIT_PASS);
	assert_non_null(strstr(result->outcome.words, "all thresholds are met"));
	thresholds_apply(result, list, 2);
	assert_int_equal(result->outcome.code, EXIT_MISSED);
	assert_non_null(strstr(result->outcome.words, "clients==11"));
	assert_int_equal(result->thresholds_count, 2);
}

static void wrong_data_and_no_server_come_before_a_missed_threshold(void **state)
{
	static const enum exit_code codes[][2] = {
		{EXIT_PASS, EXIT_MISSED},
		{EXIT_FAILED, EXIT_MISSED},
		{EXIT_DATA_WRONG, EXIT_DATA_WRONG},
		{EXIT_UNREACHABLE, EXIT_UNREACHABLE},
	};
	struct threshold list[1] = {parsed("clients==11")};

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		strcpy(result->outcome.words, "FAIL: because");
		result->outcome.code = codes[i][0];
		thresholds_apply(result, list, 1);
		assert_int_equal(result->outcome.code, codes[i][1]);
		if (codes[i][0] != EXIT_PASS)
			assert_non_null(strstr(result->outcome.words, "because"));
	}
}

/* --- find-max --------------------------------------------------------------------------------- */

static void search_ends_next_to_the_limit_in_few_steps(void **state)
{
	uint64_t rng = prng_start(__func__);

	(void)state;
	for (int i = 0; i < 1000; i++) {
		double limit = 1 + (double)prng_below(&rng, 200000);
		struct find_max f = {.from = 100, .to = 100000, .precision = 0.05};
		unsigned steps = 0;
		double value;

		while ((value = find_max_next(&f)) > 0) {
			assert_true(value >= f.from && value <= f.to);
			find_max_tell(&f, value, value <= limit);
			assert_true(++steps <= 24);
		}
		if (limit < 100)
			assert_true(f.held == 0);
		else if (limit >= 100000)
			assert_true(f.held >= 100000 && f.missed == 0);
		else
			assert_true(f.held <= limit && f.missed > limit &&
				    f.missed <= f.held * 1.06 + 1);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
		TEST(latency_names_a_quantile_an_operator_and_a_time),
		TEST(what_is_no_threshold_is_refused_with_a_reason),
		TEST(operators_differ_at_the_value_itself),
		TEST(percent_of_refusals_counts_placements_and_of_errors_clients),
		TEST(latency_without_a_record_is_missed),
		TEST(reach_is_a_ratio_and_rate_a_quotient),
		TEST(missed_threshold_turns_a_pass_into_99),
		TEST(wrong_data_and_no_server_come_before_a_missed_threshold),
		TEST(search_ends_next_to_the_limit_in_few_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
