/*
 * test_history.c - cells and boards of the past, against a model that keeps every record.
 *
 * Journals are made here from the format's own functions: segments, batches, abandoned tails that a
 * later segment overrules, snapshots, segments that retention took, records beyond what is durable.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "persist/history/history_board.h"
#include "persist/history/history_cell.h"
#include "persist/format/journal_format.h"
#include "persist/snapshot/snapshot.h"
#include "tests/prng.h"
#include "tests/temp_dir.h"

#define JOURNAL_ID    77u
#define SEGMENT_BYTES 32768u
#define BATCH_RECORDS 12u
#define RECORDS_MAX   8000u
#define SIDE          8u
#define BITS          4u
#define BOARDS        3u
#define START_MS      1490918400000ULL

static char dir[TEMP_DIR_BYTES];
static struct disk *disk;
static struct history *history;
static uint64_t dice;
static struct history_board kept; /* over all questions to one world */

/* The model: records by lsn, from 1. */
static struct record records[RECORDS_MAX + 1];
static uint64_t last_lsn;
static uint64_t kept_from;        /* lsn */
static uint64_t snapshot_lsns[2]; /* older, newer; 0: none */
static uint64_t seqs[BOARDS];
static uint32_t epochs[BOARDS];
static uint64_t clock_ms;

/* The files. */
static uint8_t segment[SEGMENT_BYTES];
static size_t segment_len;
static uint64_t segment_firsts[64];
static uint32_t segment_number;
static uint64_t chain;

static int setup(void **state)
{
	(void)state;
	return temp_dir_make(dir, "history") < 0 || disk_open(dir, 0, 0, &disk) < 0 ||
	       history_new(disk, &history) < 0;
}

static int teardown(void **state)
{
	(void)state;
	history_free(history);
	disk_close(disk);
	return temp_dir_remove(dir);
}

/* --- making a journal ------------------------------------------------------------------------- */

static void segment_write(void)
{
	char name[JOURNAL_NAME_BYTES];
	int fd;

	if (segment_number == 0)
		return;
	journal_segment_name(name, segment_number);
	(void)disk_unlink(disk, name);
	fd = disk_file_create(disk, name);
	assert_true(fd >= 0);
	assert_int_equal(disk_write(disk, fd, segment, sizeof(segment), 0), 0);
	disk_file_close(disk, fd);
}

static void segment_begin(uint64_t first_lsn)
{
	struct segment_header h = {.journal_id = JOURNAL_ID,
				   .segment_bytes = SEGMENT_BYTES,
				   .first_lsn = first_lsn,
				   .chain = chain,
				   .durable_lsn = first_lsn - 1};

	segment_write();
	h.segment = ++segment_number;
	segment_firsts[segment_number] = first_lsn;
	memset(segment, 0, sizeof(segment));
	segment_header_put(segment, &h);
	segment_len = SEGMENT_HEADER_BYTES;
}

/* Records first_lsn.. of `from`, sealed behind what the segment holds. Gives the chain after it. */
static uint64_t batch_put(const struct record *from, uint32_t count, uint64_t first_lsn)
{
	uint8_t *batch = segment + segment_len, *end = batch + BATCH_HEADER_BYTES;
	struct batch_header h = {.journal_id = JOURNAL_ID,
				 .first_lsn = first_lsn,
				 .durable_lsn = first_lsn - 1,
				 .chain = chain,
				 .records = count};

	for (uint32_t i = 0; i < count; i++)
		end = record_put(end, &from[i]);
	h.payload_bytes = (uint32_t)(end - batch - BATCH_HEADER_BYTES);
	segment_len += batch_bytes(h.payload_bytes);
	assert_true(segment_len <= SEGMENT_BYTES);
	return batch_seal(batch, &h, segment_number);
}

static struct record record_draw(void)
{
	unsigned b =
		(unsigned)prng_below(&dice, 100) < 80 ? 0 : (unsigned)prng_below(&dice, BOARDS);
	struct record r = {.type = RECORD_PLACEMENT};

