/*
 * test_journal.c - the group commit, one behavior at a time: what settles when, and what a disk
 * that fails or is full does to it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/journal_scene.h"

static struct scene scene;

static struct scene *started(enum journal_sync sync)
{
	struct scene *s = &scene;

	scene_begin(s, 7, sync);
	assert_int_equal(scene_start(s), 0);
	return s;
}

static const struct journal_stats *stats(const struct scene *s)
{
	return journal_stats(s->journal);
}

/* A crash, and everything that was told is there afterwards. */
static void end_with_power_cut(struct scene *s)
{
	scene_crash(s, true);
	assert_int_equal(scene_start(s), 0);
	assert_int_equal(s->lost, 0);
	scene_end(s);
}

static void nothing_settles_before_its_sync(void **state)
{
	const struct ring_sim_faults slow = {.disk_ns_max = 10 * NS_PER_MS};
	struct scene *s = started(JOURNAL_SYNC_COMMIT);
	uint64_t syncs;

	(void)state;
	scene_commit(s, 1);
	ring_sim_faults_set(&slow);
	for (int i = 0; i < 20; i++) {
		syncs = disk_sim_counts()->syncs;
		assert_int_equal(scene_append(s), 0);
		while (journal_settled(s->journal) < journal_appended(s->journal)) {
			uint64_t before = journal_settled(s->journal);

			scene_turn(s);
			if (journal_settled(s->journal) > before)
				assert_true(disk_sim_counts()->syncs > syncs);
		}
	}
	end_with_power_cut(s);
}

static void records_that_wait_share_one_commit(void **state)
{
	struct scene *s = started(JOURNAL_SYNC_COMMIT);
	uint64_t commits;

	(void)state;
	scene_commit(s, 1);
	commits = stats(s)->commits;
	scene_commit(s, 10);
	assert_int_equal(stats(s)->commits, commits + 1);
	assert_int_equal(stats(s)->records, 11);
	end_with_power_cut(s);
}

static void records_that_come_one_by_one_share_commits_and_a_lone_one_does_not_wait(void **state)
{
	struct scene *s = &scene;
	uint64_t commits, pause_ns;

	(void)state;
	scene_begin(s, 7, JOURNAL_SYNC_COMMIT);
	s->gather_us = 20000;
	assert_int_equal(scene_start(s), 0);
	scene_commit(s, 1);
	s->now.mono_ns += NS_PER_SEC;
	scene_commit(s, 1); /* at once: there was a pause */
	commits = stats(s)->commits;
	for (int i = 0; i < 2; i++) { /* in less time than is gathered, and not much */
		assert_int_equal(scene_append(s), 0);
		scene_turns(s, 3);
	}
	assert_int_equal(stats(s)->commits, commits);
	assert_true(journal_wait_ns(s->journal, s->now) <= 20 * NS_PER_MS);
	s->now.mono_ns += journal_wait_ns(s->journal, s->now);
	scene_commit(s, 0);
	assert_int_equal(stats(s)->commits, commits + 1);
	assert_int_equal(journal_settled(s->journal), 4);

	s->now.mono_ns += NS_PER_SEC; /* after a pause */
	assert_int_equal(scene_append(s), 0);
	pause_ns = journal_wait_ns(s->journal, s->now);
	assert_int_equal(pause_ns, 0);
	scene_commit(s, 0);
	end_with_power_cut(s);
}

static void full_buffer_says_so_and_takes_more_later(void **state)
{
	struct scene *s = started(JOURNAL_SYNC_COMMIT);
	int taken = 0;

	(void)state;
	scene_commit(s, 1);
	while (scene_append(s) == 0)
		taken++;
	assert_int_equal(scene_append(s), -ENOBUFS);
	assert_true(journal_room(s->journal) < RECORD_BYTES_MAX);
	assert_true(taken >= 10);
	scene_turns(s, 20);
	assert_int_equal(journal_settled(s->journal), taken + 1);
	assert_int_equal(scene_append(s), 0);
	end_with_power_cut(s);
}

