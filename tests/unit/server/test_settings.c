/*
 * test_settings.c - what people write, and what they are told when it is wrong.
 *
 * settings_load() is pure but for --config, so a test is a list of arguments and one of variables.
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

#include "engine/base/log.h"
#include "engine/room.h"
#include "persist/format/journal_format.h"
#include "server/settings/settings_priv.h"

#define ARGS_MAX 16

static char why[SETTINGS_WHY_CHARS];

/* Loads; both lists end with NULL. The settings, or NULL and `why`. */
static struct settings *load(const char *const args[], const char *const env[], int expected)
{
	char *argv[ARGS_MAX] = {(char[]){"pixeld"}};
	char *envp[ARGS_MAX] = {NULL};
	struct settings *s = NULL;
	int argc = 1;

	for (int i = 0; args[i] != NULL; i++)
		argv[argc++] = strdup(args[i]);
	for (int i = 0; env[i] != NULL; i++)
		envp[i] = strdup(env[i]);
	why[0] = '\0';
	assert_int_equal(settings_load(argc, argv, envp, &s, why), expected);
	assert_int_equal(s == NULL, expected != 0);
	assert_int_equal(why[0] == '\0', expected == 0);
	for (int i = 1; i < argc; i++)
		free(argv[i]);
	for (int i = 0; envp[i] != NULL; i++)
		free(envp[i]);
	return s;
}

#define LIST(...)  ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
#define FLAGS(...) load(LIST(__VA_ARGS__), LIST(), 0)

static void flags_refused(const char *flag, const char *value, const char *message)
{
	load(LIST(flag, value), LIST(), EXIT_USAGE);
	assert_non_null(strstr(why, message));
}

static struct settings *text(const char *file)
{
	struct settings *s = NULL;

	if (settings_load_text("pixeld.ini", file, strlen(file), &s, why) != 0)
		fail_msg("%s", why);
	return s;
}

static void text_refused(const char *file, const char *message)
{
	struct settings *s = NULL;

	assert_int_equal(settings_load_text("pixeld.ini", file, strlen(file), &s, why),
			 EXIT_CONFIG);
	assert_null(s);
	if (strstr(why, message) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", message, why);
}

static void nothing_given_serves_main_on_loopback(void **state)
{
	struct settings *s = FLAGS();

	(void)state;
	assert_int_equal(s->action, SETTINGS_RUN);
	assert_int_equal(s->listen.count, 1);
	assert_string_equal(s->listen.items[0], "127.0.0.1:8080");
	assert_int_equal(s->boards_count, 1);
	assert_string_equal(s->boards[0].name, "main");
	assert_int_equal(s->boards[0].width, 1000);
	assert_int_equal(s->boards[0].height, 1000);
	assert_int_equal(s->boards[0].bits, 4);
	assert_int_equal(s->boards[0].cooldown_ms, 5000);
	assert_int_equal(s->boards[0].colors, 16);
	assert_string_equal(s->boards[0].palette[5].name, "red");
	assert_int_equal(s->boards[0].palette[5].rgb, 0xe50000);
	assert_int_equal(s->journal_sync, JOURNAL_SYNC_COMMIT);
	assert_int_equal(s->log_level, LOG_LEVEL_INFO);
	assert_false(s->test_echo);
	settings_free(s);
}

static void flag_wins_over_environment_over_file_over_default(void **state)
{
	char path[] = "/tmp/pixeld-settings-XXXXXX";
	static const char file[] = "workers = 3\nclients-max = 30\ncooldown-ms = 3\n";
	char config[64];
	struct settings *s;
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, file, sizeof(file) - 1), sizeof(file) - 1);
	close(fd);
	snprintf(config, sizeof(config), "--config=%s", path);
	s = load(LIST(config, "--workers=1"),
		 LIST("PIXELD_WORKERS=2", "PIXELD_CLIENTS_MAX=20", "PIXELD_RING_MAX=6.1"), 0);
	unlink(path);
	assert_int_equal(s->workers, 1);
	assert_int_equal(s->origins[SETTINGS_ID_workers].source, SETTINGS_FROM_FLAG);
	assert_int_equal(s->clients_max, 20);
	assert_int_equal(s->origins[SETTINGS_ID_clients_max].source, SETTINGS_FROM_ENV);
	assert_int_equal(s->cooldown_ms, 3);
	assert_int_equal(s->origins[SETTINGS_ID_cooldown_ms].source, SETTINGS_FROM_FILE);
	assert_int_equal(s->origins[SETTINGS_ID_cooldown_ms].line, 3);
	assert_int_equal(s->drain_ms, 5000);
	assert_int_equal(s->origins[SETTINGS_ID_drain_ms].source, SETTINGS_FROM_DEFAULT);
	settings_free(s);
}

