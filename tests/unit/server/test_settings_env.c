/* test_settings_env.c - variables that begin with PIXELD_: settings, those of others, and misspelt
 * ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/settings/settings.h"

static char why[SETTINGS_WHY_CHARS];

/* A start with this variable alone, and one flag or NULL; the exit code, and `why`. */
static int load(const char *variable, const char *flag)
{
	char *argv[] = {(char[]){"pixeld"}, (char *)(uintptr_t)flag, NULL};
	char *envp[] = {(char *)(uintptr_t)variable, NULL};
	struct settings *s;
	int code = settings_load(flag == NULL ? 1 : 2, argv, envp, &s, why);

	settings_free(s);
	return code;
}

static void misspelt_variable_is_refused(void **state)
{
	(void)state;
	assert_int_equal(load("PIXELD_JURNAL_SYNC=off", NULL), EXIT_CONFIG);
	assert_string_equal(
		why, "unknown variable PIXELD_JURNAL_SYNC; the nearest is PIXELD_JOURNAL_SYNC");
	assert_int_equal(load("PIXELD_COOLDOWN=0", NULL), EXIT_CONFIG);
	assert_string_equal(why,
			    "unknown variable PIXELD_COOLDOWN; the nearest is PIXELD_COOLDOWN_MS");
	assert_int_equal(load("PIXELD_PORT=8080", NULL), EXIT_CONFIG);
	assert_string_equal(
		why, "unknown variable PIXELD_PORT: it is not a setting; pixeld --help lists all");
	/* Also when a flag wins. */
	assert_int_equal(load("PIXELD_WROKERS=2", "--workers=1"), EXIT_CONFIG);
}

static void variables_of_tests_and_of_containers_are_left_alone(void **state)
{
	static const char *const others[] = {"PIXELD_RING_MAX=6.1",
					     "PIXELD_BUILD=build/release",
					     "PIXELD_SEED=1",
					     "PIXELD_SERVICE_HOST=10.0.0.1",
					     "PIXELD_SERVICE_PORT=8080",
					     "PIXELD_SERVICE_PORT_HTTP=8080",
					     "PIXELD_PORT=tcp://10.0.0.1:8080",
					     "PIXELD_PORT_8080_TCP=tcp://10.0.0.1:8080",
					     "PIXELD_PORT_8080_TCP_ADDR=10.0.0.1",
					     "PIXELD_WEB_SERVICE_HOST=10.0.0.1",
					     "PIXELD_WEB_PORT=tcp://10.0.0.1:80",
					     "PIXELD_NAME=/web/pixeld",
					     "PIXELD_ENV_LANG=C",
					     "PIXELD=build/release/server/pixeld",
					     "PIXELDWORKERS=x"};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(load(others[i], NULL), EXIT_PASS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(misspelt_variable_is_refused),
		cmocka_unit_test(variables_of_tests_and_of_containers_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
