/* test_receiver.c - the driver of receivers, over one that lives in memory and fails as it is told.
 * */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "persist/receiver/receiver.h"
#include "tests/segment_make.h"
#include "tests/temp_dir.h"

#define KEPT_MAX 4096

/* What it holds, and what it holds only until the flush. */
struct memory {
	uint64_t kept[KEPT_MAX], kept_count;
	uint64_t batch[KEPT_MAX], batch_count;
	struct receiver_position at;
	uint64_t bad_lsn;     /* a batch with this is refused */
	unsigned lose_after;  /* so many flushes are kept, but say RETRY */
	unsigned fail_before; /* so many flushes are not kept, and say RETRY */
	unsigned inits, flushes;
	const struct receiver_board *boards; /* of the last init() */
	bool is_new;
	bool is_open;
	bool refuses_all; /* init() does */
};

static char dir[TEMP_DIR_BYTES];
static struct disk *disk;
static struct segment_make segment;
static struct memory memory;
static struct receiver *receiver;
static uint64_t durable;
static struct now now;

static enum receiver_verdict memory_init(void *self, const struct receiver_journal *journal,
					 struct receiver_position *ret_position)
{
	struct memory *m = self;

	assert_false(m->is_open);
	m->inits++;
	m->boards = journal->boards;
	m->is_open = true;
	m->batch_count = 0;
	if (m->refuses_all)
		return RECEIVER_REFUSED;
	if (m->is_new)
		m->at.lsn = journal->oldest_lsn - 1;
	*ret_position = m->at;
	ret_position->is_new = m->is_new;
	m->is_new = false;
	return RECEIVER_OK;
}

static enum receiver_verdict memory_event(void *self, uint64_t lsn, const struct record *record)
{
	struct memory *m = self;

	assert_true(m->is_open);
	assert_int_equal(record->placement.seq, lsn);
	m->batch[m->batch_count++] = lsn;
	return RECEIVER_OK;
}

static enum receiver_verdict memory_flush(void *self, const struct receiver_position *to)
{
	struct memory *m = self;

	assert_true(m->is_open);
	m->flushes++;
	for (uint64_t i = 0; i < m->batch_count; i++)
		if (m->batch[i] == m->bad_lsn)
			return RECEIVER_REFUSED;
	if (m->fail_before > 0) {
		m->fail_before--;
		return RECEIVER_RETRY;
	}
	for (uint64_t i = 0; i < m->batch_count; i++)
		m->kept[m->kept_count++] = m->batch[i];
	m->batch_count = 0;
	m->at = *to;
	if (m->lose_after > 0) {
		m->lose_after--;
		return RECEIVER_RETRY;
	}
	return RECEIVER_OK;
}

static void memory_close(void *self)
{
	((struct memory *)self)->is_open = false;
}

static const char *memory_why(const void *self)
{
	(void)self;
	return "as the test wants";
}

static const struct receiver_ops memory_ops = {
	.name = "memory",
	.init = memory_init,
	.event = memory_event,
	.flush = memory_flush,
	.close = memory_close,
	.why = memory_why,
};

static uint64_t durable_lsn(void *arg)
{
	(void)arg;
	return durable;
}

static int setup(void **state)
{
	const struct receiver_config config = {
		.ops = &memory_ops,
		.self = &memory,
		.data = dir,
		.journal_id = SEGMENT_MAKE_ID,
		.batch_records = 100,
		.batch_bytes = 1 << 20,
		.batch_age_ns = NS_PER_SEC,
		.gentle_per_second = 400,
		.seed = 1,
		.durable_lsn = durable_lsn,
	};

	(void)state;
	memset(&memory, 0, sizeof(memory));
	memory.is_new = true;
	now = (struct now){.mono_ns = NS_PER_SEC, .wall_ms = 1};
	if (temp_dir_make(dir, "receiver") < 0 || disk_open(dir, 0, 0, &disk) < 0)
		return -1;
	segment_make_begin(&segment, 1, 1, SEGMENT_MAKE_ID, 0);
	durable = 0;
	return receiver_new(&config, now, &receiver);
}

