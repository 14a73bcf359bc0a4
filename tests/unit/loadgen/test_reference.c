/*
 * test_reference.c - first copies of frames, and the board that they make.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "edge/codec/ws_frame.h"
#include "engine/delta.h"
#include "tests/prng.h"
#include "tools/loadgen/check/reference.h"

#define WIDTH  64U
#define HEIGHT 32U
#define CELLS  (WIDTH * HEIGHT)

static struct reference *r;

struct sent {
	struct msg_delta delta;
	const uint8_t *payload;
	const uint8_t *message;
	size_t len;
	uint8_t bytes[4096];
};

/* The message of a delta, as a client has it when the frame is off. */
static void encode(struct sent *s, uint64_t first, uint64_t last, const struct delta_cell *cells,
		   uint32_t count)
{
	struct message m;
	size_t len;

	s->delta = (struct msg_delta){.board = 1, .first = first, .last = last, .count = count};
	len = message_encode_delta(MESSAGE_BINARY, &s->delta, WIDTH, CELLS, 4, cells, s->bytes);
	s->message = s->bytes + (len - 2 < 126 ? 2 : 4);
	s->len = len - (size_t)(s->message - s->bytes);
	assert_int_equal(message_decode_server(s->message, s->len, &m, &s->payload), 0);
}

static enum trouble take(const struct sent *s)
{
	return reference_delta(r, 1, &s->delta, s->payload, s->message, s->len);
}

/* An empty board of epoch 1 at seq 10. */
static int load(void **state)
{
	struct board_bytes board = {.len = CELLS / 2, .seq = 10, .epoch = 1};

	(void)state;
	board.bytes = calloc(1, board.len);
	if (board.bytes == NULL || reference_new(&r) < 0)
		return -1;
	return reference_load(r, &board, WIDTH, HEIGHT, 4);
}

static int drop(void **state)
{
	(void)state;
	reference_free(r);
	return 0;
}

static uint8_t cell(uint32_t i)
{
	size_t len;

	return packed_get(reference_bytes(r, &len), 4, i);
}

static void delta_is_applied_once_and_compared_after_that(void **state)
{
	const struct delta_cell cells[] = {{3, 7}, {900, 15}};
	static struct sent s;

	(void)state;
	encode(&s, 11, 14, cells, 2);
	assert_int_equal(take(&s), TROUBLE_NONE);
	assert_int_equal(reference_seq(r), 14);
	assert_int_equal(cell(3), 7);
	assert_int_equal(cell(900), 15);
	assert_int_equal(take(&s), TROUBLE_NONE);
	assert_int_equal(reference_frames(r), 1);
}

