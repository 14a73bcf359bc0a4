/*
 * test_people.c - the cooldown's memory against a plain list, over full tables, removals, clocks
 * that jump, and copies while entries move.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/people.h"
#include "tests/prng.h"

#define WALL_MS 1700000000000ULL

static struct people *people_make(uint32_t capacity)
{
	struct people *p = NULL;

	assert_int_equal(people_new(capacity, &p), 0);
	return p;
}

/* A user of a number: differs in its last bytes only, as ids of a counting site would. */
static const uint8_t *user_of(uint64_t number)
{
	static uint8_t user[USER_BYTES];

	for (size_t i = 0; i < sizeof(number); i++)
		user[USER_BYTES - 1 - i] = (uint8_t)(number >> (8 * i));
	return user;
}

static void charge(struct person *person, uint64_t wall_ms, uint64_t mono_ms, uint64_t seq)
{
	person->charged_wall_ms = wall_ms;
	person->charged_mono_ms = mono_ms;
	person->last_request = seq * 3;
	person->last_seq = seq;
}

static struct person stored_of(uint64_t number, uint64_t wall_ms, uint64_t seq)
{
	struct person person = {.charged_mono_ms = 12345}; /* of another run: means nothing */

	memcpy(person.user, user_of(number), USER_BYTES);
	charge(&person, wall_ms, 12345, seq);
	return person;
}

/* Looks at every slot more than once. */
static void expire_all(struct people *p, const uint64_t *cooldown_ms, uint32_t boards,
		       uint64_t mono_ms)
{
	for (unsigned i = 0; i < 80; i++)
		people_expire(p, 1000, cooldown_ms, boards, mono_ms);
}

/* --- entries --------------------------------------------------------------------------------- */

static void a_new_entry_is_empty_and_found_again(void **state)
{
	struct people *p = people_make(10);
	struct person *person = people_get(p, 3, user_of(7));

	(void)state;
	assert_non_null(person);
	assert_int_equal(person->board, 3);
	assert_memory_equal(person->user, user_of(7), USER_BYTES);
	assert_int_equal(person->charged_wall_ms, 0);
	assert_int_equal(person->last_seq, 0);
	assert_int_equal(people_wait_ms(person, UINT64_MAX, 0), 0);
	charge(person, WALL_MS, 5, 9);
	assert_ptr_equal(people_find(p, 3, user_of(7)), person);
	assert_ptr_equal(people_get(p, 3, user_of(7)), person);
	assert_int_equal(person->last_seq, 9);
	assert_null(people_find(p, 4, user_of(7)));
	assert_null(people_find(p, 3, user_of(8)));
	assert_int_equal(people_count(p), 1);
	people_free(p);
	people_free(NULL);
}

static void full_refuses_new_people_and_keeps_the_others(void **state)
{
	const uint32_t capacities[] = {1, 2, 10, 1000, 20000};

	(void)state;
	for (size_t i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
		uint32_t capacity = capacities[i];
		struct people *p = people_make(capacity);

		for (uint32_t n = 0; n < capacity; n++) {
			struct person *person = people_get(p, 1, user_of(n));

			assert_non_null(person);
			charge(person, WALL_MS, 0, n + 1);
		}
		assert_int_equal(people_count(p), capacity);
		assert_null(people_get(p, 1, user_of(capacity)));
		assert_null(people_get(p, 2, user_of(0)));
		for (uint32_t n = 0; n < capacity; n++) {
			assert_int_equal(people_find(p, 1, user_of(n))->last_seq, n + 1);
			assert_non_null(people_get(p, 1, user_of(n)));
		}
		expire_all(p, NULL, 0, PEOPLE_REMEMBER_MS);
		assert_int_equal(people_count(p), 0);
		assert_non_null(people_get(p, 1, user_of(capacity)));
		people_free(p);
	}
}

static void a_dropped_entry_makes_room(void **state)
{
	struct people *p = people_make(1);

	(void)state;
	for (uint64_t n = 0; n < 100; n++) {
		struct person *person = people_get(p, 0, user_of(n));

		assert_non_null(person);
		assert_null(people_get(p, 0, user_of(n + 1)));
		people_drop(p, person);
		assert_null(people_find(p, 0, user_of(n)));
		assert_int_equal(people_count(p), 0);
	}
	people_free(p);
}

/* --- time ------------------------------------------------------------------------------------ */