static void numbers_take_units(void **state)
{
	struct settings *s = FLAGS("--clients-max", "300k", "--cooldown-ms=2min",
				   "--log-bytes=64KiB", "--snapshot-interval-s=1h",
				   "--snapshot-rate-mib=1GiB", "--cut-interval-ms=250ms");

	(void)state;
	assert_int_equal(s->clients_max, 300000);
	assert_int_equal(s->cooldown_ms, 120000);
	assert_int_equal(s->log_bytes, 65536);
	assert_int_equal(s->snapshot_interval_s, 3600);
	assert_int_equal(s->snapshot_rate_mib, 1024);
	assert_int_equal(s->cut_interval_ms, 250);
	settings_free(s);
}

static void numbers_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = {"",    "x",  "-1",  "1.5", "1e3", "0x10",
					  "5 x", "+5", "5kk", " 5",  "10ms"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		flags_refused("--clients-max", bad[i], "not a whole number; units are k m");
	flags_refused("--clients-max", "0", "must be from 1 to 4000000");
	flags_refused("--clients-max", "4000001", "must be from 1 to 4000000");
	/* Larger than 64 bits, by digits and by unit. */
	flags_refused("--clients-max", "99999999999999999999999", "must be from");
	flags_refused("--journal-keep-bytes", "18446744073709551615TiB", "must be from");
	/* 64k could be either. */
	flags_refused("--log-bytes", "64k", "units are B KiB MiB GiB TiB");
}

static void flags_that_are_wrong_are_explained(void **state)
{
	(void)state;
	load(LIST("--jurnal-sync=off"), LIST(), EXIT_USAGE);
	assert_string_equal(why, "unknown flag --jurnal-sync; the nearest is --journal-sync");
	load(LIST("--workers"), LIST(), EXIT_USAGE);
	assert_string_equal(why, "--workers needs a value");
	load(LIST("--nonsense"), LIST(), EXIT_USAGE); /* nothing is like it */
	assert_string_equal(why, "unknown flag --nonsense; see pixeld --help");
	load(LIST("--chekc-config"), LIST(), EXIT_USAGE);
	assert_string_equal(why, "unknown flag --chekc-config; the nearest is --check-config");
	load(LIST("--cooldown=5s"), LIST(), EXIT_USAGE);
	assert_string_equal(why, "unknown flag --cooldown; the nearest is --cooldown-ms");
	load(LIST("serve"), LIST(), EXIT_USAGE);
	assert_non_null(strstr(why, "unknown argument \"serve\""));
	load(LIST("--"), LIST(), EXIT_USAGE);
	load(LIST("--="), LIST(), EXIT_USAGE);
	load(LIST("--help=yes"), LIST(), EXIT_USAGE);
	flags_refused("--journal-sync", "sometimes", "must be one of commit|interval|off");
	flags_refused("--test-echo=maybe", NULL, "must be on or off");
}

static void environment_that_is_wrong_is_a_configuration_error(void **state)
{
	(void)state;
	load(LIST(), LIST("PIXELD_JOURNAL_SYNC=x"), EXIT_CONFIG);
	assert_string_equal(why, "PIXELD_JOURNAL_SYNC=x: must be one of commit|interval|off");
	load(LIST("--config=/nonexistent/pixeld.ini"), LIST(), EXIT_CONFIG);
	assert_non_null(strstr(why, "/nonexistent/pixeld.ini: No such file"));
}

