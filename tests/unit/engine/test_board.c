/*
 * test_board.c - the board against a model that packs bit by bit, as Redis documents BITFIELD: the
 * string is one long row of bits, the highest bit of byte 0 first, and #n is n times the width.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "engine/board.h"
#include "tests/prng.h"

#define BLOCK ((size_t)BOARD_BLOCK_BYTES)

static const unsigned all_bits[] = {1, 2, 4, 8};

static struct board *board_make(uint32_t width, uint32_t height, unsigned bits)
{
	struct board *b = NULL;

	assert_int_equal(board_new(width, height, bits, &b), 0);
	return b;
}

/* --- the model ------------------------------------------------------------------------------- */

static void model_set(uint8_t *string, unsigned bits, size_t cell, unsigned color)
{
	for (unsigned i = 0; i < bits; i++) {
		size_t position = cell * bits + i;
		unsigned bit = color >> (bits - 1 - i) & 1;
		uint8_t mask = (uint8_t)(0x80 >> position % 8);

		if (bit != 0)
			string[position / 8] |= mask;
		else
			string[position / 8] &= (uint8_t)~mask;
	}
}

/* The bytes of a board as a copy gives them. */
static struct board_copy *copy_now(struct board *b)
{
	struct board_copy *copy = NULL;

	assert_non_null(board_copy_begin(b, 1, 1));
	while (copy == NULL)
		copy = board_copy_step(b, 100000);
	return copy;
}

static void assert_board_is(struct board *b, const uint8_t *string, size_t len)
{
	struct board_copy *copy = copy_now(b);

	assert_int_equal(board_bytes(b), len);
	assert_int_equal(copy->len, len);
	assert_memory_equal(copy->bytes, string, len);
	assert_true(copy->hash == board_hash(b));
	assert_true(copy->hash == board_hash_bytes(string, len));
	board_copy_unref(copy);
}

/* --- cells ----------------------------------------------------------------------------------- */

static void known_bytes_are_those_of_redis(void **state)
{
	/* BITFIELD k SET u4 #0 1 SET u4 #1 2 SET u4 #2 15 -> 12 f0; likewise the others */
	const struct {
		unsigned bits;
		uint8_t colors[9];
		uint8_t bytes[9];
		size_t len;
	} rows[] = {
		{1, {1, 0, 1, 0, 0, 0, 0, 1, 1}, {0xa1, 0x80}, 2},
		{2, {1, 2, 3, 0, 2, 0, 0, 1, 3}, {0x6c, 0x81, 0xc0}, 3},
		{4, {1, 2, 15, 0, 0, 9, 0, 0, 7}, {0x12, 0xf0, 0x09, 0x00, 0x70}, 5},
		{8, {1, 2, 255, 0, 0, 9, 0, 0, 7}, {1, 2, 255, 0, 0, 9, 0, 0, 7}, 9},
	};

	(void)state;
	for (size_t row = 0; row < 4; row++) {
		struct board *b = board_make(3, 3, rows[row].bits);

		for (uint32_t cell = 0; cell < 9; cell++) {
			uint8_t color = rows[row].colors[cell];

			assert_int_equal(board_set(b, cell, color), color != 0);
			assert_int_equal(board_get(b, cell), color);
		}
		assert_board_is(b, rows[row].bytes, rows[row].len);
		board_free(b);
	}
}

static void sizes_out_of_bounds_are_refused(void **state)
{
	struct board *b = NULL;

	(void)state;
	assert_int_equal(board_new(0, 1, 4, &b), -EINVAL);
	assert_int_equal(board_new(1, 0, 4, &b), -EINVAL);
	assert_int_equal(board_new(BOARD_SIDE_MAX + 1, 1, 4, &b), -EINVAL);
	assert_int_equal(board_new(1, BOARD_SIDE_MAX + 1, 4, &b), -EINVAL);
	for (unsigned bits = 0; bits < 18; bits++) {
		if (bits != 1 && bits != 2 && bits != 4 && bits != 8)
			assert_int_equal(board_new(1, 1, bits, &b), -EINVAL);
	}
	assert_null(b);
	board_free(NULL);
}

static void the_largest_board_has_its_last_cell(void **state)
{
	struct board *b = board_make(BOARD_SIDE_MAX, BOARD_SIDE_MAX, 8);
	uint32_t last = board_cells(b) - 1;

	(void)state;
	assert_int_equal(board_cells(b), 1u << 28);
	assert_int_equal(board_bytes(b), (size_t)256 << 20);
	assert_int_equal(board_blocks(b), 16384);
	assert_true(board_set(b, last, 255));
	assert_int_equal(board_get(b, last), 255);
	assert_int_equal(board_get(b, last - 1), 0);
	board_free(b);
}