	if (epochs[b] == 0) {
		r.type = RECORD_BOARD;
		r.board = (struct record_board){
			.width = SIDE, .height = SIDE, .board = (uint16_t)b, .bits = BITS};
		snprintf(r.board.name, sizeof(r.board.name), "b%u", b);
		epochs[b] = 1;
		return r;
	}
	if (prng_below(&dice, 400) == 0) {
		r.type = RECORD_EPOCH;
		r.epoch = (struct record_epoch){
			.first_seq = seqs[b] + 1000, .epoch = ++epochs[b], .board = (uint16_t)b};
		seqs[b] += 999;
		return r;
	}
	clock_ms += prng_below(&dice, 50);
	if (prng_below(&dice, 200) == 0) /* it is set back */
		clock_ms -= prng_below(&dice, (clock_ms - START_MS) / 2 + 1);
	r.placement = (struct record_placement){.seq = ++seqs[b],
						.placed_at_ms = clock_ms,
						.epoch = epochs[b],
						.board = (uint16_t)b,
						.x = (uint16_t)prng_below(&dice, SIDE),
						.y = (uint16_t)prng_below(&dice, SIDE),
						.color = (uint8_t)prng_below(&dice, 1u << BITS)};
	for (int i = 0; i < USER_BYTES; i++)
		r.placement.user[i] = (uint8_t)prng_next(&dice);
	return r;
}

/* A batch that nobody was told of: as a torn tail leaves it, overruled by the next segment. */
static void tail_abandon(void)
{
	struct record lies[BATCH_RECORDS];

	for (unsigned i = 0; i < BATCH_RECORDS; i++)
		lies[i] = (struct record){.type = RECORD_PLACEMENT,
					  .placement = {.seq = 1u << 30, .color = 1}};
	if (segment_len + batch_bytes(BATCH_RECORDS * RECORD_BYTES_MAX) <= SEGMENT_BYTES)
		(void)batch_put(lies, BATCH_RECORDS, last_lsn + 1);
	segment_begin(last_lsn + 1);
}

static void journal_grow(uint64_t count)
{
	for (uint64_t end = last_lsn + count; last_lsn < end;) {
		uint32_t n = 1 + (uint32_t)prng_below(&dice, BATCH_RECORDS);

		if (segment_number == 0 ||
		    segment_len + batch_bytes(n * RECORD_BYTES_MAX) > SEGMENT_BYTES)
			segment_begin(last_lsn + 1);
		else if (prng_below(&dice, 200) == 0)
			tail_abandon();
		for (uint32_t i = 0; i < n; i++)
			records[last_lsn + 1 + i] = record_draw();
		chain = batch_put(&records[last_lsn + 1], n, last_lsn + 1);
		last_lsn += n;
	}
	segment_write();
}

/* --- the model ----------------------------------------------------------------------------------
 * */

struct model {
	uint8_t cells[SIDE * SIDE];
	uint64_t seq;
	uint64_t at_ms; /* the latest of all that are on it */
	bool known;
};

/* Folds board 0 from record 1 on, up to the moment. */
static struct model model_at(uint64_t upto, const struct history_moment *m)
{
	struct model model = {.known = false};

	for (uint64_t lsn = 1; lsn <= upto; lsn++) {
		const struct record *r = &records[lsn];

		if (r->type == RECORD_BOARD && r->board.board == 0)
			model.known = true;
		if (r->type == RECORD_EPOCH && r->epoch.board == 0) {
			if (r->epoch.first_seq - 1 > m->seq)
				break;
			model.seq = r->epoch.first_seq - 1;
		}
		if (r->type != RECORD_PLACEMENT || r->placement.board != 0)
			continue;
		if (r->placement.seq > m->seq || r->placement.placed_at_ms > m->at_ms)
			break;
		model.cells[r->placement.y * SIDE + r->placement.x] = r->placement.color;
		model.seq = r->placement.seq;
		if (r->placement.placed_at_ms > model.at_ms)
			model.at_ms = r->placement.placed_at_ms;
	}
	return model;
}

static void model_board(const struct model *m, struct board **ret)
{
	assert_int_equal(board_new(SIDE, SIDE, BITS, ret), 0);
	for (uint32_t i = 0; i < SIDE * SIDE; i++)
		(void)board_set(*ret, i, m->cells[i]);
}

