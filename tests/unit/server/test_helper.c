/* test_helper.c - the loop of a helper: what wakes it, what ends it, what it says when it cannot.
 * */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "server/helper.h"

#define ROUNDS     1000u
#define PATIENCE_S 120

struct work {
	struct helper helper;
	_Atomic unsigned wanted, seen, turns;
	_Atomic int nice;
	char name[16];
	sem_t entered, leave;
};

static void work_start(struct work *w, uint64_t (*turn)(void *arg, struct now now), int nice)
{
	const struct helper_config config = {
		.arg = w, .turn = turn, .nice = nice, .name = "of_this_test"};

	assert_int_equal(helper_start(&w->helper, &config), 0);
}

static void work_join(struct work *w)
{
	assert_true(helper_join_within(&w->helper, PATIENCE_S));
	helper_fini(&w->helper);
}

static bool comes_to(const _Atomic unsigned *count, unsigned value)
{
	uint64_t until_ns = clock_now().mono_ns + PATIENCE_S * NS_PER_SEC;

	while (atomic_load(count) != value)
		if (clock_now().mono_ns > until_ns)
			return false;
	return true;
}

static uint64_t turn_that_looks(void *arg, struct now now)
{
	struct work *w = arg;

	(void)now;
	atomic_store(&w->seen, atomic_load(&w->wanted));
	return UINT64_MAX;
}

static void every_wake_brings_a_turn_that_sees_what_came_before_it(void **state)
{
	static struct work w;

	(void)state;
	work_start(&w, turn_that_looks, 0);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		atomic_store(&w.wanted, i);
		helper_wake(&w.helper);
		assert_true(comes_to(&w.seen, i));
	}
	helper_end(&w.helper);
	work_join(&w);
}

/* A wake has just brought it to the beginning of its loop: each time the end comes at another
 * moment of that. */
static void end_is_never_slept_through(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct work *w = calloc(1, sizeof(*w));

		assert_non_null(w);
		work_start(w, turn_that_looks, 0);
		helper_wake(&w->helper);
		for (unsigned k = 0; k < i % 256; k++)
			(void)atomic_load(&w->seen);
		helper_end(&w->helper);
		work_join(w);
		free(w);
	}
}

static uint64_t turn_that_ends_at_the_third(void *arg, struct now now)
{
	struct work *w = arg;

	(void)now;
	if (atomic_fetch_add(&w->turns, 1) == 2)
		helper_end(&w->helper);
	return 0;
}

static void turn_may_be_its_own_last(void **state)
{
	static struct work w;

	(void)state;
	work_start(&w, turn_that_ends_at_the_third, 0);
	work_join(&w);
	assert_int_equal(atomic_load(&w.turns), 3);
}

static uint64_t turn_that_blocks(void *arg, struct now now)
{
	struct work *w = arg;

	(void)now;
	atomic_fetch_add(&w->turns, 1);
	(void)sem_post(&w->entered);
	(void)sem_wait(&w->leave);
	return 0;
}

static void turn_at_hand_is_waited_for_and_none_follows(void **state)
{
	static struct work w;

	(void)state;
	(void)sem_init(&w.entered, 0, 0);
	(void)sem_init(&w.leave, 0, 0);
	work_start(&w, turn_that_blocks, 0);
	(void)sem_wait(&w.entered);
	helper_end(&w.helper);
	assert_false(helper_join_within(&w.helper, 0));
	(void)sem_post(&w.leave);
	work_join(&w);
	assert_int_equal(atomic_load(&w.turns), 1);
	(void)sem_destroy(&w.entered);
	(void)sem_destroy(&w.leave);
}

static uint64_t turn_that_tells_its_priority(void *arg, struct now now)
{
	struct work *w = arg;

	(void)now;
	atomic_store(&w->nice, getpriority(PRIO_PROCESS, 0));
	helper_end(&w->helper);
	return 0;
}

static void its_own_thread_alone_is_made_nice(void **state)
{
	int ours = getpriority(PRIO_PROCESS, 0);
	static struct work w;

	(void)state;
	work_start(&w, turn_that_tells_its_priority, 19);
	work_join(&w);
	assert_int_equal(atomic_load(&w.nice), 19);
	assert_int_equal(getpriority(PRIO_PROCESS, 0), ours);
}

static uint64_t turn_that_tells_its_name(void *arg, struct now now)
{
	struct work *w = arg;

	(void)now;
	(void)pthread_getname_np(pthread_self(), w->name, sizeof(w->name));
	helper_end(&w->helper);
	return 0;
}

static void its_thread_is_found_by_its_name(void **state)
{
	static struct work w;

	(void)state;
	work_start(&w, turn_that_tells_its_name, 0);
	work_join(&w);
	assert_string_equal(w.name, "of_this_test");
}

static void helper_without_a_ring_says_why_and_takes_no_turn(void **state)
{
	static struct work w;
	const struct helper_config config = {.arg = &w, .turn = turn_that_ends_at_the_third};
	struct rlimit before, none;
	int rc;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	rc = helper_start(&w.helper, &config);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(rc, -EMFILE);
	helper_wake(&w.helper); /* there is nobody */
	helper_fini(&w.helper);
	assert_int_equal(atomic_load(&w.turns), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_wake_brings_a_turn_that_sees_what_came_before_it),
		cmocka_unit_test(end_is_never_slept_through),
		cmocka_unit_test(turn_may_be_its_own_last),
		cmocka_unit_test(turn_at_hand_is_waited_for_and_none_follows),
		cmocka_unit_test(its_own_thread_alone_is_made_nice),
		cmocka_unit_test(its_thread_is_found_by_its_name),
		cmocka_unit_test(helper_without_a_ring_says_why_and_takes_no_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
