/*
 * test_text_out.c - what fits is written whole; what does not is never written beyond the room.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/text_out.h"
#include "tests/prng.h"

#define PIECES    40
#define CHARS_MAX 4096

/* One piece in each of the ways there are. */
static void any_piece(uint64_t *rng, struct text_out *t)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
	uint64_t number = prng_next(rng) >> prng_below(rng, 64);
	size_t len = prng_below(rng, sizeof(letters));
	char *at;

	switch (prng_below(rng, 6)) {
	case 0:
		text_put(t, letters + len);
		break;
	case 1:
		text_put_bytes(t, letters, len);
		break;
	case 2:
		text_put_number(t, number);
		break;
	case 3:
		text_put_hex(t, letters, len);
		break;
	case 4:
		text_print(t, "<%s %llu>", letters + len, (unsigned long long)number);
		break;
	default:
		at = text_reserve(t, len);
		if (at != NULL) {
			memcpy(at, letters, len);
			text_commit(t, at + len);
		}
		break;
	}
}

static void pieces(uint64_t seed, struct text_out *t)
{
	for (int i = 0; i < PIECES; i++)
		any_piece(&seed, t);
}

static void every_smaller_room_is_bad_and_holds_the_beginning(void **state)
{
	uint64_t seed = prng_start(__func__);
	static char whole[CHARS_MAX];
	struct text_out all = text_out_of(whole, sizeof(whole));
	size_t len;

	(void)state;
	pieces(seed, &all);
	assert_false(all.bad);
	len = text_len(&all);
	for (size_t room = 1; room <= len + 1; room++) {
		char *exactly = malloc(room); /* a byte written behind it is seen by ASan */
		struct text_out t = text_out_of(exactly, room);

		pieces(seed, &t);
		assert_int_equal(t.bad, room <= len);
		assert_true(text_len(&t) < room);
		assert_memory_equal(exactly, whole, text_len(&t));
		assert_int_equal(strlen(text_end(&t)), text_len(&t));
		free(exactly);
	}
}

static void nothing_follows_what_did_not_fit(void **state)
{
	char room[4];
	struct text_out t = text_out_of(room, sizeof(room));

	(void)state;
	text_put(&t, "ab");
	text_put(&t, "cd");
	assert_true(t.bad);
	text_put(&t, "e");
	text_print(&t, "%d", 7);
	assert_null(text_reserve(&t, 1));
	assert_string_equal(text_end(&t), "ab");
}

static void text_that_fills_the_room_exactly_is_good(void **state)
{
	char room[4];
	struct text_out t = text_out_of(room, sizeof(room));

	(void)state;
	text_print(&t, "%s", "abc");
	text_put(&t, "");
	assert_false(t.bad);
	assert_string_equal(text_end(&t), "abc");
}

static void assert_number(uint64_t number)
{
	char room[64], expected[64];
	struct text_out t = text_out_of(room, sizeof(room));

	text_put_number(&t, number);
	snprintf(expected, sizeof(expected), "%llu", (unsigned long long)number);
	assert_string_equal(text_end(&t), expected);
}

static void numbers_are_those_of_printf(void **state)
{
	uint64_t rng = prng_start(__func__), power = 1;

	(void)state;
	for (uint64_t number = 0; number <= UINT16_MAX; number++)
		assert_number(number);
	for (unsigned digits = 1; digits <= TEXT_NUMBER_CHARS_MAX; digits++, power *= 10) {
		assert_number(power - 1);
		assert_number(power);
	}
	for (unsigned bits = 1; bits < 64; bits++)
		assert_number(prng_next(&rng) >> bits);
	assert_number(UINT64_MAX);
}

/* --- with a drain ----------------------------------------------------------------------------- */

struct sink {
	struct text_out all;
	unsigned takes; /* how many times more it does */
};

static bool take(struct text_out *t)
{
	struct sink *s = t->to;

	if (s->takes == 0)
		return false;
	s->takes--;
	text_put_bytes(&s->all, t->begin, text_len(t));
	return true;
}

static void a_drain_gets_all_of_it_in_order(void **state)
{
	uint64_t seed = prng_start(__func__);
	static char whole[CHARS_MAX], drained[CHARS_MAX];
	struct text_out all = text_out_of(whole, sizeof(whole));

	(void)state;
	pieces(seed, &all);
	for (size_t room = 64; room < 200; room++) { /* no text_print() here is longer than 63 */
		struct sink sink = {text_out_of(drained, sizeof(drained)), UINT32_MAX};
		char *exactly = malloc(room);
		struct text_out t = text_out_of(exactly, room);

		t.drain = take;
		t.to = &sink;
		pieces(seed, &t);
		text_flush(&t);
		assert_false(t.bad);
		assert_int_equal(text_len(&sink.all), text_len(&all));
		assert_memory_equal(drained, whole, text_len(&all));
		free(exactly);
	}
}

static void a_text_longer_than_the_room_goes_through_a_drain(void **state)
{
	char room[8], drained[64];
	struct sink sink = {text_out_of(drained, sizeof(drained)), UINT32_MAX};
	struct text_out t = text_out_of(room, sizeof(room));

	(void)state;
	t.drain = take;
	t.to = &sink;
	text_put(&t, "0123456789012345678901234567890123456789");
	text_flush(&t);
	assert_string_equal(text_end(&sink.all), "0123456789012345678901234567890123456789");
	text_print(&t, "%s", "12345678");
	assert_true(t.bad);
}

static void a_drain_that_refuses_makes_the_text_bad(void **state)
{
	char room[8], drained[64];
	struct sink sink = {text_out_of(drained, sizeof(drained)), 1};
	struct text_out t = text_out_of(room, sizeof(room));

	(void)state;
	t.drain = take;
	t.to = &sink;
	text_put(&t, "0123456789");
	assert_false(t.bad);
	text_put(&t, "0123456789");
	assert_true(t.bad);
	sink.takes = 1;
	text_flush(&t);
	assert_true(t.bad);
	assert_string_equal(text_end(&sink.all), "0123456");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_smaller_room_is_bad_and_holds_the_beginning),
		cmocka_unit_test(nothing_follows_what_did_not_fit),
		cmocka_unit_test(text_that_fills_the_room_exactly_is_good),
		cmocka_unit_test(numbers_are_those_of_printf),
		cmocka_unit_test(a_drain_gets_all_of_it_in_order),
		cmocka_unit_test(a_text_longer_than_the_room_goes_through_a_drain),
		cmocka_unit_test(a_drain_that_refuses_makes_the_text_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