static int teardown(void **state)
{
	(void)state;
	receiver_free(receiver);
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

/* Every record up to `last` once, in order, but for one. */
static void expect_all_but(uint64_t last, uint64_t missing)
{
	uint64_t lsn = 0;

	for (uint64_t i = 0; i < memory.kept_count; i++) {
		lsn++;
		lsn += lsn == missing;
		assert_int_equal(memory.kept[i], lsn);
	}
	assert_int_equal(lsn, last);
}

static void all_is_received_in_order(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++)
		grow(7);
	turns_until(350);
	expect_all_but(350, 0);
	assert_int_equal(status().placements, 350);
	assert_int_equal(status().lag_records, 0);
	assert_int_equal(memory.at.chain, segment.chain);
}

static void few_records_wait_until_they_are_old(void **state)
{
	uint64_t begun;

	(void)state;
	turn();
	begun = now.mono_ns;
	grow(3);
	turns_until(3);
	assert_true(now.mono_ns - begun >= NS_PER_SEC);
	assert_int_equal(memory.flushes, 1);
	grow(100); /* a full batch does not */
	begun = now.mono_ns;
	turns_until(103);
	assert_true(now.mono_ns - begun < NS_PER_SEC / 2);
}

/* Ten batches a second, of a tenth of the rate each. */
static void it_catches_up_gently_while_people_place(void **state)
{
	uint64_t begun;

	(void)state;
	for (int i = 0; i < 20; i++)
		grow(10);
	turn();
	turn();
	assert_int_equal(receiver_lsn(receiver), 100); /* nobody has placed since the start */
	grow(10);
	assert_int_equal(receiver_turn(receiver, now), 0);
	assert_int_equal(receiver_lsn(receiver), 140);
	begun = now.mono_ns;
	now.mono_ns += 30 * NS_PER_MS; /* what the batch took */
	assert_int_equal(receiver_turn(receiver, now), 70 * NS_PER_MS);
	assert_int_equal(receiver_lsn(receiver), 140);
	turns_until(180);
	assert_int_equal(now.mono_ns - begun, 100 * NS_PER_MS);
	now.mono_ns += 2 * NS_PER_SEC; /* nobody places any more */
	turns_until(210);
	expect_all_but(210, 0);
	assert_int_equal(memory.flushes, 4);
}

/* Somebody places all the time; so many turns. */
static void place_along(unsigned turns)
{
	for (unsigned i = 0; i < turns; i++) {
		turn();
		grow(1);
	}
}

/* More than the bound is placed: twice of that is what it may do. */
static void it_keeps_up_with_whatever_is_placed(void **state)
{
	uint64_t due = now.mono_ns;

	(void)state;
	turn();
	for (int tenths = 0; tenths < 25; tenths++) {
		grow(100);
		due += NS_PER_SEC / 10;
		while (now.mono_ns < due)
			turn();
	}
	assert_true(status().lag_records < 400);
	expect_all_but(receiver_lsn(receiver), 0);
}

/* The rest is for what was sent, not for what lay between. */
static void few_records_that_keep_coming_wait_no_longer(void **state)
{
	uint64_t begun;

	(void)state;
	place_along(5);
	begun = now.mono_ns;
	place_along(100);
	assert_true(memory.flushes >= (now.mono_ns - begun) / (NS_PER_SEC + NS_PER_SEC / 4));
}

static void an_outage_is_not_rested_for(void **state)
{
	uint64_t begun;

	(void)state;
	memory.fail_before = 1;
	while (status().retries == 0)
		place_along(1);
	now.mono_ns += 3600 * NS_PER_SEC;
	begun = now.mono_ns;
	place_along(60);
	assert_true(now.mono_ns - begun < 60 * NS_PER_SEC);
	assert_true(receiver_lsn(receiver) > 0);
}

