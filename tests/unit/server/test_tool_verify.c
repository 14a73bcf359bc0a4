/* test_tool_verify.c - a snapshot that is not what the journal makes is found, whatever its
 * checksums say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tools/pixeld/tool.h"
#include "tests/journal_make.h"
#include "tests/temp_dir.h"

#define RECORDS 200u

static char dir[TEMP_DIR_BYTES];
static struct disk *disk;
static struct record records[RECORDS];
static const struct record_board meta = {.width = 100, .height = 800, .bits = 4, .name = "main"};

static int setup(void **state)
{
	(void)state;
	return temp_dir_make(dir, "verify") < 0 || disk_open(dir, 0, 0, &disk) < 0;
}

static int teardown(void **state)
{
	(void)state;
	disk_close(disk);
	return temp_dir_remove(dir);
}

static void journal_make(void)
{
	uint64_t chain = MADE_JOURNAL_ID;

	temp_dir_empty(disk);
	records[0] = (struct record){.type = RECORD_BOARD, .board = meta};
	records[1] = (struct record){.type = RECORD_EPOCH, .epoch = {.first_seq = 1, .epoch = 1}};
	for (uint32_t i = 2; i < RECORDS; i++)
		records[i] = (struct record){.type = RECORD_PLACEMENT,
					     .placement = {.seq = i - 1,
							   .epoch = 1,
							   .x = (uint16_t)(i % 100),
							   .y = (uint16_t)(i * 3 % 800),
							   .color = (uint8_t)(i % 16)}};
	chain = segment_make(disk, 1, chain, 1, records, 100);
	segment_make(disk, 2, chain, 101, records + 100, RECORDS - 100);
}

/* The board at this lsn, with one cell that is another when `lie` is. */
static void snapshot_at(uint32_t lsn, bool lie)
{
	struct board *board;

	assert_int_equal(board_new(meta.width, meta.height, meta.bits, &board), 0);
	for (uint32_t i = 2; i < lsn; i++)
		(void)board_set(board,
				(uint32_t)records[i].placement.y * 100 + records[i].placement.x,
				records[i].placement.color);
	if (lie)
		(void)board_set(board, 79999, 9);
	snapshot_make(disk, lsn, &meta, board, 1, lsn - 2);
	board_free(board);
}

static int verify(void)
{
	char flag[] = "--data";
	char *argv[] = {flag, dir, NULL};

	return tool_verify(2, argv);
}

static void equal_ones_are_equal(void **state)
{
	(void)state;
	journal_make();
	assert_int_equal(verify(), EXIT_PASS); /* no snapshot */
	snapshot_at(120, false);
	assert_int_equal(verify(), EXIT_PASS);
	snapshot_at(150, false);
	assert_int_equal(verify(), EXIT_PASS);
}

static void a_wrong_cell_in_the_newest_snapshot_is_found(void **state)
{
	(void)state;
	journal_make();
	snapshot_at(120, false);
	snapshot_at(150, true);
	assert_int_equal(verify(), EXIT_DATA_WRONG);
}

static void without_the_beginning_the_snapshot_before_is_where_the_journal_begins(void **state)
{
	(void)state;
	journal_make();
	snapshot_at(120, false);
	snapshot_at(150, true);
	disk_unlink(disk, "journal-00000001.seg");
	assert_int_equal(verify(), EXIT_DATA_WRONG);
	journal_make();
	snapshot_at(120, false);
	snapshot_at(150, false);
	disk_unlink(disk, "journal-00000001.seg");
	assert_int_equal(verify(), EXIT_PASS);
}

static void a_wrong_seq_in_the_snapshot_is_found(void **state)
{
	struct board *board;

	(void)state;
	journal_make();
	assert_int_equal(board_new(meta.width, meta.height, meta.bits, &board), 0);
	snapshot_make(disk, 2, &meta, board, 1, 5);
	board_free(board);
	assert_int_equal(verify(), EXIT_DATA_WRONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_ones_are_equal),
		cmocka_unit_test(a_wrong_cell_in_the_newest_snapshot_is_found),
		cmocka_unit_test(
			without_the_beginning_the_snapshot_before_is_where_the_journal_begins),
		cmocka_unit_test(a_wrong_seq_in_the_snapshot_is_found),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
