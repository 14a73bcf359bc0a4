/*
 * test_receiver_copy.c - the driver of a receiver that begins with a copy of the boards; the writer
 * is the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "persist/receiver/receiver.h"
#include "tests/segment_make.h"
#include "tests/temp_dir.h"

#define BOARD_NUMBER 3

/* It goes on from the copy, and is asked nothing else. */
struct taker {
	struct receiver_position at;
	uint64_t first_lsn, last_lsn; /* of what followed; 0: nothing yet */
	unsigned copies;
	unsigned fail_copies; /* so many are not kept, and say `failure` */
	enum receiver_verdict failure;
	uint8_t copied; /* the first byte of the board that it was given */
	bool is_open;
	bool has_board;
};

static char dir[TEMP_DIR_BYTES];
static struct disk *disk;
static struct segment_make segment;
static struct taker taker;
static struct receiver *receiver;
static struct full_copy copy;
static struct board *board;
static uint64_t durable;
static unsigned wakes;
static struct now now;

static enum receiver_verdict taker_init(void *self, const struct receiver_journal *journal,
					struct receiver_position *ret_position)
{
	struct taker *t = self;

	(void)journal;
	assert_false(t->is_open);
	t->is_open = true;
	*ret_position = t->at;
	return t->has_board ? RECEIVER_OK : RECEIVER_COPY;
}

static enum receiver_verdict taker_copy(void *self, const struct receiver_position *at,
					const struct full_copy *boards)
{
	struct taker *t = self;

	assert_true(t->is_open);
	assert_false(t->has_board);
	assert_int_equal(boards->count, 1);
	assert_int_equal(boards->boards[0].number, BOARD_NUMBER);
	assert_true(at->lsn <= durable);
	t->copies++;
	if (t->fail_copies > 0) {
		t->fail_copies--;
		return t->failure;
	}
	t->copied = boards->boards[0].copy->bytes[0];
	t->at = *at;
	t->has_board = true;
	return RECEIVER_OK;
}

static enum receiver_verdict taker_event(void *self, uint64_t lsn, const struct record *record)
{
	struct taker *t = self;

	(void)record;
	assert_true(t->has_board);
	assert_int_equal(lsn, t->last_lsn == 0 ? t->at.lsn + 1 : t->last_lsn + 1);
	if (t->first_lsn == 0)
		t->first_lsn = lsn;
	t->last_lsn = lsn;
	return RECEIVER_OK;
}

static enum receiver_verdict taker_flush(void *self, const struct receiver_position *to)
{
	((struct taker *)self)->at = *to;
	return RECEIVER_OK;
}

static void taker_close(void *self)
{
	((struct taker *)self)->is_open = false;
}

static const char *taker_why(const void *self)
{
	(void)self;
	return "as the test wants";
}

static const struct receiver_ops taker_ops = {
	.name = "taker",
	.init = taker_init,
	.copy = taker_copy,
	.event = taker_event,
	.flush = taker_flush,
	.close = taker_close,
	.why = taker_why,
};

static uint64_t durable_lsn(void *arg)
{
	(void)arg;
	return durable;
}

static void wake_writer(void *arg)
{
	(void)arg;
	wakes++;
}

static int setup(void **state)
{
	const struct receiver_config config = {
		.ops = &taker_ops,
		.self = &taker,
		.data = dir,
		.journal_id = SEGMENT_MAKE_ID,
		.batch_records = 100,
		.batch_bytes = 1 << 20,
		.batch_age_ns = NS_PER_SEC,
		.seed = 1,
		.copy = &copy,
		.durable_lsn = durable_lsn,
		.wake_writer = wake_writer,
	};

	(void)state;
	taker = (struct taker){.failure = RECEIVER_RETRY};
	now = (struct now){.mono_ns = NS_PER_SEC, .wall_ms = 1};
	durable = 0;
	wakes = 0;
	if (temp_dir_make(dir, "copy") < 0 || disk_open(dir, 0, 0, &disk) < 0 ||
	    board_new(8, 8, 4, &board) < 0)
		return -1;
	segment_make_begin(&segment, 1, 1, SEGMENT_MAKE_ID, 0);
	return receiver_new(&config, now, &receiver);
}

static int teardown(void **state)
{
	(void)state;
	receiver_free(receiver);
	full_copy_fini(&copy);
	board_free(board);
	disk_close(disk);
	return temp_dir_remove(dir);
}

static void grow(uint32_t records)
{
	segment_make_batch(&segment, records, 1);
	assert_int_equal(segment_make_write(&segment, disk), 0);
	durable += records;
}

static void turn(void)
{
	uint64_t wait = receiver_turn(receiver, now);

	now.mono_ns += wait == RECEIVER_IDLE ? NS_PER_SEC : wait;
	now.wall_ms = now.mono_ns / NS_PER_MS;
}

static void turns_until(uint64_t lsn)
{
	for (int i = 0; receiver_lsn(receiver) < lsn; i++) {
		assert_true(i < 10000);
		turn();
	}
}

static struct receiver_status status(void)
{
	struct receiver_status s;

	receiver_look(receiver, now, &s);
	return s;
}