static void a_flush_that_was_lost_is_done_again(void **state)
{
	(void)state;
	memory.fail_before = 3;
	grow(250);
	turns_until(250);
	expect_all_but(250, 0);
	assert_int_equal(status().retries, 3);
}

static void a_flush_that_was_kept_is_not_done_again(void **state)
{
	(void)state;
	memory.lose_after = 2;
	for (int i = 0; i < 10; i++)
		grow(60);
	turns_until(600);
	expect_all_but(600, 0);
	assert_int_equal(memory.inits, 3);
}

static void waiting_grows_longer(void **state)
{
	uint64_t begun;

	(void)state;
	memory.fail_before = 12;
	grow(100);
	begun = now.mono_ns;
	turns_until(100);
	assert_true(now.mono_ns - begun > 60 * NS_PER_SEC);
	assert_true(now.mono_ns - begun < 600 * NS_PER_SEC);
}

static void one_bad_record_goes_to_the_quarantine(void **state)
{
	char line[256] = "";
	FILE *file;

	(void)state;
	memory.bad_lsn = 1234;
	for (int i = 0; i < 40; i++)
		grow(70);
	turns_until(2800);
	expect_all_but(2800, 1234);
	assert_int_equal(status().quarantined, 1);
	snprintf(line, sizeof(line), "%s/quarantine-memory.csv", dir);
	file = fopen(line, "re");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	assert_int_equal(strncmp(line, "1234,0,0,1234,1234000,", 22), 0);
	assert_null(fgets(line, sizeof(line), file));
	(void)fclose(file);
}

/* Of a line that was not synced when the power went, a part may be left. */
static void a_line_of_the_quarantine_begins_behind_a_torn_one(void **state)
{
	char line[256] = "";
	FILE *file;

	(void)state;
	snprintf(line, sizeof(line), "%s/quarantine-memory.csv", dir);
	file = fopen(line, "we");
	assert_non_null(file);
	assert_int_equal(fputs("3,0,0,3,30", file) >= 0, 1);
	assert_int_equal(fclose(file), 0);
	memory.bad_lsn = 5;
	grow(10);
	turns_until(10);
	file = fopen(line, "re");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	assert_string_equal(line, "3,0,0,3,30\n");
	assert_non_null(fgets(line, sizeof(line), file));
	assert_int_equal(strncmp(line, "5,0,0,5,5000,", 13), 0);
	(void)fclose(file);
}

static void one_that_is_ahead_stops(void **state)
{
	(void)state;
	grow(10);
	memory.is_new = false;
	memory.at.lsn = 11;
	turn();
	assert_int_equal(status().state, RECEIVER_STOPPED);
	assert_false(memory.is_open);
	memory.at.lsn = 10; /* somebody put it right */
	turns_until(10);
	grow(100);
	turns_until(110);
	assert_int_equal(status().state, RECEIVER_FOLLOWING);
}

static void one_of_another_history_stops(void **state)
{
	(void)state;
	grow(10);
	memory.is_new = false;
	memory.at = (struct receiver_position){.lsn = 10, .chain = segment.chain ^ 1};
	grow(100);
	for (int i = 0; status().state != RECEIVER_STOPPED; i++) {
		assert_true(i < 5);
		turn();
	}
	assert_int_equal(memory.kept_count, 0);
}

/* Where it stands at the end of a batch, the journal's batch goes on. */
static void one_whose_position_is_inside_a_batch_stops(void **state)
{
	(void)state;
	memory.is_new = false;
	memory.at = (struct receiver_position){.lsn = 10, .chain = 5};
	grow(200);
	for (int i = 0; status().state != RECEIVER_STOPPED; i++) {
		assert_true(i < 5);
		turn();
	}
	assert_int_equal(memory.kept_count, 0);
}

static void one_that_went_back_gets_it_again(void **state)
{
	(void)state;
	grow(100);
	grow(100);
	turns_until(200);
	memory.at = (struct receiver_position){.lsn = 0};
	memory.kept_count = 0;
	memory.fail_before = 1;
	grow(100);
	turns_until(300);
	while (memory.at.lsn < 300)
		turn();
	expect_all_but(300, 0);
}

