/*
 * test_replay.c - what recovery makes of journals whose bytes are right and whose story is not: it
 * refuses them with a sentence, and never starts with half of a rollback. And what is remembered of
 * placements that the snapshot and the journal both have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/exit_code.h"
#include "engine/base/log.h"
#include "tests/journal_make.h"
#include "tests/temp_dir.h"
#include "writer/writer_priv.h"

#define RECORDS_MAX 8u

static char dir[TEMP_DIR_BYTES];
static struct disk *disk;
static struct settings *settings;
static char why[RECOVER_WHY_BYTES];

static int setup(void **state)
{
	char *argv[] = {(char[]){"pixeld"}, (char[]){"--board"}, (char[]){"main:16x8:4"}, NULL};
	char *envp[] = {NULL};
	char reason[SETTINGS_WHY_CHARS];

	(void)state;
	log_start(LOG_LEVEL_ERROR, STDERR_FILENO);
	return temp_dir_make(dir, "replay") < 0 || disk_open(dir, 0, 0, &disk) < 0 ||
	       settings_load(3, argv, envp, &settings, reason) != 0;
}

static int teardown(void **state)
{
	(void)state;
	disk_close(disk);
	settings_free(settings);
	return temp_dir_remove(dir);
}

/* --- records ---------------------------------------------------------------------------------- */

static struct record board(uint16_t number, const char *name)
{
	struct record r = {.type = RECORD_BOARD,
			   .board = {.board = number, .width = 16, .height = 8, .bits = 4}};

	snprintf(r.board.name, sizeof(r.board.name), "%s", name);
	return r;
}

static struct record epoch(uint32_t number, uint64_t first_seq)
{
	return (struct record){.type = RECORD_EPOCH,
			       .epoch = {.epoch = number, .first_seq = first_seq}};
}

static struct record rollback(uint16_t number, uint32_t cells)
{
	return (struct record){.type = RECORD_ROLLBACK,
			       .rollback = {.board = number, .epoch = 1, .cells = cells}};
}

/* user 0: nobody's, one of a rollback. */
static struct record placement(uint16_t number, uint64_t seq, uint16_t x, uint8_t user)
{
	return (struct record){.type = RECORD_PLACEMENT,
			       .placement = {.seq = seq,
					     .request = seq,
					     .placed_at_ms = 1,
					     .epoch = 1,
					     .board = number,
					     .x = x,
					     .color = 3,
					     .user = {user}}};
}

/* --- starts ----------------------------------------------------------------------------------- */

static int recovery(bool check_only, char ret_why[static RECOVER_WHY_BYTES])
{
	const struct writer_config config = {.settings = settings,
					     .disk = disk,
					     .worker_count = 1,
					     .read_only = true,
					     .check_only = check_only};
	struct writer *w = NULL;
	int code = writer_new(&config, (struct now){.wall_ms = 1}, &w, ret_why);

	if (code == EXIT_PASS)
		assert_int_equal(writer_rooms(w)->end, check_only ? 0 : 1);
	writer_free(w);
	return code;
}

/* The exit code of a start from a journal of one batch with these. A check gives the same. */
static int start(const struct record *records, uint32_t count)
{
	char checked[RECOVER_WHY_BYTES] = "";
	int code;

	temp_dir_empty(disk);
	(void)segment_make(disk, 1, MADE_JOURNAL_ID, 1, records, count);
	why[0] = '\0';
	code = recovery(false, why);
	assert_int_equal(recovery(true, checked), code);
	assert_string_equal(checked, why);
	return code;
}

static void a_rollback_among_placements_starts(void **state)
{
	const struct record records[] = {board(0, "main"),      epoch(1, 1),
					 placement(0, 1, 2, 9), rollback(0, 2),
					 placement(0, 2, 2, 0), placement(0, 3, 3, 0),
					 rollback(0, 0),        placement(0, 4, 5, 9)};

	(void)state;
	assert_int_equal(start(records, 8), EXIT_PASS);
}

