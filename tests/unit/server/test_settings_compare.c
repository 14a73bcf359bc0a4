/*
 * test_settings_compare.c - what a reload would change, what it would not, and what it says of
 * both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/text_out.h"
#include "server/settings/settings_compare.h"
#include "server/settings/settings_priv.h"

#define SAID_CHARS 16384

static char why[SETTINGS_WHY_CHARS];

static struct settings *text(const char *file)
{
	struct settings *s = NULL;

	if (settings_load_text("pixeld.ini", file, strlen(file), &s, why) != 0)
		fail_msg("%s", why);
	return s;
}

static void say(void *arg, const struct settings_change *c)
{
	static const char *const kinds[] = {"taken", "restart", "hidden"};
	struct text_out *t = arg;

	text_print(t, "%s %s%s%s", kinds[c->kind], c->board != NULL ? c->board : "",
		   c->board != NULL ? "." : "", c->name);
	if (c->color >= 0)
		text_print(t, "[%d]", c->color);
	text_print(t, " %s>%s %s:%d\n", c->was, c->is, settings_source_str(c->source), c->line);
}

static void compared(const struct settings *running, const struct settings *read,
		     const char *expected)
{
	static char said[SAID_CHARS];
	struct text_out t = text_out_of(said, sizeof(said));

	settings_compare(running, read, say, &t);
	assert_false(t.bad);
	assert_string_equal(text_end(&t), expected);
}

/* What is said when a file is replaced by another. */
static void replaced(const char *file, const char *by, const char *expected)
{
	struct settings *running = text(file), *read = text(by);

	compared(running, read, expected);
	settings_free(running);
	settings_free(read);
}

static void the_same_file_changes_nothing(void **state)
{
	static const char file[] = "origin = https://a.org https://b.org\n"
				   "[board \"main\"]\nsize = 10x10:4\nfrozen = on\n";

	(void)state;
	replaced("", "", "");
	replaced(file, file, "");
	/* Only written otherwise. */
	replaced(file,
		 "cooldown-ms = 5000\n[board \"main\"]\nsize = 10x10:4\nfrozen = yes\n"
		 "cooldown-ms = 5s\n[]\norigin = https://b.org\norigin = https://a.org\n",
		 "");
}

static void what_can_change_is_taken_with_old_new_and_line(void **state)
{
	(void)state;
	replaced("requests-per-second = 20\n", "\nrequests-per-second = 50\nlog-level = warn\n",
		 "taken requests-per-second 20>50 file:2\ntaken log-level info>warn file:3\n");
	/* A line that goes leaves the default. */
	replaced("journal-unread = drop\n", "", "taken journal-unread drop>keep default:0\n");
}

static void what_cannot_change_needs_a_restart(void **state)
{
	(void)state;
	replaced("workers = 2\ntest-echo = on\n", "workers = 4\n",
		 "restart workers 2>4 file:1\nrestart test-echo on>off default:0\n");
	replaced("listen = 127.0.0.1:1\n", "listen = 127.0.0.1:2 127.0.0.1:1\n",
		 "restart listen >127.0.0.1:2 file:1\n");
}

static void lists_tell_what_comes_and_what_goes(void **state)
{
	(void)state;
	replaced("origin = https://a.org https://b.org\n", "origin = https://b.org https://c.org\n",
		 "taken origin https://a.org> file:0\ntaken origin >https://c.org file:1\n");
}

static void secrets_are_not_told(void **state)
{
	(void)state;
	replaced("session-secret = 00112233445566778899aabbccddeeff\n",
		 "session-secret = 00112233445566778899aabbccddeef0\n",
		 "restart session-secret (hidden)>(hidden) file:1\n");
	replaced("postgres = host=a password=x\n", "postgres = host=a password=y\n",
		 "restart postgres (hidden)>(hidden) file:1\n");
}

static void a_board_tells_each_color_that_changes(void **state)
{
	(void)state;
	replaced("[board \"main\"]\nsize = 9x9:4\npalette = white:#ffffff red:#ff0000\n",
		 "[board \"main\"]\nsize = 9x9:4\ncooldown-ms = 1\nfrozen = on\n"
		 "palette = white:#ffffff scarlet:#ff0000 gold:#ffd700\n",
		 "taken main.cooldown-ms 5000>1 file:3\n"
		 "taken main.frozen off>on file:4\n"
		 "taken main.palette[1] red:#ff0000>scarlet:#ff0000 file:5\n"
		 "taken main.palette[2] >gold:#ffd700 file:5\n");
	replaced("[board \"main\"]\nsize = 9x9:1\n",
		 "[board \"main\"]\nsize = 9x9:1\npalette = white:#ffffff\n",
		 "taken main.palette[1] black:#000000> file:3\n");
}

static void the_general_cooldown_is_told_for_each_board_that_has_no_other(void **state)
{
	(void)state;
	replaced("board = a:9x9:1 b:9x9:1\n[board \"b\"]\ncooldown-ms = 7\n",
		 "cooldown-ms = 3\nboard = a:9x9:1 b:9x9:1\n[board \"b\"]\ncooldown-ms = 7\n",
		 "taken cooldown-ms 5000>3 file:1\ntaken a.cooldown-ms 5000>3 file:1\n");
}

static void boards_that_come_go_or_grow_need_a_restart(void **state)
{
	(void)state;
	replaced("board = a:9x9:1 b:9x9:1\n", "board = a:9x9:2 c:8x9:1\n",
		 "restart a.size 9x9:1>9x9:2 file:1\n"
		 /* Its four colors are for two bits. */
		 "restart a.palette[1] black:#000000>black:#222222 default:0\n"
		 "restart a.palette[2] >red:#e50000 default:0\n"
		 "restart a.palette[3] >blue:#0000ea default:0\n"
		 "restart b.size 9x9:1> file:0\n"
		 "restart c.size >8x9:1 file:1\n");
}