static void the_last_flag_counts_and_lists_grow(void **state)
{
	struct settings *s = FLAGS("--workers=1", "--workers=2", "--listen=127.0.0.1:1",
				   "--listen=[::1]:2,unix:/tmp/x");

	(void)state;
	assert_int_equal(s->workers, 2);
	assert_int_equal(s->listen.count, 3);
	assert_string_equal(s->listen.items[1], "[::1]:2");
	assert_string_equal(s->listen.items[2], "unix:/tmp/x");
	settings_free(s);
	s = load(LIST("--listen=127.0.0.1:1"), LIST("PIXELD_LISTEN=127.0.0.1:2"), 0);
	assert_int_equal(s->listen.count, 1);
	settings_free(s);
}

static void switches_need_no_value(void **state)
{
	struct settings *s = FLAGS("--test-echo", "--check-system", "--clients", "5");

	(void)state;
	assert_true(s->test_echo);
	assert_int_equal(s->action, SETTINGS_CHECK_SYSTEM);
	assert_int_equal(s->clients_max, 5);
	settings_free(s);
}

static void help_works_beside_a_broken_environment(void **state)
{
	struct settings *s = load(LIST("--help"), LIST("PIXELD_WORKERS=x"), 0);

	(void)state;
	assert_int_equal(s->action, SETTINGS_HELP);
	settings_free(s);
	s = load(LIST("--nonsense", "-h"), LIST(), 0); /* and beside wrong flags */
	assert_int_equal(s->action, SETTINGS_HELP);
	settings_free(s);
}

static void boards_are_given_by_flag(void **state)
{
	struct settings *s = FLAGS("--board=a:16384x1:1", "--board=b:1x2:8", "--cooldown-ms=7");

	(void)state;
	assert_int_equal(s->boards_count, 2);
	assert_string_equal(s->boards[0].name, "a");
	assert_int_equal(s->boards[0].width, 16384);
	assert_int_equal(s->boards[0].colors, 2);
	assert_int_equal(s->boards[1].height, 2);
	assert_int_equal(s->boards[1].bits, 8);
	assert_int_equal(s->boards[1].cooldown_ms, 7);
	settings_free(s);
}