static void snapshot_make(void)
{
	const struct history_moment end = {UINT64_MAX, UINT64_MAX};
	struct model model = model_at(last_lsn, &end);
	struct snapshot_board boards[1] = {
		{.meta = {.width = SIDE, .height = SIDE, .bits = BITS, .name = "b0"}}};
	struct snapshot_image image = {.lsn = last_lsn,
				       .journal_id = JOURNAL_ID,
				       .wall_ms = clock_ms,
				       .boards = boards,
				       .board_count = 1};
	struct person people[2] = {{.last_seq = 1}};
	struct snapshot_writer *w;
	struct board *board;

	model_board(&model, &board);
	(void)board_copy_begin(board, epochs[0], model.seq);
	boards[0].copy = board_copy_step(board, SIZE_MAX);
	boards[0].newest_ms = model.at_ms;
	image.people = people;
	image.people_count = 2;
	assert_int_equal(snapshot_writer_new(disk, &image, &w), 0);
	while (snapshot_writer_step(w) > 0)
		;
	snapshot_writer_free(w);
	board_copy_unref(boards[0].copy);
	board_free(board);
	snapshot_lsns[0] = snapshot_lsns[1];
	snapshot_lsns[1] = last_lsn;
}

/* Takes the oldest segments that the older snapshot does not need, as retain.c does. */
static void segments_remove(void)
{
	for (uint32_t i = 1; i < segment_number; i++) {
		char name[JOURNAL_NAME_BYTES];

		if (segment_firsts[i + 1] > snapshot_lsns[0] + 1)
			return;
		journal_segment_name(name, i);
		(void)disk_unlink(disk, name);
		if (segment_firsts[i + 1] > kept_from)
			kept_from = segment_firsts[i + 1];
	}
}

static void world_begin(uint64_t seed)
{
	temp_dir_empty(disk);
	dice = seed;
	last_lsn = segment_number = 0;
	segment_len = 0;
	chain = JOURNAL_ID;
	kept_from = 1;
	clock_ms = START_MS;
	memset(seqs, 0, sizeof(seqs));
	memset(epochs, 0, sizeof(epochs));
	memset(snapshot_lsns, 0, sizeof(snapshot_lsns));
}

/* --- comparing ----------------------------------------------------------------------------------
 * */

static void cell_compare(uint64_t upto)
{
	struct history_cell c = {.board = 0,
				 .x = (uint16_t)prng_below(&dice, SIDE),
				 .y = (uint16_t)prng_below(&dice, SIDE),
				 .before_seq = UINT64_MAX,
				 .max = 1 + (uint32_t)prng_below(&dice, HISTORY_CELL_MAX)};
	bool ends_early = prng_below(&dice, 2) == 0;
	uint64_t lsn = upto;

	for (;;) {
		int rc;

		history_cell_begin(history, &c);
		while ((rc = history_cell_step(history, &c)) == 1)
			if (ends_early && history_cell_end(&c))
				break;
		assert_in_range(rc, 0, 1);
		for (uint32_t i = 0; i < c.count; i++, lsn--) {
			while (records[lsn].type != RECORD_PLACEMENT ||
			       records[lsn].placement.board != 0 ||
			       records[lsn].placement.x != c.x || records[lsn].placement.y != c.y)
				lsn--;
			assert_true(lsn >= kept_from);
			assert_memory_equal(&c.found[i], &records[lsn].placement,
					    sizeof(c.found[i]));
		}
		if (c.next_seq == 0)
			break;
		assert_true(c.next_seq < c.before_seq);
		c.before_seq = c.next_seq;
	}
	assert_int_equal(c.complete, kept_from == 1);
	for (; lsn >= kept_from && lsn > 0; lsn--)
		assert_false(records[lsn].type == RECORD_PLACEMENT &&
			     records[lsn].placement.board == 0 && records[lsn].placement.x == c.x &&
			     records[lsn].placement.y == c.y);
}

static bool moment_is_reached(const struct history_moment *m, uint64_t upto)
{
	if (kept_from == 1)
		return true;
	for (int i = 0; i < 2; i++) {
		const struct history_moment end = {UINT64_MAX, UINT64_MAX};
		struct model then;

		if (snapshot_lsns[i] == 0 || snapshot_lsns[i] > upto)
			continue;
		then = model_at(snapshot_lsns[i], &end);
		if (then.seq <= m->seq && then.at_ms <= m->at_ms)
			return true;
	}
	return false;
}

