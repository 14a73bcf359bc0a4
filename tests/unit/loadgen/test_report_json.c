/*
 * test_report_json.c - reports for programs are JSON, whatever a server or a machine says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/loadgen/raw/raw_report.h"
#include "tools/loadgen/report/report.h"

/* Quotes, control characters, U+2028, and bytes that are no UTF-8. */
#define HOSTILE  "a\"b\\\x01\n\xe2\x80\xa8\xff\xc3"
#define REPAIRED "a\"b\\\x01\n\xe2\x80\xa8??"

static char *text;
static size_t text_len;

static json_t *read_back(FILE *file)
{
	json_error_t why;
	json_t *found;

	assert_int_equal(fclose(file), 0);
	found = json_loadb(text, text_len, JSON_REJECT_DUPLICATES, &why);
	if (found == NULL)
		fail_msg("%s\n%s", why.text, text);
	assert_int_equal(text[text_len - 1], '\n');
	free(text);
	return found;
}

static void assert_words(json_t *object, const char *name, const char *expected)
{
	assert_string_equal(json_string_value(json_object_get(object, name)), expected);
}

static void assert_first(json_t *result)
{
	json_t *errors = json_object_get(result, "errors");
	json_t *gap = json_object_get(errors, trouble_str(TROUBLE_GAP));

	assert_int_equal(json_integer_value(json_object_get(gap, "count")), 3);
	assert_words(gap, "first", REPAIRED);
}

static void a_result_of_hostile_texts_is_json(void **state)
{
	struct run_result *r = calloc(1, sizeof(*r));
	char program[] = "loadgen", option[] = HOSTILE;
	char *const argv[] = {program, option};
	json_t *found;
	FILE *file = open_memstream(&text, &text_len);

	(void)state;
	assert_non_null(r);
	strcpy(r->outcome.words, HOSTILE);
	r->totals.tally.trouble[TROUBLE_GAP] = 3;
	strcpy(r->outcome.first[TROUBLE_GAP], HOSTILE);
	assert_int_equal(run_result_machine_add(r, 2, argv), 0);
	report_json_write(file, r);
	found = read_back(file);
	assert_words(found, "words", REPAIRED);
	assert_first(found);
	assert_words(json_array_get(json_object_get(found, "machines"), 0), "command",
		     "loadgen " REPAIRED);
	json_decref(found);
	run_result_fini(r);
	free(r);
}

static void a_raw_result_of_hostile_texts_is_json(void **state)
{
	static struct raw_options o;
	static struct raw_result r;
	FILE *file = open_memstream(&text, &text_len);
	json_t *found;

	(void)state;
	strcpy(r.outcome.words, HOSTILE);
	r.totals.tally.trouble[TROUBLE_GAP] = 3;
	strcpy(r.outcome.first[TROUBLE_GAP], HOSTILE);
	r.reach = NAN;
	raw_report_json(file, &o, &r);
	found = read_back(file);
	assert_words(found, "words", REPAIRED);
	assert_first(found);
	assert_true(json_is_null(json_object_get(found, "reach")));
	json_decref(found);
}

/* What is written last of a report may be nothing, and fclose() is content with that. */
static void a_full_disk_spoils_a_pass(void **state)
{
	const struct report_files files = {.json = "/dev/full"};
	struct run_result *r = calloc(1, sizeof(*r));

	(void)state;
	assert_non_null(r);
	for (uint64_t ns = 1; ns < 1ULL << 33; ns += ns / 16 + 1)
		hdr_record(&r->lag, ns); /* far more than a stream buffers */
	r->outcome.code = EXIT_PASS;
	report_all_write(&files, r);
	assert_int_equal(r->outcome.code, EXIT_FAILED);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_disk_spoils_a_pass),
		cmocka_unit_test(a_result_of_hostile_texts_is_json),
		cmocka_unit_test(a_raw_result_of_hostile_texts_is_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
