/* test_historian.c - questions that take longer than they may, in time that is made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/blob.h"
#include "writer/historian.h"
#include "writer/writer.h"
#include "tests/journal_make.h"
#include "tests/temp_dir.h"

#define SEGMENTS    20u
#define PER_SEGMENT 10u
#define START_MS    1490918400000ULL
#define PLACEMENTS  (SEGMENTS * PER_SEGMENT - 2) /* behind the board and its epoch */

static char dir[TEMP_DIR_BYTES];
static struct disk *disk;
static struct spsc *jobs, *done;
static struct historian *historian;
static struct now now;
static struct room room = {.name = "main"};
static struct face face = {.width = 4, .height = 4, .bits = 4};
static unsigned woken;

static void wake_writer(void *arg)
{
	(void)arg;
	woken++;
}

static struct record record_of(uint64_t lsn)
{
	struct record r = {.type = RECORD_PLACEMENT};

	if (lsn == 1) {
		r.type = RECORD_BOARD;
		r.board = (struct record_board){.width = 4, .height = 4, .bits = 4, .name = "main"};
	} else if (lsn == 2) {
		r.type = RECORD_EPOCH;
		r.epoch = (struct record_epoch){.first_seq = 1, .epoch = 1};
	} else {
		r.placement = (struct record_placement){.seq = lsn - 2,
							.placed_at_ms = START_MS + lsn,
							.epoch = 1,
							.x = (uint16_t)(lsn % 4),
							.y = (uint16_t)(lsn / 4 % 4),
							.color = (uint8_t)(lsn % 16)};
	}
	return r;
}

static int setup(void **state)
{
	struct historian_config config = {.wake_writer = wake_writer};
	struct record records[PER_SEGMENT];
	uint64_t chain = MADE_JOURNAL_ID;

	(void)state;
	if (temp_dir_make(dir, "historian") < 0 || disk_open(dir, 0, 0, &disk) < 0 ||
	    spsc_new(HISTORY_JOBS_MAX, sizeof(struct history_job), &jobs) < 0 ||
	    spsc_new(HISTORY_JOBS_MAX, sizeof(struct history_job), &done) < 0)
		return 1;
	for (uint32_t i = 0; i < SEGMENTS; i++) {
		for (uint32_t k = 0; k < PER_SEGMENT; k++)
			records[k] = record_of(i * PER_SEGMENT + 1 + k);
		chain = segment_make(disk, i + 1, chain, i * PER_SEGMENT + 1, records, PER_SEGMENT);
	}
	now = (struct now){.mono_ns = NS_PER_SEC, .wall_ms = START_MS + 1000000};
	config.disk = disk;
	config.jobs = jobs;
	config.done = done;
	return historian_new(&config, &historian);
}

static int teardown(void **state)
{
	(void)state;
	historian_free(historian);
	spsc_free(jobs);
	spsc_free(done);
	disk_close(disk);
	return temp_dir_remove(dir);
}

static void ask(const struct question *what)
{
	struct history_job *job = spsc_push(jobs);

	assert_non_null(job);
	*job = (struct history_job){.ask = *what,
				    .asked_ns = now.mono_ns,
				    .room = &room,
				    .face = &face,
				    .upto_lsn = SEGMENTS * PER_SEGMENT,
				    .seq = PLACEMENTS};
	spsc_publish(jobs);
}

static void ask_board(uint64_t seq)
{
	ask(&(struct question){.kind = QUESTION_BOARD, .board = {.seq = seq, .at_ms = UINT64_MAX}});
}

/* Turns until the answer is there, each taking so long. */
static struct history_job heard(uint64_t turn_ns)
{
	const struct history_job *found;
	struct history_job job;

	while ((found = spsc_peek(done)) == NULL) {
		assert_int_equal(historian_turn(historian, now), 0);
		now.mono_ns += turn_ns;
	}
	job = *found;
	spsc_pop(done);
	return job;
}

static void board_that_takes_too_long_is_answered_busy_and_goes_on_when_asked_again(void **state)
{
	unsigned asked = 0;
	struct history_job job;
	struct blob *blob;

	(void)state;
	do {
		ask_board(PLACEMENTS);
		job = heard(NS_PER_SEC);
		asked++;
	} while (job.history.verdict == HISTORY_BUSY);
	assert_in_range(asked, 3, SEGMENTS / 3 + 1); /* some segments each time */
	assert_int_equal(job.history.verdict, HISTORY_FOUND);
	blob = job.history.board.bitmap.blob;
	assert_int_equal(job.history.board.bitmap.seq, PLACEMENTS);
	assert_int_equal(blob->len, 8);
	for (uint64_t lsn = PLACEMENTS + 2 - 15; lsn <= PLACEMENTS + 2; lsn++) {
		unsigned cell = (unsigned)(lsn % 16);

		assert_int_equal(blob->bytes[cell / 2] >> (cell % 2 == 0 ? 4 : 0) & 15, lsn % 16);
	}
	blob_unref(blob);
}

static void cell_that_takes_too_long_is_answered_in_parts(void **state)
{
	uint64_t before = UINT64_MAX, count = 0;
	unsigned asked = 0;

	(void)state;
	do {
		struct history_job job;

		ask(&(struct question){.kind = QUESTION_CELL,
				       .cell = {.before_seq = before, .max = 5}});
		job = heard(NS_PER_SEC / 2);
		assert_int_equal(job.history.verdict, HISTORY_FOUND);
		assert_true(job.history.cell.next_seq < before);
		count += job.history.cell.placements->len / sizeof(struct told_placement);
		before = job.history.cell.next_seq;
		blob_unref(job.history.cell.placements);
		asked++;
	} while (before != 0);
	assert_true(asked > 2);
	assert_int_equal(count, (PLACEMENTS + 2) / 16); /* of cell 0: lsn 16, 32, ... */
}

static void who_waited_too_long_and_who_asks_for_what_is_to_come_cost_nothing(void **state)
{
	unsigned before = woken;

	(void)state;
	ask_board(PLACEMENTS + 1);
	assert_int_equal(heard(0).history.verdict, HISTORY_NOT_YET);
	ask_board(1);
	now.mono_ns += 60 * NS_PER_SEC;
	assert_int_equal(heard(0).history.verdict, HISTORY_BUSY);
	assert_int_equal(woken, before + 2);
	assert_int_equal(historian_turn(historian, now), HISTORIAN_IDLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			board_that_takes_too_long_is_answered_busy_and_goes_on_when_asked_again),
		cmocka_unit_test(cell_that_takes_too_long_is_answered_in_parts),
		cmocka_unit_test(who_waited_too_long_and_who_asks_for_what_is_to_come_cost_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
