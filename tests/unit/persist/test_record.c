/* test_record.c - records survive the way to the disk and back, and so do readers of strange
 * ones. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "persist/format/record.h"
#include "tests/prng.h"

static struct record_rollback random_rollback(uint64_t *random)
{
	struct record_rollback r = {.undoes = prng_next(random),
				    .placed_at_ms = prng_next(random),
				    .placements = prng_next(random),
				    .first_seq = prng_next(random),
				    .cells = (uint32_t)prng_next(random),
				    .epoch = (uint32_t)prng_next(random),
				    .board = (uint16_t)prng_next(random)};
	struct placement_filter *f = &r.filter;

	f->from_ms = prng_next(random);
	f->to_ms = prng_next(random);
	f->upto_seq = prng_next(random);
	f->x = (uint16_t)prng_next(random);
	f->y = (uint16_t)prng_next(random);
	f->x_last = (uint16_t)prng_next(random);
	f->y_last = (uint16_t)prng_next(random);
	f->by_user = prng_below(random, 2);
	f->by_color = prng_below(random, 2);
	f->color = (uint8_t)prng_next(random);
	for (int i = 0; i < USER_BYTES; i++)
		f->user[i] = (uint8_t)prng_next(random);
	return r;
}

static void assert_same_rollback(const struct record_rollback *a, const struct record_rollback *b)
{
	const struct placement_filter *f = &a->filter, *g = &b->filter;

	assert_int_equal(a->undoes, b->undoes);
	assert_int_equal(a->placed_at_ms, b->placed_at_ms);
	assert_int_equal(a->placements, b->placements);
	assert_int_equal(a->first_seq, b->first_seq);
	assert_int_equal(a->cells, b->cells);
	assert_int_equal(a->epoch, b->epoch);
	assert_int_equal(a->board, b->board);
	assert_int_equal(f->from_ms, g->from_ms);
	assert_int_equal(f->to_ms, g->to_ms);
	assert_int_equal(f->upto_seq, g->upto_seq);
	assert_true(f->x == g->x && f->y == g->y && f->x_last == g->x_last &&
		    f->y_last == g->y_last);
	assert_true(f->by_user == g->by_user && f->by_color == g->by_color);
	assert_int_equal(f->color, g->color);
	assert_memory_equal(f->user, g->user, sizeof(f->user));
}

static struct record random_record(uint64_t *random)
{
	struct record r;

	memset(&r, 0, sizeof(r));
	r.type = (uint8_t)(1 + prng_below(random, 4));
	switch (r.type) {
	case RECORD_BOARD:
		r.board.board = (uint16_t)prng_next(random);
		r.board.width = (uint32_t)prng_next(random);
		r.board.height = (uint32_t)prng_next(random);
		r.board.bits = (uint8_t)prng_next(random);
		memset(r.board.name, 'x', prng_below(random, BOARD_NAME_BYTES_MAX + 1));
		break;
	case RECORD_EPOCH:
		r.epoch.board = (uint16_t)prng_next(random);
		r.epoch.epoch = (uint32_t)prng_below(random, RECORD_EPOCH_MAX + 1);
		r.epoch.first_seq = prng_below(random, RECORD_SEQ_MAX + 1);
		break;
	case RECORD_ROLLBACK:
		r.rollback = random_rollback(random);
		break;
	default:
		r.placement.board = (uint16_t)prng_next(random);
		r.placement.epoch = (uint32_t)prng_next(random);
		r.placement.seq = prng_next(random);
		r.placement.x = (uint16_t)prng_next(random);
		r.placement.y = (uint16_t)prng_next(random);
		r.placement.color = (uint8_t)prng_next(random);
		r.placement.request = prng_next(random);
		r.placement.placed_at_ms = prng_next(random);
		for (int i = 0; i < USER_BYTES; i++)
			r.placement.user[i] = (uint8_t)prng_next(random);
		break;
	}
	return r;
}

static void assert_same(const struct record *a, const struct record *b)
{
	assert_int_equal(a->type, b->type);
	switch (a->type) {
	case RECORD_BOARD:
		assert_int_equal(a->board.board, b->board.board);
		assert_int_equal(a->board.width, b->board.width);
		assert_int_equal(a->board.height, b->board.height);
		assert_int_equal(a->board.bits, b->board.bits);
		assert_string_equal(a->board.name, b->board.name);
		break;
	case RECORD_EPOCH:
		assert_int_equal(a->epoch.board, b->epoch.board);
		assert_int_equal(a->epoch.epoch, b->epoch.epoch);
		assert_int_equal(a->epoch.first_seq, b->epoch.first_seq);
		break;
	case RECORD_ROLLBACK:
		assert_same_rollback(&a->rollback, &b->rollback);
		break;
	default:
		assert_int_equal(a->placement.board, b->placement.board);
		assert_int_equal(a->placement.epoch, b->placement.epoch);
		assert_int_equal(a->placement.seq, b->placement.seq);
		assert_int_equal(a->placement.x, b->placement.x);
		assert_int_equal(a->placement.y, b->placement.y);
		assert_int_equal(a->placement.color, b->placement.color);
		assert_int_equal(a->placement.request, b->placement.request);
		assert_int_equal(a->placement.placed_at_ms, b->placement.placed_at_ms);
		assert_memory_equal(a->placement.user, b->placement.user, USER_BYTES);
		break;
	}
}

static void any_sequence_of_records_is_read_as_written(void **state)
{
	uint64_t random = prng_start("record");
	struct record written[50];
	uint8_t buf[50 * RECORD_BYTES_MAX];
	uint8_t *p = buf;
	struct bytes in;

	(void)state;
	for (int i = 0; i < 50; i++) {
		uint8_t *before = p;

		written[i] = random_record(&random);
		p = record_put(p, &written[i]);
		assert_true(p - before <= RECORD_BYTES_MAX);
		assert_int_equal(p - before, record_bytes(&written[i]));
		if (written[i].type == RECORD_PLACEMENT)
			assert_int_equal(p - before, RECORD_PLACEMENT_BYTES);
	}
	in = bytes_of(buf, (size_t)(p - buf));
	for (int i = 0; i < 50; i++) {
		struct record r;

		assert_int_equal(record_get(&in, &r), 0);
		assert_same(&r, &written[i]);
	}
	assert_int_equal(bytes_left(&in), 0);
}

static void cut_anywhere_is_refused(void **state)
{
	uint64_t random = prng_start("record cut");

	(void)state;
	for (int n = 0; n < 100; n++) {
		struct record r = random_record(&random);
		uint8_t buf[RECORD_BYTES_MAX];
		size_t len = (size_t)(record_put(buf, &r) - buf);

		for (size_t cut = 0; cut < len; cut++) {
			struct bytes in = bytes_of(buf, cut);

			assert_int_equal(record_get(&in, &r), -EBADMSG);
		}
	}
}

static void unknown_type_keeps_its_body_and_is_passed_on(void **state)
{
	const struct record epoch = {.type = RECORD_EPOCH, .epoch = {.epoch = 9}};
	uint8_t buf[2 * RECORD_BYTES_MAX] = {200, 5, 0, 1, 2, 3, 4, 5}, again[8];
	struct record r;
	struct bytes in;

	(void)state;
	in = bytes_of(buf, (size_t)(record_put(buf + 8, &epoch) - buf));
	assert_int_equal(record_get(&in, &r), 0);
	assert_int_equal(r.type, 200);
	assert_string_equal(record_type_str(r.type), "unknown");
	assert_int_equal(r.other.len, 5);
	assert_ptr_equal(r.other.body, buf + 3);
	assert_int_equal(record_bytes(&r), 8);
	assert_ptr_equal(record_put(again, &r), again + 8);
	assert_memory_equal(again, buf, 8);
	assert_int_equal(record_get(&in, &r), 0);
	assert_int_equal(r.epoch.epoch, 9);
}

static void longer_body_of_a_known_type_is_read(void **state)
{
	const struct record epoch = {.type = RECORD_EPOCH, .epoch = {.first_seq = 77}};
	uint8_t buf[RECORD_BYTES_MAX];
	size_t len = (size_t)(record_put(buf, &epoch) - buf);
	struct record r;
	struct bytes in;

	(void)state;
	put_u16(buf + 1, (uint16_t)(len - 3 + 10)); /* as a later version would */
	memset(buf + len, 0xee, 10);
	in = bytes_of(buf, len + 10);
	assert_int_equal(record_get(&in, &r), 0);
	assert_int_equal(r.epoch.first_seq, 77);
	assert_int_equal(bytes_left(&in), 0);
}

