/*
 * test_pack.c - a board's bytes in every form: never longer than the board, and told from it.
 *
 * One thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "edge/picture/pack.h"
#include "engine/base/blob.h"
#include "tests/prng.h"

#define SIDE  500
#define BYTES ((size_t)SIDE * SIDE) /* of eight bits */

static uint8_t bytes[BYTES];
static struct face face = {.width = SIDE, .height = SIDE, .bits = 8};
static struct packer *packer;

static struct board_copy copy_of(size_t cells)
{
	face.width = (uint32_t)cells;
	face.height = 1;
	return (struct board_copy){.bytes = bytes, .len = cells};
}

static void noise_is_sent_as_it_is(void **state)
{
	struct board_copy copy = copy_of(BYTES);
	uint64_t dice = prng_start("pack");

	(void)state;
	for (size_t i = 0; i < BYTES; i++)
		bytes[i] = (uint8_t)prng_below(&dice, 256);
	for (enum board_form form = FORM_IDENTITY; form <= FORM_ZSTD; form++) {
		struct blob *blob = packer_run(packer, &face, &copy, form);

		assert_non_null(blob);
		assert_int_equal(blob->len, BYTES);
		assert_memory_equal(blob->bytes, bytes, BYTES);
		assert_int_equal(pack_form(&face, blob, form), FORM_IDENTITY);
		blob_unref(blob);
	}
}

static void what_gets_shorter_is_packed(void **state)
{
	struct board_copy copy = copy_of(BYTES);

	(void)state;
	memset(bytes, 3, BYTES);
	for (enum board_form form = FORM_GZIP; form <= FORM_ZSTD; form++) {
		struct blob *blob = packer_run(packer, &face, &copy, form);

		assert_non_null(blob);
		assert_in_range(blob->len, 1, BYTES / 100);
		assert_int_equal(pack_form(&face, blob, form), form);
		blob_unref(blob);
	}
}

static void no_size_of_board_gets_longer(void **state)
{
	(void)state;
	memset(bytes, 0, BYTES);
	for (size_t cells = 1; cells < 100; cells++) {
		for (enum board_form form = FORM_GZIP; form <= FORM_ZSTD; form++) {
			struct board_copy copy = copy_of(cells);
			struct blob *blob = packer_run(packer, &face, &copy, form);

			assert_non_null(blob);
			assert_in_range(blob->len, 1, cells);
			assert_int_equal(pack_form(&face, blob, form),
					 blob->len == cells ? FORM_IDENTITY : form);
			blob_unref(blob);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(noise_is_sent_as_it_is),
		cmocka_unit_test(what_gets_shorter_is_packed),
		cmocka_unit_test(no_size_of_board_gets_longer),
	};
	int failed;

	if (packer_new(&packer) != 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	packer_free(packer);
	return failed;
}
