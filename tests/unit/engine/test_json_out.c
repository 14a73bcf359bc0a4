/*
 * test_json_out.c - whatever is written is JSON that jansson reads back to the same values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json_out.h"
#include "tests/prng.h"

#define ROOM      65536
#define RUNS      300
#define TEXT_MAX  24
#define DEPTH_MAX 6

/* --- the same value twice: written, and as jansson has it ------------------------------------- */

/* Mostly what is easily got wrong. */
static void any_text(uint64_t *rng, char out[static TEXT_MAX + 1])
{
	static const char *const parts[] = {
		"\"",
		"\\",
		"\n",
		"\x01",
		"\x1f",
		"\x7f",
		"/",
		"a",
		"plain text",
		"\xc3\xa9",         /* U+00E9 */
		"\xe2\x80\xa8",     /* U+2028, a line end to JavaScript */
		"\xf0\x9f\x8e\xa8", /* U+1F3A8 */
		"\xf0\x9f\x8e",     /* cut */
		"\xed\xa0\x80",     /* a surrogate */
		"\xc0\x80",         /* too long a form */
		"\xf4\x90\x80\x80", /* beyond U+10FFFF */
		"\xff",
	};
	size_t len = 0;

	while (prng_below(rng, 5) > 0) {
		const char *part = parts[prng_below(rng, sizeof(parts) / sizeof(parts[0]))];

		if (len + strlen(part) > TEXT_MAX)
			break;
		memcpy(out + len, part, strlen(part));
		len += strlen(part);
	}
	out[len] = '\0';
}

/* The text with '?' for each byte that jansson does not take as UTF-8. */
static void repaired(const char *text, char out[static TEXT_MAX + 1])
{
	size_t at = 0, end = strlen(text);

	while (at < end) {
		size_t bytes = 0;

		for (size_t n = 1; bytes == 0 && n <= 4 && n <= end - at; n++) {
			json_t *one = json_stringn(text + at, n);

			bytes = one != NULL ? n : 0;
			json_decref(one);
		}
		memcpy(out + at, bytes > 0 ? text + at : "?", bytes > 0 ? bytes : 1);
		at += bytes > 0 ? bytes : 1;
	}
	out[at] = '\0';
}

static json_t *write_text(uint64_t *rng, struct json_out *j, const char *name)
{
	char text[TEXT_MAX + 1], clean[TEXT_MAX + 1];

	any_text(rng, text);
	repaired(text, clean);
	json_put_text(j, name, text);
	return json_string(clean);
}

static json_t *write_decimal(uint64_t *rng, struct json_out *j, const char *name)
{
	static const double rare[] = {NAN, INFINITY, -INFINITY, 0.0, -0.5, 1e300};
	double number = (double)prng_next(rng) / 1e9;
	int digits = (int)prng_below(rng, 10);
	char text[400];

	if (prng_below(rng, 3) == 0)
		number = rare[prng_below(rng, sizeof(rare) / sizeof(rare[0]))];
	json_put_decimal(j, name, number, digits);
	snprintf(text, sizeof(text), "%.*f", digits, number);
	return isfinite(number) ? json_real(strtod(text, NULL)) : json_null();
}

static json_t *write_scalar(uint64_t *rng, struct json_out *j, const char *name)
{
	uint64_t number = prng_next(rng) >> prng_below(rng, 64);

	switch (prng_below(rng, 7)) {
	case 0:
		json_put_number(j, name, number);
		return json_real((double)number);
	case 1:
		return write_decimal(rng, j, name);
	case 2:
		json_put_bool(j, name, number & 1);
		return json_boolean(number & 1);
	case 3:
		json_put_null(j, name);
		return json_null();
	case 4:
		json_put_hex(j, name, "\x00\x9f\xff", 3);
		return json_string("009fff");
	case 5:
		json_put_json(j, name, "[1.0,{}]", 8);
		return json_pack("[f{}]", 1.0);
	default:
		return write_text(rng, j, name);
	}
}

static json_t *write_any(uint64_t *rng, struct json_out *j, const char *name, unsigned depth);

static json_t *write_members(uint64_t *rng, struct json_out *j, unsigned depth, json_t *into)
{
	static const char *const names[] = {"", "a", "wait_ms", "two words", "~", "board", "seq"};

	while (prng_below(rng, 4) > 0) {
		const char *name = names[prng_below(rng, sizeof(names) / sizeof(names[0]))];

		if (json_is_array(into))
			json_array_append_new(into, write_any(rng, j, NULL, depth + 1));
		else
			json_object_set_new(into, name, write_any(rng, j, name, depth + 1));
	}
	json_close(j);
	return into;
}

static json_t *write_any(uint64_t *rng, struct json_out *j, const char *name, unsigned depth)
{
	switch (depth < DEPTH_MAX ? prng_below(rng, 6) : UINT64_MAX) {
	case 0:
		json_open_array(j, name);
		return write_members(rng, j, depth, json_array());
	case 1:
		json_open_object(j, name);
		return write_members(rng, j, depth, json_object());
	case 2:
		json_line_object(j, name);
		return write_members(rng, j, depth, json_object());
	default:
		return write_scalar(rng, j, name);
	}
}

static json_t *document(uint64_t seed, struct json_out *j)
{
	json_open_object(j, NULL);
	return write_members(&seed, j, 1, json_object());
}