static void random_cells_equal_the_model(void **state)
{
	uint64_t prng = prng_start("board model");

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		unsigned bits = all_bits[prng_below(&prng, 4)];
		uint32_t width = (uint32_t)(1 + prng_below(&prng, 400));
		uint32_t height = (uint32_t)(1 + prng_below(&prng, 400));
		struct board *b = board_make(width, height, bits);
		uint8_t *string = calloc(board_bytes(b), 1);

		assert_non_null(string);
		assert_int_equal(board_width(b), width);
		assert_int_equal(board_height(b), height);
		assert_int_equal(board_bits(b), bits);
		assert_int_equal(board_cells(b), width * height);
		assert_int_equal(board_bytes(b), (width * height * bits + 7) / 8);
		for (unsigned i = 0; i < 2000; i++) {
			uint32_t cell = (uint32_t)prng_below(&prng, board_cells(b));
			uint8_t color = (uint8_t)prng_below(&prng, 1u << bits);
			uint8_t before = board_get(b, cell);

			assert_int_equal(board_set(b, cell, color), before != color);
			assert_int_equal(board_get(b, cell), color);
			model_set(string, bits, cell, color);
		}
		assert_board_is(b, string, board_bytes(b));
		free(string);
		board_free(b);
	}
}

/* --- hashes ---------------------------------------------------------------------------------- */

static void equal_bytes_have_equal_hashes_whatever_their_history(void **state)
{
	struct board *a = board_make(301, 250, 4);
	struct board *b = board_make(301, 250, 4);
	struct board *loaded = board_make(301, 250, 4);
	uint64_t prng = prng_start("board hash");
	uint64_t empty = board_hash(a);
	struct board_copy *copy;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		uint32_t cell = (uint32_t)prng_below(&prng, board_cells(a));

		(void)board_set(a, cell, (uint8_t)prng_below(&prng, 16));
		if (i % 100 == 0)
			(void)board_hash(a);
	}
	for (uint32_t cell = board_cells(b); cell-- > 0;)
		(void)board_set(b, cell, board_get(a, cell));
	assert_true(board_hash(a) == board_hash(b));
	assert_true(board_hash(a) != empty);
	for (uint32_t block = 0; block < board_blocks(a); block++)
		assert_true(board_block_hash(a, block) == board_block_hash(b, block));

	copy = copy_now(a);
	(void)board_hash(loaded);
	board_load(loaded, copy->bytes, copy->len);
	assert_true(board_hash(loaded) == copy->hash);
	assert_board_is(loaded, copy->bytes, copy->len);
	board_copy_unref(copy);

	for (uint32_t cell = 0; cell < board_cells(a); cell++)
		(void)board_set(a, cell, 0);
	assert_true(board_hash(a) == empty);
	board_free(a);
	board_free(b);
	board_free(loaded);
}

static void one_changed_cell_changes_the_hash_of_its_block_alone(void **state)
{
	struct board *b = board_make(BOARD_BLOCK_BYTES, 3, 8);
	uint64_t before[3];
	uint64_t whole = board_hash(b);

	(void)state;
	for (uint32_t block = 0; block < 3; block++)
		before[block] = board_block_hash(b, block);
	assert_true(board_set(b, 2 * BOARD_BLOCK_BYTES - 1, 1));
	assert_true(board_hash(b) != whole);
	assert_true(board_block_hash(b, 0) == before[0]);
	assert_true(board_block_hash(b, 1) != before[1]);
	assert_true(board_block_hash(b, 2) == before[2]);
	board_free(b);
}

static void equal_blocks_in_another_order_have_another_hash(void **state)
{
	uint8_t *bytes = calloc(2, BOARD_BLOCK_BYTES);
	uint64_t one_two;

	(void)state;
	assert_non_null(bytes);
	bytes[0] = 1;
	one_two = board_hash_bytes(bytes, 2 * BLOCK);
	bytes[0] = 0;
	bytes[BOARD_BLOCK_BYTES] = 1;
	assert_true(board_hash_bytes(bytes, 2 * BLOCK) != one_two);
	bytes[BOARD_BLOCK_BYTES] = 0;
	assert_true(board_hash_bytes(bytes, 2 * BLOCK) != board_hash_bytes(bytes, 2 * BLOCK - 1));
	free(bytes);
}

/* --- copies ---------------------------------------------------------------------------------- */

