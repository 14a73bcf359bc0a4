/*
 * test_follow.c - the order of sequence numbers that a client accepts, and the lies that it names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tools/loadgen/check/follow.h"

static struct follow f;
static uint64_t from;

static enum trouble subscribed(uint32_t epoch, uint64_t seq, bool resumed, bool resuming)
{
	const struct msg_subscribed m = {.epoch = epoch, .seq = seq, .resumed = resumed};

	return follow_subscribed(&f, &m, resuming);
}

static enum trouble delta(uint64_t first, uint64_t last)
{
	const struct msg_delta m = {.first = first, .last = last};

	return follow_delta(&f, &m, &from);
}

static enum trouble status(uint32_t epoch, uint64_t seq)
{
	const struct msg_status m = {.epoch = epoch, .seq = seq};

	return follow_status(&f, &m);
}

/* Subscribed in epoch 1 at seq 100. */
static int join(void **state)
{
	(void)state;
	memset(&f, 0, sizeof(f));
	return subscribed(1, 100, false, false) == TROUBLE_NONE ? 0 : -1;
}

static void deltas_in_order_are_right(void **state)
{
	(void)state;
	assert_int_equal(delta(101, 105), TROUBLE_NONE);
	assert_int_equal(delta(106, 106), TROUBLE_NONE);
	assert_int_equal(f.seq, 106);
	assert_false(f.wrong);
	assert_int_equal(follow_received(&f, 106), 6);
	assert_int_equal(follow_received(&f, 200), 6);
}

static void first_delta_may_begin_below(void **state)
{
	(void)state;
	assert_int_equal(delta(95, 98), TROUBLE_NONE);
	assert_true(from > 98);
	assert_int_equal(delta(99, 103), TROUBLE_NONE);
	assert_int_equal(from, 101);
	assert_int_equal(follow_received(&f, 103), 3);
}

static void first_delta_with_a_gap_is_a_gap(void **state)
{
	(void)state;
	assert_int_equal(delta(102, 103), TROUBLE_GAP);
}

static void gap_is_told_once_and_its_seqs_are_missed(void **state)
{
	(void)state;
	assert_int_equal(delta(101, 105), TROUBLE_NONE);
	assert_int_equal(delta(109, 110), TROUBLE_GAP);
	assert_int_equal(delta(111, 112), TROUBLE_NONE);
	assert_true(f.wrong);
	assert_int_equal(f.missed, 3);
	assert_int_equal(follow_received(&f, 112), 9);
}

static void same_delta_twice_is_repeated(void **state)
{
	(void)state;
	assert_int_equal(delta(101, 105), TROUBLE_NONE);
	assert_int_equal(delta(101, 105), TROUBLE_REPEATED);
	assert_int_equal(f.seq, 105);
}

static void overlapping_delta_is_repeated(void **state)
{
	(void)state;
	assert_int_equal(delta(101, 105), TROUBLE_NONE);
	assert_int_equal(delta(105, 107), TROUBLE_REPEATED);
}

static void swapped_deltas_are_a_gap(void **state)
{
	(void)state;
	assert_int_equal(delta(101, 105), TROUBLE_NONE);
	assert_int_equal(delta(108, 110), TROUBLE_GAP);
	assert_int_equal(delta(106, 107), TROUBLE_REPEATED);
}

static void delta_that_ends_before_it_begins_is_no_message(void **state)
{
	(void)state;
	assert_int_equal(delta(101, 100), TROUBLE_MESSAGE);
}

static void status_may_name_what_was_sent_and_no_more(void **state)
{
	(void)state;
	assert_int_equal(status(1, 100), TROUBLE_NONE);
	assert_int_equal(status(1, 90), TROUBLE_NONE);
	assert_int_equal(status(1, 101), TROUBLE_STATUS);
	assert_int_equal(status(2, 100), TROUBLE_EPOCH);
}

static void resume_goes_on_where_it_broke(void **state)
{
	(void)state;
	assert_int_equal(delta(101, 105), TROUBLE_NONE);
	assert_int_equal(subscribed(1, 120, true, true), TROUBLE_NONE);
	assert_int_equal(delta(104, 120), TROUBLE_NONE);
	assert_int_equal(from, 106);
	assert_int_equal(follow_received(&f, 120), 20);
	assert_false(f.wrong);
}

static void resume_with_a_hole_is_a_gap(void **state)
{
	(void)state;
	assert_int_equal(delta(101, 105), TROUBLE_NONE);
	assert_int_equal(subscribed(1, 120, true, true), TROUBLE_NONE);
	assert_int_equal(delta(107, 120), TROUBLE_GAP);
}

static void resume_that_is_ignored_is_told(void **state)
{
	(void)state;
	assert_int_equal(subscribed(1, 120, false, true), TROUBLE_NOT_RESUMED);
}

static void resume_in_another_epoch_is_told(void **state)
{
	(void)state;
	assert_int_equal(subscribed(2, 120, true, true), TROUBLE_EPOCH);
}

/* Acknowledged seqs that are gone after a restart show here first. */
static void server_that_fell_back_is_told(void **state)
{
	(void)state;
	assert_int_equal(delta(101, 105), TROUBLE_NONE);
	assert_int_equal(subscribed(1, 104, true, true), TROUBLE_GAP);
}

static void fetched_board_is_a_new_beginning(void **state)
{
	(void)state;
	follow_fetched(&f, 2, 500);
	assert_int_equal(subscribed(2, 510, true, true), TROUBLE_NONE);
	assert_int_equal(delta(501, 510), TROUBLE_NONE);
	assert_int_equal(status(2, 510), TROUBLE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(deltas_in_order_are_right, join),
		cmocka_unit_test_setup(first_delta_may_begin_below, join),
		cmocka_unit_test_setup(first_delta_with_a_gap_is_a_gap, join),
		cmocka_unit_test_setup(gap_is_told_once_and_its_seqs_are_missed, join),
		cmocka_unit_test_setup(same_delta_twice_is_repeated, join),
		cmocka_unit_test_setup(overlapping_delta_is_repeated, join),
		cmocka_unit_test_setup(swapped_deltas_are_a_gap, join),
		cmocka_unit_test_setup(delta_that_ends_before_it_begins_is_no_message, join),
		cmocka_unit_test_setup(status_may_name_what_was_sent_and_no_more, join),
		cmocka_unit_test_setup(resume_goes_on_where_it_broke, join),
		cmocka_unit_test_setup(resume_with_a_hole_is_a_gap, join),
		cmocka_unit_test_setup(resume_that_is_ignored_is_told, join),
		cmocka_unit_test_setup(resume_in_another_epoch_is_told, join),
		cmocka_unit_test_setup(server_that_fell_back_is_told, join),
		cmocka_unit_test_setup(fetched_board_is_a_new_beginning, join),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
