/*
 * test_spsc.c - the queue between two threads: bounds, wrap-around of the counters, order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "engine/base/spsc.h"
#include "tests/prng.h"

struct item {
	uint64_t number;
	uint64_t check; /* a function of number: a torn item shows */
	uint8_t filler[5];
};

static uint64_t check_of(uint64_t number)
{
	return (number ^ 0x5a5a) * 0x9e3779b97f4a7c15ULL;
}

static void fill(struct item *item, uint64_t number)
{
	item->number = number;
	item->check = check_of(number);
	memset(item->filler, (int)(number & 0xff), sizeof(item->filler));
}

static bool is_item(const struct item *item, uint64_t number)
{
	return item->number == number && item->check == check_of(number) &&
	       item->filler[0] == (uint8_t)number && item->filler[4] == (uint8_t)number;
}

static void nothing_is_seen_before_publish(void **state)
{
	struct spsc *q;

	(void)state;
	assert_int_equal(spsc_new(4, sizeof(struct item), &q), 0);
	assert_false(spsc_publish(q));
	assert_null(spsc_peek(q));
	fill(spsc_push(q), 1);
	assert_null(spsc_peek(q));
	assert_true(spsc_publish(q));
	assert_false(spsc_publish(q));
	assert_true(is_item(spsc_peek(q), 1));
	assert_true(is_item(spsc_peek(q), 1));
	spsc_pop(q);
	assert_null(spsc_peek(q));
	spsc_free(q);
}

static void full_is_an_answer_and_room_comes_back(void **state)
{
	struct spsc *q;

	(void)state;
	assert_int_equal(spsc_new(4, sizeof(struct item), &q), 0);
	assert_int_equal(spsc_room(q), 4);
	for (uint64_t i = 0; i < 4; i++)
		fill(spsc_push(q), i);
	assert_null(spsc_push(q));
	assert_int_equal(spsc_room(q), 0);
	assert_true(spsc_publish(q));
	assert_null(spsc_push(q));
	assert_true(is_item(spsc_peek(q), 0));
	spsc_pop(q);
	assert_int_equal(spsc_room(q), 1);
	fill(spsc_push(q), 4);
	assert_null(spsc_push(q));
	assert_true(spsc_publish(q));
	for (uint64_t i = 1; i < 5; i++) {
		assert_true(is_item(spsc_peek(q), i));
		spsc_pop(q);
	}
	assert_null(spsc_peek(q));
	spsc_free(q);
}

static void those_behind_the_oldest_are_seen_as_far_as_a_peek_saw(void **state)
{
	struct spsc *q;

	(void)state;
	assert_int_equal(spsc_new(4, sizeof(struct item), &q), 0);
	for (uint64_t round = 0; round < 10; round++) {
		for (uint64_t i = 0; i < 3; i++)
			fill(spsc_push(q), 3 * round + i);
		assert_null(spsc_peek_ahead(q, 0));
		assert_true(spsc_publish(q));
		assert_null(spsc_peek_ahead(q, 0));
		assert_non_null(spsc_peek(q));
		for (uint64_t i = 0; i < 3; i++) {
			for (uint32_t ahead = 0; ahead < 3 - i; ahead++)
				assert_true(
					is_item(spsc_peek_ahead(q, ahead), 3 * round + i + ahead));
			assert_null(spsc_peek_ahead(q, (uint32_t)(3 - i)));
			assert_null(spsc_peek_ahead(q, UINT32_MAX));
			spsc_pop(q);
		}
	}
	spsc_free(q);
}

static void a_queue_that_has_become_empty_begins_at_its_first_item_again(void **state)
{
	const struct item *first;
	struct spsc *q;

	(void)state;
	assert_int_equal(spsc_new(4, sizeof(struct item), &q), 0);
	first = spsc_push(q);
	for (uint64_t round = 0; round < 10; round++) {
		fill((struct item *)(uintptr_t)first, 2 * round);
		assert_true(spsc_publish(q));
		assert_true(is_item(spsc_peek(q), 2 * round));
		assert_ptr_not_equal(spsc_push(q), first); /* one is there still */
		spsc_pop(q);
		assert_null(spsc_peek(q));
		assert_ptr_not_equal(spsc_push(q), first); /* one is not shown yet */
		assert_true(spsc_publish(q));
		assert_non_null(spsc_peek(q));
		spsc_pop(q);
		assert_non_null(spsc_peek(q));
		spsc_pop(q);
		assert_int_equal(spsc_room(q), 4);
		assert_ptr_equal(spsc_push(q), first);
	}
	spsc_free(q);
}

static void a_queue_of_one_item_works(void **state)
{
	struct spsc *q;

	(void)state;
	assert_int_equal(spsc_new(1, 1, &q), 0);
	for (unsigned i = 0; i < 1000; i++) {
		*(uint8_t *)spsc_push(q) = (uint8_t)i;
		assert_null(spsc_push(q));
		assert_true(spsc_publish(q));
		assert_int_equal(*(const uint8_t *)spsc_peek(q), (uint8_t)i);
		spsc_pop(q);
	}
	spsc_free(q);
	spsc_free(NULL);
}

#define THREADED_ITEMS 300000

struct sides {
	struct spsc *q;
	uint64_t seed;
	uint64_t wrong; /* of the popping thread: items that were not the next one */
};

static void *push_all(void *arg)
{
	struct sides *sides = arg;
	uint64_t prng = sides->seed;

	for (uint64_t number = 0; number < THREADED_ITEMS;) {
		uint64_t batch = 1 + prng_below(&prng, 40);

		while (batch-- > 0 && number < THREADED_ITEMS) {
			struct item *item = spsc_push(sides->q);

			if (item == NULL)
				break;
			fill(item, number++);
		}
		if (!spsc_publish(sides->q))
			sched_yield();
	}
	return NULL;
}

static void *pop_all(void *arg)
{
	struct sides *sides = arg;

	for (uint64_t number = 0; number < THREADED_ITEMS;) {
		const struct item *item = spsc_peek(sides->q);

		if (item == NULL) {
			sched_yield();
			continue;
		}
		if (!is_item(item, number))
			sides->wrong++;
		number++;
		spsc_pop(sides->q);
	}
	return NULL;
}

static void two_threads_see_every_item_whole_and_in_order(void **state)
{
	const uint32_t capacities[] = {1, 2, 64, 4096};
	uint64_t seed = prng_start("spsc threads");

	(void)state;
	for (size_t i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
		struct sides sides = {.seed = seed + i};
		pthread_t pusher;
		pthread_t popper;

		assert_int_equal(spsc_new(capacities[i], sizeof(struct item), &sides.q), 0);
		assert_int_equal(pthread_create(&pusher, NULL, push_all, &sides), 0);
		assert_int_equal(pthread_create(&popper, NULL, pop_all, &sides), 0);
		pthread_join(pusher, NULL);
		pthread_join(popper, NULL);
		assert_int_equal(sides.wrong, 0);
		assert_null(spsc_peek(sides.q));
		spsc_free(sides.q);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_seen_before_publish),
		cmocka_unit_test(full_is_an_answer_and_room_comes_back),
		cmocka_unit_test(those_behind_the_oldest_are_seen_as_far_as_a_peek_saw),
		cmocka_unit_test(a_queue_that_has_become_empty_begins_at_its_first_item_again),
		cmocka_unit_test(a_queue_of_one_item_works),
		cmocka_unit_test(two_threads_see_every_item_whole_and_in_order),
	};

	return cmocka_run_group_tests_name("spsc", tests, NULL, NULL);
}
