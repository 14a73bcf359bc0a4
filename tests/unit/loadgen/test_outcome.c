/* test_outcome.c - what a run ends with when it could not even begin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "tools/loadgen/load/outcome.h"

static void rings_that_are_refused_are_told_with_their_code(void **state)
{
	const struct {
		int error;
		enum exit_code code;
	} rows[] = {{EPERM, exit_code_of_ring(-EPERM)}, {ENOMEM, exit_code_of_ring(-ENOMEM)}};

	(void)state;
	assert_int_equal(rows[0].code, EXIT_CONFIG);
	for (unsigned i = 0; i < 2; i++) {
		const struct tally tally = {.failed = (uint64_t)rows[i].error};
		struct outcome o = {.code = EXIT_PASS};

		assert_true(outcome_of_rings(&o, &tally));
		assert_int_equal(o.code, rows[i].code);
		assert_non_null(strstr(o.words, strerror(rows[i].error)));
	}
}

static void rings_that_are_open_are_no_outcome(void **state)
{
	const struct tally tally = {.failed = 0};
	struct outcome o = {.code = EXIT_PASS};

	(void)state;
	assert_false(outcome_of_rings(&o, &tally));
	assert_int_equal(o.code, EXIT_PASS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rings_that_are_refused_are_told_with_their_code),
		cmocka_unit_test(rings_that_are_open_are_no_outcome),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