static void a_story_that_cannot_be_is_refused(void **state)
{
	const struct record main = board(0, "main"), other = board(1, "other"), first = epoch(1, 1);
	const struct {
		struct record records[RECORDS_MAX];
		uint32_t count;
		const char *why;
	} rows[] = {
		{{main, first, rollback(0, 2), placement(0, 1, 2, 0)}, 4, "rollback"},
		{{main, first, rollback(0, 2), placement(0, 1, 2, 9)}, 4, "was not accepted"},
		{{main, first, rollback(0, 2), placement(0, 1, 2, 0), placement(0, 3, 3, 0)},
		 5,
		 "was not accepted"},
		{{main, first, other, epoch(1, 1), rollback(0, 2), placement(1, 1, 2, 0)},
		 6,
		 "was not accepted"},
		{{main, first, rollback(0, 2), rollback(0, 1)}, 4, "was not accepted"},
		{{main, first, rollback(0, UINT32_MAX)}, 3, "was not accepted"},
		{{main, first, rollback(7, 1)}, 3, "was not accepted"},
		{{main, first, placement(0, 1, 2, 9), placement(0, 3, 2, 9)},
		 4,
		 "a gap in a board's"},
		{{main, first, placement(0, 1, 2, 9), placement(0, 1, 2, 9)},
		 4,
		 "a gap in a board's"},
		{{main, first, placement(0, 1, 16, 9)}, 3, "outside its board"},
		{{main, first, placement(7, 1, 2, 9)}, 3, "was not accepted"},
		{{main, first, placement(0, 1, 2, 9), epoch(2, 1)}, 4, "was not accepted"},
		{{main, epoch(2, 1), epoch(1, 10)}, 3, "was not accepted"},
		{{main, epoch(UINT32_MAX, 1)}, 2, "record"},
		{{main, epoch(1, UINT64_MAX)}, 2, "record"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("row %u\n", i);
		assert_int_equal(start(rows[i].records, rows[i].count), EXIT_DATA_WRONG);
		assert_non_null(strstr(why, rows[i].why));
	}
}

/* --- requests --------------------------------------------------------------------------------- */

/* A snapshot of the first two placements of one person. Its requests were copied a moment later:
 * they have the third one too, which is the first of somebody else, and no longer the first one. */
static void snapshot_with_requests_make(const struct record *board)
{
	struct person person = {.charged_wall_ms = 2, .last_request = 2, .last_seq = 2};
	struct request requests[2] = {
		{.number = 2, .seq = 2, .placed_at_ms = 1, .cell = 3, .color = 3, .user = {9}},
		{.number = 3, .seq = 3, .placed_at_ms = 1, .cell = 4, .color = 3, .user = {8}}};
	struct snapshot_board boards[1] = {{.meta = board->board}};
	struct snapshot_image image = {.lsn = 4,
				       .journal_id = MADE_JOURNAL_ID,
				       .boards = boards,
				       .people = &person,
				       .requests = requests,
				       .board_count = 1,
				       .people_count = 1,
				       .requests_count = 2};
	struct snapshot_writer *w;
	struct board *b;

	person.user[0] = 9;
	assert_int_equal(board_new(16, 8, 4, &b), 0);
	(void)board_copy_begin(b, 1, 2);
	boards[0].copy = board_copy_step(b, SIZE_MAX);
	assert_int_equal(snapshot_writer_new(disk, &image, &w), 0);
	while (snapshot_writer_step(w) > 0)
		;
	snapshot_writer_free(w);
	board_copy_unref(boards[0].copy);
	board_free(b);
}

static void what_the_snapshot_remembers_is_remembered_once(void **state)
{
	const struct record records[] = {board(0, "main"),      epoch(1, 1),
					 placement(0, 1, 2, 9), placement(0, 2, 3, 9),
					 placement(0, 3, 4, 8), placement(0, 4, 5, 9),
					 placement(0, 5, 6, 7)};
	const uint8_t users[][USER_BYTES] = {{9}, {9}, {8}, {9}, {7}};
	const struct writer_config config = {
		.settings = settings, .disk = disk, .worker_count = 1, .read_only = true};
	struct writer *w = NULL;
	struct request found;

	(void)state;
	temp_dir_empty(disk);
	(void)segment_make(disk, 1, MADE_JOURNAL_ID, 1, records, 7);
	snapshot_with_requests_make(&records[0]);
	assert_int_equal(writer_new(&config, (struct now){.wall_ms = 1}, &w, why), EXIT_PASS);
	assert_int_equal(requests_count(w->requests), 4);
	for (uint64_t seq = 1; seq <= 5; seq++) {
		const uint8_t *user = users[seq - 1];
		uint32_t hash = requests_hash(w->requests, 0, user, seq);
		bool is_known = requests_find(w->requests, hash, 0, user, seq, &found);

		assert_int_equal(is_known, seq != 1);
		if (is_known)
			assert_int_equal(found.seq, seq);
	}
	writer_free(w);
}

/* The age of a request tells when it was placed to some milliseconds, which a cooldown must not
 * lose. */
static void a_charge_is_as_the_snapshot_of_people_has_it(void **state)
{
	const struct record records[] = {board(0, "main"), epoch(1, 1), placement(0, 1, 2, 9),
					 placement(0, 2, 3, 9), placement(0, 3, 4, 8)};
	const struct writer_config config = {
		.settings = settings, .disk = disk, .worker_count = 1, .read_only = true};
	const uint8_t user[USER_BYTES] = {9};
	const struct person *person;
	struct writer *w = NULL;

	(void)state;
	temp_dir_empty(disk);
	(void)segment_make(disk, 1, MADE_JOURNAL_ID, 1, records, 5);
	snapshot_with_requests_make(&records[0]);
	assert_int_equal(writer_new(&config, (struct now){.wall_ms = 9}, &w, why), EXIT_PASS);
	person = people_find(w->people, 0, user);
	assert_non_null(person);
	assert_int_equal(person->charged_wall_ms, 2);
	assert_int_equal(person->last_sum, people_sum(3, 3)); /* which only the request has */
	writer_free(w);
}

/* The third placement, which the snapshot remembers, was lost with the journal's end; then came a
 * start with a new epoch, and the next start finds the same snapshot. */
static void what_an_earlier_start_found_lost_stays_lost(void **state)
{
	const uint64_t next = 2 + RECORD_EPOCH_GAP + 1;
	struct record records[] = {board(0, "main"),      epoch(1, 1),    placement(0, 1, 2, 9),
				   placement(0, 2, 3, 9), epoch(2, next), placement(0, next, 5, 9)};
	const struct writer_config config = {
		.settings = settings, .disk = disk, .worker_count = 1, .read_only = true};
	const uint8_t loser[USER_BYTES] = {8};
	struct writer *w = NULL;
	struct request found;

	(void)state;
	records[5].placement.epoch = 2;
	temp_dir_empty(disk);
	(void)segment_make(disk, 1, MADE_JOURNAL_ID, 1, records, 6);
	snapshot_with_requests_make(&records[0]);
	assert_int_equal(writer_new(&config, (struct now){.wall_ms = 1}, &w, why), EXIT_PASS);
	assert_false(requests_find(w->requests, requests_hash(w->requests, 0, loser, 3), 0, loser,
				   3, &found));
	assert_int_equal(requests_count(w->requests), 2);
	writer_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rollback_among_placements_starts),
		cmocka_unit_test(a_story_that_cannot_be_is_refused),
		cmocka_unit_test(what_the_snapshot_remembers_is_remembered_once),
		cmocka_unit_test(what_an_earlier_start_found_lost_stays_lost),
		cmocka_unit_test(a_charge_is_as_the_snapshot_of_people_has_it),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
