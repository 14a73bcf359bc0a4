/* test_requests_restore.c - the memory of requests at start: filled again from what is stored. */
#include "tests/unit/engine/requests_scene.h"

static void restore(struct scene *s, uint64_t user, uint64_t number, uint64_t seq, uint64_t ago_ms)
{
	struct request stored = {.number = number,
				 .seq = seq,
				 .placed_at_ms = WALL_MS - ago_ms,
				 .cell = cell_of(seq),
				 .color = color_of(seq)};

	requests_restore(s->requests, person_of(s, 0, user), &stored, WALL_MS, s->mono_ms);
}

static void restoring_takes_what_is_not_expired(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s, 100);
	restore(&s, 1, 5, 10, 3000);
	restore(&s, 1, 6, 11, 2000);
	restore(&s, 1, 5, 12, 1000); /* used again: an older version had forgotten the first */
	restore(&s, 1, 8, 13, PEOPLE_REMEMBER_MS);
	requests_restore_end(s.requests);
	assert_int_equal(seq_of(&s, 0, 1, 5), 12);
	assert_int_equal(seq_of(&s, 0, 1, 6), 11);
	assert_int_equal(seq_of(&s, 0, 1, 8), 0);
	assert_int_equal(person_of(&s, 0, 1)->requests.in_flight, 0);
	s.mono_ms += PEOPLE_REMEMBER_MS - 2000;
	(void)requests_expire(s.requests, 100, s.mono_ms);
	assert_int_equal(seq_of(&s, 0, 1, 6), 0);
	assert_int_equal(seq_of(&s, 0, 1, 5), 12);
	(void)requests_expire(s.requests, 100, s.mono_ms + 1000);
	assert_int_equal(requests_count(s.requests), 0);
	scene_end(&s);
}

static void restoring_a_flood_leaves_the_last_ones_and_those_of_others(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s, 2 * MOST);
	restore(&s, 2, 1, 1, 1000);
	for (uint64_t seq = 2; seq < 30000; seq++)
		restore(&s, 1, seq, seq, 1000);
	requests_restore_end(s.requests);
	for (uint64_t seq = 30000 - KEPT; seq < 30000; seq++)
		assert_int_equal(seq_of(&s, 0, 1, seq), seq);
	assert_int_equal(seq_of(&s, 0, 1, 30000 - MOST), 0);
	assert_int_equal(seq_of(&s, 0, 2, 1), 1);
	scene_end(&s);
}

/* As a long journal does, whose oldest placements are pushed out again. */
static void restoring_more_than_there_is_room_for_leaves_the_newest(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s, 100);
	for (uint64_t seq = 1; seq <= 1000; seq++)
		restore(&s, seq % 30, seq % 150, seq, 1000);
	requests_restore_end(s.requests);
	assert_int_equal(requests_count(s.requests), 100);
	for (uint64_t seq = 851; seq <= 1000; seq++)
		assert_int_equal(seq_of(&s, 0, seq % 30, seq % 150), seq > 900 ? seq : 0);
	s.seq = 1000;
	for (uint64_t i = 0; i < 200; i++)
		place_durably(&s, 0, i % 30, 1000 + i);
	for (uint64_t i = 0; i < 200; i++)
		assert_int_equal(seq_of(&s, 0, i % 30, 1000 + i), i < 100 ? 0 : 1001 + i);
	scene_end(&s);
}

static void what_a_board_has_lost_is_not_remembered(void **state)
{
	const uint64_t seq[1] = {11};
	struct scene s;

	(void)state;
	scene_begin(&s, 100);
	for (uint64_t n = 10; n < 15; n++) {
		struct person *person = person_of(&s, 0, n % 2);

		restore(&s, n % 2, n, n, 0);
		person->charged_wall_ms = WALL_MS;
		person->last_request = person->last_seq = n;
	}
	requests_lose(s.requests, seq, 1);
	people_lose(s.people, seq, 1);
	requests_restore_end(s.requests);
	assert_int_equal(seq_of(&s, 0, 0, 10), 10);
	assert_int_equal(seq_of(&s, 0, 1, 11), 11);
	assert_int_equal(requests_count(s.requests), 2);
	assert_int_equal(person_of(&s, 0, 0)->last_seq, 0);
	assert_int_equal(person_of(&s, 0, 0)->charged_wall_ms, WALL_MS);
	s.seq = 100;
	for (uint64_t i = 0; i < 2 * MOST; i++)
		place_durably(&s, 0, 0, 1000 + i);
	assert_int_equal(seq_of(&s, 0, 0, 1000 + 2 * MOST - 1), 100 + 2 * MOST);
	scene_end(&s);
}

static void restoring_a_person_keeps_its_requests(void **state)
{
	struct scene s;
	struct person stored = {.charged_wall_ms = WALL_MS, .last_seq = 99};
	struct person *person;

	(void)state;
	scene_begin(&s, 100);
	memcpy(stored.user, user_of(1), USER_BYTES);
	assert_int_equal(people_restore(s.people, &stored, 0, WALL_MS, s.mono_ms, &person), 0);
	restore(&s, 1, 5, 99, 0);
	stored.last_seq = 100;
	assert_int_equal(people_restore(s.people, &stored, 0, WALL_MS, s.mono_ms, &person), 0);
	restore(&s, 1, 6, 100, 0);
	requests_restore_end(s.requests);
	assert_int_equal(seq_of(&s, 0, 1, 5), 99);
	assert_int_equal(seq_of(&s, 0, 1, 6), 100);
	assert_int_equal(person_of(&s, 0, 1)->requests.nth, 2);
	scene_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(restoring_takes_what_is_not_expired),
		cmocka_unit_test(restoring_a_flood_leaves_the_last_ones_and_those_of_others),
		cmocka_unit_test(restoring_more_than_there_is_room_for_leaves_the_newest),
		cmocka_unit_test(what_a_board_has_lost_is_not_remembered),
		cmocka_unit_test(restoring_a_person_keeps_its_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
