/* test_command_line.c - the name that was meant is found, and none where none was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "engine/base/command_line.h"
#include "tests/prng.h"

static const char *const names[] = {"data",           "config",       "clients-max",
				    "cooldown-ms",    "journal-sync", "journal-unread",
				    "session-secret", "origin"};

static const char *meant(const char *word)
{
	struct nearest n = nearest_to(word);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		nearest_try(&n, names[i]);
	return nearest_get(&n);
}

static void slips_of_the_fingers_are_near(void **state)
{
	(void)state;
	assert_string_equal(meant("dta"), "data");
	assert_string_equal(meant("dtaa"), "data"); /* two letters swapped are one slip */
	assert_string_equal(meant("cnofig"), "config");
	assert_string_equal(meant("jurnal-sinc"), "journal-sync");
	assert_string_equal(meant("client-max"), "clients-max");
	assert_string_equal(meant("JOURNAL_SYNK"), "journal-sync");
}

static void part_of_one_name_is_near(void **state)
{
	(void)state;
	assert_string_equal(meant("cooldown"), "cooldown-ms");
	assert_string_equal(meant("sync"), "journal-sync");
	assert_null(meant("journal")); /* of two */
	assert_null(meant("ms"));
}

static void what_is_like_nothing_is_near_to_nothing(void **state)
{
	static const char *const words[] = {"",        "x",      "nonsense", "port",
					    "verbose", "daemon", "-",        "abcd"};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (meant(words[i]) != NULL)
			fail_msg("%s is near to %s", words[i], meant(words[i]));
}

/* One slip anywhere in any name finds it again, or one that is as near. */
static void one_slip_finds_the_name(void **state)
{
	uint64_t prng = prng_start(__func__);

	(void)state;
	for (int turn = 0; turn < 2000; turn++) {
		const char *name = names[prng_below(&prng, sizeof(names) / sizeof(names[0]))];
		size_t len = strlen(name), at = prng_below(&prng, len - 1);
		char word[32];

		memcpy(word, name, len + 1);
		switch (prng_below(&prng, 3)) {
		case 0:
			word[at] = 'q';
			break;
		case 1:
			memmove(word + at, word + at + 1, len - at);
			break;
		default:
			word[at] = name[at + 1];
			word[at + 1] = name[at];
		}
		assert_string_equal(meant(word), name);
	}
}

static void words_of_any_length_are_taken(void **state)
{
	char word[300];

	(void)state;
	memset(word, 'a', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	assert_null(meant(word));
}

static void help_is_found_among_the_words(void **state)
{
	char *argv[] = {(char[]){"verify"}, (char[]){"--data"}, (char[]){"-h"}, NULL};

	(void)state;
	assert_true(help_is_asked(3, argv));
	assert_false(help_is_asked(2, argv));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slips_of_the_fingers_are_near),
		cmocka_unit_test(part_of_one_name_is_near),
		cmocka_unit_test(what_is_like_nothing_is_near_to_nothing),
		cmocka_unit_test(one_slip_finds_the_name),
		cmocka_unit_test(words_of_any_length_are_taken),
		cmocka_unit_test(help_is_found_among_the_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