static void a_record_may_fill_a_batch_and_be_no_larger(void **state)
{
	static uint8_t body[RECORD_BODY_BYTES_MAX + 1];
	struct scene *s = started(JOURNAL_SYNC_COMMIT);
	struct record r = {.type = SCENE_OTHER_TYPE, .other = {.body = body}};
	uint32_t room = journal_room_max(s->journal);

	(void)state;
	memset(body, SCENE_OTHER_BYTE, sizeof(body));
	assert_true(room < RECORD_BODY_BYTES_MAX);
	r.other.len = (uint16_t)(room - RECORD_HEAD_BYTES + 1);
	assert_int_equal(journal_append(s->journal, &r), -EMSGSIZE);
	r.other.len = (uint16_t)(room - RECORD_HEAD_BYTES);
	scene_commit(s, 1);
	assert_int_equal(journal_append(s->journal, &r), 0);
	assert_int_equal(scene_append(s), -ENOBUFS);
	scene_turns(s, 20);
	assert_int_equal(journal_settled(s->journal), 2);
	end_with_power_cut(s);
}

static void records_are_taken_before_there_is_a_segment(void **state)
{
	struct scene *s = started(JOURNAL_SYNC_COMMIT);

	(void)state;
	assert_int_equal(journal_state(s->journal), JOURNAL_WAITING);
	scene_commit(s, 3);
	assert_int_equal(journal_state(s->journal), JOURNAL_OPEN);
	end_with_power_cut(s);
}

static void journal_rolls_over_many_segments(void **state)
{
	struct scene *s = started(JOURNAL_SYNC_COMMIT);

	(void)state;
	for (int i = 0; i < 300; i++)
		scene_commit(s, 5);
	assert_true(stats(s)->segments > 10);
	assert_int_equal(stats(s)->failures, 0);
	end_with_power_cut(s);
}

static void failed_sync_writes_the_batch_anew_to_a_fresh_segment(void **state)
{
	struct scene *s = started(JOURNAL_SYNC_COMMIT);
	uint64_t segments;

	(void)state;
	scene_commit(s, 3);
	scene_turns(s, 10); /* a segment is ready */
	segments = stats(s)->segments;
	disk_sim_fail_at(DISK_SIM_SYNC, 1, -EIO);
	scene_commit(s, 4);
	assert_int_equal(stats(s)->failures, 1);
	assert_int_equal(stats(s)->rewrites, 1);
	assert_int_equal(stats(s)->segments, segments + 1);
	assert_int_equal(s->drops, 0);
	scene_commit(s, 2);
	end_with_power_cut(s);
}

static void failed_write_writes_the_batch_anew_to_a_fresh_segment(void **state)
{
	struct scene *s = started(JOURNAL_SYNC_COMMIT);

	(void)state;
	scene_commit(s, 3);
	scene_turns(s, 10);
	disk_sim_fail_at(DISK_SIM_WRITE, 1, -EIO);
	scene_commit(s, 4);
	assert_int_equal(stats(s)->rewrites, 1);
	assert_int_equal(s->drops, 0);
	end_with_power_cut(s);
}

static void broken_disk_drops_refuses_and_opens_again_by_itself(void **state)
{
	struct scene *s = started(JOURNAL_SYNC_COMMIT);
	uint64_t settled;

	(void)state;
	scene_commit(s, 3);
	settled = journal_settled(s->journal);
	disk_sim_chance_set(DISK_SIM_SYNC, 1000, -EIO);
	assert_int_equal(scene_append(s), 0);
	scene_until(s, JOURNAL_REFUSING);
	assert_int_equal(s->drops, 1);
	assert_int_equal(journal_settled(s->journal), settled);
	assert_int_equal(journal_appended(s->journal), settled);
	assert_int_equal(scene_append(s), -EIO);
	scene_turns(s, 1500); /* more than one retry */
	assert_int_equal(journal_state(s->journal), JOURNAL_REFUSING);
	assert_true(stats(s)->prepare_failures > 1);
	disk_sim_chance_set(DISK_SIM_SYNC, 0, 0);
	scene_until(s, JOURNAL_OPEN);
	assert_int_equal(journal_error(s->journal), 0);
	scene_commit(s, 3);
	assert_int_equal(journal_settled(s->journal), settled + 3);
	end_with_power_cut(s);
}