static void one_that_lacks_removed_records_stops(void **state)
{
	(void)state;
	segment_make_begin(&segment, 3, 101, 5, 0);
	durable = 100;
	grow(100);
	memory.is_new = false;
	memory.at.lsn = 50;
	turn();
	turn();
	assert_int_equal(status().state, RECEIVER_STOPPED);
	memory.is_new = true; /* a new one begins with the oldest */
	turns_until(200);
	assert_int_equal(memory.kept[0], 101);
}

/* What it does not like is nothing of the journal's. */
static void one_that_refuses_before_it_was_given_anything_stops(void **state)
{
	(void)state;
	memory.refuses_all = true;
	grow(10);
	turn();
	assert_int_equal(status().state, RECEIVER_STOPPED);
	assert_int_equal(status().quarantined, 0);
}

static void other_palettes_come_with_another_start(void **state)
{
	struct receiver_board *boards = calloc(1, sizeof(*boards));
	unsigned inits;

	(void)state;
	grow(100);
	turns_until(100);
	inits = memory.inits;
	receiver_boards_set(receiver, calloc(1, sizeof(*boards))); /* nobody hears of these */
	receiver_boards_set(receiver, boards);
	grow(100);
	turns_until(200);
	assert_int_equal(memory.inits, inits + 1);
	assert_ptr_equal(memory.boards, boards);
	expect_all_but(200, 0);
	assert_int_equal(status().retries, 0);
}

static void other_palettes_reach_one_that_was_away(void **state)
{
	struct receiver_board *boards = calloc(1, sizeof(*boards));

	(void)state;
	memory.fail_before = 2;
	grow(100);
	while (status().state != RECEIVER_WAITING)
		turn();
	receiver_boards_set(receiver, boards);
	turns_until(100);
	assert_ptr_equal(memory.boards, boards);
	assert_int_equal(status().retries, 2);
	expect_all_but(100, 0);
}

static void stopping_catches_up_first(void **state)
{
	(void)state;
	turn();
	grow(3);
	receiver_stop(receiver);
	for (int i = 0; !receiver_is_closed(receiver); i++) {
		assert_true(i < 10);
		turn();
	}
	expect_all_but(3, 0);
	assert_false(memory.is_open);
}

static void stopping_does_not_wait_for_one_that_is_gone(void **state)
{
	(void)state;
	memory.fail_before = 1000;
	grow(100);
	for (int i = 0; i < 4; i++)
		turn();
	receiver_stop(receiver);
	assert_int_equal(receiver_turn(receiver, now), 0); /* its thread need not be woken to end */
	assert_true(receiver_is_closed(receiver));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_is_received_in_order),
		TEST(few_records_wait_until_they_are_old),
		TEST(it_catches_up_gently_while_people_place),
		TEST(it_keeps_up_with_whatever_is_placed),
		TEST(few_records_that_keep_coming_wait_no_longer),
		TEST(an_outage_is_not_rested_for),
		TEST(a_flush_that_was_lost_is_done_again),
		TEST(a_flush_that_was_kept_is_not_done_again),
		TEST(waiting_grows_longer),
		TEST(one_bad_record_goes_to_the_quarantine),
		TEST(a_line_of_the_quarantine_begins_behind_a_torn_one),
		TEST(one_that_is_ahead_stops),
		TEST(one_of_another_history_stops),
		TEST(one_whose_position_is_inside_a_batch_stops),
		TEST(one_that_went_back_gets_it_again),
		TEST(one_that_lacks_removed_records_stops),
		TEST(one_that_refuses_before_it_was_given_anything_stops),
		TEST(other_palettes_come_with_another_start),
		TEST(other_palettes_reach_one_that_was_away),
		TEST(stopping_catches_up_first),
		TEST(stopping_does_not_wait_for_one_that_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
