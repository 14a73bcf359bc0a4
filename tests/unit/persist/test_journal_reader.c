/* test_journal_reader.c - a receiver's view of a journal that grows, ends segments and breaks off.
 * */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "persist/journal/journal_reader.h"
#include "tests/segment_make.h"
#include "tests/temp_dir.h"

static char dir[TEMP_DIR_BYTES];
static struct disk *disk;
static struct journal_reader *reader;
static struct segment_make one, two;

static int setup(void **state)
{
	(void)state;
	if (temp_dir_make(dir, "reader") < 0 || disk_open(dir, 0, 0, &disk) < 0)
		return -1;
	return journal_reader_new(disk, &reader);
}

static int teardown(void **state)
{
	(void)state;
	journal_reader_free(reader);
	disk_close(disk);
	return temp_dir_remove(dir);
}

/* Reads up to `durable` and expects records first..last, all of one color. */
static void expect(uint64_t durable, uint64_t first, uint64_t last, uint8_t color)
{
	struct journal_piece piece;
	struct record record;

	while (first <= last) {
		assert_int_equal(journal_reader_next(reader, durable, &piece), 1);
		assert_int_equal(piece.first_lsn, first);
		for (; first <= piece.last_lsn; first++) {
			assert_int_equal(record_get(&piece.records, &record), 0);
			assert_int_equal(record.placement.seq, first);
			assert_int_equal(record.placement.color, color);
		}
		assert_int_equal(bytes_left(&piece.records), 0);
	}
	assert_int_equal(first, last + 1);
}

static void expect_nothing(uint64_t durable)
{
	struct journal_piece piece;

	assert_int_equal(journal_reader_next(reader, durable, &piece), 0);
}

static void nothing_above_the_durable_lsn_is_read(void **state)
{
	(void)state;
	segment_make_begin(&one, 1, 1, SEGMENT_MAKE_ID, 0);
	segment_make_batch(&one, 10, 1);
	segment_make_batch(&one, 10, 1);
	assert_int_equal(segment_make_write(&one, disk), 0);
	assert_int_equal(journal_reader_seek(reader, 1), 0);
	expect_nothing(0);
	expect(10, 1, 10, 1);
	expect_nothing(10);
	expect(20, 11, 20, 1);
	expect_nothing(20);
}

static void what_is_written_later_is_read_later(void **state)
{
	(void)state;
	segment_make_begin(&one, 1, 1, SEGMENT_MAKE_ID, 0);
	assert_int_equal(segment_make_write(&one, disk), 0);
	assert_int_equal(journal_reader_seek(reader, 1), 0);
	for (uint64_t lsn = 0; lsn < 300; lsn += 3) {
		segment_make_batch(&one, 3, 2);
		assert_int_equal(segment_make_write(&one, disk), 0);
		expect(lsn + 3, lsn + 1, lsn + 3, 2);
	}
}

static void reading_goes_on_in_the_next_segment(void **state)
{
	(void)state;
	segment_make_begin(&one, 1, 1, SEGMENT_MAKE_ID, 0);
	segment_make_batch(&one, 5, 1);
	assert_int_equal(segment_make_write(&one, disk), 0);
	assert_int_equal(journal_reader_seek(reader, 1), 0);
	expect(5, 1, 5, 1);
	segment_make_begin(&two, 4, 6, one.chain, 0); /* numbers may be left out */
	segment_make_batch(&two, 5, 1);
	assert_int_equal(segment_make_write(&two, disk), 0);
	expect(10, 6, 10, 1);
	expect_nothing(10);
}

static void seeking_stands_inside_a_batch(void **state)
{
	struct journal_piece piece;

	(void)state;
	segment_make_begin(&one, 1, 1, SEGMENT_MAKE_ID, 0);
	segment_make_batch(&one, 5, 1);
	segment_make_batch(&one, 5, 1);
	assert_int_equal(segment_make_write(&one, disk), 0);
	assert_int_equal(journal_reader_seek(reader, 8), 0);
	assert_int_equal(journal_reader_next(reader, 10, &piece), 1);
	assert_int_equal(piece.first_lsn, 8);
	assert_int_equal(piece.chain_before, 0);
	assert_int_equal(piece.chain_after, one.chain);
	assert_true(piece.is_partial);
	assert_int_equal(journal_reader_seek(reader, 8), 0);
	expect(10, 8, 10, 1);
}

static void pieces_follow_each_other_by_their_chain(void **state)
{
	struct journal_piece piece;
	uint64_t chain = SEGMENT_MAKE_ID;

	(void)state;
	segment_make_begin(&one, 1, 1, SEGMENT_MAKE_ID, 0);
	for (int i = 0; i < 20; i++)
		segment_make_batch(&one, 2, 1);
	assert_int_equal(segment_make_write(&one, disk), 0);
	assert_int_equal(journal_reader_seek(reader, 1), 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(journal_reader_next(reader, 40, &piece), 1);
		assert_int_equal(piece.chain_before, chain);
		chain = piece.chain_after;
	}
}

/* A batch whose sync failed stands there with right checksums; another took its lsns. */
static void what_a_later_segment_overrules_is_not_read(void **state)
{
	uint64_t chain;

	(void)state;
	segment_make_begin(&one, 1, 1, SEGMENT_MAKE_ID, 0);
	segment_make_batch(&one, 5, 1);
	chain = one.chain;
	segment_make_batch(&one, 5, 9);
	assert_int_equal(segment_make_write(&one, disk), 0);
	assert_int_equal(journal_reader_seek(reader, 1), 0);
	expect(5, 1, 5, 1);
	expect_nothing(5);
	segment_make_begin(&two, 2, 6, chain, 0);
	segment_make_batch(&two, 5, 2);
	assert_int_equal(segment_make_write(&two, disk), 0);
	expect(10, 6, 10, 2);
}

