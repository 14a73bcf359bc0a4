/*
 * test_requests.c - the memory of requests against a plain list: people who flood, numbers that
 * come again, batches that are taken back, restarts, copies while entries go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/prng.h"
#include "tests/unit/engine/requests_scene.h"

/* --- what is remembered ----------------------------------------------------------------------- */

static void a_number_is_of_one_person_on_one_board(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s, 100);
	place_durably(&s, 3, 1, 7);
	assert_int_equal(seq_of(&s, 3, 1, 7), 1);
	assert_int_equal(seq_of(&s, 3, 2, 7), 0);
	assert_int_equal(seq_of(&s, 2, 1, 7), 0);
	assert_int_equal(seq_of(&s, 3, 1, 8), 0);
	place_durably(&s, 3, 2, 7);
	place_durably(&s, 2, 1, 7);
	assert_int_equal(seq_of(&s, 3, 1, 7), 1);
	assert_int_equal(seq_of(&s, 3, 2, 7), 2);
	assert_int_equal(seq_of(&s, 2, 1, 7), 3);
	assert_int_equal(requests_count(s.requests), 3);
	scene_end(&s);
	requests_free(NULL);
}

static void zero_and_the_highest_number_are_remembered_like_others(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s, 100);
	assert_int_equal(seq_of(&s, 0, 0, 0), 0);
	place_durably(&s, 0, 0, 0);
	place_durably(&s, 0, 0, UINT64_MAX);
	assert_int_equal(seq_of(&s, 0, 0, 0), 1);
	assert_int_equal(seq_of(&s, 0, 0, UINT64_MAX), 2);
	scene_end(&s);
}

static void the_newest_of_a_person_are_kept(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s, 100000);
	for (uint64_t i = 0; i < 3 * MOST; i++) {
		place_durably(&s, 0, 1, i);
		assert_true(requests_count(s.requests) <= MOST);
		assert_int_equal(seq_of(&s, 0, 1, i - (i < KEPT ? i : KEPT - 1)),
				 i < KEPT ? 1 : i - KEPT + 2);
	}
	for (uint64_t i = 0; i < 2 * MOST - 1; i++)
		assert_int_equal(seq_of(&s, 0, 1, i), 0);
	assert_int_equal(requests_pushed_out(s.requests), 0);
	scene_end(&s);
}

static void nobody_pushes_out_others_with_more_than_that(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s, MOST + 10);
	for (uint64_t user = 1; user <= 10; user++)
		place_durably(&s, 0, user, user);
	for (uint64_t i = 0; i < 100000; i++)
		place_durably(&s, 0, 99, i);
	for (uint64_t user = 1; user <= 10; user++)
		assert_int_equal(seq_of(&s, 0, user, user), user);
	while (requests_count(s.requests) < MOST + 10)
		place_durably(&s, 0, 99, s.seq + 100000);
	place_durably(&s, 0, 11, 5); /* full: the oldest of all goes */
	assert_int_equal(seq_of(&s, 0, 1, 1), 0);
	assert_int_equal(seq_of(&s, 0, 2, 2), 2);
	assert_int_equal(requests_pushed_out(s.requests), 1);
	scene_end(&s);
}

/* Whose entries all went when others came counts on, and finds none of them where they were. */
static void who_was_pushed_out_is_trimmed_like_others(void **state)
{
	struct scene s;

	(void)state;
	for (uint64_t before = 0; before < MOST; before += 111) {
		uint64_t number = 0;

		scene_begin(&s, MOST + 10);
		while (number < before)
			place_durably(&s, 0, 1, number++);
		for (uint64_t other = 0; other < MOST + 10; other++)
			place_durably(&s, 0, 2 + other % 900, other);
		assert_int_equal(seq_of(&s, 0, 1, before - 1), 0);
		while (number < before + 2 * MOST)
			place_durably(&s, 0, 1, number++);
		for (uint64_t i = number - KEPT; i < number; i++)
			assert_true(seq_of(&s, 0, 1, i) > 0);
		scene_end(&s);
	}
}

/* --- what is in flight ------------------------------------------------------------------------ */