static struct settings *with_file(const char *file, const char *flag, const char *variable)
{
	char path[] = "/tmp/pixeld-compare-XXXXXX";
	char config[64], flag_text[128], variable_text[128];
	char *argv[] = {(char[]){"pixeld"}, config, flag_text, NULL};
	char *envp[] = {variable_text, NULL};
	struct settings *s = NULL;
	int fd = mkstemp(path);

	assert_int_equal(write(fd, file, strlen(file)), (ssize_t)strlen(file));
	close(fd);
	snprintf(config, sizeof(config), "--config=%s", path);
	snprintf(flag_text, sizeof(flag_text), "%s", flag);
	snprintf(variable_text, sizeof(variable_text), "%s", variable);
	if (settings_load(3, argv, envp, &s, why) != 0)
		fail_msg("%s", why);
	unlink(path);
	memset(s->config, 'x', 1); /* the name is another one each time */
	s->config[1] = '\0';
	return s;
}

static void what_flags_and_variables_hide_is_told_while_the_file_says_otherwise(void **state)
{
	static const char *const flag = "--requests-per-second=20",
				 *const variable = "PIXELD_ORIGIN=https://a.org";
	struct settings *running = with_file("", flag, variable);
	struct settings *same =
		with_file("requests-per-second = 20\norigin = https://a.org\n", flag, variable);
	struct settings *other =
		with_file("\nrequests-per-second = 21\norigin = https://b.org\n", flag, variable);

	(void)state;
	compared(running, same, "");
	compared(running, other,
		 "hidden origin > environment:3\n"
		 "hidden requests-per-second 20>20 flag:2\n");
	settings_free(running);
	settings_free(same);
	settings_free(other);
}

static void boards_of_flags_hide_those_of_the_file(void **state)
{
	static const char *const flag = "--board=a:9x9:1";
	struct settings *running = with_file("", flag, "X=");
	struct settings *same = with_file("[board \"a\"]\nsize = 9x9:1\n", flag, "X=");
	struct settings *size = with_file("[board \"a\"]\nfrozen = on\nsize = 9x8:1\n", flag, "X=");
	struct settings *more = with_file(
		"\n[board \"b\"]\nfrozen = on\n[board \"c\"]\nsize = 9x9:1\n", flag, "X=");
	struct settings *list = with_file("board = a:9x9:1 b:9x9:1\n", flag, "X=");

	(void)state;
	compared(running, same, "");
	compared(running, size, "hidden a.size 9x9:1>9x9:1 flag:3\ntaken a.frozen off>on file:2\n");
	compared(running, more, "hidden b.size > flag:3\nhidden c.size > flag:5\n");
	compared(running, list, "hidden board > flag:1\n");
	settings_free(running);
	settings_free(same);
	settings_free(size);
	settings_free(more);
	settings_free(list);
}

/* Taken once, said once; what needs a restart is said as long as it does. */
static void what_was_taken_runs(void **state)
{
	struct settings *running =
		text("[board \"a\"]\nsize = 9x9:1\n[board \"b\"]\nsize = 9x9:1\n");
	struct settings *read = text("workers = 3\ndrain-ms = 7\norigin = https://a.org\n"
				     "[board \"a\"]\nsize = 9x9:2\nfrozen = on\n"
				     "[board \"c\"]\nsize = 9x9:1\n");
	struct settings *taken = settings_take(running, read, why);

	(void)state;
	compared(running, taken,
		 "taken origin >https://a.org file:3\ntaken drain-ms 5000>7 file:2\n"
		 "taken a.frozen off>on file:6\n");
	compared(taken, read,
		 "restart workers 0>3 file:1\n"
		 "restart a.size 9x9:1>9x9:2 file:5\n"
		 "restart a.palette[1] black:#000000>black:#222222 default:0\n"
		 "restart a.palette[2] >red:#e50000 default:0\n"
		 "restart a.palette[3] >blue:#0000ea default:0\n"
		 "restart b.size 9x9:1> file:0\n"
		 "restart c.size >9x9:1 file:8\n");
	settings_free(running);
	settings_free(read);
	settings_free(taken);
}

static void what_cannot_be_beside_what_stays_is_refused(void **state)
{
	struct settings *running = text("");
	struct settings *read = text("journal-segment-bytes = 1MiB\njournal-keep-bytes = 2MiB\n");

	(void)state;
	assert_null(settings_take(running, read, why));
	assert_string_equal(why, "journal-keep-bytes: must be 0 or at least two "
				 "journal-segment-bytes; it stays 67108864 until a restart");
	settings_free(running);
	settings_free(read);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_file_changes_nothing),
		cmocka_unit_test(what_can_change_is_taken_with_old_new_and_line),
		cmocka_unit_test(what_cannot_change_needs_a_restart),
		cmocka_unit_test(lists_tell_what_comes_and_what_goes),
		cmocka_unit_test(secrets_are_not_told),
		cmocka_unit_test(a_board_tells_each_color_that_changes),
		cmocka_unit_test(the_general_cooldown_is_told_for_each_board_that_has_no_other),
		cmocka_unit_test(boards_that_come_go_or_grow_need_a_restart),
		cmocka_unit_test(
			what_flags_and_variables_hide_is_told_while_the_file_says_otherwise),
		cmocka_unit_test(boards_of_flags_hide_those_of_the_file),
		cmocka_unit_test(what_was_taken_runs),
		cmocka_unit_test(what_cannot_be_beside_what_stays_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