static void boards_that_cannot_be_are_refused(void **state)
{
	static const char *const bad[] = {"a",       "a:10x10",   "a:0x10:4",        "a:16385x1:4",
					  "a:1x1:3", "a:1x1:4:",  "a:1x1x1:4",       "A:1x1:4",
					  ":1x1:4",  "a b:1x1:4", "a:-1x1:4",        "a:1 x1:4",
					  "a:1x1:",  "a/b:1x1:4", "a:4294967297x1:4"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		load(LIST("--board", bad[i]), LIST(), EXIT_USAGE);
	load(LIST("--board=a:1x1:4", "--board=a:2x2:4"), LIST(), EXIT_USAGE);
	assert_non_null(strstr(why, "board \"a\" is given twice"));
}

static void no_more_boards_are_taken_than_a_server_has(void **state)
{
	static char file[ROOMS_MAX * 32 + 64];
	struct settings *s;
	size_t len = 0;

	(void)state;
	for (unsigned i = 0; i < ROOMS_MAX; i++)
		len += (size_t)sprintf(file + len, "[board \"b%u\"]\nsize = 1x1:1\n", i);
	s = text(file);
	assert_int_equal(s->boards_count, ROOMS_MAX);
	settings_free(s);
	sprintf(file + len, "[board \"more\"]\nsize = 1x1:1\n");
	text_refused(file, "board: there are 257; a server has at most 256");
}

static void no_board_at_all_is_refused(void **state)
{
	static const char none[] = "board: there is none to serve";
	struct settings *s = text("board =\n[board \"a\"]\nsize = 1x2:4\n");

	(void)state;
	assert_int_equal(s->boards_count, 1);
	assert_int_equal(s->boards[0].height, 2);
	settings_free(s);
	text_refused("board :", none);
	text_refused("board = ,\n", none);
	load(LIST(), LIST("PIXELD_BOARD="), EXIT_CONFIG);
	assert_non_null(strstr(why, none));
	load(LIST("--board="), LIST(), EXIT_USAGE);
	assert_non_null(strstr(why, none));
}

static void file_has_sections_for_groups_and_boards(void **state)
{
	struct settings *s = text("# comment\n"
				  "cooldown_ms = 10s ; inline\n"
				  "listen = 127.0.0.1:1\n"
				  "  [::1]:2\n"
				  "[journal]\n"
				  "sync = interval\n"
				  "interval-ms = 20\n"
				  "[http]\n"
				  "head.timeout-ms = 1s\n"
				  "[board \"small\"]\n"
				  "size = 8x4:2\n"
				  "frozen = yes\n"
				  "cooldown-ms = 0\n"
				  "palette = white:#ffffff, black:#000000\n"
				  "  red:#FF0000\n"
				  "[board \"other\"]\n"
				  "size = 9x9:1\n");

	(void)state;
	assert_int_equal(s->cooldown_ms, 10000);
	assert_int_equal(s->listen.count, 2);
	assert_int_equal(s->journal_sync, JOURNAL_SYNC_INTERVAL);
	assert_int_equal(s->journal_interval_ms, 20);
	assert_int_equal(s->http_head_timeout_ms, 1000);
	assert_int_equal(s->boards_count, 2);
	assert_int_equal(s->boards[0].width, 8);
	assert_int_equal(s->boards[0].cooldown_ms, 0);
	assert_true(s->boards[0].frozen);
	assert_int_equal(s->boards[0].colors, 3);
	assert_int_equal(s->boards[0].palette[2].rgb, 0xff0000);
	assert_int_equal(s->boards[1].cooldown_ms, 10000);
	assert_int_equal(s->boards[1].colors, 2);
	settings_free(s);
}

static void section_of_main_changes_the_default_board(void **state)
{
	struct settings *s = text("[board \"main\"]\ncooldown-ms = 1min\n");

	(void)state;
	assert_int_equal(s->boards_count, 1);
	assert_int_equal(s->boards[0].width, 1000);
	assert_int_equal(s->boards[0].cooldown_ms, 60000);
	settings_free(s);
}

static void boards_of_flags_replace_those_of_the_file(void **state)
{
	char path[] = "/tmp/pixeld-settings-XXXXXX";
	static const char file[] = "[board \"a\"]\nsize = 5x5:4\ncooldown-ms = 1\n"
				   "[board \"b\"]\nsize = 6x6:4\n";
	char config[64];
	struct settings *s;
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, file, sizeof(file) - 1), sizeof(file) - 1);
	close(fd);
	snprintf(config, sizeof(config), "--config=%s", path);
	s = load(LIST(config, "--board=c:7x7:4", "--board=a:8x8:4"), LIST(), 0);
	unlink(path);
	assert_int_equal(s->boards_count, 2);
	assert_string_equal(s->boards[0].name, "c");
	assert_string_equal(s->boards[1].name, "a");
	assert_int_equal(s->boards[1].width, 8);
	assert_int_equal(s->boards[1].cooldown_ms, 1);
	settings_free(s);
}

static void file_that_is_wrong_is_explained_with_its_line(void **state)
{
	char wide[400] = "\ndata = ";

	(void)state;
	text_refused("\n\n[journal]\nsinc = off\n",
		     "pixeld.ini:4: unknown setting \"journal-sinc\"; the nearest is journal-sync");
	text_refused("nonsense = 1\n",
		     "pixeld.ini:1: unknown setting \"nonsense\"; pixeld --help lists all");
	text_refused("workers = x\n", "pixeld.ini:1: workers = x: not a whole number");
	text_refused("workers = 1\nworkers = 2\n", "pixeld.ini:2: workers = 2: is given twice");
	text_refused("[journal]\nsync = off\n segment-bytes = 1MiB\n",
		     "pixeld.ini:3: journal-sync");
	text_refused("config = x\n", "pixeld.ini:1: config cannot be set in a file");
	text_refused("\nnonsense\n", "pixeld.ini:2: neither [section] nor name = value");
	text_refused("[journal\n", "pixeld.ini:1: neither");
	text_refused("[board \"a\"]\nfrozen = on\n", "line 2: board \"a\" has no size");
	text_refused("[board \"a\"]\ncolour = on\n", "pixeld.ini:2: a board has size, cooldown-ms");
	text_refused("[board \"A\"]\nfrozen = on\n", "a board name has");
	text_refused("[board \"a\"]\nsize = 1x1:1\npalette = a:#000000 b:#000000 c:#000000\n",
		     "has 3 colors; 1 bits allow 2");
	text_refused("[board \"a\"]\nsize = 1x1:1\npalette = a:#00000g\n",
		     "pixeld.ini:3: a palette");
	text_refused("[board \"a\"]\nsize = 1x1:1\npalette = a\"b:#000000\n", "a palette");
	memset(wide + 8, 'x', sizeof(wide) - 9);
	text_refused(wide, "pixeld.ini:2: the line is too long");
}