static void more_in_flight_than_are_remembered_are_refused(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s, 100000);
	for (uint64_t i = 0; i < N; i++)
		assert_true(place(&s, 0, 1, i));
	assert_false(place(&s, 0, 1, N));
	assert_true(place(&s, 1, 1, N)); /* on another board, */
	assert_true(place(&s, 0, 2, N)); /* and somebody else */
	requests_settle(s.requests, person_of(&s, 0, 1));
	assert_true(place(&s, 0, 1, N));
	assert_false(place(&s, 0, 1, N + 1));
	scene_end(&s);
}

static void what_is_in_flight_is_never_forgotten(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s, 4);
	for (uint64_t i = 0; i < 4; i++)
		assert_true(place(&s, 0, i, 7));
	assert_false(place(&s, 0, 9, 7)); /* full of it */
	s.mono_ms += 10ULL * PEOPLE_REMEMBER_MS;
	(void)requests_expire(s.requests, 100, s.mono_ms);
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(seq_of(&s, 0, i, 7), i + 1);
	requests_settle(s.requests, person_of(&s, 0, 0));
	assert_true(place(&s, 0, 9, 7));
	assert_int_equal(seq_of(&s, 0, 0, 7), 0);
	scene_end(&s);
}

static void a_batch_that_was_not_taken_leaves_the_last_ones_before_it(void **state)
{
	struct scene s;
	uint64_t first;

	(void)state;
	scene_begin(&s, 100000);
	for (uint64_t i = 0; i < 5 * N; i++)
		place_durably(&s, 0, 1, i);
	first = 5 * N;
	for (uint64_t i = 0; i < N; i++)
		assert_true(place(&s, 0, 1, first + i));
	for (uint64_t i = N; i > 0; i--) {
		assert_true(seq_of(&s, 0, 1, first + i - 1) != 0);
		requests_take_back(s.requests, person_of(&s, 0, 1));
		assert_int_equal(seq_of(&s, 0, 1, first + i - 1), 0);
	}
	for (uint64_t i = first - N; i < first; i++)
		assert_int_equal(seq_of(&s, 0, 1, i), i + 1);
	scene_end(&s);
}

/* --- time and restarts ------------------------------------------------------------------------ */

static void they_are_forgotten_after_ten_minutes(void **state)
{
	const uint64_t cooldown_ms[1] = {0};
	struct scene s;

	(void)state;
	scene_begin(&s, 100);
	s.mono_ms = UINT32_MAX - 500; /* the clock's low bits wrap meanwhile */
	place_durably(&s, 0, 1, 1);
	s.mono_ms += 1000;
	place_durably(&s, 0, 1, 2);
	place_durably(&s, 0, 2, 3);
	s.mono_ms += PEOPLE_REMEMBER_MS - 1001;
	assert_false(requests_expire(s.requests, 100, s.mono_ms));
	assert_int_equal(requests_count(s.requests), 3);
	assert_false(requests_expire(s.requests, 100, s.mono_ms + 1));
	assert_int_equal(seq_of(&s, 0, 1, 1), 0);
	assert_int_equal(requests_count(s.requests), 2);
	assert_true(requests_expire(s.requests, 1, s.mono_ms + 1001));
	assert_int_equal(requests_count(s.requests), 1);
	people_expire(s.people, 10000, cooldown_ms, 1, s.mono_ms + 1001);
	assert_int_equal(people_count(s.people), 0);
	assert_false(requests_expire(s.requests, 100, s.mono_ms + 1001));
	assert_int_equal(requests_count(s.requests), 0);
	scene_end(&s);
}

static void who_has_something_in_flight_does_not_expire(void **state)
{
	const uint64_t cooldown_ms[1] = {0};
	struct scene s;

	(void)state;
	scene_begin(&s, 100);
	assert_true(place(&s, 0, 1, 1));
	people_expire(s.people, 10000, cooldown_ms, 1, s.mono_ms + 10ULL * PEOPLE_REMEMBER_MS);
	assert_int_equal(people_count(s.people), 1);
	requests_settle(s.requests, person_of(&s, 0, 1));
	people_expire(s.people, 10000, cooldown_ms, 1, s.mono_ms + 10ULL * PEOPLE_REMEMBER_MS);
	assert_int_equal(people_count(s.people), 0);
	scene_end(&s);
}

