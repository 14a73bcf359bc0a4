/*
 * test_raw_template.c - messages made from a template, their random parts, and the time in them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/prng.h"
#include "tools/loadgen/raw/raw_pattern.h"
#include "tools/loadgen/raw/raw_stamp.h"
#include "tools/loadgen/raw/raw_template.h"

#define NOW 1790000000123456789ULL

static uint8_t out[RAW_MESSAGE_BYTES_MAX + 1];
static uint64_t rng = 1;

/* The message of this template, with a NUL behind it. */
static const char *made(const char *text, uint64_t seq)
{
	struct raw_template *t;
	const char *why;
	size_t len;

	assert_int_equal(raw_template_new(text, &t, &why), 0);
	len = raw_template_write(t, seq, NOW, &rng, out);
	assert_true(len <= raw_template_bytes_max(t));
	raw_template_free(t);
	out[len] = '\0';
	return (const char *)out;
}

static const char *refused(const char *text)
{
	struct raw_template *t;
	const char *why = NULL;

	assert_int_equal(raw_template_new(text, &t, &why), -EINVAL);
	return why;
}

static void plain_text_is_itself(void **state)
{
	(void)state;
	assert_string_equal(made("hello {world} [a-z]", 1), "hello {world} [a-z]");
	assert_string_equal(made("", 1), "");
}

static void escapes_are_bytes(void **state)
{
	(void)state;
	made("\\x01\\x00\\x04main\\n\\\\{seq}", 1);
	assert_memory_equal(out, "\x01\x00\x04main\n\\{seq}", 15);
}

static void seq_and_now_are_put_in(void **state)
{
	(void)state;
	assert_string_equal(made("{\"n\":\\{seq},\"t\":\\{now_ns}}", 18446744073709551615ULL),
			    "{\"n\":18446744073709551615,\"t\":1790000000123456789}");
	assert_string_equal(made("\\{seq}", 0), "0");
}

static void wrong_templates_are_refused_in_words(void **state)
{
	(void)state;
	assert_string_equal(refused("\\{seq"), "a \\{ has no }");
	assert_non_null(strstr(refused("\\{sequence}"), "must hold"));
	assert_non_null(strstr(refused("\\q"), "backslash"));
	assert_non_null(strstr(refused("\\"), "backslash"));
	assert_non_null(strstr(refused("\\x4"), "hexadecimal"));
	assert_non_null(strstr(refused("\\{re [a-z}"), "has no"));
	assert_non_null(strstr(refused("\\{re [z-a]}"), "backwards"));
	assert_non_null(strstr(refused("\\{re a{3,2}}"), "backwards"));
	assert_non_null(strstr(refused("\\{re (a}"), "( has no )"));
	assert_non_null(strstr(refused("\\{re +}"), "count"));
	assert_non_null(strstr(refused("\\{re []}"), "a set is empty"));
	assert_non_null(strstr(refused("\\{re a{60001}}"), "60,000"));
	assert_non_null(strstr(refused("\\{re (a{60000}){60000}}"), "60,000"));
	assert_non_null(strstr(refused("\\{re ((((((((((a))))))))))}"), "deep"));
}

static void a_message_of_the_full_length_fits(void **state)
{
	(void)state;
	assert_int_equal(strlen(made("\\{re a{60000}}", 1)), 60000);
}

