/*
 * test_bytes.c - little-endian integers and varints: round trips, and a reader that cannot overrun.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "engine/base/bytes.h"
#include "tests/prng.h"

static void integers_are_little_endian(void **state)
{
	const uint8_t expected[] = {0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04,
				    0x0f, 0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09,
				    0x08, 'a',  'b',  'c',  0x22, 0x11, 0x00};
	uint8_t out[sizeof(expected)] = {0};
	uint8_t *p = out;
	struct bytes b = bytes_of(out, sizeof(out));

	(void)state;
	p = put_u8(p, 0x01);
	p = put_u16(p, 0x0203);
	p = put_u32(p, 0x04050607);
	p = put_u64(p, 0x08090a0b0c0d0e0f);
	p = put_bytes(p, "abc", 3);
	p = put_le(p, 0x1122, 3);
	assert_ptr_equal(p, out + sizeof(out));
	assert_memory_equal(out, expected, sizeof(out));

	assert_int_equal(get_u8(&b), 0x01);
	assert_int_equal(get_u16(&b), 0x0203);
	assert_int_equal(get_u32(&b), 0x04050607);
	assert_true(get_u64(&b) == 0x08090a0b0c0d0e0f);
	assert_memory_equal(get_bytes(&b, 3), "abc", 3);
	assert_int_equal(get_le(&b, 3), 0x1122);
	assert_int_equal(bytes_left(&b), 0);
	assert_false(b.bad);
}

static void known_varints_have_the_bytes_of_leb128(void **state)
{
	const struct {
		uint64_t value;
		uint8_t bytes[VARINT_BYTES_MAX];
		size_t len;
	} rows[] = {
		{0, {0x00}, 1},
		{1, {0x01}, 1},
		{127, {0x7f}, 1},
		{128, {0x80, 0x01}, 2},
		{300, {0xac, 0x02}, 2},
		{16383, {0xff, 0x7f}, 2},
		{16384, {0x80, 0x80, 0x01}, 3},
		{624485, {0xe5, 0x8e, 0x26}, 3},
		{UINT32_MAX, {0xff, 0xff, 0xff, 0xff, 0x0f}, 5},
		{1ULL << 63, {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, 10},
		{UINT64_MAX, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 10},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t out[VARINT_BYTES_MAX];
		struct bytes b = bytes_of(rows[i].bytes, rows[i].len);

		assert_int_equal(put_varint(out, rows[i].value) - out, rows[i].len);
		assert_memory_equal(out, rows[i].bytes, rows[i].len);
		assert_true(get_varint(&b) == rows[i].value);
		assert_int_equal(bytes_left(&b), 0);
		assert_false(b.bad);
	}
}

static void varints_that_do_not_fit_are_bad(void **state)
{
	const struct {
		uint8_t bytes[12];
		size_t len;
	} rows[] = {
		{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}, 10}, /* bit 64 */
		{{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f}, 10},
		{{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00}, 11},
		{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 12},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes b = bytes_of(rows[i].bytes, rows[i].len);

		assert_int_equal(get_varint(&b), 0);
		assert_true(b.bad);
	}
}

static void a_longer_form_of_a_varint_is_accepted(void **state)
{
	const uint8_t five[] = {0x85, 0x80, 0x80, 0x00};
	const uint8_t zero[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
	struct bytes b = bytes_of(five, sizeof(five));

	(void)state;
	assert_int_equal(get_varint(&b), 5);
	assert_false(b.bad);
	b = bytes_of(zero, sizeof(zero));
	assert_int_equal(get_varint(&b), 0);
	assert_false(b.bad);
}

static void a_varint_cut_anywhere_is_bad(void **state)
{
	uint8_t out[VARINT_BYTES_MAX];

	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		size_t len = (size_t)(put_varint(out, UINT64_MAX >> bit) - out);

		for (size_t cut = 0; cut < len; cut++) {
			struct bytes b = bytes_of(out, cut);

			assert_int_equal(get_varint(&b), 0);
			assert_true(b.bad);
			assert_int_equal(bytes_left(&b), 0);
		}
	}
}

static void a_read_past_the_end_gives_0_and_is_remembered(void **state)
{
	const uint8_t in[] = {1, 2, 3};
	struct bytes b = bytes_of(in, sizeof(in));

	(void)state;
	assert_int_equal(get_u32(&b), 0);
	assert_true(b.bad);
	/* what was too short is not read in parts */
	assert_int_equal(get_u8(&b), 0);
	assert_int_equal(bytes_left(&b), 0);
	assert_null(get_bytes(&b, 1));
	assert_true(b.bad);

	b = bytes_of(in, sizeof(in));
	assert_null(get_bytes(&b, SIZE_MAX));
	assert_true(b.bad);

	b = bytes_of(in, sizeof(in));
	assert_ptr_equal(get_bytes(&b, 3), in);
	assert_non_null(get_bytes(&b, 0));
	assert_false(b.bad);
}

/* A row of values of all kinds, written and read back, then read from every truncation of it, in
 * memory of exactly that size: AddressSanitizer sees a read behind it. */
static void rows_of_values_come_back_and_truncations_are_bad(void **state)
{
	uint64_t prng = prng_start("bytes rows");

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		uint64_t values[12];
		unsigned kinds[12]; /* bytes, or 0: varint */
		uint8_t out[12 * VARINT_BYTES_MAX];
		uint8_t *p = out;
		size_t len;

		for (size_t i = 0; i < 12; i++) {
			kinds[i] = (unsigned)prng_below(&prng, 9);
			values[i] = prng_next(&prng) >> prng_below(&prng, 64);
			if (kinds[i] > 0 && kinds[i] < 8)
				values[i] &= (1ULL << 8 * kinds[i]) - 1;
			p = kinds[i] == 0 ? put_varint(p, values[i])
					  : put_le(p, values[i], kinds[i]);
		}
		len = (size_t)(p - out);
		for (size_t cut = 0; cut <= len; cut++) {
			uint8_t *in = malloc(cut + (cut == 0));
			struct bytes b = bytes_of(in, cut);

			assert_non_null(in);
			memcpy(in, out, cut);
			for (size_t i = 0; i < 12; i++) {
				uint64_t v = kinds[i] == 0 ? get_varint(&b) : get_le(&b, kinds[i]);

				assert_true(v == (b.bad ? 0 : values[i]));
			}
			assert_int_equal(b.bad, cut < len);
			free(in);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_are_little_endian),
		cmocka_unit_test(known_varints_have_the_bytes_of_leb128),
		cmocka_unit_test(varints_that_do_not_fit_are_bad),
		cmocka_unit_test(a_longer_form_of_a_varint_is_accepted),
		cmocka_unit_test(a_varint_cut_anywhere_is_bad),
		cmocka_unit_test(a_read_past_the_end_gives_0_and_is_remembered),
		cmocka_unit_test(rows_of_values_come_back_and_truncations_are_bad),
	};

	return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