/* --- copies ----------------------------------------------------------------------------------- */

static void a_copy_has_what_stays_in_order_while_others_come_and_go(void **state)
{
	uint64_t prng = prng_start("requests copy");
	struct request out[7];
	struct scene s;

	(void)state;
	scene_begin(&s, 5000);
	for (unsigned round = 0; round < 50; round++) {
		uint64_t last = 0, stays_from;
		uint32_t got, seen = 0;

		for (uint64_t i = prng_below(&prng, 300); i > 0; i--)
			place_durably(&s, 0, prng_below(&prng, 5), s.seq);
		stays_from = s.seq;
		s.mono_ms += prng_below(&prng, 5000);
		for (unsigned i = 0; i < 100; i++)
			place_durably(&s, 1, prng_below(&prng, 5), s.seq);
		requests_copy_begin(s.requests);
		while ((got = requests_copy(s.requests, WALL_MS, s.mono_ms, out, 7)) > 0) {
			for (uint32_t i = 0; i < got; i++) {
				assert_true(out[i].seq > last);
				last = out[i].seq;
				seen += last > stays_from && last <= stays_from + 100;
				assert_true(out[i].placed_at_ms <= WALL_MS);
			}
			place_durably(&s, 0, 9, s.seq);
			(void)requests_expire(s.requests, (uint32_t)prng_below(&prng, 20),
					      s.mono_ms + PEOPLE_REMEMBER_MS - 1);
		}
		assert_int_equal(seen, 100);
		s.mono_ms += PEOPLE_REMEMBER_MS;
		(void)requests_expire(s.requests, UINT32_MAX, s.mono_ms);
		assert_int_equal(requests_count(s.requests), 0);
		requests_copy_begin(s.requests);
		assert_int_equal(requests_copy(s.requests, WALL_MS, s.mono_ms, out, 7), 0);
	}
	scene_end(&s);
}

/* --- against a list --------------------------------------------------------------------------- */

#define USERS    3
#define BOARDS   2
#define CAPACITY 4500
#define NUMBERS  9000

/* What there is, in the order of acceptance. */
struct model {
	struct {
		uint64_t number, seq, accepted_ms;
		uint64_t user;
		uint16_t board;
		bool in_flight;
	} at[CAPACITY];
	uint32_t len;
	uint32_t untrimmed[BOARDS][USERS];
};

static void model_remove(struct model *m, uint32_t i)
{
	memmove(&m->at[i], &m->at[i + 1], (m->len - i - 1) * sizeof(m->at[0]));
	m->len--;
}

static uint32_t model_in_flight(const struct model *m, uint16_t board, uint64_t user)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < m->len; i++)
		count += m->at[i].in_flight && m->at[i].board == board && m->at[i].user == user;
	return count;
}

/* Leaves the newest ones of somebody. */
static void model_trim(struct model *m, uint16_t board, uint64_t user)
{
	uint32_t kept = 0;

	for (uint32_t i = m->len; i > 0; i--)
		if (m->at[i - 1].board == board && m->at[i - 1].user == user && kept++ >= KEPT)
			model_remove(m, i - 1);
	m->untrimmed[board][user] = KEPT;
}

static uint64_t model_seq(const struct model *m, uint16_t board, uint64_t user, uint64_t number)
{
	for (uint32_t i = 0; i < m->len; i++)
		if (m->at[i].number == number && m->at[i].board == board && m->at[i].user == user)
			return m->at[i].seq;
	return 0;
}

static bool model_place(struct model *m, const struct scene *s, uint16_t board, uint64_t user,
			uint64_t number)
{
	if (model_in_flight(m, board, user) == N)
		return false;
	if (m->untrimmed[board][user] == MOST)
		model_trim(m, board, user);
	if (m->len == CAPACITY && m->at[0].in_flight)
		return false;
	if (m->len == CAPACITY)
		model_remove(m, 0);
	m->at[m->len].number = number;
	m->at[m->len].seq = s->seq + 1;
	m->at[m->len].accepted_ms = s->mono_ms;
	m->at[m->len].user = user;
	m->at[m->len].board = board;
	m->at[m->len++].in_flight = true;
	m->untrimmed[board][user]++;
	return true;
}

