/* test_apply.c - changes against a board that is an array of bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "engine/apply.h"
#include "tests/prng.h"

#define WIDTH   16u
#define HEIGHT  8u
#define CELLS   (WIDTH * HEIGHT)
#define CHANGED 32u

struct world {
	struct applied a;
	uint32_t changed[CHANGED];
	uint8_t unknown[CELLS / 8];
	struct last_placer placers[CELLS];
	_Atomic uint64_t shown;
	uint8_t model[CELLS];
	uint8_t framed[CELLS]; /* the model as the last frame left it */
};

static const uint8_t somebody[USER_BYTES] = {1, 2, 3};

static struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(board_new(WIDTH, HEIGHT, 4, &w->a.board), 0);
	w->a.changed = w->changed;
	w->a.changed_max = CHANGED;
	w->a.placers = w->placers;
	w->a.seq_shown = &w->shown;
	apply_epoch(&w->a, 1, 0);
	return w;
}

static void world_free(struct world *w)
{
	board_free(w->a.board);
	free(w);
}

/* Every cell that differs from the last frame is in `changed`; then the next one is made. */
static void frame(struct world *w)
{
	uint8_t is_changed[CELLS] = {0};

	for (uint32_t i = 0; i < w->a.changed_count; i++)
		is_changed[w->changed[i]] = 1;
	for (uint32_t cell = 0; cell < CELLS; cell++)
		assert_true(w->model[cell] == w->framed[cell] || is_changed[cell]);
	memcpy(w->framed, w->model, CELLS);
	w->a.changed_count = 0;
}

static void assert_is_model(const struct world *w, uint64_t seq)
{
	assert_int_equal(w->a.seq, seq);
	assert_int_equal(w->shown, seq);
	for (uint32_t cell = 0; cell < CELLS; cell++)
		assert_int_equal(board_get(w->a.board, cell), w->model[cell]);
}

static struct change change_of(const struct delta_cell *cells, uint32_t count, uint64_t first)
{
	return (struct change){.cause = count == 1 ? CHANGE_PLACEMENT : CHANGE_ROLLBACK,
			       .epoch = 1,
			       .first = first,
			       .at_ms = 1000 + first,
			       .count = count,
			       .cells = cells,
			       .user = count == 1 ? somebody : NULL};
}

static void test_random_changes_end_as_in_the_model(void **state)
{
	uint64_t random = prng_start("test_apply");

	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		struct world *w = world_new();
		uint64_t seq = 0;

		for (unsigned step = 0; step < 400; step++) {
			struct delta_cell cells[8];
			uint32_t count = (uint32_t)prng_below(&random, 9);
			struct change c = change_of(cells, count, seq + 1);

			for (uint32_t i = 0; i < count; i++)
				cells[i] = (struct delta_cell){(uint32_t)prng_below(&random, CELLS),
							       (uint8_t)prng_below(&random, 16)};
			if (w->a.changed_count + count > CHANGED) {
				assert_int_equal(apply_change(&w->a, &c), APPLY_FULL);
				assert_is_model(w, seq);
				frame(w);
			}
			assert_int_equal(apply_change(&w->a, &c), APPLY_DONE);
			for (uint32_t i = 0; i < count; i++)
				w->model[cells[i].cell] = cells[i].color;
			seq += count;
			assert_is_model(w, seq);
		}
		frame(w);
		world_free(w);
	}
}

static void test_what_is_not_the_next_is_refused_and_changes_nothing(void **state)
{
	const struct delta_cell cells[] = {{5, 3}, {6, 4}};
	struct world *w = world_new();
	struct change c = change_of(cells, 2, 1);

	(void)state;
	assert_int_equal(apply_change(&w->a, &c), APPLY_DONE);
	w->model[5] = 3;
	w->model[6] = 4;
	assert_int_equal(apply_change(&w->a, &c), APPLY_REPEATED);
	c = change_of(cells, 1, 2);
	assert_int_equal(apply_change(&w->a, &c), APPLY_REPEATED);
	c = change_of(cells, 2, 2); /* half of it is known: nobody's order has that */
	assert_int_equal(apply_change(&w->a, &c), APPLY_GAP);
	c = change_of(cells, 1, 4);
	assert_int_equal(apply_change(&w->a, &c), APPLY_GAP);
	c = change_of(cells, 1, 3);
	c.epoch = 2;
	assert_int_equal(apply_change(&w->a, &c), APPLY_GAP);
	assert_is_model(w, 2);
	world_free(w);
}

