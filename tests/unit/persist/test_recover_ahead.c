/*
 * test_recover_ahead.c - records are announced before they are handed over, and that changes
 * nothing else: one that is damaged, or refused, ends a recovery behind all that stand before it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "persist/recover/recover.h"
#include "tests/journal_make.h"
#include "tests/temp_dir.h"

#define RECORDS 100u /* of one batch: more than are announced at a time */
#define NONE    UINT32_MAX

static char dir[TEMP_DIR_BYTES];
static struct disk *disk;
static char why[RECOVER_WHY_BYTES];

static int setup(void **state)
{
	(void)state;
	return temp_dir_make(dir, "ahead") < 0 || disk_open(dir, 0, 1, &disk) < 0;
}

static int teardown(void **state)
{
	(void)state;
	disk_close(disk);
	return temp_dir_remove(dir);
}

/* The seq of each record is its lsn. */
struct heard {
	uint64_t announced; /* lsn of the newest */
	uint64_t delivered;
	uint64_t refused; /* the handler does not accept this one */
};

static void on_ahead(void *arg, const struct record *record)
{
	struct heard *h = arg;

	assert_int_equal(record->placement.seq, h->announced + 1);
	h->announced++;
}

static int on_record(void *arg, uint64_t lsn, const struct record *record, bool replay)
{
	struct heard *h = arg;

	if (lsn == h->refused)
		return -EBADMSG;
	assert_int_equal(lsn, ++h->delivered);
	assert_int_equal(record->placement.seq, lsn);
	assert_true(!replay || h->announced >= lsn);
	return 0;
}

static int on_board(void *arg, const struct snapshot_board_read *board)
{
	(void)arg;
	(void)board;
	return 0;
}

static int on_person(void *arg, const struct person *person)
{
	(void)arg;
	(void)person;
	return 0;
}

static int run(struct heard *h)
{
	const struct recover_options options = {.fresh_journal_id = 1, .history_records = RECORDS};
	const struct recover_handler handler = {.arg = h,
						.board = on_board,
						.person = on_person,
						.ahead = on_ahead,
						.record = on_record};
	struct recover_result result;

	return recover_run(disk, &options, &handler, &result, why);
}

/* One batch; record `damaged`, counted from 0, does not decode. */
static void journal_with(uint32_t damaged)
{
	struct record records[RECORDS];

	for (uint32_t i = 0; i < RECORDS; i++)
		records[i] = (struct record){.type = RECORD_PLACEMENT, .placement.seq = i + 1};
	if (damaged != NONE)
		records[damaged] =
			(struct record){.type = RECORD_EPOCH, .epoch.epoch = RECORD_EPOCH_MAX + 1u};
	temp_dir_empty(disk);
	(void)segment_make(disk, 1, MADE_JOURNAL_ID, 1, records, RECORDS);
}

static void what_is_replayed_is_announced(void **state)
{
	struct heard h = {0};

	(void)state;
	journal_with(NONE);
	assert_int_equal(run(&h), 0);
	assert_int_equal(h.delivered, RECORDS);
	assert_int_equal(h.announced, RECORDS);
}

static void what_the_snapshot_has_is_not_announced(void **state)
{
	const struct record_board meta = {.width = 16, .height = 8, .bits = 4, .name = "main"};
	struct heard h = {.announced = 40};
	struct board *board;

	(void)state;
	journal_with(NONE);
	assert_int_equal(board_new(16, 8, 4, &board), 0);
	snapshot_make(disk, h.announced, &meta, board, 1, h.announced);
	board_free(board);
	assert_int_equal(run(&h), 0);
	assert_int_equal(h.delivered, RECORDS);
	assert_int_equal(h.announced, RECORDS);
}

static void all_before_a_damaged_record_are_handed_over(void **state)
{
	(void)state;
	for (uint32_t damaged = 0; damaged < RECORDS; damaged++) {
		struct heard h = {0};
		char name[32];

		journal_with(damaged);
		assert_int_equal(run(&h), -EBADMSG);
		assert_int_equal(h.delivered, damaged);
		assert_int_equal(h.announced, damaged);
		snprintf(name, sizeof(name), "with record %u ", damaged + 1);
		assert_non_null(strstr(why, name));
	}
}

static void one_that_is_not_accepted_counts_before_a_damaged_one_behind_it(void **state)
{
	(void)state;
	for (uint32_t between = 0; between < 40; between++) {
		struct heard h = {.refused = 30};

		journal_with(30 + between);
		assert_int_equal(run(&h), -EBADMSG);
		assert_int_equal(h.delivered, 29);
		assert_non_null(strstr(why, "record 30 was not accepted"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_replayed_is_announced),
		cmocka_unit_test(what_the_snapshot_has_is_not_announced),
		cmocka_unit_test(all_before_a_damaged_record_are_handed_over),
		cmocka_unit_test(one_that_is_not_accepted_counts_before_a_damaged_one_behind_it),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
