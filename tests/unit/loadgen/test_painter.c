/*
 * test_painter.c - the window of a painter, and the plan that it follows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "edge/codec/message.h"
#include "edge/codec/ws_frame.h"
#include "tests/prng.h"
#include "tools/loadgen/pixel/painter.h"

static struct painter p;
static struct plan plan;
static uint64_t rng;
static struct canvas canvas = {.width = 100, .height = 50, .bits = 4, .colors = 16, .board = 9};

/* Painter 2 of 5, window 4. */
static int make(void **state)
{
	(void)state;
	plan_init(&plan, 42);
	rng = 1;
	return painter_init(&p, 2, 5, 4, plan.count);
}

static int drop(void **state)
{
	(void)state;
	painter_fini(&p);
	return 0;
}

static void assign(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		painter_assign(&p, 1000 + p.head);
}

static uint32_t sent_colors[8];

/* Encodes, and reads the requests back through the server's side of the codecs. */
static unsigned sent_requests(uint64_t requests[static 8])
{
	struct ws_parser parser;
	struct ws_piece piece;
	unsigned count = 0;
	size_t used;

	memset(sent_colors, 0, sizeof(sent_colors));
	p.out_len = 0;
	(void)painter_encode(&p, &plan, &canvas, 5000 + p.sent, &rng);
	ws_parser_init(&parser, WS_FROM_CLIENT, 1024);
	for (size_t at = 0; at < p.out_len; at += used) {
		struct message m;
		struct place place;

		assert_int_equal(ws_parse(&parser, p.out + at, p.out_len - at, &used, &piece),
				 WS_PIECE);
		assert_int_equal(
			message_decode_client(MESSAGE_BINARY, piece.data, piece.len, NULL, &m), 0);
		place = plan_place(&plan, m.place.request - 1, 100, 50, canvas.colors);
		assert_int_equal(m.type, MSG_PLACE);
		assert_int_equal(m.place.board, 9);
		assert_int_equal(m.place.x, place.x);
		assert_int_equal(m.place.y, place.y);
		sent_colors[count] = m.place.color;
		requests[count++] = m.place.request;
	}
	return count;
}

static void its_placements_are_every_fifth_of_the_plan(void **state)
{
	uint64_t requests[8];

	(void)state;
	assign(3);
	assert_int_equal(sent_requests(requests), 3);
	assert_int_equal(requests[0], 3);
	assert_int_equal(requests[1], 8);
	assert_int_equal(requests[2], 13);
}

static void painters_share_a_replay_without_rest(void **state)
{
	(void)state;
	for (uint64_t count = 0; count < 40; count++) {
		uint64_t sum = 0;

		for (uint32_t number = 0; number < 7; number++) {
			struct painter q;

			assert_int_equal(painter_init(&q, number, 7, 1, count), 0);
			sum += q.limit;
			if (q.limit > 0)
				assert_true(painter_index(&q, q.limit - 1) < count);
			painter_fini(&q);
		}
		assert_int_equal(sum, count);
	}
}

static void full_window_has_no_room_until_the_first_is_answered(void **state)
{
	uint64_t requests[8];
	struct pending it;

	(void)state;
	assign(4);
	(void)sent_requests(requests);
	assert_false(painter_has_room(&p));
	assert_true(painter_answer(&p, requests[2], &it));
	assert_int_equal(it.span.intended_ns, 1002);
	assert_false(painter_has_room(&p));
	assert_true(painter_answer(&p, requests[0], &it));
	assert_true(painter_has_room(&p));
	assert_int_equal(painter_waiting(&p), 2);
}

static void answer_that_nobody_waits_for_is_told(void **state)
{
	uint64_t requests[8];
	struct pending it;

	(void)state;
	assign(2);
	assert_false(painter_answer(&p, 3, &it)); /* due, not sent */
	(void)sent_requests(requests);
	assert_false(painter_answer(&p, 0, &it));
	assert_false(painter_answer(&p, 4, &it));  /* another painter's */
	assert_false(painter_answer(&p, 13, &it)); /* not due */
	assert_true(painter_answer(&p, 3, &it));
	assert_false(painter_answer(&p, 3, &it)); /* twice */
}

static void after_a_break_only_the_unanswered_are_sent_again(void **state)
{
	uint64_t requests[8];
	struct pending it;

	(void)state;
	assign(4);
	(void)sent_requests(requests);
	assert_true(painter_answer(&p, 8, &it));
	painter_broke(&p);
	assert_int_equal(sent_requests(requests), 3);
	assert_int_equal(requests[0], 3);
	assert_int_equal(requests[1], 13);
	assert_int_equal(requests[2], 18);
}

