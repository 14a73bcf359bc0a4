/* test_recover_front.c - what lies in front of the first segment that recovery reads, and where two
 * segments meet. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "persist/recover/recover.h"
#include "tests/temp_dir.h"

#define JOURNAL_ID    77u
#define SEGMENT_BYTES 4096u
#define RECORDS       3u

static char dir[TEMP_DIR_BYTES];
static struct disk *disk;

static int setup(void **state)
{
	(void)state;
	return temp_dir_make(dir, "front") < 0 || disk_open(dir, 0, 1, &disk) < 0;
}

static int teardown(void **state)
{
	(void)state;
	disk_close(disk);
	return temp_dir_remove(dir);
}

static void file_make(const char *name, const uint8_t *bytes, size_t len)
{
	int fd = disk_file_create(disk, name);

	assert_true(fd >= 0);
	assert_int_equal(disk_write(disk, fd, bytes, len, 0), 0);
	disk_file_close(disk, fd);
}

/* A segment with one batch of RECORDS; gives the chain value behind it. */
static uint64_t segment_make(uint32_t number, uint64_t first_lsn, uint64_t chain,
			     bool header_is_damaged)
{
	static uint8_t bytes[SEGMENT_BYTES];
	uint8_t *batch = bytes + SEGMENT_HEADER_BYTES;
	uint8_t *end = batch + BATCH_HEADER_BYTES;
	const struct segment_header h = {.journal_id = JOURNAL_ID,
					 .segment_bytes = SEGMENT_BYTES,
					 .first_lsn = first_lsn,
					 .chain = chain,
					 .durable_lsn = first_lsn - 1,
					 .segment = number};
	struct batch_header b = {.journal_id = JOURNAL_ID,
				 .first_lsn = first_lsn,
				 .durable_lsn = first_lsn - 1,
				 .chain = chain,
				 .records = RECORDS};
	char name[JOURNAL_NAME_BYTES];

	memset(bytes, 0, sizeof(bytes));
	segment_header_put(bytes, &h);
	for (uint64_t i = 0; i < RECORDS; i++)
		end = record_put(end, &(struct record){.type = RECORD_PLACEMENT,
						       .placement.seq = first_lsn + i});
	b.payload_bytes = (uint32_t)(end - batch - BATCH_HEADER_BYTES);
	chain = batch_seal(batch, &b, number);
	bytes[42] ^= header_is_damaged;
	journal_segment_name(name, number);
	file_make(name, bytes, sizeof(bytes));
	return chain;
}

static void snapshot_make(uint64_t lsn)
{
	const struct snapshot_image image = {.lsn = lsn, .journal_id = JOURNAL_ID};
	struct snapshot_writer *w;

	assert_int_equal(snapshot_writer_new(disk, &image, &w), 0);
	while (snapshot_writer_step(w) > 0)
		;
	snapshot_writer_free(w);
}

static int run(struct recover_result *ret_result, char *why)
{
	const struct recover_options options = {.fresh_journal_id = 1, .history_records = 1000};
	const struct recover_handler handler = {.arg = NULL};

	return recover_run(disk, &options, &handler, ret_result, why);
}

/* The snapshot has what the boards need: still, this is history that people were told was kept. */
static void damaged_header_of_the_oldest_segment_is_refused(void **state)
{
	struct recover_result result;
	char why[RECOVER_WHY_BYTES];
	uint64_t chain = segment_make(1, 1, JOURNAL_ID, true);

	(void)state;
	segment_make(2, RECORDS + 1, chain, false);
	snapshot_make(RECORDS);
	assert_int_equal(run(&result, why), -EBADMSG);
	assert_non_null(strstr(why, "journal-00000001.seg"));
	assert_non_null(strstr(why, "offset 0"));
	assert_non_null(strstr(why, "Nothing was changed"));
}

static void oldest_segment_cut_inside_its_header_is_refused(void **state)
{
	struct recover_result result;
	char why[RECOVER_WHY_BYTES];
	uint64_t chain = segment_make(1, 1, JOURNAL_ID, false);
	int fd = disk_file_open(disk, "journal-00000001.seg", 1);

	(void)state;
	assert_int_equal(disk_truncate(disk, fd, SEGMENT_HEADER_BYTES - 1), 0);
	disk_file_close(disk, fd);
	segment_make(2, RECORDS + 1, chain, false);
	snapshot_make(RECORDS);
	assert_int_equal(run(&result, why), -EBADMSG);
	assert_non_null(strstr(why, "journal-00000001.seg"));
}

static void damaged_header_of_the_only_segment_is_refused(void **state)
{
	struct recover_result result;
	char why[RECOVER_WHY_BYTES];

	(void)state;
	segment_make(1, 1, JOURNAL_ID, true);
	snapshot_make(RECORDS);
	assert_int_equal(run(&result, why), -EBADMSG);
	assert_non_null(strstr(why, "journal-00000001.seg"));
}

/* A first write that was torn leaves such a file, too. What it held begins where the next one
 * begins. */
static void torn_first_write_before_the_oldest_segment_is_passed_over(void **state)
{
	struct recover_result result;
	char why[RECOVER_WHY_BYTES];

	(void)state;
	segment_make(4, RECORDS + 1, JOURNAL_ID, true);
	segment_make(5, RECORDS + 1, JOURNAL_ID, false);
	snapshot_make(RECORDS);
	assert_int_equal(run(&result, why), 0);
	assert_int_equal(result.start.next_lsn, 2 * RECORDS + 1);
}

/* With a snapshot behind it that is no failure, and is told. */
static void oldest_file_in_use_is_told(void **state)
{
	struct recover_result result;
	char why[RECOVER_WHY_BYTES];
	uint64_t chain;

	(void)state;
	chain = segment_make(2, RECORDS + 1, JOURNAL_ID, false);
	segment_make(3, 2 * RECORDS + 1, chain, false);
	snapshot_make(2 * RECORDS);
	assert_int_equal(run(&result, why), 0);
	assert_int_equal(result.first_lsn, RECORDS + 1);
	assert_string_equal(result.first_file, "journal-00000002.seg");
}

static void segment_of_another_history_is_refused(void **state)
{
	struct recover_result result;
	char why[RECOVER_WHY_BYTES];
	uint64_t chain = segment_make(1, 1, JOURNAL_ID, false);

	(void)state;
	segment_make(2, RECORDS + 1, chain ^ 1, false);
	assert_int_equal(run(&result, why), -EBADMSG);
	assert_non_null(strstr(why, "journal-00000001.seg"));
	assert_non_null(strstr(why, "the chain differs"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(damaged_header_of_the_oldest_segment_is_refused,
						setup, teardown),
		cmocka_unit_test_setup_teardown(oldest_segment_cut_inside_its_header_is_refused,
						setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_header_of_the_only_segment_is_refused,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			torn_first_write_before_the_oldest_segment_is_passed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(oldest_file_in_use_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(segment_of_another_history_is_refused, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
