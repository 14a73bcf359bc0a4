/*
 * test_recover.c - what recovery makes of every damage: the same records, a cut tail that nobody
 * was told of, or a refusal; never something else.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/hash.h"
#include "tools/pixeld/journal_tool.h"
#include "tests/sim/journal_scene.h"

#define FIRST      "journal-00000001.seg"
#define PER_COMMIT 4 /* records of 54 bytes: no padding, so no bit is without meaning */

static struct scene scene;

struct saved {
	uint8_t *bytes;
	size_t len;
};

static struct saved file_save(const char *name)
{
	struct saved f;
	const uint8_t *bytes = disk_sim_file(name, &f.len);

	assert_non_null(bytes);
	f.bytes = malloc(f.len);
	assert_non_null(f.bytes);
	memcpy(f.bytes, bytes, f.len);
	return f;
}

/* The end of what is not zero, to the next 8 bytes. */
static size_t used(const struct saved *f)
{
	size_t end = f->len;

	while (end > 0 && f->bytes[end - 1] == 0)
		end--;
	return (end + 7) / 8 * 8;
}

static struct scene *life(enum journal_sync sync, unsigned commits)
{
	struct scene *s = &scene;

	scene_begin(s, 1, sync);
	assert_int_equal(scene_start(s), 0);
	while (commits-- > 0)
		scene_commit(s, PER_COMMIT);
	return s;
}

static void assert_told(struct scene *s, uint64_t records)
{
	assert_int_equal(s->result.start.next_lsn, records + 1);
	assert_int_equal(s->lost, 0);
}

static void snapshot_damage(const char *name)
{
	struct saved f = file_save(name);

	f.bytes[f.len / 2] ^= 4;
	disk_sim_file_put(name, f.bytes, f.len);
	free(f.bytes);
}

static void an_empty_directory_is_a_new_journal(void **state)
{
	struct scene *s = &scene;

	(void)state;
	scene_begin(s, 1, JOURNAL_SYNC_COMMIT);
	assert_int_equal(scene_recover(s, false), 0);
	assert_true(s->result.is_new);
	assert_true(s->result.was_clean);
	assert_int_equal(s->result.start.next_lsn, 1);
	assert_int_equal(s->result.start.next_segment, 1);
	scene_end(s);
}

static void a_clean_stop_is_known_from_a_crash(void **state)
{
	struct scene *s = life(JOURNAL_SYNC_INTERVAL, 2);

	(void)state;
	scene_stop(s);
	assert_int_equal(scene_start(s), 0);
	assert_true(s->result.was_clean);
	assert_int_equal(s->result.last_sync, JOURNAL_SYNC_INTERVAL);
	scene_commit(s, 1);
	scene_crash(s, false);
	assert_int_equal(scene_start(s), 0);
	assert_false(s->result.was_clean);
	assert_told(s, 2 * PER_COMMIT + 1);
	scene_end(s);
}

static void a_clean_stop_without_a_record_stays_clean(void **state)
{
	struct scene *s = life(JOURNAL_SYNC_COMMIT, 1);

	(void)state;
	scene_stop(s);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(scene_start(s), 0);
		assert_true(s->result.was_clean);
		scene_stop(s);
	}
	assert_int_equal(scene_start(s), 0);
	assert_true(s->result.was_clean);
	assert_told(s, PER_COMMIT);
	scene_end(s);
}

/* Else a run with sync=off that lost everything would look as if it had never been, and its seqs
 * would be used again in the same epoch. */
static void run_that_told_somebody_is_known_after_a_power_cut(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct scene *s = &scene;

		scene_begin(s, seed, JOURNAL_SYNC_OFF);
		assert_int_equal(scene_start(s), 0);
		scene_commit(s, 3);
		scene_stop(s);
		assert_int_equal(scene_start(s), 0);
		scene_commit(s, 1);
		scene_crash(s, true);
		assert_int_equal(scene_start(s), 0);
		assert_false(s->result.was_clean);
		assert_int_equal(s->result.last_sync, JOURNAL_SYNC_OFF);
		scene_end(s);
	}
}

/* A segment has its full size before it is used: a shorter one was cut, unless all of its run is
 * there. */