static void test_a_cell_off_the_board_refuses_the_whole_change(void **state)
{
	const struct delta_cell off[] = {{5, 3}, {CELLS, 4}}, deep[] = {{5, 3}, {6, 16}};
	struct world *w = world_new();
	struct change c = change_of(off, 2, 1);

	(void)state;
	assert_int_equal(apply_change(&w->a, &c), APPLY_OFF);
	c = change_of(deep, 2, 1);
	assert_int_equal(apply_change(&w->a, &c), APPLY_OFF);
	assert_is_model(w, 0);
	assert_int_equal(w->a.changed_count, 0);
	world_free(w);
}

static void test_who_placed_last_is_known_and_a_rollback_forgets_it(void **state)
{
	const struct delta_cell cells[] = {{5, 3}, {6, 4}};
	struct world *w = world_new();
	struct change c = change_of(cells, 1, 1);

	(void)state;
	assert_int_equal(apply_change(&w->a, &c), APPLY_DONE);
	assert_int_equal(w->placers[5].placed_at_ms, 1001);
	assert_memory_equal(w->placers[5].user, somebody, USER_BYTES);
	assert_int_equal(w->a.newest_ms, 1001);
	c = change_of(cells, 2, 2);
	assert_int_equal(apply_change(&w->a, &c), APPLY_DONE);
	assert_int_equal(w->placers[5].placed_at_ms, 0);
	assert_int_equal(w->placers[6].placed_at_ms, 0);
	world_free(w);
}

static void test_the_color_that_is_there_is_no_news_unless_it_was_unknown(void **state)
{
	const struct delta_cell cell = {7, 0};
	struct world *w = world_new();
	struct change c = change_of(&cell, 1, 1);

	(void)state;
	assert_int_equal(apply_change(&w->a, &c), APPLY_DONE);
	assert_int_equal(w->a.changed_count, 0);
	assert_int_equal(w->a.unchanged, 1);
	memset(w->unknown, 0xff, sizeof(w->unknown));
	w->a.unknown = w->unknown;
	c.first = 2;
	assert_int_equal(apply_change(&w->a, &c), APPLY_DONE);
	assert_int_equal(w->a.changed_count, 1);
	assert_int_equal(w->changed[0], 7);
	c.first = 3;
	assert_int_equal(apply_change(&w->a, &c), APPLY_DONE);
	assert_int_equal(w->a.changed_count, 1);
	world_free(w);
}

static void test_an_epoch_goes_on_above_what_was(void **state)
{
	const struct delta_cell cell = {7, 1};
	struct world *w = world_new();
	struct change c = change_of(&cell, 1, 1);

	(void)state;
	assert_int_equal(apply_change(&w->a, &c), APPLY_DONE);
	frame(w);
	apply_epoch(&w->a, 2, 1000);
	assert_int_equal(w->shown, 1000);
	c.first = 1001;
	assert_int_equal(apply_change(&w->a, &c), APPLY_GAP); /* of the epoch before */
	c.epoch = 2;
	assert_int_equal(apply_change(&w->a, &c), APPLY_DONE);
	world_free(w);
}

static void test_a_snapshot_of_another_size_or_a_second_one_is_not_loaded(void **state)
{
	uint8_t bytes[CELLS / 2] = {0x12};
	struct world *w = world_new();

	(void)state;
	w->a.epoch = 0; /* nothing is on it yet */
	assert_false(apply_load(&w->a, bytes, sizeof(bytes) - 1, 3, 70, 5));
	assert_true(apply_load(&w->a, bytes, sizeof(bytes), 3, 70, 5));
	assert_false(apply_load(&w->a, bytes, sizeof(bytes), 4, 80, 5));
	assert_int_equal(w->a.seq, 70);
	assert_int_equal(board_get(w->a.board, 0), 1);
	assert_int_equal(board_get(w->a.board, 1), 2);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_changes_end_as_in_the_model),
		cmocka_unit_test(test_what_is_not_the_next_is_refused_and_changes_nothing),
		cmocka_unit_test(test_a_cell_off_the_board_refuses_the_whole_change),
		cmocka_unit_test(test_who_placed_last_is_known_and_a_rollback_forgets_it),
		cmocka_unit_test(test_the_color_that_is_there_is_no_news_unless_it_was_unknown),
		cmocka_unit_test(test_an_epoch_goes_on_above_what_was),
		cmocka_unit_test(test_a_snapshot_of_another_size_or_a_second_one_is_not_loaded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
