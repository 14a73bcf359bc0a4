/*
 * test_ledger.c - what must be true of all acknowledgements together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tests/prng.h"
#include "tools/loadgen/check/ledger.h"
#include "tools/loadgen/check/reference.h"

#define CELLS 64U

static struct ledger l;
static uint8_t before[CELLS / 2], after[CELLS / 2];
static struct board_bytes start, final;
static struct ledger_verdict v;

/* 30 placements at seqs 101..130 by us, and the board that they make; the ledger has them out of
 * order. */
static int fill(void **state)
{
	uint64_t rng = 5;

	(void)state;
	start = (struct board_bytes){
		.bytes = before, .len = sizeof(before), .seq = 100, .epoch = 1};
	final = (struct board_bytes){.bytes = after, .len = sizeof(after), .seq = 130, .epoch = 1};
	memset(before, 0x21, sizeof(before));
	memcpy(after, before, sizeof(after));
	for (uint64_t i = 0; i < 30; i++) {
		uint32_t cell = (uint32_t)prng_below(&rng, 10);
		struct ack a = {
			.request = i + 1, .seq = 101 + i, .cell = cell, .color = (uint8_t)(i % 16)};

		packed_set(after, 4, a.cell, a.color);
		if (!ledger_add(&l, &a))
			return -1;
	}
	for (size_t i = 0; i < 15; i++) {
		struct ack a = l.acks[i];

		l.acks[i] = l.acks[29 - i];
		l.acks[29 - i] = a;
	}
	return 0;
}

static int drop(void **state)
{
	(void)state;
	ledger_fini(&l);
	return 0;
}

static void check(void)
{
	ledger_check(&l, &start, &final, 4, &v);
}

static void acknowledged_placements_make_the_board(void **state)
{
	(void)state;
	check();
	assert_true(v.folded);
	assert_int_equal(v.lost, 0);
	assert_int_equal(v.twice, 0);
}

static void placement_missing_on_the_board_is_lost(void **state)
{
	(void)state;
	after[2] ^= 0x10;
	check();
	assert_int_equal(v.lost, 1);
}

static void one_seq_for_two_is_told(void **state)
{
	(void)state;
	l.acks[3].seq = l.acks[4].seq;
	check();
	assert_int_equal(v.twice, 1);
	assert_false(v.folded);
}

static void seq_beyond_the_end_is_lost(void **state)
{
	(void)state;
	final.seq = 128;
	check();
	assert_int_equal(v.lost, 2);
}

static void with_others_placing_nothing_is_said_of_cells(void **state)
{
	(void)state;
	final.seq = 131;
	after[2] ^= 0x10;
	check();
	assert_false(v.folded);
	assert_int_equal(v.lost, 0);
}

static void empty_ledger_says_nothing(void **state)
{
	(void)state;
	l.count = 0;
	check();
	assert_false(v.folded);
	assert_int_equal(v.lost, 0);
}

static void moved_ledgers_are_one(void **state)
{
	struct ledger whole = {0};
	struct ledger other = {0};
	const struct ack a = {.request = 99, .seq = 131};

	(void)state;
	assert_true(ledger_add(&other, &a));
	assert_true(ledger_move(&whole, &l));
	assert_true(ledger_move(&whole, &other));
	assert_true(ledger_move(&whole, &other)); /* nothing more is in it */
	assert_int_equal(whole.count, 31);
	assert_int_equal(whole.acks[30].request, 99);
	assert_int_equal(l.count + other.count, 0);
	assert_true(ledger_add(&whole, &a));
	assert_int_equal(whole.acks[31].seq, 131);
	ledger_fini(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(acknowledged_placements_make_the_board, fill, drop),
		cmocka_unit_test_setup_teardown(placement_missing_on_the_board_is_lost, fill, drop),
		cmocka_unit_test_setup_teardown(one_seq_for_two_is_told, fill, drop),
		cmocka_unit_test_setup_teardown(seq_beyond_the_end_is_lost, fill, drop),
		cmocka_unit_test_setup_teardown(with_others_placing_nothing_is_said_of_cells, fill,
						drop),
		cmocka_unit_test_setup_teardown(empty_ledger_says_nothing, fill, drop),
		cmocka_unit_test_setup_teardown(moved_ledgers_are_one, fill, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
