/*
 * test_recover_missing.c - what recovery makes of files that are gone, or that it may not read: it
 * says so, changes nothing, and takes neither for damage.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/exit_code.h"
#include "tools/pixeld/journal_tool.h"
#include "tests/sim/journal_scene.h"

#define FIRST    "journal-00000001.seg"
#define SNAPSHOT "snapshot-0000000000000008.snap"

static struct scene scene;

/* Eight records. */
static struct scene *life(void)
{
	struct scene *s = &scene;

	scene_begin(s, 1, JOURNAL_SYNC_COMMIT);
	assert_int_equal(scene_start(s), 0);
	scene_commit(s, 4);
	scene_commit(s, 4);
	return s;
}

static void assert_told(struct scene *s, uint64_t records)
{
	assert_int_equal(s->result.start.next_lsn, records + 1);
	assert_int_equal(s->lost, 0);
}

static void journal_that_ends_before_its_snapshot_is_refused(void **state)
{
	struct scene *s = life();

	(void)state;
	assert_true(scene_snapshot(s, false));
	scene_snapshot_wait(s);
	scene_crash(s, true);
	disk_sim_file_put(FIRST, NULL, 0);
	assert_int_equal(scene_recover(s, true), -EBADMSG);
	assert_non_null(strstr(s->why, "journal-*.seg are missing"));
	scene_end(s);
}

/* No segment could follow it; it may also be an empty file that somebody touched. */
static void a_segment_with_the_last_number_is_refused(void **state)
{
	struct scene *s = life();

	(void)state;
	scene_crash(s, false);
	disk_sim_file_put("journal-4294967295.seg", (const uint8_t *)"", 0);
	assert_int_equal(scene_recover(s, false), -EBADMSG);
	assert_non_null(strstr(s->why, "journal-4294967295.seg has the last number"));
	scene_end(s);
}

/* Eight records in two batches: only before one of them, or behind the last, a segment can begin.
 * */
static void a_cut_inside_a_batch_or_behind_the_end_is_refused_and_harms_nothing(void **state)
{
	static const char *const wrong[] = {"2", "4", "6", "8", "10", "11"};
	struct scene *s = life();

	(void)state;
	scene_crash(s, false);
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char lsn[8];
		char *argv[] = {(char[]){"cut"}, (char[]){"sim"}, lsn, NULL};

		snprintf(lsn, sizeof(lsn), "%s", wrong[i]);
		assert_int_equal(journal_tool(3, argv), EXIT_FAILED);
	}
	assert_int_equal(scene_start(s), 0);
	assert_told(s, 8);
	scene_crash(s, false);
	scene_end(s);
}

static void a_cut_before_a_batch_gives_up_what_follows(void **state)
{
	char *argv[] = {(char[]){"cut"}, (char[]){"sim"}, (char[]){"5"}, NULL};
	struct scene *s = life();

	(void)state;
	scene_crash(s, false);
	assert_int_equal(journal_tool(3, argv), 0);
	s->told = 4;
	assert_int_equal(scene_start(s), 0);
	assert_told(s, 4);
	scene_crash(s, false);
	scene_end(s);
}

/* What followed it may have been in files that are gone. */
static void a_clean_snapshot_without_its_journal_starts_and_is_called_missing(void **state)
{
	char *verify[] = {(char[]){"verify"}, (char[]){"sim"}};
	struct scene *s = life();

	(void)state;
	journal_stop(s->journal);
	scene_until(s, JOURNAL_CLOSED);
	assert_true(scene_snapshot(s, true));
	scene_stop(s);
	disk_sim_file_put(FIRST, NULL, 0);
	assert_int_equal(journal_tool(2, verify), EXIT_DATA_WRONG);
	assert_int_equal(scene_start(s), 0);
	assert_false(s->result.was_clean);
	assert_true(s->result.is_missing);
	assert_int_equal(s->reports, 1);
	assert_told(s, 8);
	scene_commit(s, 3);
	scene_crash(s, true);
	s->history = 100;
	assert_int_equal(scene_start(s), 0);
	assert_false(s->result.is_missing);
	assert_told(s, 11);
	scene_end(s);
}

/* Nothing is put aside, nothing is passed over; when it can be read again, all is as it was. */
static void what_may_not_be_read_is_not_damaged(void **state)
{
	static const char *const files[] = {SNAPSHOT, FIRST};
	static const int errors[] = {-EACCES, -EPERM, -EMFILE, -ELOOP};
	struct scene *s = life();
	size_t len;

	(void)state;
	assert_true(scene_snapshot(s, false));
	scene_snapshot_wait(s);
	scene_crash(s, false);
	for (int i = 0; i < 2; i++) {
		for (int e = 0; e < 4; e++) {
			disk_sim_deny(files[i], errors[e]);
			assert_int_equal(scene_recover(s, false), errors[e]);
			assert_non_null(strstr(s->why, strerror(-errors[e])));
			assert_non_null(strstr(s->why, files[i]));
			assert_non_null(disk_sim_file(files[i], &len));
		}
	}
	disk_sim_deny(NULL, 0);
	assert_int_equal(scene_recover(s, false), 0);
	assert_int_equal(s->replayed, 0);
	assert_told(s, 8);
	scene_end(s);
}

/* The disk may come to itself: an older one does as well, and this one keeps its name. */
static void a_snapshot_that_the_disk_cannot_give_keeps_its_name(void **state)
{
	struct scene *s = life();
	size_t len;

	(void)state;
	assert_true(scene_snapshot(s, false));
	scene_snapshot_wait(s);
	scene_crash(s, false);
	disk_sim_deny("snapshot-", -EIO);
	assert_int_equal(scene_recover(s, false), 0);
	assert_int_equal(s->replayed, 8);
	assert_int_equal(s->reports, 1);
	assert_non_null(disk_sim_file(SNAPSHOT, &len));
	scene_end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_cut_inside_a_batch_or_behind_the_end_is_refused_and_harms_nothing),
		cmocka_unit_test(a_segment_with_the_last_number_is_refused),
		cmocka_unit_test(a_cut_before_a_batch_gives_up_what_follows),
		cmocka_unit_test(journal_that_ends_before_its_snapshot_is_refused),
		cmocka_unit_test(a_clean_snapshot_without_its_journal_starts_and_is_called_missing),
		cmocka_unit_test(what_may_not_be_read_is_not_damaged),
		cmocka_unit_test(a_snapshot_that_the_disk_cannot_give_keeps_its_name),
	};

	return cmocka_run_group_tests_name("recover_missing", tests, NULL, NULL);
}