/* The segment at hand was written ahead: a full disk shows at the next one. */
static void full_disk_is_no_matter_until_the_segment_ends(void **state)
{
	struct scene *s = started(JOURNAL_SYNC_COMMIT);
	uint64_t settled;
	int rc = 0;

	(void)state;
	scene_commit(s, 1);
	scene_turns(s, 10);
	disk_sim_capacity_set(1);
	settled = journal_settled(s->journal);
	while (journal_state(s->journal) != JOURNAL_REFUSING) {
		rc = scene_append(s);
		scene_turn(s);
	}
	assert_true(journal_settled(s->journal) > settled + 100);
	assert_int_equal(scene_append(s), -ENOSPC);
	assert_int_equal(rc == 0 || rc == -ENOBUFS, 1);
	disk_sim_capacity_set(UINT64_MAX);
	scene_until(s, JOURNAL_OPEN);
	scene_commit(s, 5);
	end_with_power_cut(s);
}

static void error_shows_while_the_journal_still_goes_on(void **state)
{
	struct scene *s = started(JOURNAL_SYNC_COMMIT);

	(void)state;
	disk_sim_capacity_set(SCENE_SEGMENT_BYTES);
	scene_commit(s, 1);
	scene_turns(s, 20);
	assert_int_equal(journal_state(s->journal), JOURNAL_OPEN);
	assert_int_equal(journal_error(s->journal), -ENOSPC);
	disk_sim_capacity_set(UINT64_MAX);
	scene_turns(s, 1100);
	assert_int_equal(journal_error(s->journal), 0);
	end_with_power_cut(s);
}

static void dropped_records_do_not_come_back(void **state)
{
	struct scene *s = started(JOURNAL_SYNC_COMMIT);

	(void)state;
	scene_commit(s, 3);
	disk_sim_chance_set(DISK_SIM_SYNC, 1000, -EIO);
	assert_int_equal(scene_append(s), 0);
	scene_until(s, JOURNAL_REFUSING);
	scene_turns(s, 20); /* what was on its way is made zeros */
	disk_sim_chance_set(DISK_SIM_SYNC, 0, 0);
	scene_crash(s, false);
	assert_int_equal(scene_start(s), 0);
	assert_int_equal(s->result.start.next_lsn, 4);
	scene_end(s);
}

static void short_writes_go_on_where_they_ended(void **state)
{
	const struct ring_sim_faults faults = {.write_short = 300};
	struct scene *s = started(JOURNAL_SYNC_COMMIT);

	(void)state;
	ring_sim_faults_set(&faults);
	for (int i = 0; i < 100; i++)
		scene_commit(s, 7);
	assert_true(ring_sim_counts()->short_writes > 10);
	end_with_power_cut(s);
}

static void stop_settles_what_is_there_and_takes_no_more(void **state)
{
	struct scene *s = started(JOURNAL_SYNC_COMMIT);

	(void)state;
	for (int i = 0; i < 8; i++)
		assert_int_equal(scene_append(s), 0);
	journal_stop(s->journal);
	assert_int_equal(scene_append(s), -ESHUTDOWN);
	scene_stop(s);
	assert_int_equal(s->told, 8);
	assert_int_equal(scene_start(s), 0);
	assert_true(s->result.was_clean);
	assert_int_equal(s->result.start.next_lsn, 9);
	scene_end(s);
}

static void stop_on_a_broken_disk_ends_all_the_same(void **state)
{
	struct scene *s = started(JOURNAL_SYNC_COMMIT);

	(void)state;
	scene_commit(s, 2);
	disk_sim_chance_set(DISK_SIM_SYNC, 1000, -EIO);
	assert_int_equal(scene_append(s), 0);
	journal_stop(s->journal);
	scene_until(s, JOURNAL_CLOSED);
	assert_int_equal(s->drops, 1);
	disk_sim_chance_set(DISK_SIM_SYNC, 0, 0);
	scene_stop(s);
	assert_int_equal(scene_start(s), 0);
	assert_false(s->result.was_clean);
	assert_int_equal(s->lost, 0);
	scene_end(s);
}

