/*
 * test_tool.c - the command lines of pixeld's subcommands. One thread; what is wrong is told on
 * standard error, which is of no interest here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tools/pixeld/tool.h"

static struct tool t;

#define WORDS_MAX 12

/* The verb stands in front of the words, as in main(). */
static int parse(unsigned flags, const char *const words[])
{
	static char texts[WORDS_MAX][64];
	char *argv[WORDS_MAX + 2] = {texts[0]};
	int argc = 0;

	t = (struct tool){.usage = "usage: pixeld verb"};
	for (; words[argc] != NULL; argc++) {
		assert_true(argc < WORDS_MAX - 1);
		(void)snprintf(texts[argc + 1], sizeof(texts[0]), "%s", words[argc]);
		argv[argc + 1] = texts[argc + 1];
	}
	return tool_parse(&t, argc, argv + 1, flags);
}

#define PARSE(flags, ...) parse(flags, (const char *const[]){__VA_ARGS__, NULL})

static void every_flag_goes_where_it_belongs(void **state)
{
	(void)state;
	assert_int_equal(PARSE(TOOL_BOARD | TOOL_SPAN | TOOL_STEP | TOOL_OUT | TOOL_CONFIG,
			       "--data", "d", "--board=b", "--from=7", "--to",
			       "1970-01-01T00:00:09Z", "--step=1min", "--delay=250ms", "-o", "-",
			       "--config=c"),
			 EXIT_PASS);
	assert_string_equal(t.data, "d");
	assert_string_equal(t.board, "b");
	assert_int_equal(t.from_ms, 7);
	assert_int_equal(t.to_ms, 9000);
	assert_int_equal(t.step_ms, 60000);
	assert_int_equal(t.delay_ms, 250);
	assert_string_equal(t.out, "-");
	assert_string_equal(t.config, "c");
	assert_int_equal(
		PARSE(TOOL_POSTGRES | TOOL_SERVER, "--data=d", "--postgres=p", "--server", "s"),
		EXIT_PASS);
	assert_string_equal(t.postgres, "p");
	assert_string_equal(t.server, "s");
}

static void what_is_not_given_has_its_default(void **state)
{
	(void)state;
	assert_int_equal(PARSE(TOOL_BOARD | TOOL_SPAN, "--data=d"), EXIT_PASS);
	assert_string_equal(t.board, "main");
	assert_int_equal(t.from_ms, 0);
	assert_int_equal(t.to_ms, UINT64_MAX);
	assert_int_equal(t.step_ms, 0);
	assert_int_equal(t.delay_ms, 100);
	assert_null(t.out);
	assert_null(t.file);
}

static void flag_of_another_command_is_refused(void **state)
{
	(void)state;
	assert_int_equal(PARSE(TOOL_SERVER, "--data=d", "--from=7"), EXIT_USAGE);
	assert_int_equal(PARSE(TOOL_BOARD, "--data=d", "-o", "x"), EXIT_USAGE);
	assert_int_equal(PARSE(TOOL_BOARD, "--data=d", "--out=x"), EXIT_USAGE);
}

static void wrong_values_are_refused(void **state)
{
	(void)state;
	assert_int_equal(PARSE(TOOL_SPAN, "--data=d", "--from=yesterday"), EXIT_USAGE);
	assert_int_equal(PARSE(TOOL_STEP, "--data=d", "--step=0"), EXIT_USAGE);
	assert_int_equal(PARSE(TOOL_STEP, "--data=d", "--delay=366d"), EXIT_USAGE);
	assert_int_equal(PARSE(TOOL_STEP, "--data=d", "--step"), EXIT_USAGE);
}

static void one_word_is_the_file_where_there_is_one(void **state)
{
	(void)state;
	assert_int_equal(PARSE(TOOL_FILE, "rows.csv", "--data=d"), EXIT_PASS);
	assert_string_equal(t.file, "rows.csv");
	assert_int_equal(PARSE(TOOL_FILE, "--data=d", "rows.csv"), EXIT_PASS);
	assert_string_equal(t.file, "rows.csv");
	assert_int_equal(PARSE(TOOL_FILE, "--data=d"), EXIT_USAGE);
	assert_int_equal(PARSE(TOOL_FILE, "--data=d", "a", "b"), EXIT_USAGE);
	assert_int_equal(PARSE(TOOL_BOARD, "--data=d", "a"), EXIT_USAGE);
	assert_int_equal(PARSE(TOOL_FILE, "rows.csv"), EXIT_USAGE); /* no --data */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_flag_goes_where_it_belongs),
		cmocka_unit_test(what_is_not_given_has_its_default),
		cmocka_unit_test(flag_of_another_command_is_refused),
		cmocka_unit_test(wrong_values_are_refused),
		cmocka_unit_test(one_word_is_the_file_where_there_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