static void a_segment_of_another_history_is_damage(void **state)
{
	struct journal_piece piece;

	(void)state;
	segment_make_begin(&one, 1, 1, SEGMENT_MAKE_ID, 0);
	segment_make_batch(&one, 5, 1);
	assert_int_equal(segment_make_write(&one, disk), 0);
	segment_make_begin(&two, 2, 6, one.chain ^ 1, 0);
	segment_make_batch(&two, 5, 2);
	assert_int_equal(segment_make_write(&two, disk), 0);
	assert_int_equal(journal_reader_seek(reader, 1), 0);
	expect(10, 1, 5, 1);
	assert_int_equal(journal_reader_next(reader, 10, &piece), -EBADMSG);
	assert_non_null(strstr(journal_reader_why(reader), "record 6"));
}

static void a_gap_that_a_snapshot_bridges_is_passed(void **state)
{
	struct journal_piece piece;

	(void)state;
	segment_make_begin(&one, 1, 1, SEGMENT_MAKE_ID, 0);
	segment_make_batch(&one, 5, 1);
	assert_int_equal(segment_make_write(&one, disk), 0);
	segment_make_begin(&two, 2, 9, SEGMENT_MAKE_ID, SEGMENT_RESTART);
	segment_make_batch(&two, 5, 2);
	assert_int_equal(segment_make_write(&two, disk), 0);
	assert_int_equal(journal_reader_seek(reader, 1), 0);
	expect(13, 1, 5, 1);
	assert_int_equal(journal_reader_next(reader, 13, &piece), 1);
	assert_int_equal(piece.first_lsn, 9);
	assert_int_equal(piece.chain_before, 0);
}

static void removed_records_are_missed(void **state)
{
	struct journal_piece piece;
	uint64_t oldest = 99;

	(void)state;
	assert_int_equal(journal_reader_seek(reader, 1), -ENOENT);
	assert_int_equal(journal_reader_oldest(reader, &oldest), 0);
	assert_int_equal(oldest, 0);
	segment_make_begin(&one, 3, 101, 5, 0);
	segment_make_batch(&one, 5, 1);
	assert_int_equal(segment_make_write(&one, disk), 0);
	assert_int_equal(journal_reader_oldest(reader, &oldest), 0);
	assert_int_equal(oldest, 101);
	assert_int_equal(journal_reader_seek(reader, 100), -ENODATA);
	assert_int_equal(journal_reader_seek(reader, 101), 0);
	expect(105, 101, 105, 1);
	segment_make_begin(&two, 5, 111, 6, 0); /* number 4 was removed unread */
	segment_make_batch(&two, 5, 1);
	assert_int_equal(segment_make_write(&two, disk), 0);
	assert_int_equal(journal_reader_next(reader, 115, &piece), -ENODATA);
}

static void every_bit_that_is_wrong_stops_it(void **state)
{
	(void)state;
	segment_make_begin(&one, 1, 1, SEGMENT_MAKE_ID, 0);
	segment_make_batch(&one, 3, 1);
	for (size_t bit = 8 * SEGMENT_HEADER_BYTES; bit < 8 * (size_t)(one.end - one.bytes);
	     bit++) {
		struct journal_piece piece;

		one.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(segment_make_write(&one, disk), 0);
		assert_int_equal(journal_reader_seek(reader, 1), 0);
		if (journal_reader_next(reader, 3, &piece) != 0) /* padding is not looked at */
			assert_true(bit / 8 + JOURNAL_ALIGN >= (size_t)(one.end - one.bytes));
		one.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static uint64_t chain_at(uint64_t lsn)
{
	uint64_t chain = 1;

	assert_int_equal(journal_reader_chain(reader, lsn, &chain), 0);
	return chain;
}

static void fingerprint_is_known_where_a_batch_ends(void **state)
{
	uint64_t first;

	(void)state;
	assert_int_equal(chain_at(0), 0); /* there is no journal yet */
	segment_make_begin(&one, 1, 1, SEGMENT_MAKE_ID, 0);
	segment_make_batch(&one, 5, 1);
	first = one.chain;
	segment_make_batch(&one, 5, 1);
	assert_int_equal(segment_make_write(&one, disk), 0);
	segment_make_begin(&two, 2, 11, one.chain, 0);
	segment_make_batch(&two, 5, 1);
	assert_int_equal(segment_make_write(&two, disk), 0);
	assert_int_equal(chain_at(5), first);
	assert_int_equal(chain_at(10), one.chain);
	assert_int_equal(chain_at(15), two.chain);
	assert_int_equal(chain_at(7), 0);
	assert_int_equal(chain_at(16), 0);
	assert_int_equal(journal_reader_seek(reader, 6), 0);
	expect(15, 6, 10, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_above_the_durable_lsn_is_read, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_written_later_is_read_later, setup,
						teardown),
		cmocka_unit_test_setup_teardown(reading_goes_on_in_the_next_segment, setup,
						teardown),
		cmocka_unit_test_setup_teardown(seeking_stands_inside_a_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(pieces_follow_each_other_by_their_chain, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_a_later_segment_overrules_is_not_read, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_segment_of_another_history_is_damage, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_gap_that_a_snapshot_bridges_is_passed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(removed_records_are_missed, setup, teardown),
		cmocka_unit_test_setup_teardown(every_bit_that_is_wrong_stops_it, setup, teardown),
		cmocka_unit_test_setup_teardown(fingerprint_is_known_where_a_batch_ends, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