static void interval_settles_when_written_and_syncs_a_little_later(void **state)
{
	struct scene *s = started(JOURNAL_SYNC_INTERVAL);

	(void)state;
	scene_commit(s, 1); /* the first of a segment is always synced */
	scene_commit(s, 3);
	assert_int_equal(journal_settled(s->journal), 4);
	assert_int_equal(journal_durable(s->journal), 1);
	assert_true(journal_wait_ns(s->journal, s->now) <= 20 * NS_PER_MS);
	scene_turns(s, 30);
	assert_int_equal(journal_durable(s->journal), 4);
	end_with_power_cut(s);
}

static void off_syncs_only_where_a_segment_begins_or_ends(void **state)
{
	struct scene *s = started(JOURNAL_SYNC_OFF);

	(void)state;
	scene_commit(s, 1);
	scene_commit(s, 3);
	scene_turns(s, 100);
	assert_int_equal(journal_durable(s->journal), 1);
	while (stats(s)->segments < 2)
		scene_commit(s, 5);
	assert_true(journal_durable(s->journal) > 100);
	scene_stop(s);
	assert_int_equal(scene_start(s), 0);
	assert_true(s->result.was_clean);
	scene_end(s);
}

static void former_segment_is_trimmed_when_the_next_has_begun(void **state)
{
	struct scene *s = started(JOURNAL_SYNC_COMMIT);
	size_t len;

	(void)state;
	scene_commit(s, 4);
	scene_stop(s);
	assert_int_equal(scene_start(s), 0);
	assert_non_null(disk_sim_file("journal-00000001.seg", &len));
	assert_int_equal(len, SCENE_SEGMENT_BYTES);
	scene_commit(s, 1);
	scene_turns(s, 20);
	assert_non_null(disk_sim_file("journal-00000001.seg", &len));
	assert_int_equal(len, SEGMENT_HEADER_BYTES + batch_bytes(4 * 54) + BATCH_HEADER_BYTES);
	end_with_power_cut(s);
}

static void settings_that_cannot_work_are_refused(void **state)
{
	const struct journal_start start = {.next_lsn = 1, .next_segment = 1};
	struct journal_config config = {.segment_bytes = 100, .batch_bytes_max = 4096};
	struct journal *j;

	(void)state;
	assert_int_equal(journal_new(&config, &start, NULL, NULL, &j), -EINVAL);
	config = (struct journal_config){.segment_bytes = 1 << 20, .batch_bytes_max = 10};
	assert_int_equal(journal_new(&config, &start, NULL, NULL, &j), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_settles_before_its_sync),
		cmocka_unit_test(records_that_wait_share_one_commit),
		cmocka_unit_test(
			records_that_come_one_by_one_share_commits_and_a_lone_one_does_not_wait),
		cmocka_unit_test(full_buffer_says_so_and_takes_more_later),
		cmocka_unit_test(a_record_may_fill_a_batch_and_be_no_larger),
		cmocka_unit_test(records_are_taken_before_there_is_a_segment),
		cmocka_unit_test(journal_rolls_over_many_segments),
		cmocka_unit_test(failed_sync_writes_the_batch_anew_to_a_fresh_segment),
		cmocka_unit_test(failed_write_writes_the_batch_anew_to_a_fresh_segment),
		cmocka_unit_test(broken_disk_drops_refuses_and_opens_again_by_itself),
		cmocka_unit_test(full_disk_is_no_matter_until_the_segment_ends),
		cmocka_unit_test(error_shows_while_the_journal_still_goes_on),
		cmocka_unit_test(dropped_records_do_not_come_back),
		cmocka_unit_test(short_writes_go_on_where_they_ended),
		cmocka_unit_test(stop_settles_what_is_there_and_takes_no_more),
		cmocka_unit_test(stop_on_a_broken_disk_ends_all_the_same),
		cmocka_unit_test(interval_settles_when_written_and_syncs_a_little_later),
		cmocka_unit_test(off_syncs_only_where_a_segment_begins_or_ends),
		cmocka_unit_test(former_segment_is_trimmed_when_the_next_has_begun),
		cmocka_unit_test(settings_that_cannot_work_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
