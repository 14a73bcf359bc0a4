/* test_log.c - one line is one write, is cut and cleaned, and a place that says too much is
 * stopped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/log.h"

/* A pipe that keeps writes apart, so that one read gives one line. */
static int lines[2];

static int open_pipe(void **state)
{
	(void)state;
	return pipe2(lines, O_DIRECT | O_NONBLOCK | O_CLOEXEC);
}

static int close_pipe(void **state)
{
	(void)state;
	log_start(LOG_LEVEL_INFO, STDERR_FILENO);
	return close(lines[0]) | close(lines[1]);
}

/* The next line, or "" when there is none. Static memory. */
static const char *next_line(void)
{
	static char line[LOG_LINE_BYTES_MAX + 1];
	ssize_t len = read(lines[0], line, LOG_LINE_BYTES_MAX);

	line[len > 0 ? len : 0] = '\0';
	return line;
}

static void a_line_has_time_level_event_and_fields(void **state)
{
	unsigned year, month, day, hour, minute, second, ms;
	int end = 0;
	const char *line;

	(void)state;
	log_start(LOG_LEVEL_INFO, lines[1]);
	log_warn("disk_full data=%s free=%d", "/srv", 0);
	line = next_line();
	assert_int_equal(sscanf(line, "%4u-%2u-%2uT%2u:%2u:%2u.%3uZ %n", &year, &month, &day, &hour,
				&minute, &second, &ms, &end),
			 7);
	assert_string_equal(line + end, "warn disk_full data=/srv free=0\n");
	assert_string_equal(next_line(), "");
}

static void levels_below_the_least_are_silent(void **state)
{
	(void)state;
	log_start(LOG_LEVEL_WARN, lines[1]);
	log_debug("a");
	log_info("b");
	assert_string_equal(next_line(), "");
	log_error("c");
	assert_non_null(strstr(next_line(), " error c\n"));
}

static void bytes_of_others_cannot_begin_a_line(void **state)
{
	(void)state;
	log_start(LOG_LEVEL_INFO, lines[1]);
	log_info("x name=%s", "a\nforged\r\x1b[31m\x7f");
	assert_non_null(strstr(next_line(), " info x name=a?forged??[31m?\n"));
}

static void long_lines_are_cut_and_still_end(void **state)
{
	char text[3000];
	const char *line;

	(void)state;
	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_start(LOG_LEVEL_INFO, lines[1]);
	log_info("x %s", text);
	line = next_line();
	assert_int_equal(strlen(line), LOG_LINE_BYTES_MAX);
	assert_string_equal(line + LOG_LINE_BYTES_MAX - 3, "yy\n");
	assert_string_equal(next_line(), "");
}

static void a_place_that_says_too_much_is_stopped_and_says_so_later(void **state)
{
	struct log_limit limit = {.second = 0};
	unsigned written = 0;

	(void)state;
	log_start(LOG_LEVEL_INFO, lines[1]);
	for (unsigned i = 0; i < 5 * LOG_BURST; i++)
		log_line(&limit, LOG_LEVEL_INFO, "x");
	while (next_line()[0] != '\0')
		written++;
	/* The second may have turned once while we wrote. */
	assert_true(written >= LOG_BURST && written <= 2 * LOG_BURST);
	limit.second = 1; /* long ago */
	limit.missing = 41;
	log_line(&limit, LOG_LEVEL_INFO, "x");
	assert_non_null(strstr(next_line(), " info x missing=41\n"));
}

static void journal_streams_get_a_priority_and_no_time(void **state)
{
	char stream[64];
	struct stat st;

	(void)state;
	assert_int_equal(fstat(lines[1], &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_start(LOG_LEVEL_INFO, lines[1]);
	log_error("x");
	assert_string_equal(next_line(), "<3>x\n");
	setenv("JOURNAL_STREAM", "1:2", 1);
	log_start(LOG_LEVEL_INFO, lines[1]);
	log_error("x");
	assert_non_null(strstr(next_line(), "Z error x\n"));
	unsetenv("JOURNAL_STREAM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_has_time_level_event_and_fields, open_pipe,
						close_pipe),
		cmocka_unit_test_setup_teardown(levels_below_the_least_are_silent, open_pipe,
						close_pipe),
		cmocka_unit_test_setup_teardown(bytes_of_others_cannot_begin_a_line, open_pipe,
						close_pipe),
		cmocka_unit_test_setup_teardown(long_lines_are_cut_and_still_end, open_pipe,
						close_pipe),
		cmocka_unit_test_setup_teardown(
			a_place_that_says_too_much_is_stopped_and_says_so_later, open_pipe,
			close_pipe),
		cmocka_unit_test_setup_teardown(journal_streams_get_a_priority_and_no_time,
						open_pipe, close_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