static void model_expire(struct model *m, uint64_t mono_ms)
{
	uint32_t n = 0;

	while (n < m->len && !m->at[n].in_flight &&
	       mono_ms - m->at[n].accepted_ms >= PEOPLE_REMEMBER_MS)
		n++;
	memmove(m->at, m->at + n, (m->len - n) * sizeof(m->at[0]));
	m->len -= n;
}

/* The disk takes some of what is in flight, or none of it any more. */
static void both_commit(struct scene *s, struct model *m, uint32_t count, bool drop)
{
	for (uint32_t i = 0; i < m->len && count > 0; i++) {
		if (!m->at[i].in_flight)
			continue;
		m->at[i].in_flight = false;
		requests_settle(s->requests, person_of(s, m->at[i].board, m->at[i].user));
		count--;
	}
	while (drop && m->len > 0 && m->at[m->len - 1].in_flight) {
		m->len--;
		m->untrimmed[m->at[m->len].board][m->at[m->len].user]--;
		requests_take_back(s->requests,
				   person_of(s, m->at[m->len].board, m->at[m->len].user));
	}
}

static void the_table_equals_a_list(void **state)
{
	uint64_t prng = prng_start("requests list"), trims = 0;
	struct model *m = calloc(1, sizeof(*m));
	struct scene s;

	(void)state;
	assert_non_null(m);
	scene_begin(&s, CAPACITY);
	for (uint64_t step = 0; step < 60000; step++) {
		uint16_t board = (uint16_t)(prng_below(&prng, 10) == 0);
		uint64_t user = prng_below(&prng, 3) == 0 ? prng_below(&prng, USERS) : 0;
		uint64_t number = prng_below(&prng, NUMBERS), seq;

		s.mono_ms += prng_below(&prng, 400);
		seq = model_seq(m, board, user, number);
		assert_int_equal(seq_of(&s, board, user, number), seq);
		if (seq == 0) {
			uint32_t before = m->untrimmed[board][user];
			bool room = model_place(m, &s, board, user, number);

			trims += m->untrimmed[board][user] < before;

			assert_int_equal(place(&s, board, user, number), room);
		}
		if (prng_below(&prng, 300) == 0)
			both_commit(&s, m, (uint32_t)prng_below(&prng, 2000),
				    prng_below(&prng, 4) == 0);
		if (prng_below(&prng, 3000) == 0)
			s.mono_ms += prng_below(&prng, 2ULL * PEOPLE_REMEMBER_MS);
		model_expire(m, s.mono_ms);
		(void)requests_expire(s.requests, UINT32_MAX, s.mono_ms);
		assert_int_equal(requests_count(s.requests), m->len);
	}
	for (uint32_t i = 0; i < m->len; i++)
		assert_int_equal(seq_of(&s, m->at[i].board, m->at[i].user, m->at[i].number),
				 m->at[i].seq);
	assert_true(trims > 0);
	scene_end(&s);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_is_of_one_person_on_one_board),
		cmocka_unit_test(zero_and_the_highest_number_are_remembered_like_others),
		cmocka_unit_test(the_newest_of_a_person_are_kept),
		cmocka_unit_test(nobody_pushes_out_others_with_more_than_that),
		cmocka_unit_test(who_was_pushed_out_is_trimmed_like_others),
		cmocka_unit_test(more_in_flight_than_are_remembered_are_refused),
		cmocka_unit_test(what_is_in_flight_is_never_forgotten),
		cmocka_unit_test(a_batch_that_was_not_taken_leaves_the_last_ones_before_it),
		cmocka_unit_test(they_are_forgotten_after_ten_minutes),
		cmocka_unit_test(who_has_something_in_flight_does_not_expire),
		cmocka_unit_test(a_copy_has_what_stays_in_order_while_others_come_and_go),
		cmocka_unit_test(the_table_equals_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