static void a_copy_is_the_board_at_its_begin_whatever_is_placed_meanwhile(void **state)
{
	uint64_t prng = prng_start("board copy");
	unsigned placed_meanwhile = 0;

	(void)state;
	for (unsigned round = 0; round < 40; round++) {
		unsigned bits = all_bits[prng_below(&prng, 4)];
		struct board *b = board_make(700, (uint32_t)(1 + prng_below(&prng, 900)), bits);
		uint8_t *string = calloc(board_bytes(b), 1);
		size_t budget = prng_below(&prng, 3 * BLOCK);
		struct board_copy *copy = NULL;
		struct board_copy *begun;

		assert_non_null(string);
		for (unsigned i = 0; i < 3000; i++) {
			uint32_t cell = (uint32_t)prng_below(&prng, board_cells(b));
			uint8_t color = (uint8_t)prng_below(&prng, 1u << bits);

			(void)board_set(b, cell, color);
			model_set(string, bits, cell, color);
			if (prng_below(&prng, 500) == 0)
				(void)board_hash(b);
		}
		begun = board_copy_begin(b, 7, 1000 + round);
		assert_true(board_copy_is_making(b));
		while (copy == NULL) {
			for (uint64_t i = prng_below(&prng, 6); i > 0; i--) {
				placed_meanwhile +=
					board_set(b, (uint32_t)prng_below(&prng, board_cells(b)),
						  (uint8_t)prng_below(&prng, 1u << bits));
			}
			if (prng_below(&prng, 4) == 0)
				(void)board_hash(b);
			copy = board_copy_step(b, budget);
		}
		assert_ptr_equal(copy, begun);
		assert_false(board_copy_is_making(b));
		assert_null(board_copy_step(b, budget));
		for (unsigned i = 0; i < 100; i++)
			(void)board_set(b, (uint32_t)prng_below(&prng, board_cells(b)), 1);
		assert_int_equal(copy->len, board_bytes(b));
		assert_memory_equal(copy->bytes, string, copy->len);
		assert_true(copy->hash == board_hash_bytes(string, copy->len));
		assert_int_equal(copy->epoch, 7);
		assert_int_equal(copy->seq, 1000 + round);
		board_copy_unref(copy);
		free(string);
		board_free(b);
	}
	assert_true(placed_meanwhile > 100);
}

static void a_step_copies_no_more_than_its_budget(void **state)
{
	struct board *b = board_make(BOARD_BLOCK_BYTES, 10, 8);
	unsigned steps = 1;

	(void)state;
	/* 10 blocks, 3 per step */
	assert_non_null(board_copy_begin(b, 1, 1));
	for (struct board_copy *copy = NULL; copy == NULL; steps++) {
		copy = board_copy_step(b, 3 * BLOCK + 1);
		board_copy_unref(copy);
	}
	assert_int_equal(steps - 1, 4);
	/* less than a block: one by one */
	steps = 1;
	assert_non_null(board_copy_begin(b, 1, 1));
	for (struct board_copy *copy = NULL; copy == NULL; steps++) {
		copy = board_copy_step(b, 1);
		board_copy_unref(copy);
	}
	assert_int_equal(steps - 1, 10);
	/* what board_set() saved costs nothing more */
	steps = 1;
	assert_non_null(board_copy_begin(b, 1, 1));
	for (uint32_t block = 2; block < 10; block++)
		assert_true(board_set(b, block * BOARD_BLOCK_BYTES, 1));
	for (struct board_copy *copy = NULL; copy == NULL; steps++) {
		copy = board_copy_step(b, 1);
		board_copy_unref(copy);
	}
	assert_int_equal(steps - 1, 2);
	board_free(b);
}

static void copies_are_bounded_and_come_back_when_dropped(void **state)
{
	/* above and below the size from which memory is given back */
	const uint32_t sides[] = {100, 2600};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct board *b = board_make(sides[i], sides[i], 8);
		struct board_copy *copies[BOARD_COPIES_MAX];

		for (uint8_t k = 0; k < BOARD_COPIES_MAX; k++) {
			assert_true(board_set(b, 5, (uint8_t)(k + 1)));
			copies[k] = board_copy_begin(b, 1, k);
			assert_non_null(copies[k]);
			assert_null(board_copy_begin(b, 1, k));
			while (board_copy_step(b, 1u << 20) == NULL)
				;
		}
		assert_null(board_copy_begin(b, 1, 9));
		assert_false(board_copy_is_making(b));
		assert_ptr_equal(board_copy_ref(copies[1]), copies[1]);
		board_copy_unref(copies[1]);
		assert_null(board_copy_begin(b, 1, 9));
		board_copy_unref(copies[1]);
		assert_true(board_set(b, 5, 200));
		copies[1] = copy_now(b);
		assert_int_equal(copies[0]->bytes[5], 1);
		assert_int_equal(copies[1]->bytes[5], 200);
		assert_int_equal(copies[2]->bytes[5], 3);
		for (size_t k = 0; k < BOARD_COPIES_MAX; k++)
			board_copy_unref(copies[k]);
		board_copy_unref(NULL);
		board_free(b);
	}
}