static void one_other_bit_is_found(void **state)
{
	const struct delta_cell cells[] = {{3, 7}, {900, 15}};
	static struct sent s;

	(void)state;
	encode(&s, 11, 14, cells, 2);
	assert_int_equal(take(&s), TROUBLE_NONE);
	for (size_t bit = 0; bit < s.len * 8; bit++) {
		s.bytes[(size_t)(s.message - s.bytes) + bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_int_equal(take(&s), TROUBLE_BYTES_DIFFER);
		s.bytes[(size_t)(s.message - s.bytes) + bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
}

static void undecodable_delta_is_told_and_not_kept(void **state)
{
	const struct delta_cell cells[] = {{3, 7}, {900, 15}};
	static struct sent s;

	(void)state;
	encode(&s, 11, 14, cells, 2);
	s.len--;
	assert_int_equal(take(&s), TROUBLE_UNDECODABLE);
	assert_int_equal(reference_seq(r), 10);
	s.len++;
	assert_int_equal(take(&s), TROUBLE_NONE);
}

static void more_cells_than_placements_is_undecodable(void **state)
{
	const struct delta_cell cells[] = {{3, 7}, {900, 15}};
	static struct sent s;

	(void)state;
	encode(&s, 11, 11, cells, 2);
	assert_int_equal(take(&s), TROUBLE_UNDECODABLE);
}

static void delta_that_came_early_is_applied_when_its_turn_comes(void **state)
{
	const struct delta_cell one = {1, 1};
	const struct delta_cell two = {1, 2};
	static struct sent first, second;

	(void)state;
	encode(&first, 11, 12, &one, 1);
	encode(&second, 13, 13, &two, 1);
	assert_int_equal(take(&second), TROUBLE_NONE);
	assert_int_equal(reference_seq(r), 10);
	assert_int_equal(take(&first), TROUBLE_NONE);
	assert_int_equal(take(&second), TROUBLE_NONE);
	assert_int_equal(reference_seq(r), 13);
	assert_int_equal(cell(1), 2);
}

/* A restart cuts other frames: one that begins below the board's seq may be applied. */
static void delta_that_overlaps_the_board_is_applied(void **state)
{
	const struct delta_cell one = {1, 1};
	const struct delta_cell two = {1, 2};
	static struct sent first, second;

	(void)state;
	encode(&first, 11, 12, &one, 1);
	encode(&second, 9, 15, &two, 1);
	assert_int_equal(take(&first), TROUBLE_NONE);
	assert_int_equal(take(&second), TROUBLE_NONE);
	assert_int_equal(reference_seq(r), 15);
	assert_int_equal(cell(1), 2);
}

static void old_delta_changes_nothing(void **state)
{
	const struct delta_cell one = {1, 1};
	static struct sent s;

	(void)state;
	encode(&s, 5, 10, &one, 1);
	assert_int_equal(take(&s), TROUBLE_NONE);
	assert_int_equal(reference_seq(r), 10);
	assert_int_equal(cell(1), 0);
}

static void board_of_wrong_length_is_refused(void **state)
{
	struct board_bytes board = {.len = CELLS / 2 - 1, .seq = 10, .epoch = 1};

	(void)state;
	board.bytes = calloc(1, board.len);
	assert_int_equal(reference_load(r, &board, WIDTH, HEIGHT, 4), -EBADMSG);
	assert_int_equal(reference_seq(r), 10);
}

/* High bits first, as BITFIELD SET u<bits> #<cell> stores them. */
static void packing_is_that_of_redis(void **state)
{
	uint8_t bytes[4] = {0};

	(void)state;
	packed_set(bytes, 4, 0, 0xa);
	packed_set(bytes, 4, 1, 0x3);
	packed_set(bytes, 1, 8, 1);
	packed_set(bytes, 2, 9, 3);
	packed_set(bytes, 8, 3, 0x7e);
	assert_int_equal(bytes[0], 0xa3);
	assert_int_equal(bytes[1], 0x80);
	assert_int_equal(bytes[2], 0x30);
	assert_int_equal(bytes[3], 0x7e);
}

static void packed_cells_do_not_touch_each_other(void **state)
{
	uint64_t rng = prng_start(__func__);

	(void)state;
	for (unsigned bits = 1; bits <= 8; bits *= 2) {
		uint8_t bytes[64] = {0};
		uint8_t plain[64] = {0};

		for (int i = 0; i < 2000; i++) {
			uint32_t at = (uint32_t)prng_below(&rng, 64);
			uint8_t color = (uint8_t)prng_below(&rng, 1U << bits);

			packed_set(bytes, bits, at, color);
			plain[at] = color;
		}
		for (uint32_t i = 0; i < 64; i++)
			assert_int_equal(packed_get(bytes, bits, i), plain[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(delta_is_applied_once_and_compared_after_that, load,
						drop),
		cmocka_unit_test_setup_teardown(one_other_bit_is_found, load, drop),
		cmocka_unit_test_setup_teardown(undecodable_delta_is_told_and_not_kept, load, drop),
		cmocka_unit_test_setup_teardown(more_cells_than_placements_is_undecodable, load,
						drop),
		cmocka_unit_test_setup_teardown(
			delta_that_came_early_is_applied_when_its_turn_comes, load, drop),
		cmocka_unit_test_setup_teardown(delta_that_overlaps_the_board_is_applied, load,
						drop),
		cmocka_unit_test_setup_teardown(old_delta_changes_nothing, load, drop),
		cmocka_unit_test_setup_teardown(board_of_wrong_length_is_refused, load, drop),
		cmocka_unit_test(packing_is_that_of_redis),
		cmocka_unit_test(packed_cells_do_not_touch_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