static void the_cooldown_runs_on_monotonic_time(void **state)
{
	struct person person = {.charged_wall_ms = WALL_MS, .charged_mono_ms = 1000};

	(void)state;
	assert_int_equal(people_wait_ms(&person, 5000, 1000), 5000);
	assert_int_equal(people_wait_ms(&person, 5000, 1001), 4999);
	assert_int_equal(people_wait_ms(&person, 5000, 5999), 1);
	assert_int_equal(people_wait_ms(&person, 5000, 6000), 0);
	assert_int_equal(people_wait_ms(&person, 5000, 1000000), 0);
	assert_int_equal(people_wait_ms(&person, 0, 1000), 0);
	/* a turn whose clock was read a moment before the charge */
	assert_int_equal(people_wait_ms(&person, 5000, 999), 5000);
	/* charged before this run's clock began */
	person.charged_mono_ms = 0ULL - 3000;
	assert_int_equal(people_wait_ms(&person, 5000, 0), 2000);
	assert_int_equal(people_wait_ms(&person, 5000, 1999), 1);
	assert_int_equal(people_wait_ms(&person, 5000, 2000), 0);
}

static void a_restart_leaves_the_rest_of_the_cooldown(void **state)
{
	const struct {
		uint64_t wall_ms;
		uint64_t wait_ms;
	} rows[] = {
		{WALL_MS, 60000},
		{WALL_MS + 1, 59999},
		{WALL_MS + 59999, 1},
		{WALL_MS + 60000, 0},
		{WALL_MS + 300000, 0},
		{WALL_MS - 1, 60000}, /* the clock was set back: one cooldown at most */
		{WALL_MS - 3600000, 60000},
		{1, 60000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct people *p = people_make(10);
		struct person stored = stored_of(1, WALL_MS, 77);
		struct person *person;

		assert_int_equal(people_restore(p, &stored, 60000, rows[i].wall_ms, 500, &person),
				 0);
		assert_non_null(person);
		assert_ptr_equal(person, people_find(p, 0, user_of(1)));
		assert_int_equal(people_wait_ms(person, 60000, 500), rows[i].wait_ms);
		assert_int_equal(person->charged_wall_ms, WALL_MS);
		assert_int_equal(person->last_seq, 77);
		assert_int_equal(person->last_request, 231);
		if (rows[i].wait_ms > 0)
			assert_int_equal(people_wait_ms(person, 60000, 500 + rows[i].wait_ms - 1),
					 1);
		assert_int_equal(people_wait_ms(person, 60000, 500 + rows[i].wait_ms), 0);
		people_free(p);
	}
}

static void restoring_keeps_the_newest_and_skips_the_expired(void **state)
{
	struct people *p = people_make(2);
	struct person old = stored_of(1, WALL_MS, 5);
	struct person newer = stored_of(1, WALL_MS - 10, 6); /* the clock stepped back between */
	struct person expired = stored_of(2, WALL_MS - PEOPLE_REMEMBER_MS, 7);
	struct person never = stored_of(3, 0, 0);
	struct person second = stored_of(4, WALL_MS, 8);
	struct person third = stored_of(5, WALL_MS, 9);
	struct person *person;

	(void)state;
	assert_int_equal(people_restore(p, &old, 1000, WALL_MS, 0, &person), 0);
	assert_int_equal(people_restore(p, &newer, 1000, WALL_MS, 0, &person), 0);
	assert_int_equal(people_restore(p, &old, 1000, WALL_MS, 0, &person), 0);
	assert_ptr_equal(person, people_find(p, 0, user_of(1)));
	assert_int_equal(person->last_seq, 6);
	assert_int_equal(people_restore(p, &expired, 1000, WALL_MS, 0, &person), 0);
	assert_null(person);
	assert_int_equal(people_restore(p, &never, 1000, WALL_MS, 0, &person), 0);
	assert_null(person);
	assert_int_equal(people_count(p), 1);
	/* with a cooldown that is not over it has not expired */
	assert_int_equal(people_restore(p, &expired, PEOPLE_REMEMBER_MS + 1, WALL_MS, 0, &person),
			 0);
	assert_int_equal(people_wait_ms(people_find(p, 0, user_of(2)), PEOPLE_REMEMBER_MS + 1, 0),
			 1);
	assert_int_equal(people_restore(p, &second, 1000, WALL_MS, 0, &person), -ENOSPC);
	assert_int_equal(people_restore(p, &third, 1000, WALL_MS, 0, &person), -ENOSPC);
	assert_null(person);
	assert_int_equal(people_restore(p, &newer, 1000, WALL_MS, 0, &person), 0);
	/* what is there takes a newer seq, whatever its clock said */
	newer = stored_of(1, WALL_MS - PEOPLE_REMEMBER_MS, 10);
	assert_int_equal(people_restore(p, &newer, 1000, WALL_MS, 0, &person), 0);
	assert_int_equal(people_find(p, 0, user_of(1))->last_seq, 10);
	people_free(p);
}

static void entries_expire_when_cooldown_and_memory_of_requests_are_over(void **state)
{
	const uint64_t cooldown_ms[2] = {1000, PEOPLE_REMEMBER_MS + 5000};
	struct people *p = people_make(10);

	(void)state;
	charge(people_get(p, 0, user_of(1)), WALL_MS, 100, 1);
	charge(people_get(p, 1, user_of(1)), WALL_MS, 100, 2);
	charge(people_get(p, 2, user_of(1)), WALL_MS, 100, 3); /* a board that is no more */
	charge(people_get(p, 0, user_of(2)), WALL_MS, 0ULL - 50, 4);
	assert_non_null(people_get(p, 0, user_of(3))); /* never charged */
	expire_all(p, cooldown_ms, 2, 99);
	assert_int_equal(people_count(p), 4);
	assert_null(people_find(p, 0, user_of(3)));
	expire_all(p, cooldown_ms, 2, PEOPLE_REMEMBER_MS - 51);
	assert_int_equal(people_count(p), 4);
	expire_all(p, cooldown_ms, 2, PEOPLE_REMEMBER_MS - 50);
	assert_null(people_find(p, 0, user_of(2)));
	assert_int_equal(people_count(p), 3);
	expire_all(p, cooldown_ms, 2, PEOPLE_REMEMBER_MS + 99);
	assert_int_equal(people_count(p), 3);
	expire_all(p, cooldown_ms, 2, PEOPLE_REMEMBER_MS + 100);
	assert_int_equal(people_count(p), 1);
	expire_all(p, cooldown_ms, 2, PEOPLE_REMEMBER_MS + 5099);
	assert_non_null(people_find(p, 1, user_of(1)));
	expire_all(p, cooldown_ms, 2, PEOPLE_REMEMBER_MS + 5100);
	assert_int_equal(people_count(p), 0);
	people_free(p);
}

/* --- against a list -------------------------------------------------------------------------- */

#define USERS  400
#define BOARDS 3

/* The entry of (board, user) for every pair there is. */
struct list {
	struct person at[BOARDS][USERS];
	bool in[BOARDS][USERS];
	uint32_t count;
};

static void assert_people_are(struct people *p, const struct list *list)
{
	assert_int_equal(people_count(p), list->count);
	for (uint16_t board = 0; board < BOARDS; board++) {
		for (uint64_t n = 0; n < USERS; n++) {
			const struct person *person = people_find(p, board, user_of(n));

			assert_int_equal(person != NULL, list->in[board][n]);
			if (person == NULL)
				continue;
			assert_int_equal(person->last_seq, list->at[board][n].last_seq);
			assert_int_equal(person->charged_mono_ms,
					 list->at[board][n].charged_mono_ms);
			assert_int_equal(person->board, board);
			assert_memory_equal(person->user, user_of(n), USER_BYTES);
		}
	}
}

static void list_place(struct people *p, struct list *list, uint64_t *prng, uint32_t capacity,
		       uint64_t mono_ms, uint64_t seq)
{
	uint16_t board = (uint16_t)prng_below(prng, BOARDS);
	uint64_t n = prng_below(prng, USERS);
	bool in = list->in[board][n];
	struct person *person = people_get(p, board, user_of(n));

	assert_int_equal(person != NULL, in || list->count < capacity);
	if (person == NULL)
		return;
	if (!in && prng_below(prng, 4) == 0) {
		people_drop(p, person);
		return;
	}
	charge(person, WALL_MS + mono_ms, mono_ms, seq);
	list->at[board][n] = *person;
	list->in[board][n] = true;
	list->count += !in;
}

static void list_expire(struct list *list, const uint64_t *cooldown_ms, uint64_t mono_ms)
{
	for (size_t board = 0; board < BOARDS; board++) {
		uint64_t keep = cooldown_ms[board] > PEOPLE_REMEMBER_MS ? cooldown_ms[board]
									: PEOPLE_REMEMBER_MS;

		for (size_t n = 0; n < USERS; n++) {
			if (list->in[board][n] &&
			    mono_ms - list->at[board][n].charged_mono_ms >= keep) {
				list->in[board][n] = false;
				list->count--;
			}
		}
	}
}

static void the_table_equals_a_list(void **state)
{
	const uint64_t cooldown_ms[BOARDS] = {0, 5000, 2ULL * PEOPLE_REMEMBER_MS};
	const uint32_t capacity = 700;
	uint64_t prng = prng_start("people list");
	struct list *list = calloc(1, sizeof(*list));
	struct people *p = people_make(capacity);
	uint64_t mono_ms = 0;

	(void)state;
	assert_non_null(list);
	for (uint64_t seq = 1; seq <= 60000; seq++) {
		mono_ms += prng_below(&prng, 2000);
		list_place(p, list, &prng, capacity, mono_ms, seq);
		if (seq % 300 == 0) {
			list_expire(list, cooldown_ms, mono_ms);
			expire_all(p, cooldown_ms, BOARDS, mono_ms);
			assert_people_are(p, list);
		}
	}
	people_free(p);
	free(list);
}

/* --- copies ---------------------------------------------------------------------------------- */

static void a_copy_gives_every_entry_once_when_nothing_moves(void **state)
{
	const uint32_t counts[] = {0, 1, 63, 64, 65, 500};

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct people *p = people_make(500);
		bool seen[500] = {false};
		struct person out[7];
		uint32_t cursor = 0;
		uint32_t total = 0;

		for (uint32_t n = 0; n < counts[i]; n++)
			charge(people_get(p, 1, user_of(n)), WALL_MS, 0, n + 1);
		for (uint32_t got; (got = people_copy(p, &cursor, out, 7)) > 0; total += got) {
			for (uint32_t k = 0; k < got; k++) {
				assert_false(seen[out[k].last_seq - 1]);
				seen[out[k].last_seq - 1] = true;
			}
		}
		assert_int_equal(total, counts[i]);
		assert_int_equal(people_copy(p, &cursor, out, 7), 0);
		people_free(p);
	}
}

