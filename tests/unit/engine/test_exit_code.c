/* test_exit_code.c - the page for operators has the table of the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/exit_code.h"

static char *page_read(const char *path)
{
	FILE *file = fopen(path, "re");
	char *page = calloc(1, 1 << 20);

	assert_non_null(file);
	assert_non_null(page);
	assert_true(fread(page, 1, (1 << 20) - 1, file) > 0);
	fclose(file);
	return page;
}

/* Run by ctest in the root of the repository. */
static void operators_page_has_every_code(void **state)
{
	static const struct {
		int code;
		const char *text;
	} rows[] = {
#define EXIT_CODE(symbol, code, text) {code, text},
#include "engine/base/exit_code.def"
#undef EXIT_CODE
	};
	char *page = page_read("docs/operations.md");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char row[400];

		snprintf(row, sizeof(row), "\n| %d | %s |\n", rows[i].code, rows[i].text);
		if (strstr(page, row) == NULL)
			fail_msg("docs/operations.md lacks%s", row);
	}
	free(page);
}

static void help_has_a_line_for_each_code(void **state)
{
	char *out = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&out, &len);

	(void)state;
	exit_codes_print(file);
	fclose(file);
	assert_non_null(strstr(out, "\n   2  the command line is wrong\n"));
	assert_non_null(strstr(out, "\n  78  the configuration"));
	free(out);
}

static void refused_io_uring_is_a_matter_of_configuration(void **state)
{
	(void)state;
	assert_int_equal(exit_code_of_ring(-EPERM), EXIT_CONFIG);
	assert_int_equal(exit_code_of_ring(-ENOSYS), EXIT_CONFIG);
	assert_int_equal(exit_code_of_ring(-ENOMEM), EXIT_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operators_page_has_every_code),
		cmocka_unit_test(help_has_a_line_for_each_code),
		cmocka_unit_test(refused_io_uring_is_a_matter_of_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
