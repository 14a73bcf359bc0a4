/*
 * test_merge.c - results go out as JSON and come back whole; merging is recording everything in
 * one.
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
#include "tools/loadgen/merge.h"
#include "tools/loadgen/report/report.h"
#include "tools/loadgen/report/result_read.h"
#include "tools/loadgen/result/run_number.h"

static struct run_result *a, *b, *both, *back;

static int make(void **state)
{
	(void)state;
	a = calloc(1, sizeof(*a));
	b = calloc(1, sizeof(*b));
	both = calloc(1, sizeof(*both));
	back = calloc(1, sizeof(*back));
	return a == NULL || b == NULL || both == NULL || back == NULL;
}

static int drop(void **state)
{
	struct run_result *all[] = {a, b, both, back};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		run_result_fini(all[i]);
		free(all[i]);
	}
	return 0;
}

/* Through JSON, as the files of two machines go. */
static void through_json(const struct run_result *from, struct run_result *to)
{
	const char *why = "";
	FILE *file = tmpfile();

	assert_non_null(file);
	report_json_write(file, from);
	rewind(file);
	if (result_read(file, to, &why) < 0)
		fail_msg("%s", why);
	(void)fclose(file);
}

static uint64_t any_ns(uint64_t *rng)
{
	return prng_next(rng) >> (23 + prng_below(rng, 30));
}

static void record_some(uint64_t *rng, struct run_result *to)
{
	for (int i = 0; i < 5000; i++) {
		struct span span = {any_ns(rng), any_ns(rng)};
		enum latency which = (enum latency)prng_below(rng, LATENCY_MAX);
		uint64_t end = span.intended_ns + span.begun_ns + any_ns(rng);
		uint64_t lag = any_ns(rng);

		latency_record(&to->latencies, which, &span, end);
		latency_record(&both->latencies, which, &span, end);
		hdr_record(&to->lag, lag);
		hdr_record(&both->lag, lag);
	}
}

static void merged_histograms_are_those_of_one_run_that_recorded_everything(void **state)
{
	uint64_t rng = prng_start(__func__);
	struct run_result *read_a = calloc(1, sizeof(*a));

	(void)state;
	assert_non_null(read_a);
	record_some(&rng, a);
	record_some(&rng, b);
	through_json(a, read_a);
	through_json(b, back);
	assert_int_equal(merge_add(read_a, back), 0);
	assert_memory_equal(&read_a->latencies, &both->latencies, sizeof(both->latencies));
	assert_memory_equal(&read_a->lag, &both->lag, sizeof(both->lag));
	run_result_fini(read_a);
	free(read_a);
}

static void every_number_comes_back(void **state)
{
	(void)state;
	for (unsigned n = 0; n < RUN_NUMBERS; n++)
		run_number_set(a, n, 1000003ULL * (n + 1));
	a->epoch = 7;
	a->board_hash = 0xfedcba9876543210ULL;
	a->saturated = true;
	a->run_s = 12.5;
	a->cpu_percent = 150;
	a->outcome.code = EXIT_MISSED;
	a->totals.tally.trouble[TROUBLE_GAP] = 3;
	strcpy(a->outcome.first[TROUBLE_GAP], "client 5: \"1..2\"\tand a \\");
	a->totals.refused[0] = 4; /* codes that we do not know */
	a->totals.refused[1] = 9;
	a->totals.refused[REFUSAL_KEY_REUSED] = 5;
	strcpy(a->outcome.words, "FAIL: a \"word\"\n");
	assert_int_equal(run_result_machine_add(a, 0, NULL), 0);
	through_json(a, back);
	for (unsigned n = 0; n < RUN_NUMBERS; n++)
		assert_int_equal(run_number_get(back, n), 1000003ULL * (n + 1));
	assert_int_equal(back->epoch, 7);
	assert_int_equal(back->board_hash, 0xfedcba9876543210ULL);
	assert_true(back->saturated);
	assert_true(back->run_s > 12.4 && back->run_s < 12.6);
	assert_int_equal(back->outcome.code, EXIT_MISSED);
	assert_int_equal(back->totals.tally.trouble[TROUBLE_GAP], 3);
	assert_string_equal(back->outcome.first[TROUBLE_GAP], a->outcome.first[TROUBLE_GAP]);
	for (unsigned i = 0; i < REFUSAL_MAX; i++)
		assert_int_equal(back->totals.refused[i], a->totals.refused[i]);
	assert_string_equal(back->outcome.words, a->outcome.words);
	assert_int_equal(back->machines_count, 1);
	assert_string_equal(back->machines[0].kernel, a->machines[0].kernel);
}