static void board_compare(uint64_t upto, struct history_board *b, bool by_time)
{
	struct history_moment m = {UINT64_MAX, UINT64_MAX};
	struct model model;
	struct board *want;
	int rc;

	if (by_time)
		m.at_ms = START_MS + prng_below(&dice, clock_ms + 10 - START_MS);
	else
		m.seq = prng_below(&dice, seqs[0] + 10);
	assert_int_equal(history_board_begin(history, b, &m), 0);
	while ((rc = history_board_step(history, b, &m)) == 1)
		;
	assert_int_equal(rc, 0);
	if (b->board == NULL) {
		assert_false(moment_is_reached(&m, upto) && model_at(upto, &m).known);
		return;
	}
	model = model_at(upto, &m);
	assert_int_equal(b->seq, model.seq);
	assert_int_equal(b->at_ms, model.at_ms);
	model_board(&model, &want);
	assert_int_equal(board_hash(b->board), board_hash(want));
	board_free(want);
}

static void world_compare(void)
{
	uint64_t upto = snapshot_lsns[1] + prng_below(&dice, last_lsn - snapshot_lsns[1] + 1);

	if (upto == 0)
		upto = 1;
	assert_int_equal(history_look(history, upto), 0);
	for (int i = 0; i < 8; i++)
		cell_compare(upto);
	for (int i = 0; i < 8; i++)
		board_compare(upto, &kept, i % 2 == 0);
}

static void random_histories_equal_the_model(void **state)
{
	uint64_t seed = prng_start("test_history");

	(void)state;
	for (int world = 0; world < 60; world++) {
		world_begin(seed + (uint64_t)world * 1000003);
		history_board_init(&kept, 0);
		for (int i = 0; i < 5; i++) {
			journal_grow(200 + prng_below(&dice, 1000));
			if (prng_below(&dice, 2) == 0)
				snapshot_make();
			if (prng_below(&dice, 3) == 0)
				segments_remove();
			for (int k = 0; k < 3; k++)
				world_compare();
		}
		history_board_fini(&kept);
	}
}

/* --- single cases
 * --------------------------------------------------------------------------------- */

static int records_count(void *arg, uint64_t lsn, const struct record *record)
{
	uint64_t *count = arg;

	(void)record;
	(*count)++;
	assert_true(lsn <= history_upto(history));
	return 0;
}

static uint64_t walk(uint64_t from)
{
	uint64_t count = 0;
	const struct history_handler handler = {.arg = &count, .record = records_count};
	struct history_cursor c = {.next_lsn = from};
	int rc;

	while ((rc = history_step(history, &c, &handler)) == 1)
		;
	assert_int_equal(rc, 0);
	return count;
}

static void nothing_above_what_is_durable_is_read(void **state)
{
	(void)state;
	world_begin(1);
	journal_grow(500);
	for (uint64_t upto = 0; upto <= last_lsn; upto += 7) {
		assert_int_equal(history_look(history, upto), 0);
		assert_int_equal(walk(1), upto);
	}
}

static void files_say_how_far_they_are_durable(void **state)
{
	uint64_t declared;

	(void)state;
	world_begin(2);
	journal_grow(500);
	assert_int_equal(history_look(history, UINT64_MAX), 0);
	assert_int_equal(walk(1), last_lsn);
	assert_int_equal(history_declared(history, &declared), 0);
	assert_in_range(declared, last_lsn - BATCH_RECORDS, last_lsn - 1);
}

/* Whether the end is known or not: a timelapse reads each record once. */
static void a_later_moment_goes_on_from_where_the_board_stands(void **state)
{
	const struct history_moment early = {20, UINT64_MAX}, late = {40, UINT64_MAX};

	(void)state;
	world_begin(6);
	journal_grow(500);
	for (int known = 0; known < 2; known++) {
		struct history_board b;
		uint64_t stands_at;

		history_board_init(&b, 0);
		assert_int_equal(history_look(history, known ? last_lsn : UINT64_MAX), 0);
		assert_int_equal(history_board_begin(history, &b, &early), 0);
		while (history_board_step(history, &b, &early) == 1)
			;
		assert_non_null(b.board);
		stands_at = b.cursor.next_lsn;
		assert_int_equal(history_board_begin(history, &b, &late), 0);
		assert_non_null(b.board);
		assert_int_equal(b.cursor.next_lsn, stands_at);
		history_board_fini(&b);
	}
}