/* As the writer does, with `color` in all of the first byte. */
static void copy_give(uint64_t lsn, uint8_t color)
{
	assert_true(full_copy_is_asked(&copy));
	(void)board_set(board, 0, color);
	(void)board_set(board, 1, color);
	assert_non_null(board_copy_begin(board, 1, lsn));
	full_copy_add(&copy, BOARD_NUMBER, board_copy_step(board, SIZE_MAX));
	full_copy_ready(&copy, lsn);
}

static void turns_until_asked(void)
{
	for (int i = 0; !full_copy_is_asked(&copy); i++) {
		assert_true(i < 100);
		turn();
	}
	assert_int_equal(status().state, RECEIVER_COPYING);
}

static void one_that_wants_a_copy_gets_it_and_what_follows(void **state)
{
	uint64_t chain;

	(void)state;
	grow(100);
	grow(20);
	chain = segment.chain;
	turns_until_asked();
	assert_int_equal(wakes, 1);
	assert_int_equal(receiver_lsn(receiver), 0); /* retention takes nothing meanwhile */
	copy_give(120, 5);
	grow(80);
	turn();
	assert_int_equal(taker.copied, 0x55);
	assert_int_equal(taker.at.lsn, 120);
	assert_int_equal(taker.at.chain, chain);
	assert_false(full_copy_is_ready(&copy));
	turns_until(200);
	assert_int_equal(taker.first_lsn, 121);
	assert_int_equal(taker.last_lsn, 200);
	assert_int_equal(taker.at.chain, segment.chain);
	assert_int_equal(taker.copies, 1);
}

/* Where the journal has no fingerprint it goes on without one. */
static void copy_inside_of_a_batch_is_good_too(void **state)
{
	(void)state;
	grow(100);
	turns_until_asked();
	copy_give(70, 5);
	turn();
	assert_int_equal(taker.at.chain, 0);
	turns_until(100);
	assert_int_equal(taker.first_lsn, 71);
}

static void copy_is_not_handed_over_before_it_is_durable(void **state)
{
	(void)state;
	turns_until_asked();
	copy_give(10, 5);
	for (int i = 0; i < 20; i++)
		turn();
	assert_int_equal(taker.copies, 0);
	grow(10);
	turns_until(10);
	assert_int_equal(taker.copies, 1);
	assert_int_equal(taker.at.lsn, 10);
}

static void copy_that_was_lost_is_asked_for_again(void **state)
{
	(void)state;
	taker.fail_copies = 1;
	grow(100);
	turns_until_asked();
	copy_give(100, 5);
	turn();
	assert_int_equal(status().state, RECEIVER_WAITING);
	assert_false(taker.is_open);
	grow(50);
	turns_until_asked();
	copy_give(150, 6);
	turns_until(150);
	assert_int_equal(taker.copied, 0x66);
	assert_int_equal(taker.first_lsn, 0);
	assert_int_equal(status().retries, 1);
}

/* It stops with a reason, the copy goes back, and a minute later another one is asked for. */
static void one_that_refuses_a_copy_stops_and_is_asked_again_later(void **state)
{
	static const enum receiver_verdict failures[] = {RECEIVER_STOP, RECEIVER_REFUSED};

	(void)state;
	grow(100);
	for (unsigned i = 0; i < 2; i++) {
		taker.failure = failures[i];
		taker.fail_copies = 1;
		turns_until_asked();
		copy_give(100, 5);
		turn();
		assert_int_equal(status().state, RECEIVER_STOPPED);
		assert_false(taker.is_open);
	}
	turns_until_asked();
	copy_give(100, 6);
	turns_until(100);
	assert_int_equal(taker.copied, 0x66);
}

static void a_journal_that_is_damaged_meanwhile_stops_it_and_the_copy_goes_back(void **state)
{
	static struct segment_make next; /* with it, what is not there is damage */
	uint8_t *byte = &segment.bytes[SEGMENT_HEADER_BYTES + BATCH_HEADER_BYTES + 20];

	(void)state;
	grow(100);
	segment_make_begin(&next, 2, 101, segment.chain, 0);
	assert_int_equal(segment_make_write(&next, disk), 0);
	turns_until_asked();
	copy_give(100, 5);
	*byte ^= 1;
	assert_int_equal(segment_make_write(&segment, disk), 0);
	turn();
	assert_int_equal(status().state, RECEIVER_STOPPED);
	assert_int_equal(taker.copies, 0);
	*byte ^= 1;
	assert_int_equal(segment_make_write(&segment, disk), 0);
	turns_until_asked();
	copy_give(100, 6);
	turns_until(100);
	assert_int_equal(taker.copied, 0x66);
}

static void stopping_does_not_wait_for_a_copy(void **state)
{
	(void)state;
	turns_until_asked();
	receiver_stop(receiver);
	turn();
	assert_true(receiver_is_closed(receiver));
	assert_false(taker.is_open);
	copy_give(0, 5); /* nobody is there any more: the server gives it back */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_that_wants_a_copy_gets_it_and_what_follows),
		TEST(copy_inside_of_a_batch_is_good_too),
		TEST(copy_is_not_handed_over_before_it_is_durable),
		TEST(copy_that_was_lost_is_asked_for_again),
		TEST(one_that_refuses_a_copy_stops_and_is_asked_again_later),
		TEST(a_journal_that_is_damaged_meanwhile_stops_it_and_the_copy_goes_back),
		TEST(stopping_does_not_wait_for_a_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