/* Entries that stay are in every copy, while others come and go around them and move them. */
static void a_copy_misses_nobody_who_stays_while_entries_move(void **state)
{
	const uint64_t cooldown_ms[1] = {0};
	uint64_t prng = prng_start("people copy");

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		struct people *p = people_make(300);
		bool seen[300] = {false};
		struct person out[5];
		uint32_t cursor = 0;
		uint32_t got;

		/* odd numbers stay, even ones are expired from the start */
		for (uint32_t n = 0; n < 300; n++)
			charge(people_get(p, 0, user_of(n)), WALL_MS,
			       n % 2 == 0 ? 0ULL - PEOPLE_REMEMBER_MS : 0, n + 1);
		while ((got = people_copy(p, &cursor, out, 5)) > 0) {
			for (uint32_t k = 0; k < got; k++)
				seen[out[k].last_seq - 1] = true;
			people_expire(p, (uint32_t)prng_below(&prng, 60), cooldown_ms, 1, 0);
		}
		for (uint32_t n = 1; n < 300; n += 2)
			assert_true(seen[n]);
		people_free(p);
	}
}

static void a_million_people_fit(void **state)
{
	const uint32_t million = 1000000;
	struct people *p = people_make(million);
	struct person *out = calloc(4096, sizeof(*out));
	uint64_t sum = 0;
	uint32_t cursor = 0;

	(void)state;
	assert_non_null(out);
	for (uint32_t n = 0; n < million; n++) {
		struct person *person = people_get(p, 0, user_of(n));

		assert_non_null(person);
		charge(person, WALL_MS, 0, n);
	}
	assert_null(people_get(p, 0, user_of(million)));
	for (uint32_t got; (got = people_copy(p, &cursor, out, 4096)) > 0;) {
		for (uint32_t k = 0; k < got; k++)
			sum += out[k].last_seq;
	}
	assert_int_equal(sum, (uint64_t)million * (million - 1) / 2);
	people_expire(p, 3 * million, NULL, 0, PEOPLE_REMEMBER_MS);
	assert_int_equal(people_count(p), 0);
	free(out);
	people_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_entry_is_empty_and_found_again),
		cmocka_unit_test(full_refuses_new_people_and_keeps_the_others),
		cmocka_unit_test(a_dropped_entry_makes_room),
		cmocka_unit_test(the_cooldown_runs_on_monotonic_time),
		cmocka_unit_test(a_restart_leaves_the_rest_of_the_cooldown),
		cmocka_unit_test(restoring_keeps_the_newest_and_skips_the_expired),
		cmocka_unit_test(entries_expire_when_cooldown_and_memory_of_requests_are_over),
		cmocka_unit_test(the_table_equals_a_list),
		cmocka_unit_test(a_copy_gives_every_entry_once_when_nothing_moves),
		cmocka_unit_test(a_copy_misses_nobody_who_stays_while_entries_move),
		cmocka_unit_test(a_million_people_fit),
	};

	return cmocka_run_group_tests_name("people", tests, NULL, NULL);
}