static void what_the_server_has_is_looked_up_and_not_sent_again(void **state)
{
	uint64_t requests[8];
	struct pending it;
	struct pending last;

	(void)state;
	assign(4);
	(void)sent_requests(requests);
	assert_true(painter_answer(&p, 8, &it));
	painter_broke(&p);
	assert_int_equal(painter_look_up(&p, 13, &last), 2); /* 3 and 13; 8 was answered */
	assert_true(last.answered);
	assert_int_equal(sent_requests(requests), 1);
	assert_int_equal(requests[0], 18);
	assert_int_equal(painter_look_up(&p, 13, &last), 0);
	assert_false(last.answered);
}

static void what_was_never_sent_cannot_be_looked_up(void **state)
{
	struct pending last;

	(void)state;
	assign(2);
	assert_int_equal(painter_look_up(&p, 1000, &last), 0);
	assert_int_equal(painter_waiting(&p), 2);
}

/* Whatever is answered, lost and looked up in any order: each placement is answered exactly once.
 */
static void each_placement_is_answered_exactly_once(void **state)
{
	uint64_t seed = prng_start(__func__);
	unsigned answered[64] = {0};
	uint64_t requests[8];
	struct pending it;
	uint64_t total = 0;

	(void)state;
	p.limit = 64;
	while (total < 64) {
		uint64_t k = prng_below(&seed, 64);
		uint64_t dice = prng_below(&seed, 10);

		while (painter_has_room(&p) && prng_below(&seed, 2) != 0)
			assign(1);
		(void)sent_requests(requests);
		if (dice == 0) {
			painter_broke(&p);
		} else if (painter_answer(&p, painter_index(&p, k) + 1, &it)) {
			assert_int_equal(it.span.intended_ns, 1000 + k);
			answered[k]++;
			total++;
		}
	}
	for (unsigned k = 0; k < 64; k++)
		assert_int_equal(answered[k], 1);
	assert_int_equal(painter_waiting(&p), 0);
}

/* A palette of 10 of the 16 colors that the bits allow, and then of 3. */
static void colors_are_those_of_the_palette(void **state)
{
	uint64_t requests[8];
	struct pending it;

	(void)state;
	canvas.colors = 10;
	for (unsigned i = 0; i < 400; i++) {
		if (i == 200)
			canvas.colors = 3;
		assign(1);
		assert_int_equal(sent_requests(requests), 1);
		assert_in_range(sent_colors[0], 0, canvas.colors - 1);
		assert_true(painter_answer(&p, requests[0], &it));
		assert_int_equal(it.color, sent_colors[0]);
	}
	canvas.colors = 16;
}

/* A request number stands for one pixel and one color: with another one it would be refused. */
static void what_is_sent_again_keeps_its_color(void **state)
{
	uint64_t requests[8], again[8];
	uint32_t colors[8];
	struct pending last;

	(void)state;
	assign(4);
	assert_int_equal(sent_requests(requests), 4);
	memcpy(colors, sent_colors, sizeof(colors));
	painter_broke(&p);
	canvas.colors = 1;
	assert_int_equal(sent_requests(again), 4);
	assert_memory_equal(again, requests, 4 * sizeof(requests[0]));
	assert_memory_equal(sent_colors, colors, sizeof(colors));
	assert_int_equal(painter_look_up(&p, requests[2], &last), 3);
	assert_true(last.answered);
	assert_int_equal(last.color, colors[2]);
	canvas.colors = 16;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(its_placements_are_every_fifth_of_the_plan, make,
						drop),
		cmocka_unit_test(painters_share_a_replay_without_rest),
		cmocka_unit_test_setup_teardown(full_window_has_no_room_until_the_first_is_answered,
						make, drop),
		cmocka_unit_test_setup_teardown(answer_that_nobody_waits_for_is_told, make, drop),
		cmocka_unit_test_setup_teardown(after_a_break_only_the_unanswered_are_sent_again,
						make, drop),
		cmocka_unit_test_setup_teardown(what_the_server_has_is_looked_up_and_not_sent_again,
						make, drop),
		cmocka_unit_test_setup_teardown(what_was_never_sent_cannot_be_looked_up, make,
						drop),
		cmocka_unit_test_setup_teardown(each_placement_is_answered_exactly_once, make,
						drop),
		cmocka_unit_test_setup_teardown(colors_are_those_of_the_palette, make, drop),
		cmocka_unit_test_setup_teardown(what_is_sent_again_keeps_its_color, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