/* One mistake has one code: 2 where the command line has it, 78 where environment or file do. */
static void wrong_value_is_usage_by_flag_and_configuration_elsewhere(void **state)
{
	static const char *const wrong[][2] = {
		{"workers", "x"}, {"log-bytes", "100000"},   {"listen", "localhost:80"},
		{"listen", ","},  {"origin", "example.org"}, {"session-secret", "00"},
		{"data", ""},     {"board", "main:1x1:3"}};
	char flag[80], env[80], line[80];
	struct settings *s;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		setting_env_name(&setting_rows[setting_find(wrong[i][0])], env);
		snprintf(env + strlen(env), sizeof(env) - strlen(env), "=%s", wrong[i][1]);
		snprintf(flag, sizeof(flag), "--%s=%s", wrong[i][0], wrong[i][1]);
		snprintf(line, sizeof(line), "%s = %s\n", wrong[i][0], wrong[i][1]);
		load(LIST(flag), LIST(), EXIT_USAGE);
		load(LIST(), LIST(env), EXIT_CONFIG);
		assert_int_equal(settings_load_text("x", line, strlen(line), &s, why), EXIT_CONFIG);
	}
	/* Two that are each good, and not together, are no mistake of the command line. */
	load(LIST("--journal-keep-bytes=1MiB"), LIST(), EXIT_CONFIG);
}

static void settings_that_contradict_are_refused(void **state)
{
	(void)state;
	text_refused("listen = localhost:80\n", "listen=localhost:80: must be like");
	text_refused("origin = example.org\n", "origin=example.org: must be like");
	text_refused("origin = https://example.org/x\n", "without a path");
	text_refused("log-bytes = 100000\n", "log-bytes: must be a power of two");
	text_refused("journal-keep-bytes = 1MiB\n", "at least two journal-segment-bytes");
	text_refused("session-secret = 00112233445566778899aabbccddee\n", "16 to 256 bytes");
	text_refused("session-secret = zz112233445566778899aabbccddeeff\n", "16 to 256 bytes");
	text_refused("session-secret = 00112233445566778899aabbccddeeff\nsession-secret-file = x\n",
		     "give only one of them");
	text_refused("data =\n", "data: is empty");
}

/* Writes what an action shows into memory; the caller frees it. */
static char *shown(struct settings *s, enum settings_action action)
{
	char *out = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&out, &len);

	s->action = action;
	assert_true(settings_show(s, file));
	fclose(file);
	return out;
}

/* Drops comments, in which the source stands. */
static void without_sources(char *config)
{
	char *to = config;
	bool comment = false;

	for (const char *at = config; *at != '\0'; at++) {
		comment = *at != '\n' && (comment || *at == ';' || (*at == '#' && to[-1] == '\n'));
		if (!comment)
			*to++ = *at;
	}
	*to = '\0';
}

static void printed_configuration_reads_back_the_same(void **state)
{
	struct settings *first = FLAGS("--board=a:3x4:8", "--board=b:5x6:2", "--journal-sync=off",
				       "--listen=unix:/tmp/x,[::1]:1",
				       "--tcp-congestion=", "--origin=https://a.example",
				       "--test-echo", "--workers=3");
	char *a = shown(first, SETTINGS_PRINT_CONFIG);
	struct settings *second = text(a);
	char *b = shown(second, SETTINGS_PRINT_CONFIG);

	(void)state;
	assert_non_null(strstr(a, "workers = 3 ; flag"));
	assert_non_null(strstr(b, "workers = 3 ; file, line 5"));
	assert_non_null(strstr(a, "drain-ms = 5000 ; default"));
	without_sources(a);
	without_sources(b);
	assert_string_equal(a, b);
	free(a);
	free(b);
	settings_free(first);
	settings_free(second);
}