static void truncation_at_every_byte_is_refused_or_harmless(void **state)
{
	struct scene *s = life(JOURNAL_SYNC_COMMIT, 5);
	struct saved f;
	size_t end;

	(void)state;
	scene_stop(s);
	f = file_save(FIRST);
	end = used(&f);
	for (size_t len = 1; len <= f.len; len++) {
		disk_sim_file_put(FIRST, f.bytes, len);
		if (len < end) {
			assert_int_equal(scene_recover(s, true), -EBADMSG);
			assert_non_null(strstr(s->why, FIRST));
		} else {
			assert_int_equal(scene_recover(s, true), 0);
			assert_true(s->result.was_clean);
			assert_told(s, 5 * PER_COMMIT);
		}
	}
	free(f.bytes);
	scene_end(s);
}

/* Every bit of a journal that was stopped in order, in both of its files. */
static void flip_of_every_bit_after_a_clean_stop_is_refused(void **state)
{
	struct scene *s = life(JOURNAL_SYNC_COMMIT, 40);
	uint32_t files = s->result.start.next_segment;

	(void)state;
	scene_stop(s);
	for (uint32_t number = files; number < files + 2; number++) {
		char name[JOURNAL_NAME_BYTES];
		struct saved f;
		size_t end;

		journal_segment_name(name, number);
		f = file_save(name);
		end = used(&f);
		if (number == files + 1)
			end -= BATCH_HEADER_BYTES; /* the closing batch holds nothing */
		assert_true(end > 1000);
		for (size_t bit = 0; bit < 8 * end; bit += number == files ? 7 : 1) {
			f.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			disk_sim_file_put(name, f.bytes, f.len);
			assert_int_equal(scene_recover(s, true), -EBADMSG);
			f.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (size_t bit = 8 * end; bit < 8 * (end + BATCH_HEADER_BYTES); bit++) {
			f.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			disk_sim_file_put(name, f.bytes, f.len);
			assert_int_equal(scene_recover(s, true), 0);
			assert_told(s, 40 * PER_COMMIT);
			f.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		disk_sim_file_put(name, f.bytes, f.len);
		free(f.bytes);
	}
	scene_end(s);
}

/* After a crash the last batch is the one that nobody vouches for: there a flip is a torn tail. */
static void flip_of_every_bit_after_a_crash_is_refused_or_torn(void **state)
{
	struct scene *s = life(JOURNAL_SYNC_COMMIT, 3);
	const size_t last = batch_bytes(PER_COMMIT * 54);
	struct saved f;
	size_t end;

	(void)state;
	scene_crash(s, true);
	f = file_save(FIRST);
	end = SEGMENT_HEADER_BYTES + 3 * last;
	for (size_t bit = 0; bit < 8 * end; bit++) {
		f.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		disk_sim_file_put(FIRST, f.bytes, f.len);
		s->told = 0; /* the media lies, not the journal: do not count it as lost */
		if (bit / 8 < end - last) {
			assert_int_equal(scene_recover(s, true), -EBADMSG);
		} else {
			assert_int_equal(scene_recover(s, true), 0);
			assert_int_equal(s->result.start.next_lsn, 2 * PER_COMMIT + 1);
			assert_true(s->result.torn);
			assert_int_equal(s->result.torn_offset, end - last);
			assert_int_equal(s->reports, 1);
		}
		f.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	free(f.bytes);
	scene_end(s);
}

/* Commits of several sectors each, the last of which gets to the plate in every possible
 * combination. */
static void torn_batch_with_holes_is_all_or_nothing(void **state)
{
	struct scene *s = &scene;
	struct saved f;
	size_t end;
	size_t from;
	unsigned sectors;

	(void)state;
	scene_begin(s, 1, JOURNAL_SYNC_COMMIT);
	assert_int_equal(scene_start(s), 0);
	scene_commit(s, 10);
	scene_commit(s, 10);
	scene_crash(s, false);
	f = file_save(FIRST);
	end = used(&f);
	from = SEGMENT_HEADER_BYTES + batch_bytes(10 * 54);
	sectors = (unsigned)(end / 512 - from / 512 + 1);
	for (unsigned set = 0; set < 1u << sectors; set++) {
		struct saved torn = {.len = f.len, .bytes = malloc(f.len)};

		assert_non_null(torn.bytes);
		memcpy(torn.bytes, f.bytes, f.len);
		for (unsigned i = 0; i < sectors; i++) {
			size_t at = (from / 512 + i) * 512;
			size_t begin = at < from ? from : at;

			if ((set & 1u << i) == 0)
				memset(torn.bytes + begin, 0, at + 512 - begin);
		}
		disk_sim_file_put(FIRST, torn.bytes, torn.len);
		s->told = 10;
		assert_int_equal(scene_recover(s, true), 0);
		assert_told(s, set == (1u << sectors) - 1 ? 20 : 10);
		free(torn.bytes);
	}
	free(f.bytes);
	scene_end(s);
}

static void hole_before_a_batch_that_vouches_is_refused_with_what_can_be_done(void **state)
{
	struct scene *s = life(JOURNAL_SYNC_COMMIT, 3);
	struct saved f;

	(void)state;
	scene_crash(s, false);
	f = file_save(FIRST);
	memset(f.bytes + SEGMENT_HEADER_BYTES + batch_bytes(PER_COMMIT * 54), 0,
	       batch_bytes(PER_COMMIT * 54));
	disk_sim_file_put(FIRST, f.bytes, f.len);
	assert_int_equal(scene_recover(s, false), -EBADMSG);
	assert_non_null(strstr(s->why, FIRST ", offset 360: record 5"));
	assert_non_null(strstr(s->why, "records up to 8 were safely on disk"));
	assert_non_null(strstr(s->why, "`pixeld journal cut sim 5`"));
	free(f.bytes);
	scene_end(s);
}

static void cut_accepts_the_loss_and_the_journal_goes_on(void **state)
{
	char *argv[] = {(char[]){"cut"}, (char[]){"sim"}, (char[]){"5"}, NULL};
	struct scene *s = life(JOURNAL_SYNC_COMMIT, 3);
	struct saved f;

	(void)state;
	scene_crash(s, false);
	f = file_save(FIRST);
	f.bytes[400] ^= 1;
	disk_sim_file_put(FIRST, f.bytes, f.len);
	assert_int_equal(scene_recover(s, false), -EBADMSG);
	assert_int_equal(journal_tool(3, argv), 0);
	s->told = 4;
	assert_int_equal(scene_start(s), 0);
	assert_told(s, 4);
	assert_false(s->result.was_clean);
	assert_int_equal(s->result.last_sync, JOURNAL_SYNC_OFF); /* begins a new epoch */
	scene_commit(s, 3);
	scene_crash(s, true);
	assert_int_equal(scene_start(s), 0);
	assert_told(s, 7);
	free(f.bytes);
	scene_end(s);
}

static void segments_that_changed_names_are_refused(void **state)
{
	struct scene *s = life(JOURNAL_SYNC_COMMIT, 40);
	struct saved first;
	struct saved second;

	(void)state;
	scene_crash(s, false);
	first = file_save(FIRST);
	second = file_save("journal-00000002.seg");
	disk_sim_file_put("journal-00000002.seg", first.bytes, first.len);
	disk_sim_file_put(FIRST, second.bytes, second.len);
	assert_int_equal(scene_recover(s, true), -EBADMSG);
	assert_non_null(strstr(s->why, "renamed"));
	disk_sim_file_put("journal-00000002.seg", second.bytes, second.len);
	disk_sim_file_put(FIRST, NULL, 0);
	assert_int_equal(scene_recover(s, true), -EBADMSG);
	assert_non_null(strstr(s->why, "missing"));
	free(first.bytes);
	free(second.bytes);
	scene_end(s);
}

static void newer_version_is_refused_with_both_versions(void **state)
{
	struct scene *s = life(JOURNAL_SYNC_COMMIT, 1);
	struct saved f;

	(void)state;
	scene_stop(s);
	f = file_save(FIRST);
	put_u32(f.bytes + 8, 77);
	put_u64(f.bytes + 72, hash64(f.bytes, 72, 0x7365676d656e7431ULL));
	disk_sim_file_put(FIRST, f.bytes, f.len);
	assert_int_equal(scene_recover(s, true), -EPROTONOSUPPORT);
	assert_non_null(strstr(s->why, "version 77"));
	assert_non_null(strstr(s->why, "version 1"));
	free(f.bytes);
	scene_end(s);
}

static void segment_of_another_journal_is_refused(void **state)
{
	struct segment_header h = {
		.journal_id = 99,
		.segment_bytes = SEGMENT_HEADER_BYTES,
		.first_lsn = 9,
		.segment = 9,
	};
	uint8_t bytes[SEGMENT_HEADER_BYTES];
	struct scene *s = life(JOURNAL_SYNC_COMMIT, 1);

	(void)state;
	scene_stop(s);
	segment_header_put(bytes, &h);
	disk_sim_file_put("journal-00000009.seg", bytes, sizeof(bytes));
	assert_int_equal(scene_recover(s, true), -EBADMSG);
	assert_non_null(strstr(s->why, "another journal"));
	scene_end(s);
}

static void stale_bytes_of_another_segment_are_not_taken(void **state)
{
	struct scene *s = life(JOURNAL_SYNC_COMMIT, 40);
	struct saved first;
	struct saved last;
	char name[JOURNAL_NAME_BYTES];
	size_t end;

	(void)state;
	scene_crash(s, false);
	journal_segment_name(name, 2);
	first = file_save(FIRST);
	last = file_save(name);
	end = used(&last);
	memcpy(last.bytes + end, first.bytes + SEGMENT_HEADER_BYTES, 1000);
	disk_sim_file_put(name, last.bytes, last.len);
	assert_int_equal(scene_recover(s, true), 0);
	assert_told(s, 40 * PER_COMMIT);
	assert_true(s->result.torn);
	free(first.bytes);
	free(last.bytes);
	scene_end(s);
}

static void snapshot_is_where_replay_begins(void **state)
{
	struct scene *s = life(JOURNAL_SYNC_COMMIT, 10);

	(void)state;
	assert_true(scene_snapshot(s, false));
	scene_snapshot_wait(s);
	scene_commit(s, 5);
	scene_crash(s, true);
	s->history = 7;
	assert_int_equal(scene_start(s), 0);
	assert_int_equal(s->result.snapshot_lsn, 40);
	assert_int_equal(s->replayed, 5);
	assert_int_equal(s->result.replayed, 5);
	assert_int_equal(s->first_seen, 34);
	assert_int_equal(s->last_seen, 45);
	assert_int_equal(s->people_seen, 3);
	scene_end(s);
}

static void three_snapshots(struct scene *s)
{
	for (int i = 0; i < 3; i++) {
		scene_commit(s, 10);
		assert_true(scene_snapshot(s, false));
		scene_snapshot_wait(s);
	}
	scene_turns(s, 20); /* retention */
	assert_int_equal(s->snapshots, 3);
}

static void bad_newest_snapshot_falls_back_to_the_older(void **state)
{
	struct scene *s = life(JOURNAL_SYNC_COMMIT, 0);
	size_t len;

	(void)state;
	three_snapshots(s);
	assert_null(disk_sim_file("snapshot-000000000000000a.snap", &len));
	scene_crash(s, true);
	snapshot_damage("snapshot-000000000000001e.snap");
	assert_int_equal(scene_start(s), 0);
	assert_int_equal(s->result.snapshot_lsn, 20);
	assert_int_equal(s->replayed, 10);
	assert_int_equal(s->reports, 1);
	assert_non_null(disk_sim_file("snapshot-000000000000001e.bad", &len));
	scene_end(s);
}

static void no_good_snapshot_replays_all_or_is_refused(void **state)
{
	struct scene *s = life(JOURNAL_SYNC_COMMIT, 40);

	(void)state;
	three_snapshots(s);
	scene_crash(s, false);
	snapshot_damage("snapshot-00000000000000be.snap");
	snapshot_damage("snapshot-00000000000000b4.snap");
	assert_int_equal(scene_recover(s, true), 0);
	assert_int_equal(s->replayed, 190);
	assert_int_equal(s->reports, 2);
	disk_sim_file_put(FIRST, NULL, 0);
	assert_int_equal(scene_recover(s, true), -EBADMSG);
	assert_non_null(strstr(s->why, "restore a snapshot"));
	scene_end(s);
}

/* Two snapshots, with as much journal before each; the first segment goes with the second. */
static void segments_passed(struct scene *s)
{
	size_t len;

	for (int i = 0; i < 2; i++) {
		for (int k = 0; k < 150; k++)
			scene_commit(s, PER_COMMIT);
		assert_non_null(disk_sim_file(FIRST, &len)); /* one snapshot may turn out bad */
		assert_true(scene_snapshot(s, false));
		scene_snapshot_wait(s);
		scene_turns(s, 20);
	}
	assert_null(disk_sim_file(FIRST, &len));
}

static void old_segments_go_when_two_snapshots_have_passed_them(void **state)
{
	struct scene *s = &scene;

	(void)state;
	scene_begin(s, 1, JOURNAL_SYNC_COMMIT);
	s->keep_bytes = 3 * SCENE_SEGMENT_BYTES;
	assert_int_equal(scene_start(s), 0);
	segments_passed(s);
	scene_crash(s, false);
	s->history = UINT64_MAX;
	assert_int_equal(scene_recover(s, true), 0);
	assert_true(s->first_seen > 1);
	assert_told(s, 1200);
	snapshot_damage("snapshot-00000000000004b0.snap");
	assert_int_equal(scene_recover(s, true), 0);
	assert_int_equal(s->replayed, 600);
	assert_told(s, 1200);
	scene_end(s);
}

static void old_segments_go_when_the_disk_has_less_free_than_asked(void **state)
{
	struct scene *s = &scene;

	(void)state;
	scene_begin(s, 1, JOURNAL_SYNC_COMMIT);
	s->free_bytes_min = 1 << 20;
	assert_int_equal(scene_start(s), 0);
	scene_turns(s, 5);
	disk_sim_capacity_set(1 << 20); /* whatever is on it: less than that is free */
	segments_passed(s);
	scene_end(s);
}

static void reading_only_changes_nothing(void **state)
{
	struct scene *s = life(JOURNAL_SYNC_COMMIT, 3);
	uint64_t changes;

	(void)state;
	scene_crash(s, true);
	changes = disk_sim_changes();
	assert_int_equal(scene_recover(s, true), 0);
	assert_int_equal(disk_sim_changes(), changes);
	scene_end(s);
}

/* What the kernel believes written after a failed sync is written anew before anybody is served
 * from it. Whether the page is still there after the crash depends on the seed. */
static void batch_whose_sync_failed_is_made_durable_by_recovery(void **state)
{
	unsigned seen = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct scene *s = &scene;
		uint64_t errors;

		scene_begin(s, seed, JOURNAL_SYNC_COMMIT);
		assert_int_equal(scene_start(s), 0);
		scene_commit(s, 1);
		disk_sim_chance_set(DISK_SIM_SYNC, 1000, -EIO);
		scene_turns(s, 20); /* the keeper has nothing more to do */
		errors = disk_sim_counts()->errors;
		assert_int_equal(scene_append(s), 0);
		scene_turn(s);
		for (int i = 0; i < 10; i++) {
			ring_submit(s->ring);
			ring_sim_advance(NS_PER_MS);
		}
		assert_int_equal(disk_sim_counts()->errors, errors + 1);
		disk_sim_chance_set(DISK_SIM_SYNC, 0, 0);
		scene_crash(s, false);
		assert_int_equal(scene_start(s), 0);
		seen += s->result.start.next_lsn == 3;
		scene_crash(s, true);
		assert_int_equal(scene_start(s), 0);
		assert_int_equal(s->lost, 0);
		scene_end(s);
	}
	assert_true(seen > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_directory_is_a_new_journal),
		cmocka_unit_test(a_clean_stop_is_known_from_a_crash),
		cmocka_unit_test(a_clean_stop_without_a_record_stays_clean),
		cmocka_unit_test(run_that_told_somebody_is_known_after_a_power_cut),
		cmocka_unit_test(truncation_at_every_byte_is_refused_or_harmless),
		cmocka_unit_test(flip_of_every_bit_after_a_clean_stop_is_refused),
		cmocka_unit_test(flip_of_every_bit_after_a_crash_is_refused_or_torn),
		cmocka_unit_test(torn_batch_with_holes_is_all_or_nothing),
		cmocka_unit_test(hole_before_a_batch_that_vouches_is_refused_with_what_can_be_done),
		cmocka_unit_test(cut_accepts_the_loss_and_the_journal_goes_on),
		cmocka_unit_test(segments_that_changed_names_are_refused),
		cmocka_unit_test(newer_version_is_refused_with_both_versions),
		cmocka_unit_test(segment_of_another_journal_is_refused),
		cmocka_unit_test(stale_bytes_of_another_segment_are_not_taken),
		cmocka_unit_test(snapshot_is_where_replay_begins),
		cmocka_unit_test(bad_newest_snapshot_falls_back_to_the_older),
		cmocka_unit_test(no_good_snapshot_replays_all_or_is_refused),
		cmocka_unit_test(old_segments_go_when_two_snapshots_have_passed_them),
		cmocka_unit_test(old_segments_go_when_the_disk_has_less_free_than_asked),
		cmocka_unit_test(reading_only_changes_nothing),
		cmocka_unit_test(batch_whose_sync_failed_is_made_durable_by_recovery),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