static void segments_that_go_while_a_walk_stands_in_front_are_a_gap(void **state)
{
	struct history_board b;
	const struct history_moment end = {UINT64_MAX, UINT64_MAX};
	uint64_t seq, ms;
	int rc;

	(void)state;
	world_begin(3);
	journal_grow(1500);
	snapshot_make();
	journal_grow(1500);
	snapshot_make();
	journal_grow(100);
	history_board_init(&b, 0);
	assert_int_equal(history_look(history, last_lsn), 0);
	assert_int_equal(history_board_begin(history, &b, &(struct history_moment){1, UINT64_MAX}),
			 0);
	assert_int_equal(history_board_step(history, &b, &end), 1);
	assert_non_null(b.board);
	segments_remove();
	assert_true(kept_from > 1);
	while ((rc = history_board_step(history, &b, &end)) == 1)
		;
	assert_int_equal(rc, 0);
	assert_null(b.board);
	assert_int_equal(history_board_since(history, 0, &seq, &ms), 0);
	assert_int_equal(seq, model_at(snapshot_lsns[0], &end).seq);
	assert_int_equal(history_board_begin(history, &b, &end), 0);
	assert_non_null(b.board);
	history_board_fini(&b);
}

static void damage_in_the_middle_is_a_gap(void **state)
{
	char name[JOURNAL_NAME_BYTES];
	uint64_t count;
	int fd;

	(void)state;
	world_begin(4);
	journal_grow(3000);
	journal_segment_name(name, 2);
	fd = disk_file_open(disk, name, 1);
	assert_int_equal(disk_write(disk, fd, "damage", 6, 5000), 0);
	disk_file_close(disk, fd);
	assert_int_equal(history_look(history, last_lsn), 0);
	count = walk(1);
	assert_in_range(count, last_lsn - SEGMENT_BYTES / 20, last_lsn - 1);
}

/* What stands behind a segment that was put in from elsewhere never happened behind it. */
static void segment_of_another_history_ends_the_walk(void **state)
{
	uint64_t seam, count = 0;
	const struct history_handler handler = {.arg = &count, .record = records_count};
	struct history_cursor c = {.next_lsn = 1};
	int rc;

	(void)state;
	world_begin(6);
	journal_grow(300);
	seam = last_lsn + 1;
	chain ^= 1;
	segment_begin(seam);
	journal_grow(50);
	assert_int_equal(history_look(history, last_lsn), 0);
	while ((rc = history_step(history, &c, &handler)) == 1)
		;
	assert_int_equal(rc, -EBADMSG);
	assert_int_equal(count, seam - 1);
	assert_int_equal(c.next_lsn, seam);
	assert_int_equal(walk(seam), last_lsn - seam + 1); /* by itself it is whole */
}

static void a_directory_without_a_journal_has_no_history(void **state)
{
	const struct history_moment end = {UINT64_MAX, UINT64_MAX};
	struct history_cell c = {.before_seq = UINT64_MAX, .max = 1};
	struct history_board b;

	(void)state;
	world_begin(5);
	history_board_init(&b, 0);
	assert_int_equal(history_look(history, UINT64_MAX), 0);
	assert_int_equal(history_board_begin(history, &b, &end), 0);
	assert_int_equal(history_board_step(history, &b, &end), 0);
	assert_null(b.board);
	history_cell_begin(history, &c);
	assert_int_equal(history_cell_step(history, &c), 0);
	assert_int_equal(c.count, 0);
	assert_false(c.complete);
}

static void a_journal_of_which_nothing_is_durable_yet_is_complete(void **state)
{
	struct history_cell c = {.before_seq = UINT64_MAX, .max = 1};

	(void)state;
	world_begin(6);
	journal_grow(10);
	assert_int_equal(history_look(history, 0), 0);
	history_cell_begin(history, &c);
	assert_int_equal(history_cell_step(history, &c), 0);
	assert_int_equal(c.count, 0);
	assert_true(c.complete);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_histories_equal_the_model),
		cmocka_unit_test(nothing_above_what_is_durable_is_read),
		cmocka_unit_test(files_say_how_far_they_are_durable),
		cmocka_unit_test(a_later_moment_goes_on_from_where_the_board_stands),
		cmocka_unit_test(segments_that_go_while_a_walk_stands_in_front_are_a_gap),
		cmocka_unit_test(damage_in_the_middle_is_a_gap),
		cmocka_unit_test(segment_of_another_history_ends_the_walk),
		cmocka_unit_test(a_directory_without_a_journal_has_no_history),
		cmocka_unit_test(a_journal_of_which_nothing_is_durable_yet_is_complete),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