static void the_worst_verdict_counts(void **state)
{
	static const enum exit_code worse[] = {EXIT_PASS, EXIT_FAILED, EXIT_MISSED,
					       EXIT_UNREACHABLE, EXIT_DATA_WRONG};

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		for (unsigned k = 0; k < 5; k++) {
			a->outcome.code = worse[i];
			b->outcome.code = worse[k];
			strcpy(a->outcome.words, "a");
			strcpy(b->outcome.words, "b");
			assert_int_equal(merge_add(a, b), 0);
			assert_int_equal(a->outcome.code, worse[i > k ? i : k]);
			assert_string_equal(a->outcome.words, i >= k ? "a" : "b");
		}
	}
}

static void runs_that_saw_other_boards_at_one_seq_are_wrong(void **state)
{
	(void)state;
	a->seq_last = b->seq_last = 100;
	a->board_hash = 1;
	b->board_hash = 2;
	assert_int_equal(merge_add(a, b), 0);
	assert_int_equal(a->outcome.code, EXIT_DATA_WRONG);
	assert_int_equal(a->totals.tally.trouble[TROUBLE_BOARD_DIFFERS], 1);
}

static void what_is_no_result_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"{",
		"[1, 2",
		"{\"loadgen\": 2}",
		"{\"loadgen\": 1, \"verdict\": \"pass\"}",
		"{\"a\" 1}",
		"{\"a\": 1,}",
		"{a: 1}",
		"\"x",
		"\"\\u12\"",
		"01x",
		"nul",
		"{} {}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		FILE *file = tmpfile();
		const char *why = "";

		assert_non_null(file);
		fputs(wrong[i], file);
		rewind(file);
		if (result_read(file, back, &why) != -EBADMSG)
			fail_msg("taken: %s", wrong[i]);
		assert_true(why[0] != '\0');
		(void)fclose(file);
	}
}

/* A histogram that was cut, doubled or changed does not come in unnoticed. */
static void histogram_that_does_not_fit_its_maximum_is_refused(void **state)
{
	static const char *const wrong[] = {
		"\"counts\": [[1999, 2], [1500, 1]]", /* out of order */
		"\"counts\": [[1999, 0]]",
		"\"counts\": [[1, 1]]",
		"\"counts\": [[2049, 1]]", /* no bucket ends there */
		"\"counts\": []",
	};
	char *text = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);
	char *at;

	(void)state;
	hdr_record(&a->lag, 1999);
	report_json_write(file, a);
	(void)fclose(file);
	at = strstr(text, "\"counts\": [[1999, 1]]");
	assert_non_null(at);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		FILE *bad = tmpfile();
		const char *why = "";

		memset(back, 0, sizeof(*back));
		fprintf(bad, "%.*s%s%s", (int)(at - text), text, wrong[i],
			at + strlen("\"counts\": [[1999, 1]]"));
		rewind(bad);
		if (result_read(bad, back, &why) != -EBADMSG)
			fail_msg("taken: %s", wrong[i]);
		(void)fclose(bad);
	}
	free(text);
}

/* A server's words and a file's name may hold any bytes; what is written of them is JSON. */
static void text_that_is_no_utf8_can_be_read_back(void **state)
{
	static const char *const texts[][2] = {
		{"na\xc3\xafve", "na\xc3\xafve"},
		{"\xf0\x9f\x8e\xa8", "\xf0\x9f\x8e\xa8"},
		{"cut \xc3", "cut ?"},
		{"\xff\xfe", "??"},
		{"long \xc0\x80", "long ??"},
		{"half \xed\xa0\x80.", "half ???."},
		{"far \xf5\x80\x80\x80", "far ????"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		strcpy(a->outcome.words, texts[i][0]);
		through_json(a, back);
		assert_string_equal(back->outcome.words, texts[i][1]);
		run_result_fini(back);
		memset(back, 0, sizeof(*back));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
		TEST(merged_histograms_are_those_of_one_run_that_recorded_everything),
		TEST(every_number_comes_back),
		TEST(the_worst_verdict_counts),
		TEST(runs_that_saw_other_boards_at_one_seq_are_wrong),
		TEST(what_is_no_result_is_refused),
		TEST(histogram_that_does_not_fit_its_maximum_is_refused),
		TEST(text_that_is_no_utf8_can_be_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