/* The C library matches what the pattern gave: another hand wrote that. */
static void patterns_give_what_they_match(void **state)
{
	static const char *const patterns[][2] = {
		{"[a-z]{8}", "[a-z]{8}"},
		{"[^a-zA-Z]{5}", "[^a-zA-Z]{5}"},
		{"x(one|two|)+y?", "x(one|two|)+y?"},
		{"\\d{3}-\\w*\\.", "[0-9]{3}-[a-zA-Z0-9_]*\\."},
		{"(a|b(c|d){2}){3,4}x*", "(a|b(c|d){2}){3,4}x*"},
		{"[a\\]-]{1,9}", "[]a-]{1,9}"},
		{".{20}", ".{20}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		char text[128];
		regex_t regex;

		(void)snprintf(text, sizeof(text), "^(%s)$", patterns[i][1]);
		assert_int_equal(regcomp(&regex, text, REG_EXTENDED), 0);
		(void)snprintf(text, sizeof(text), "\\{re %s}", patterns[i][0]);
		for (int n = 0; n < 200; n++)
			assert_int_equal(regexec(&regex, made(text, 1), 0, NULL, 0), 0);
		regfree(&regex);
	}
}

static void every_member_of_a_set_comes(void **state)
{
	bool seen[256] = {false};
	const char *at;

	(void)state;
	for (at = made("\\{re [a-c0]{500}}", 1); *at != '\0'; at++)
		seen[(unsigned char)*at] = true;
	assert_true(seen['a'] && seen['b'] && seen['c'] && seen['0']);
}

static void any_text_is_refused_or_made(void **state)
{
	static const char letters[] = "\\{}re []()|?*+,09a-zseqnow_^.dx";
	uint64_t prng = prng_start("any_text_is_refused_or_made");

	(void)state;
	for (int n = 0; n < 20000; n++) {
		struct raw_template *t;
		char text[24];
		const char *why;
		size_t len = prng_below(&prng, sizeof(text));

		for (size_t i = 0; i < len; i++)
			text[i] = letters[prng_below(&prng, sizeof(letters) - 1)];
		text[len] = '\0';
		if (raw_template_new(text, &t, &why) < 0)
			continue;
		assert_true(raw_template_write(t, 1, NOW, &rng, out) <= raw_template_bytes_max(t));
		raw_template_free(t);
	}
}

/* --- the time --------------------------------------------------------------------------------- */

static bool found(const char *text, size_t *hint, uint64_t *ret_ns)
{
	return raw_stamp_find((const uint8_t *)text, strlen(text), NOW - 1000, NOW + 1000, hint,
			      ret_ns);
}

static void the_time_is_found_wherever_it_stands(void **state)
{
	char text[200];

	(void)state;
	for (int at = 0; at < 100; at++) {
		size_t hint = (size_t)at * 7 % 90;
		uint64_t ns = 0;

		(void)snprintf(text, sizeof(text), "%.*s%llu-tail", at,
			       "12 123 a 1790000000999999999 b 17900000001234567891 c d e f g h i "
			       "j k l m n o p q r s t u v w x y z aa bb cc dd ee",
			       NOW);
		if (at > 0 && text[at - 1] >= '0' && text[at - 1] <= '9')
			continue; /* one longer number */
		assert_true(found(text, &hint, &ns));
		assert_true(ns == NOW);
	}
}

static void other_numbers_are_no_time(void **state)
{
	size_t hint = 0;
	uint64_t ns;

	(void)state;
	assert_false(found("", &hint, &ns));
	assert_false(found("179000000012345678", &hint, &ns));
	assert_false(found("17900000001234567890", &hint, &ns));
	assert_false(found("1790000000123458000 1690000000123456789", &hint, &ns));
}

static void the_hint_follows(void **state)
{
	size_t hint = 0;
	uint64_t ns;

	(void)state;
	assert_true(found("{\"data\":1790000000123456789}", &hint, &ns));
	assert_int_equal(hint, 8);
	assert_true(found("{\"data\":1790000000123456788}", &hint, &ns));
	assert_true(ns == NOW - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_is_itself),
		cmocka_unit_test(escapes_are_bytes),
		cmocka_unit_test(seq_and_now_are_put_in),
		cmocka_unit_test(wrong_templates_are_refused_in_words),
		cmocka_unit_test(a_message_of_the_full_length_fits),
		cmocka_unit_test(patterns_give_what_they_match),
		cmocka_unit_test(every_member_of_a_set_comes),
		cmocka_unit_test(any_text_is_refused_or_made),
		cmocka_unit_test(the_time_is_found_wherever_it_stands),
		cmocka_unit_test(other_numbers_are_no_time),
		cmocka_unit_test(the_hint_follows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
