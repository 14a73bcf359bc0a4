/*
 * test_timeline.c - phases: how they are written, who opens when, what rate they have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "tests/prng.h"
#include "tools/loadgen/load/timeline.h"

#define SECOND 1000000000ULL

static struct timeline t;
static struct pace pace;

static int drop(void **state)
{
	(void)state;
	timeline_fini(&t);
	pace_fini(&pace);
	return 0;
}

static int add(const char *text)
{
	const char *why = NULL;
	int r = timeline_add(&t, text, &why);

	assert_true((r == 0) == (why == NULL));
	return r;
}

static void phases_follow_each_other(void **state)
{
	(void)state;
	assert_int_equal(add("ramp:30s:0..300k"), 0);
	assert_int_equal(add("hold:10m:rate=1000"), 0);
	assert_int_equal(add("storm:10s:reconnect=20%:vanish=5%"), 0);
	assert_int_equal(add("burst:1s,rate=600k/m"), 0);
	assert_int_equal(t.count, 4);
	assert_int_equal(t.stages[1].from_ns, 30 * SECOND);
	assert_int_equal(t.stages[1].until_ns, 630 * SECOND);
	assert_int_equal(t.stages[3].until_ns, 641 * SECOND);
	assert_true(t.stages[3].rate == 10000);
	assert_true(t.stages[2].reconnect > 0.199 && t.stages[2].reconnect < 0.201);
	assert_true(t.stages[2].vanish > 0.049 && t.stages[2].vanish < 0.051);
	assert_int_equal(timeline_clients_first(&t, 7), 0);
	assert_int_equal(timeline_clients_last(&t, 7), 300000);
	assert_string_equal(stage_kind_str(timeline_at(&t, 635 * SECOND)->kind), "storm");
	assert_null(timeline_at(&t, 641 * SECOND));
}

static void wrong_phases_are_refused_with_a_reason(void **state)
{
	static const char *const wrong[] = {
		"",
		"hold",
		"wait:3s",
		"hold:x",
		"hold:0s",
		"hold:3s:",
		"hold:3s::rate=1",
		"hold:3s:rate",
		"hold:3s:rate=fast",
		"hold:3s:reconnect=5%",
		"ramp:3s",
		"ramp:3s:rate=5",
		"ramp:3s:5..",
		"ramp:3s:100..50",
		"ramp:3s:0..0",
		"burst:1s",
		"burst:1s:rate=0",
		"storm:1s",
		"storm:1s:reconnect=20",
		"storm:1s:reconnect=120%",
		"storm:1s:reconnect=60%:vanish=60%",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(add(wrong[i]), -EINVAL);
	assert_int_equal(t.count, 0);
	assert_int_equal(add("ramp:1s:0..100"), 0);
	assert_int_equal(add("ramp:1s:50..200"), -EINVAL);
	assert_int_equal(add("ramp:1s:100..200"), 0);
}

static void everybody_opens_once_and_in_order(void **state)
{
	uint64_t last = 0;

	(void)state;
	assert_int_equal(add("ramp:10s:100..1100"), 0);
	assert_int_equal(add("hold:5s"), 0);
	assert_int_equal(add("ramp:1s:1100..2000"), 0);
	for (uint64_t i = 0; i < 2000; i++) {
		uint64_t at = timeline_opens_ns(&t, i, 2000);

		assert_true(at >= last && at < 16 * SECOND);
		last = at;
	}
	assert_int_equal(timeline_opens_ns(&t, 99, 2000), 0);
	assert_int_equal(timeline_opens_ns(&t, 600, 2000), 5 * SECOND);
	assert_int_equal(timeline_opens_ns(&t, 1100, 2000), 15 * SECOND);
	assert_true(timeline_opens_ns(&t, 2000, 2000) == TIMELINE_NEVER);
}

static void without_a_ramp_all_are_open_from_the_start(void **state)
{
	(void)state;
	assert_int_equal(timeline_opens_ns(&t, 499, 500), 0);
	assert_int_equal(add("hold:5s:rate=7"), 0);
	assert_int_equal(timeline_clients_first(&t, 500), 500);
	assert_int_equal(timeline_opens_ns(&t, 499, 500), 0);
	assert_true(timeline_opens_ns(&t, 500, 500) == TIMELINE_NEVER);
}

static void rate_of_the_run_holds_where_a_phase_names_none(void **state)
{
	(void)state;
	assert_int_equal(add("hold:2s"), 0);
	assert_int_equal(add("burst:1s:rate=1000"), 0);
	assert_int_equal(add("storm:1s:reconnect=1%:rate=0"), 0);
	assert_int_equal(timeline_pace(&t, 50, &pace), 0);
	assert_int_equal(pace_length_ns(&pace), 4 * SECOND);
	assert_int_equal((int)pace_total(&pace), 100 + 1000);
}

/* No text makes it fail otherwise than by saying why. */
static void any_text_is_a_phase_or_refused(void **state)
{
	static const char *const parts[] = {
		"ramp", "hold",  "storm",      "burst", ":",  ",", "3s", "rate=",
		"50%",  "0..5k", "reconnect=", "1e9h",  "..", "=", "-1", "vanish="};
	uint64_t rng = prng_start(__func__);

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char text[128] = "";
		int r;

		for (uint64_t n = prng_below(&rng, 8); n > 0; n--)
			(void)strncat(text, parts[prng_below(&rng, 16)],
				      sizeof(text) - strlen(text) - 1);
		r = add(text);
		assert_true(r == 0 || r == -EINVAL);
		if (t.count > 0)
			assert_true(t.stages[t.count - 1].until_ns > t.stages[t.count - 1].from_ns);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, drop)
	const struct CMUnitTest tests[] = {
		TEST(phases_follow_each_other),
		TEST(wrong_phases_are_refused_with_a_reason),
		TEST(everybody_opens_once_and_in_order),
		TEST(without_a_ramp_all_are_open_from_the_start),
		TEST(rate_of_the_run_holds_where_a_phase_names_none),
		TEST(any_text_is_a_phase_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
