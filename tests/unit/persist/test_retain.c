/* test_retain.c - which segments go when receivers have not got everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "persist/journal/retain.h"
#include "persist/format/segment_list.h"
#include "persist/snapshot/snapshot.h"
#include "tests/segment_make.h"
#include "tests/temp_dir.h"

#define SEGMENTS 6u
#define RECORDS  10u

static char dir[TEMP_DIR_BYTES];
static struct disk *disk;

static void snapshot_make(uint64_t lsn)
{
	const struct snapshot_image image = {.lsn = lsn, .journal_id = SEGMENT_MAKE_ID};
	struct snapshot_writer *w;

	assert_int_equal(snapshot_writer_new(disk, &image, &w), 0);
	while (snapshot_writer_step(w) > 0)
		;
	snapshot_writer_free(w);
}

/* Segments of ten records each; snapshots behind the fifth. */
static int setup(void **state)
{
	static struct segment_make m;

	(void)state;
	if (temp_dir_make(dir, "retain") < 0 || disk_open(dir, 0, 0, &disk) < 0)
		return -1;
	m.chain = SEGMENT_MAKE_ID;
	for (uint32_t i = 0; i < SEGMENTS; i++) {
		segment_make_begin(&m, i + 1, i * RECORDS + 1, m.chain, 0);
		segment_make_batch(&m, RECORDS, 1);
		if (segment_make_write(&m, disk) < 0)
			return -1;
	}
	snapshot_make(5 * RECORDS);
	snapshot_make(5 * RECORDS + 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	disk_close(disk);
	return temp_dir_remove(dir);
}

static uint32_t first_left(void)
{
	struct segment_list list;
	uint32_t first;

	assert_int_equal(segment_list_read(disk, &list), 0);
	assert_true(list.count > 0);
	first = list.entries[0].number;
	segment_list_free(&list);
	return first;
}

static void without_receivers_all_that_a_snapshot_has_may_go(void **state)
{
	const struct retain_rule rule = {.keep_bytes = 1, .received_lsn = UINT64_MAX};

	(void)state;
	assert_int_equal(retain_run(disk, &rule), 5);
	assert_int_equal(first_left(), 6);
}

static void what_a_receiver_has_not_got_stays(void **state)
{
	struct retain_rule rule = {.keep_bytes = 1, .received_lsn = 0};

	(void)state;
	assert_int_equal(retain_run(disk, &rule), 0);
	rule.received_lsn = 29; /* the third segment ends with 30 */
	assert_int_equal(retain_run(disk, &rule), 2);
	assert_int_equal(first_left(), 3);
	rule.received_lsn = 30;
	assert_int_equal(retain_run(disk, &rule), 1);
	assert_int_equal(first_left(), 4);
}

static void too_much_journal_never_drops_what_is_unread(void **state)
{
	const struct retain_rule rule = {.keep_bytes = 1, .received_lsn = 0, .drop_unread = true};

	(void)state;
	assert_int_equal(retain_run(disk, &rule), 0);
}

static void too_little_disk_drops_it_where_that_was_chosen(void **state)
{
	struct retain_rule rule = {.free_bytes_min = UINT64_MAX / 2, .received_lsn = 0};

	(void)state;
	assert_int_equal(retain_run(disk, &rule), 0);
	rule.drop_unread = true;
	assert_int_equal(retain_run(disk, &rule), 5);
}

static int snapshots_left(uint64_t *lsns)
{
	return snapshot_list(disk, lsns, SNAPSHOTS_MAX);
}

static void of_the_snapshots_the_newest_two_stay(void **state)
{
	const struct retain_rule rule = {.received_lsn = UINT64_MAX};
	uint64_t lsns[SNAPSHOTS_MAX];

	(void)state;
	for (uint64_t lsn = 10; lsn <= 40; lsn += 10)
		snapshot_make(lsn);
	assert_int_equal(retain_run(disk, &rule), 0);
	assert_int_equal(snapshots_left(lsns), 2);
	assert_true(lsns[0] == 51 && lsns[1] == 50);
}

/* However many came: none of the gaps is much larger than others, and the oldest stays. */
static void older_snapshots_are_spread_over_the_journal(void **state)
{
	const struct retain_rule rule = {.received_lsn = UINT64_MAX, .snapshots_past = 6};
	uint64_t lsns[SNAPSHOTS_MAX];

	(void)state;
	for (uint64_t lsn = 1000; lsn <= 300000; lsn += 1000) {
		snapshot_make(lsn);
		assert_int_equal(retain_run(disk, &rule), 0);
	}
	assert_int_equal(snapshots_left(lsns), 8);
	assert_int_equal(lsns[0], 300000);
	assert_int_equal(lsns[7], 50); /* of setup() */
	for (int i = 1; i < 7; i++)
		assert_in_range(lsns[i] - lsns[i + 1], 1000, 300000 / 7 * 2 + 1000);
}

static void snapshot_that_the_journal_does_not_go_on_from_goes(void **state)
{
	const struct retain_rule rule = {.keep_bytes = 3 * SEGMENT_MAKE_BYTES,
					 .received_lsn = UINT64_MAX,
					 .snapshots_past = 6};
	uint64_t lsns[SNAPSHOTS_MAX];

	(void)state;
	snapshot_make(29);
	snapshot_make(30);
	assert_int_equal(retain_run(disk, &rule), 3);
	assert_int_equal(first_left(), 4); /* from record 31 on */
	assert_int_equal(snapshots_left(lsns), 3);
	assert_int_equal(lsns[2], 30);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_receivers_all_that_a_snapshot_has_may_go),
		TEST(what_a_receiver_has_not_got_stays),
		TEST(too_much_journal_never_drops_what_is_unread),
		TEST(too_little_disk_drops_it_where_that_was_chosen),
		TEST(of_the_snapshots_the_newest_two_stay),
		TEST(older_snapshots_are_spread_over_the_journal),
		TEST(snapshot_that_the_journal_does_not_go_on_from_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
