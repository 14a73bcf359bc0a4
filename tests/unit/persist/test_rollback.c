/*
 * test_rollback.c - rollbacks and their undoing, against a model that is as simple as the promise:
 * of each cell the newest placement that no rollback in force takes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "persist/history/rollback.h"
#include "tests/journal_make.h"
#include "tests/prng.h"

#define SIDE        6u
#define CELLS       (SIDE * SIDE)
#define BITS        4u
#define USERS       4u
#define START_MS    1490918400000ULL
#define RECORDS_MAX 20000u
#define SEGMENT_MAX 400u /* records */
#define NUMBER      3u   /* of the board: others are in the journal too */

static char dir[64];
static struct disk *disk;
static struct history *history;
static struct rollback_plan *plan;
static uint64_t dice;

/* What is in the journal, by lsn from 1, and how much of it is in the files. */
static struct record records[RECORDS_MAX + 1];
static uint64_t last_lsn, written_lsn;
static uint32_t segments;
static uint64_t chain;
static uint64_t seq, clock_ms;

static int remove_name(void *arg, const char *name)
{
	(void)disk_unlink(arg, name);
	return 0;
}

static struct record *record_add(uint8_t type)
{
	struct record *r = &records[++last_lsn];

	assert_true(last_lsn < RECORDS_MAX);
	*r = (struct record){.type = type};
	return r;
}

