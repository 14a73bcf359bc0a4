/*
 * test_pool.c - buffers go out and come home; those that nobody needs cost nothing.
 *
 * One thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "edge/conn/pool.h"

#define EACH 10000
#define MAX  40

static int pool_begin(void **state)
{
	static struct pool pool;

	*state = &pool;
	return pool_init(&pool, EACH, MAX, "test");
}

static int pool_end(void **state)
{
	pool_fini(*state);
	return 0;
}

/* Takes `count` and writes into each. */
static void lend(struct pool *p, void **ret_buffers, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		ret_buffers[i] = pool_borrow(p);
		assert_non_null(ret_buffers[i]);
		memset(ret_buffers[i], (int)i + 1, EACH);
	}
}

static void take_home(struct pool *p, void **buffers, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		pool_return(p, buffers[i]);
}

/* How many buffers have memory behind their first page. */
static unsigned wet(const struct pool *p)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned count = 0;
	unsigned char there;

	for (unsigned i = 0; i < MAX; i++) {
		assert_int_equal(mincore(p->bytes + p->each * i, page, &there), 0);
		count += there & 1;
	}
	return count;
}

static void window_pass(struct pool *p)
{
	for (int i = 0; i < POOL_WINDOW_TRIMS; i++)
		pool_trim(p, 0);
}

static void all_go_out_once_and_no_more(void **state)
{
	struct pool *p = *state;
	void *buffers[MAX];

	lend(p, buffers, MAX);
	assert_null(pool_borrow(p));
	assert_int_equal(pool_lent(p), MAX);
	for (int i = 0; i < MAX; i++) /* no two share a byte */
		assert_int_equal(((uint8_t *)buffers[i])[EACH - 1], i + 1);
	take_home(p, buffers, MAX);
	assert_int_equal(pool_lent(p), 0);
}

static void the_last_that_came_home_goes_out_first(void **state)
{
	struct pool *p = *state;
	void *buffers[3];

	lend(p, buffers, 3);
	take_home(p, buffers, 3);
	assert_ptr_equal(pool_borrow(p), buffers[2]);
	assert_ptr_equal(pool_borrow(p), buffers[1]);
	pool_return(p, buffers[1]);
	pool_return(p, buffers[2]);
}

static void nothing_is_touched_before_it_is_needed(void **state)
{
	struct pool *p = *state;
	void *buffers[2];

	assert_int_equal(wet(p), 0);
	lend(p, buffers, 2);
	assert_int_equal(wet(p), 2);
	take_home(p, buffers, 2);
}

static void what_a_crowd_touched_is_given_back(void **state)
{
	struct pool *p = *state;
	void *buffers[MAX];

	lend(p, buffers, 30);
	take_home(p, buffers, 30);
	window_pass(p); /* in which they were out */
	pool_trim(p, MAX);
	assert_int_equal(wet(p), 30);
	window_pass(p);
	pool_trim(p, MAX);
	assert_int_equal(wet(p), 0);
	lend(p, buffers, 30);
	for (int i = 0; i < 30; i++)
		assert_int_equal(((uint8_t *)buffers[i])[EACH - 1], i + 1);
	take_home(p, buffers, 30);
}

static void those_in_use_stay_when_others_are_given_back(void **state)
{
	struct pool *p = *state;
	void *buffers[MAX], *one;

	lend(p, buffers, 30);
	take_home(p, buffers + 10, 20);
	window_pass(p);
	one = pool_borrow(p); /* once in a window is enough */
	memset(one, 7, EACH);
	pool_return(p, one);
	window_pass(p);
	pool_trim(p, MAX);
	assert_int_equal(wet(p), 11);
	assert_int_equal(((uint8_t *)one)[0], 7);
	for (int i = 0; i < 10; i++)
		assert_int_equal(((uint8_t *)buffers[i])[EACH - 1], i + 1);
	take_home(p, buffers, 10);
}

static void a_trim_does_no_more_than_it_may(void **state)
{
	struct pool *p = *state;
	void *buffers[MAX];

	lend(p, buffers, MAX);
	take_home(p, buffers, MAX);
	window_pass(p);
	window_pass(p);
	pool_trim(p, 8);
	assert_int_equal(wet(p), MAX - 8);
	pool_trim(p, 8);
	assert_int_equal(wet(p), MAX - 16);
}

#define POOL_TEST(test) cmocka_unit_test_setup_teardown(test, pool_begin, pool_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(all_go_out_once_and_no_more),
		POOL_TEST(the_last_that_came_home_goes_out_first),
		POOL_TEST(nothing_is_touched_before_it_is_needed),
		POOL_TEST(what_a_crowd_touched_is_given_back),
		POOL_TEST(those_in_use_stay_when_others_are_given_back),
		POOL_TEST(a_trim_does_no_more_than_it_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