static void secret_is_never_shown(void **state)
{
	static const char secret[] = "00112233445566778899aabbccddeeff";
	struct settings *s = FLAGS("--session-secret", secret);
	char *out = shown(s, SETTINGS_PRINT_CONFIG);

	(void)state;
	assert_null(strstr(out, secret));
	assert_non_null(strstr(out, "session-secret = (hidden)"));
	free(out);
	settings_free(s);
}

static void password_of_the_database_is_never_shown(void **state)
{
	static const char *const with[] = {"postgresql://me:geheim@host/db",
					   "host=a password=geheim"};
	struct settings *s = FLAGS("--postgres", "postgresql://me@host:5432/db");
	char *out = shown(s, SETTINGS_PRINT_CONFIG);

	(void)state;
	assert_non_null(strstr(out, "\npostgres = postgresql://me@host:5432/db"));
	free(out);
	settings_free(s);
	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		s = FLAGS("--postgres", with[i]);
		out = shown(s, SETTINGS_PRINT_CONFIG);
		assert_null(strstr(out, "geheim"));
		assert_non_null(strstr(out, "postgres = (hidden)"));
		free(out);
		settings_free(s);
	}
}

static void help_names_every_setting_default_and_variable(void **state)
{
	struct settings *s = FLAGS();
	char *out = shown(s, SETTINGS_HELP);
	char name[SETTING_NAME_CHARS];

	(void)state;
	for (int id = 0; id < SETTINGS_ROWS; id++) {
		assert_non_null(strstr(out, setting_rows[id].name));
		assert_non_null(strstr(out, setting_rows[id].def));
		setting_env_name(&setting_rows[id], name);
		assert_non_null(strstr(out, name));
		assert_true(strlen(setting_rows[id].sentence) > 10);
	}
	free(out);
	settings_free(s);
}

/* Run by ctest in the root of the repository. */
static void reference_page_is_current(void **state)
{
	static const char path[] = "docs/reference/settings.md";
	struct settings *s = FLAGS();
	char *now = shown(s, SETTINGS_PRINT_REFERENCE);
	char *page = calloc(1, strlen(now) + 2);
	FILE *file = fopen(path, "re");

	(void)state;
	assert_non_null(file);
	assert_int_equal(fread(page, 1, strlen(now) + 1, file), strlen(now));
	if (strcmp(page, now) != 0)
		fail_msg("run pixeld --print-reference >%s", path);
	fclose(file);
	free(page);
	free(now);
	settings_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_given_serves_main_on_loopback),
		cmocka_unit_test(flag_wins_over_environment_over_file_over_default),
		cmocka_unit_test(numbers_take_units),
		cmocka_unit_test(numbers_that_are_none_are_refused),
		cmocka_unit_test(flags_that_are_wrong_are_explained),
		cmocka_unit_test(environment_that_is_wrong_is_a_configuration_error),
		cmocka_unit_test(the_last_flag_counts_and_lists_grow),
		cmocka_unit_test(switches_need_no_value),
		cmocka_unit_test(help_works_beside_a_broken_environment),
		cmocka_unit_test(boards_are_given_by_flag),
		cmocka_unit_test(boards_that_cannot_be_are_refused),
		cmocka_unit_test(no_more_boards_are_taken_than_a_server_has),
		cmocka_unit_test(no_board_at_all_is_refused),
		cmocka_unit_test(file_has_sections_for_groups_and_boards),
		cmocka_unit_test(section_of_main_changes_the_default_board),
		cmocka_unit_test(boards_of_flags_replace_those_of_the_file),
		cmocka_unit_test(file_that_is_wrong_is_explained_with_its_line),
		cmocka_unit_test(wrong_value_is_usage_by_flag_and_configuration_elsewhere),
		cmocka_unit_test(settings_that_contradict_are_refused),
		cmocka_unit_test(printed_configuration_reads_back_the_same),
		cmocka_unit_test(secret_is_never_shown),
		cmocka_unit_test(password_of_the_database_is_never_shown),
		cmocka_unit_test(help_names_every_setting_default_and_variable),
		cmocka_unit_test(reference_page_is_current),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