static void a_board_may_go_with_its_copy_half_made(void **state)
{
	struct board *b = board_make(1000, 1000, 8);

	(void)state;
	assert_non_null(board_copy_begin(b, 1, 1));
	assert_null(board_copy_step(b, BOARD_BLOCK_BYTES));
	board_free(b);
}

/* Readers check copies that the owner hands them, and drop them on their own threads. */
#define THREADED_COPIES 60

struct handover {
	_Atomic(struct board_copy *) copy;
	unsigned checked;
	unsigned wrong;
};

static void *check_copies(void *arg)
{
	struct handover *h = arg;

	while (h->checked < THREADED_COPIES) {
		struct board_copy *copy = atomic_exchange(&h->copy, NULL);

		if (copy == NULL) {
			sched_yield();
			continue;
		}
		if (board_hash_bytes(copy->bytes, copy->len) != copy->hash)
			h->wrong++;
		h->checked++;
		board_copy_unref(copy);
	}
	return NULL;
}

static void copies_die_on_other_threads_while_the_board_goes_on(void **state)
{
	struct board *b = board_make(2300, 2300, 8); /* large: memory is given back each time */
	struct handover hands[2] = {{.copy = NULL}, {.copy = NULL}};
	uint64_t prng = prng_start("board threads");
	pthread_t threads[2];

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, check_copies, &hands[i]), 0);
	for (unsigned made = 0; made < THREADED_COPIES;) {
		struct board_copy *copy;

		(void)board_set(b, (uint32_t)prng_below(&prng, board_cells(b)),
				(uint8_t)prng_below(&prng, 256));
		if (!board_copy_is_making(b) && board_copy_begin(b, 1, made) == NULL) {
			sched_yield();
			continue;
		}
		copy = board_copy_step(b, 1u << 20);
		if (copy == NULL)
			continue;
		board_copy_ref(copy);
		for (size_t i = 0; i < 2; i++) {
			while (atomic_load(&hands[i].copy) != NULL)
				sched_yield();
			atomic_store(&hands[i].copy, copy);
		}
		made++;
	}
	for (size_t i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(hands[i].wrong, 0);
		assert_int_equal(hands[i].checked, THREADED_COPIES);
	}
	board_free(b);
}

/* Against one cell after the other. */
static void assert_beyond_is(const struct board *b, unsigned colors)
{
	uint32_t count = 0, first = 0, found = UINT32_MAX;

	for (uint32_t cell = board_cells(b); cell-- > 0;)
		if (board_get(b, cell) >= colors) {
			count++;
			first = cell;
		}
	assert_int_equal(board_beyond(b, colors, &found), count);
	assert_int_equal(found, count > 0 ? first : UINT32_MAX);
}

static void colors_beyond_are_counted(void **state)
{
	uint64_t dice = prng_start("beyond");

	(void)state;
	for (size_t i = 0; i < sizeof(all_bits) / sizeof(all_bits[0]); i++) {
		unsigned bits = all_bits[i];

		for (unsigned n = 0; n < 40; n++) {
			struct board *b = board_make(1 + (uint32_t)prng_below(&dice, 70),
						     1 + (uint32_t)prng_below(&dice, 3), bits);
			uint64_t sets = prng_below(&dice, 2) * board_cells(b) + 3;

			for (uint64_t k = 0; k < sets; k++)
				(void)board_set(b, (uint32_t)prng_below(&dice, board_cells(b)),
						(uint8_t)prng_below(&dice, 1u << bits));
			for (unsigned colors = 1; colors <= 1u << bits; colors++)
				assert_beyond_is(b, colors);
			board_free(b);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_bytes_are_those_of_redis),
		cmocka_unit_test(sizes_out_of_bounds_are_refused),
		cmocka_unit_test(the_largest_board_has_its_last_cell),
		cmocka_unit_test(random_cells_equal_the_model),
		cmocka_unit_test(equal_bytes_have_equal_hashes_whatever_their_history),
		cmocka_unit_test(one_changed_cell_changes_the_hash_of_its_block_alone),
		cmocka_unit_test(equal_blocks_in_another_order_have_another_hash),
		cmocka_unit_test(a_copy_is_the_board_at_its_begin_whatever_is_placed_meanwhile),
		cmocka_unit_test(a_step_copies_no_more_than_its_budget),
		cmocka_unit_test(copies_are_bounded_and_come_back_when_dropped),
		cmocka_unit_test(a_board_may_go_with_its_copy_half_made),
		cmocka_unit_test(copies_die_on_other_threads_while_the_board_goes_on),
		cmocka_unit_test(colors_beyond_are_counted),
	};

	return cmocka_run_group_tests_name("board", tests, NULL, NULL);
}