static void cells_of_a_placement_are_one_and_of_others_none(void **state)
{
	const struct record placement = {.type = RECORD_PLACEMENT, .placement = {.seq = 7}};
	const struct record rollback = {.type = RECORD_ROLLBACK, .rollback = {.cells = 3}};
	struct record_cells cells = {&placement, 0};

	(void)state;
	assert_int_equal(record_cells_next(&cells)->seq, 7);
	assert_null(record_cells_next(&cells));
	cells = (struct record_cells){&rollback, 0}; /* they follow as placements of nobody */
	assert_null(record_cells_next(&cells));
}

static void name_that_is_too_long_is_refused(void **state)
{
	struct record board = {.type = RECORD_BOARD};
	uint8_t buf[2 * RECORD_BYTES_MAX] = {0};
	struct bytes in;
	size_t len;

	(void)state;
	len = (size_t)(record_put(buf, &board) - buf);
	buf[len - 1] = BOARD_NAME_BYTES_MAX + 1;
	put_u16(buf + 1, (uint16_t)(len - 3 + BOARD_NAME_BYTES_MAX + 1));
	in = bytes_of(buf, len + BOARD_NAME_BYTES_MAX + 1);
	assert_int_equal(record_get(&in, &board), -EBADMSG);
}

static void an_epoch_out_of_range_is_damage(void **state)
{
	const struct record_epoch good = {.epoch = RECORD_EPOCH_MAX, .first_seq = RECORD_SEQ_MAX};
	const struct record_epoch bad[] = {{.epoch = RECORD_EPOCH_MAX + 1},
					   {.first_seq = RECORD_SEQ_MAX + 1}};
	struct record r = {.type = RECORD_EPOCH, .epoch = good}, got;
	uint8_t buf[RECORD_BYTES_MAX];
	struct bytes in = bytes_of(buf, (size_t)(record_put(buf, &r) - buf));

	(void)state;
	assert_int_equal(record_get(&in, &got), 0);
	for (unsigned i = 0; i < 2; i++) {
		r.epoch = bad[i];
		in = bytes_of(buf, (size_t)(record_put(buf, &r) - buf));
		assert_true(record_get(&in, &got) < 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_sequence_of_records_is_read_as_written),
		cmocka_unit_test(cut_anywhere_is_refused),
		cmocka_unit_test(cells_of_a_placement_are_one_and_of_others_none),
		cmocka_unit_test(unknown_type_keeps_its_body_and_is_passed_on),
		cmocka_unit_test(longer_body_of_a_known_type_is_read),
		cmocka_unit_test(name_that_is_too_long_is_refused),
		cmocka_unit_test(an_epoch_out_of_range_is_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