static struct json_out begin(enum json_layout layout, char *memory, size_t room)
{
	return layout == JSON_DENSE ? json_out_of(memory, room)
				    : json_out_lines(text_out_of(memory, room));
}

/* --- tests ------------------------------------------------------------------------------------ */

static void any_calls_make_json_of_the_same_values(void **state)
{
	uint64_t rng = prng_start(__func__);
	static char memory[ROOM];

	(void)state;
	for (unsigned run = 0; run < RUNS; run++) {
		struct json_out j = begin(run % 2 ? JSON_DENSE : JSON_LINES, memory, ROOM);
		json_t *meant = document(prng_next(&rng), &j);
		json_error_t why;
		json_t *found;

		assert_false(j.text.bad);
		found = json_loads(text_end(&j.text), JSON_DECODE_INT_AS_REAL, &why);
		if (found == NULL)
			fail_msg("%s\n%s", why.text, memory);
		if (!json_equal(found, meant))
			fail_msg("not what was meant:\n%s", memory);
		json_decref(found);
		json_decref(meant);
	}
}

static void every_smaller_room_is_bad_and_holds_the_beginning(void **state)
{
	uint64_t rng = prng_start(__func__);
	static char whole[ROOM];

	(void)state;
	for (unsigned run = 0; run < 20; run++) {
		enum json_layout layout = run % 2 ? JSON_DENSE : JSON_LINES;
		struct json_out all = begin(layout, whole, ROOM);
		uint64_t seed = prng_next(&rng);
		size_t len;

		json_decref(document(seed, &all));
		len = text_len(&all.text);
		for (size_t room = 1; room <= len + 1; room += 1 + len / 500) {
			char *exactly = malloc(room); /* ASan sees a byte behind it */
			struct json_out j = begin(layout, exactly, room);

			json_decref(document(seed, &j));
			assert_int_equal(j.text.bad, room <= len);
			assert_true(text_len(&j.text) < room);
			assert_memory_equal(exactly, whole, text_len(&j.text));
			free(exactly);
		}
	}
}

static void texts_are_escaped(void **state)
{
	static const struct {
		const char *text, *json;
	} rows[] = {
		{"", "\"\""},
		{"say \"a\\b\"", "\"say \\\"a\\\\b\\\"\""},
		{"\x01\t\n\x1f\x7f", "\"\\u0001\\u0009\\u000a\\u001f\x7f\""},
		{"\xc3\xa9\xe2\x80\xa8\xf0\x9f\x8e\xa8",
		 "\"\xc3\xa9\xe2\x80\xa8\xf0\x9f\x8e\xa8\""},
		{"a\xffz\xc3", "\"a?z?\""},
		{"\xed\xa0\x80", "\"\?\?\?\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char memory[64];
		struct json_out j = json_out_of(memory, sizeof(memory));

		json_put_text(&j, NULL, rows[i].text);
		assert_string_equal(text_end(&j.text), rows[i].json);
	}
}

static void some_of_each(struct json_out *j)
{
	json_open_object(j, NULL);
	json_put_number(j, "n", UINT64_MAX);
	json_open_array(j, "empty");
	json_close(j);
	json_line_object(j, "line");
	json_put_decimal(j, "d", 2.5, 3);
	json_open_array(j, "within");
	json_put_bool(j, NULL, true);
	json_put_null(j, NULL);
	json_close(j);
	json_close(j);
	json_open_array(j, "list");
	json_put_text(j, NULL, "a");
	json_put_hex(j, NULL, "\x0f", 1);
	json_close(j);
	json_close(j);
}

static void dense_json_has_no_blanks(void **state)
{
	char memory[256];
	struct json_out j = json_out_of(memory, sizeof(memory));

	(void)state;
	some_of_each(&j);
	assert_string_equal(text_end(&j.text),
			    "{\"n\":18446744073709551615,\"empty\":[],\"line\":{\"d\":2.500,"
			    "\"within\":[true,null]},\"list\":[\"a\",\"0f\"]}");
}

static void members_of_an_object_join_others(void **state)
{
	char out[128];
	struct json_out j = json_out_of(out, sizeof(out));

	(void)state;
	json_open_array(&j, NULL);
	json_open_object(&j, NULL);
	json_put_members(&j, "{\"a\":1,\"b\":[{}]}", 16);
	json_put_number(&j, "c", 2);
	json_put_members(&j, "{\"d\":3}", 7);
	json_close(&j);
	json_close(&j);
	assert_string_equal(text_end(&j.text), "[{\"a\":1,\"b\":[{}],\"c\":2,\"d\":3}]");
}

static void json_in_lines_is_indented(void **state)
{
	char memory[256];
	struct json_out j = json_out_lines(text_out_of(memory, sizeof(memory)));

	(void)state;
	some_of_each(&j);
	assert_string_equal(text_end(&j.text),
			    "{\n  \"n\": 18446744073709551615,\n  \"empty\": [],\n"
			    "  \"line\": {\"d\": 2.500, \"within\": [true, null]},\n"
			    "  \"list\": [\n    \"a\",\n    \"0f\"\n  ]\n}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_calls_make_json_of_the_same_values),
		cmocka_unit_test(every_smaller_room_is_bad_and_holds_the_beginning),
		cmocka_unit_test(texts_are_escaped),
		cmocka_unit_test(dense_json_has_no_blanks),
		cmocka_unit_test(members_of_an_object_join_others),
		cmocka_unit_test(json_in_lines_is_indented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