static int setup(void **state)
{
	struct record *r;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/pixeld-rollback-XXXXXX");
	if (mkdtemp(dir) == NULL || disk_open(dir, 0, 0, &disk) < 0 ||
	    history_new(disk, &history) < 0 || rollback_plan_new(history, &plan) < 0)
		return 1;
	last_lsn = written_lsn = seq = segments = 0;
	chain = MADE_JOURNAL_ID;
	clock_ms = START_MS;
	for (unsigned b = NUMBER; b <= NUMBER + 1; b++) {
		r = record_add(RECORD_BOARD);
		r->board = (struct record_board){
			.width = SIDE, .height = SIDE, .board = (uint16_t)b, .bits = BITS};
		snprintf(r->board.name, sizeof(r->board.name), "b%u", b);
		r = record_add(RECORD_EPOCH);
		r->epoch = (struct record_epoch){.first_seq = 1, .epoch = 1, .board = (uint16_t)b};
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rollback_plan_free(plan);
	history_free(history);
	disk_list(disk, remove_name, disk);
	disk_close(disk);
	return rmdir(dir);
}

/* --- the journal ------------------------------------------------------------------------------ */

static void journal_write(void)
{
	while (written_lsn < last_lsn) {
		uint64_t n = last_lsn - written_lsn;

		n = n < SEGMENT_MAX ? n : SEGMENT_MAX;
		chain = segment_make(disk, ++segments, chain, written_lsn + 1,
				     &records[written_lsn + 1], (uint32_t)n);
		written_lsn += n;
	}
	assert_int_equal(history_look(history, last_lsn), 0);
}

static void user_fill(uint8_t *user, unsigned number)
{
	memset(user, (int)number + 1, USER_BYTES);
}

static void place(unsigned user, uint32_t cell, uint8_t color)
{
	struct record *r = record_add(RECORD_PLACEMENT);

	r->placement = (struct record_placement){.seq = ++seq,
						 .placed_at_ms = clock_ms,
						 .epoch = 1,
						 .board = NUMBER,
						 .x = (uint16_t)(cell % SIDE),
						 .y = (uint16_t)(cell / SIDE),
						 .color = color};
	user_fill(r->placement.user, user);
}

static void place_some(unsigned count)
{
	static uint64_t other_seq;

	for (unsigned i = 0; i < count; i++) {
		clock_ms += prng_below(&dice, 20);
		place((unsigned)prng_below(&dice, USERS), (uint32_t)prng_below(&dice, CELLS),
		      (uint8_t)prng_below(&dice, 1u << BITS));
		if (prng_below(&dice, 5) == 0) {
			struct record *r = record_add(RECORD_PLACEMENT);

			r->placement = (struct record_placement){
				.seq = ++other_seq, .board = NUMBER + 1, .user = {1}};
		}
	}
}

static int plan_run(uint64_t undoes, const struct placement_filter *filter)
{
	const struct rollback_question q = {.board = NUMBER, .undoes = undoes, .filter = *filter};
	int rc = 1;

	rollback_plan_begin(plan, &q);
	while (rc == 1)
		rc = rollback_plan_step(plan);
	return rc;
}

/* The change as the writer journals it: cells that somebody placed on behind `asked_seq` are left
 * out. Returns its lsn, 0: it takes nothing. */
static uint64_t change_append(uint64_t undoes, uint64_t asked_lsn)
{
	const struct rollback_answer *a = rollback_plan_answer(plan);
	struct delta_cell cells[CELLS];
	struct record *head;
	uint64_t lsn;

	if (a->placements == 0)
		return 0;
	rollback_plan_cells(plan, cells);
	head = record_add(RECORD_ROLLBACK);
	lsn = last_lsn;
	head->rollback = (struct record_rollback){.undoes = undoes,
						  .placements = a->placements,
						  .first_seq = a->first_seq,
						  .epoch = 1,
						  .board = NUMBER,
						  .filter = rollback_plan_question(plan)->filter};
	for (uint32_t i = 0; i < a->cells; i++) {
		bool touched = false;

		for (uint64_t at = asked_lsn + 1; at < lsn; at++)
			touched |= records[at].type == RECORD_PLACEMENT &&
				   records[at].placement.board == NUMBER &&
				   records[at].placement.y * SIDE + records[at].placement.x ==
					   cells[i].cell;
		if (touched)
			continue;
		place(0, cells[i].cell, cells[i].color);
		memset(records[last_lsn].placement.user, 0, USER_BYTES);
		records[last_lsn].placement.request = lsn;
		head->rollback.cells++;
	}
	return lsn;
}

/* --- the model -------------------------------------------------------------------------------- */

#define ROLLBACKS_MAX 200

static struct {
	uint64_t lsn;
	struct placement_filter filter;
	bool in_force;
} rollbacks[ROLLBACKS_MAX];
static unsigned rollback_count;

static bool model_takes(const struct placement_filter *f, const struct record_placement *p)
{
	bool in_area = p->x >= f->x && p->x <= f->x_last && p->y >= f->y && p->y <= f->y_last;
	bool in_time = p->placed_at_ms >= f->from_ms && p->placed_at_ms < f->to_ms;
	bool by_user = !f->by_user || p->user[0] == f->user[0];
	bool by_color = !f->by_color || p->color == f->color;

	return in_area && in_time && by_user && by_color && p->seq <= f->upto_seq;
}

static void model_board(uint8_t *cells)
{
	memset(cells, 0, CELLS);
	for (uint64_t lsn = 1; lsn <= last_lsn; lsn++) {
		const struct record_placement *p = &records[lsn].placement;
		bool taken = false;

		if (records[lsn].type != RECORD_PLACEMENT || p->board != NUMBER || p->user[0] == 0)
			continue;
		for (unsigned i = 0; i < rollback_count; i++)
			taken |= rollbacks[i].in_force && model_takes(&rollbacks[i].filter, p);
		if (!taken)
			cells[p->y * SIDE + p->x] = p->color;
	}
}

/* What everybody sees who knows nothing of rollbacks. */
static void fold_board(uint8_t *cells)
{
	memset(cells, 0, CELLS);
	for (uint64_t lsn = 1; lsn <= last_lsn; lsn++)
		if (records[lsn].type == RECORD_PLACEMENT && records[lsn].placement.board == NUMBER)
			cells[records[lsn].placement.y * SIDE + records[lsn].placement.x] =
				records[lsn].placement.color;
}

static struct placement_filter filter_draw(void)
{
	struct placement_filter f = PLACEMENT_FILTER_ALL;

	if (prng_below(&dice, 2) == 0) {
		f.by_user = true;
		user_fill(f.user, (unsigned)prng_below(&dice, USERS));
	}
	if (prng_below(&dice, 3) == 0) {
		f.x = (uint16_t)prng_below(&dice, SIDE);
		f.y = (uint16_t)prng_below(&dice, SIDE);
		f.x_last = (uint16_t)(f.x + prng_below(&dice, SIDE - f.x));
		f.y_last = (uint16_t)(f.y + prng_below(&dice, SIDE - f.y));
	}
	if (prng_below(&dice, 3) == 0) {
		f.by_color = true;
		f.color = (uint8_t)prng_below(&dice, 1u << BITS);
	}
	if (prng_below(&dice, 3) == 0)
		f.from_ms = START_MS + prng_below(&dice, clock_ms - START_MS + 1);
	if (prng_below(&dice, 3) == 0)
		f.to_ms = f.from_ms + prng_below(&dice, clock_ms - START_MS + 100);
	f.upto_seq = prng_below(&dice, 4) == 0 ? prng_below(&dice, seq + 1) : seq;
	return f;
}

/* A rollback, or the end of one, while others go on placing. */
static void rollback_random(void)
{
	unsigned undone = rollback_count > 0 ? (unsigned)prng_below(&dice, rollback_count) : 0;
	bool undo = rollback_count > 0 && rollbacks[undone].in_force && prng_below(&dice, 2) == 0;
	struct placement_filter f = filter_draw();
	uint64_t asked_lsn = last_lsn, lsn;

	journal_write();
	assert_int_equal(plan_run(undo ? rollbacks[undone].lsn : 0, &f), 0);
	place_some((unsigned)prng_below(&dice, 10));
	lsn = change_append(undo ? rollbacks[undone].lsn : 0, asked_lsn);
	if (lsn == 0)
		return;
	if (undo) {
		rollbacks[undone].in_force = false;
		return;
	}
	rollbacks[rollback_count].lsn = lsn;
	rollbacks[rollback_count].filter = f;
	rollbacks[rollback_count++].in_force = true;
}

static void any_rollbacks_and_undoings_show_what_no_rollback_in_force_takes(void **state)
{
	dice = prng_start("rollback");
	for (unsigned world = 0; world < 30; world++) {
		rollback_count = 0;
		for (unsigned i = 0; i < 40; i++) {
			uint8_t model[CELLS], shown[CELLS];

			place_some((unsigned)prng_below(&dice, 60));
			rollback_random();
			model_board(model);
			fold_board(shown);
			assert_memory_equal(shown, model, CELLS);
		}
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

/* --- one by one ------------------------------------------------------------------------------- */

static struct placement_filter of_user(unsigned user)
{
	struct placement_filter f = PLACEMENT_FILTER_ALL;

	f.by_user = true;
	user_fill(f.user, user);
	return f;
}

static void answer_counts_and_says_where(void **state)
{
	struct placement_filter f = of_user(1);
	const struct rollback_answer *a;
	struct delta_cell cells[CELLS];

	(void)state;
	place(0, 7, 3);
	place(1, 7, 4);  /* takes back to 3 */
	place(1, 14, 5); /* to nothing */
	place(1, 20, 6);
	place(2, 20, 6); /* stays: somebody else's, and newer */
	place(1, 0, 0);  /* changes nothing */
	journal_write();
	assert_int_equal(plan_run(0, &f), 0);
	a = rollback_plan_answer(plan);
	assert_int_equal(a->placements, 4);
	assert_int_equal(a->first_seq, 2);
	assert_int_equal(a->upto_seq, 6);
	assert_int_equal(a->cells, 2);
	assert_int_equal(a->since_seq, 0);
	assert_int_equal(a->out_of_reach, 0);
	assert_true(a->x == 1 && a->y == 1 && a->x_last == 2 && a->y_last == 2);
	rollback_plan_cells(plan, cells);
	assert_true(cells[0].cell == 7 && cells[0].color == 3);
	assert_true(cells[1].cell == 14 && cells[1].color == 0);
	assert_int_equal(board_get(rollback_plan_preview(plan), 20), 6);
}

static void only_what_is_in_force_is_undone(void **state)
{
	struct placement_filter f = of_user(1);
	uint64_t lsn, undo;
	size_t count;

	(void)state;
	place(1, 7, 4);
	journal_write();
	assert_int_equal(plan_run(9999, &f), -ENOENT);
	assert_int_equal(plan_run(last_lsn, &f), -ENOENT); /* a placement */
	assert_int_equal(plan_run(0, &f), 0);
	lsn = change_append(0, last_lsn);
	journal_write();
	assert_int_equal(plan_run(lsn, &f), 0);
	undo = change_append(lsn, last_lsn);
	journal_write();
	assert_int_equal(plan_run(lsn, &f), -EALREADY);
	assert_int_equal(plan_run(undo, &f), -ENOENT); /* what undoes is not undone: do it again */
	rollback_plan_begin_list(plan);
	while (rollback_plan_step(plan) == 1)
		;
	assert_int_equal(rollback_plan_list(plan, &count)[0].undone_by, undo);
	assert_int_equal(count, 2);
}

static void board_that_nobody_knows_is_said(void **state)
{
	const struct rollback_question q = {.board = 900, .filter = PLACEMENT_FILTER_ALL};
	int rc = 1;

	(void)state;
	journal_write();
	rollback_plan_begin(plan, &q);
	while (rc == 1)
		rc = rollback_plan_step(plan);
	assert_int_equal(rc, -ENODATA);
}

/* Retention: a snapshot of now, and no segment up to it. */
static void forget_what_was(void)
{
	char name[JOURNAL_NAME_BYTES];
	uint8_t cells[CELLS];
	struct board *board;

	journal_write();
	fold_board(cells);
	assert_int_equal(board_new(SIDE, SIDE, BITS, &board), 0);
	for (uint32_t i = 0; i < CELLS; i++)
		(void)board_set(board, i, cells[i]);
	for (uint64_t lsn = 1; lsn <= last_lsn; lsn++)
		if (records[lsn].type == RECORD_BOARD && records[lsn].board.board == NUMBER)
			snapshot_make(disk, last_lsn, &records[lsn].board, board, 1, seq);
	board_free(board);
	for (uint32_t i = 1; i <= segments; i++) {
		journal_segment_name(name, i);
		(void)disk_unlink(disk, name);
	}
	assert_int_equal(history_look(history, last_lsn), 0);
	assert_true(history_first(history) > last_lsn);
}

static void what_is_older_than_history_is_what_lies_under_it(void **state)
{
	struct placement_filter f = of_user(1);
	struct delta_cell cells[CELLS];
	const struct rollback_answer *a;

	(void)state;
	place(0, 7, 3);
	place(1, 8, 4); /* out of reach soon */
	forget_what_was();
	place(1, 7, 5);
	place(1, 9, 6);
	journal_write();
	assert_int_equal(plan_run(0, &f), 0);
	a = rollback_plan_answer(plan);
	assert_int_equal(a->placements, 2);
	assert_int_equal(a->since_seq, 2);
	assert_int_equal(a->cells, 2);
	rollback_plan_cells(plan, cells);
	assert_true(cells[0].cell == 7 && cells[0].color == 3);
	assert_true(cells[1].cell == 9 && cells[1].color == 0);
}

/* The snapshot still shows what a rollback took behind it: what lay under that is not known. */
static void cell_that_would_need_to_know_more_is_left_alone(void **state)
{
	struct placement_filter one = of_user(1), two = of_user(2);
	const struct rollback_answer *a;

	(void)state;
	place(0, 7, 3);
	place(1, 7, 5);
	journal_write();
	assert_int_equal(plan_run(0, &one), 0);
	forget_what_was(); /* its snapshot is of before the rollback */
	assert_true(change_append(0, last_lsn) != 0);
	place(2, 7, 6);
	place(2, 8, 6);
	journal_write();
	assert_int_equal(plan_run(0, &two), 0);
	a = rollback_plan_answer(plan);
	assert_int_equal(a->placements, 2);
	assert_int_equal(a->out_of_reach, 1);
	assert_int_equal(a->cells, 1);
	assert_int_equal(a->x, 8 % SIDE);
}

/* Records that no file has: what is behind the snapshot after them counts. */
static void hole_is_the_end_of_what_can_be_reached(void **state)
{
	struct placement_filter f = of_user(1);
	const struct rollback_answer *a;
	char name[JOURNAL_NAME_BYTES];
	uint32_t hole;

	(void)state;
	place(1, 7, 3);
	journal_write();
	place(1, 8, 4);
	journal_write();
	hole = segments;
	place(1, 9, 5);
	journal_write();
	journal_segment_name(name, hole);
	assert_int_equal(disk_unlink(disk, name), 0);
	assert_int_equal(history_look(history, last_lsn), 0);
	assert_int_equal(plan_run(0, &f), -ENODATA);
	forget_what_was();
	place(1, 10, 6);
	journal_write();
	assert_int_equal(plan_run(0, &f), 0);
	a = rollback_plan_answer(plan);
	assert_int_equal(a->since_seq, 3);
	assert_int_equal(a->cells, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			any_rollbacks_and_undoings_show_what_no_rollback_in_force_takes, setup,
			teardown),
		cmocka_unit_test_setup_teardown(answer_counts_and_says_where, setup, teardown),
		cmocka_unit_test_setup_teardown(only_what_is_in_force_is_undone, setup, teardown),
		cmocka_unit_test_setup_teardown(board_that_nobody_knows_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_older_than_history_is_what_lies_under_it,
						setup, teardown),
		cmocka_unit_test_setup_teardown(cell_that_would_need_to_know_more_is_left_alone,
						setup, teardown),
		cmocka_unit_test_setup_teardown(hole_is_the_end_of_what_can_be_reached, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
