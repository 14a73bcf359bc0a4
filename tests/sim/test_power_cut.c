/*
 * test_power_cut.c - whatever the disk does and whenever the power goes, what was told is there.
 *
 * Each seed is a history of several lives: records, snapshots, clean stops, kills, power cuts at
 * any moment, crashes in the midst of recovery, writes and syncs that fail. PIXELD_SEED=n begins
 * with that seed; PIXELD_SEEDS=n runs so many.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/prng.h"
#include "tests/sim/journal_scene.h"

#define SEEDS 1500
#define LIVES 5

struct trouble {
	uint32_t disk_chance; /* of 1000: write or sync fails */
	bool full;            /* the disk is full at times */
};

static struct scene scene;
static uint64_t running; /* the seed of a history that has not ended */

static void faults_set(const struct trouble *t, bool on)
{
	uint32_t chance = on ? t->disk_chance : 0;

	disk_sim_chance_set(DISK_SIM_WRITE, chance, -EIO);
	disk_sim_chance_set(DISK_SIM_SYNC, chance, -EIO);
	disk_sim_chance_set(DISK_SIM_CREATE, chance, -ENOSPC);
	disk_sim_chance_set(DISK_SIM_SYNC_DIR, chance, -EIO);
	disk_sim_capacity_set(UINT64_MAX);
}

/* A start that dies somewhere in recovery, then one that does not. */
static void start(struct scene *s)
{
	if (prng_below(&s->random, 3) == 0) {
		disk_sim_die_after(prng_below(&s->random, 12));
		(void)scene_recover(s, false);
		if (prng_below(&s->random, 2) == 0)
			disk_sim_power_cut();
		else
			disk_sim_process_kill();
	}
	if (scene_start(s) != 0) {
		print_message("recovery refuses: %s\n", s->why);
		fail();
	}
}

static void live(struct scene *s, const struct trouble *t)
{
	uint64_t turns = prng_below(&s->random, 120);

	for (uint64_t i = 0; i < turns; i++) {
		uint64_t records = prng_below(&s->random, 8);

		while (records-- > 0)
			(void)scene_append(s);
		if (prng_below(&s->random, 40) == 0)
			(void)scene_snapshot(s, false);
		if (t->full && prng_below(&s->random, 50) == 0)
			disk_sim_capacity_set(prng_below(&s->random, 2) == 0 ? UINT64_MAX : 1);
		if (prng_below(&s->random, 30) == 0)
			s->now.mono_ns += NS_PER_SEC;
		scene_turn(s);
	}
}

static void die(struct scene *s)
{
	switch (prng_below(&s->random, 4)) {
	case 0:
		faults_set(&(struct trouble){.full = false}, false);
		scene_stop(s);
		break;
	case 1:
		scene_crash(s, false);
		break;
	default:
		scene_crash(s, true);
		break;
	}
}

/* How many records were lost that somebody was told of. */
static uint64_t history_run(uint64_t seed, enum journal_sync sync, const struct trouble *trouble)
{
	struct scene *s = &scene;
	const struct ring_sim_faults ring = {
		.write_short = trouble->disk_chance,
		.disk_ns_max = 4 * NS_PER_MS,
	};

	running = seed;
	scene_begin(s, seed, sync);
	ring_sim_faults_set(&ring);
	s->history = prng_below(&s->random, 3) * 20;
	s->keep_bytes = prng_below(&s->random, 2) == 0 ? 0 : (uint64_t)3 * SCENE_SEGMENT_BYTES;
	for (int i = 0; i < LIVES; i++) {
		start(s);
		faults_set(trouble, true);
		live(s, trouble);
		faults_set(trouble, false);
		die(s);
	}
	/* In the end nothing fails any more, and the journal takes records. A write of 0 bytes,
	 * which is an error to it, would drop them. */
	ring_sim_faults_set(&(struct ring_sim_faults){.write_short = 0});
	start(s);
	scene_commit(s, 3);
	scene_end(s);
	running = 0;
	return s->lost;
}

/* A history that failed says its seed, and leaves the world to the next test. */
static int history_end(void **state)
{
	(void)state;
	if (running == 0)
		return 0;
	print_message("this history: PIXELD_SEED=%llu PIXELD_SEEDS=1\n",
		      (unsigned long long)running);
	scene_end(&scene);
	running = 0;
	return 0;
}

static uint64_t seeds_run(enum journal_sync sync, const struct trouble *trouble, const char *what)
{
	const char *count = getenv("PIXELD_SEEDS");
	uint64_t seeds = count == NULL ? SEEDS : strtoull(count, NULL, 10);
	uint64_t first = prng_start(what);
	uint64_t lost = 0;
	uint64_t drops = 0;
	uint64_t told = 0;

	for (uint64_t seed = first; seed < first + seeds; seed++) {
		uint64_t more = history_run(seed, sync, trouble);

		lost += more;
		drops += scene.drops;
		told += scene.told;
		if (more > 0 && sync == JOURNAL_SYNC_COMMIT) {
			print_message("PIXELD_SEED=%llu loses %llu\n", (unsigned long long)seed,
				      (unsigned long long)more);
			break;
		}
	}
	print_message("%s: %llu histories, told %llu, dropped %llu times, lost %llu\n", what,
		      (unsigned long long)seeds, (unsigned long long)told,
		      (unsigned long long)drops, (unsigned long long)lost);
	return lost;
}

static void power_cuts_lose_nothing_that_was_told(void **state)
{
	const struct trouble none = {.full = false};

	(void)state;
	assert_int_equal(seeds_run(JOURNAL_SYNC_COMMIT, &none, "power cuts"), 0);
}

static void failing_and_full_disks_lose_nothing_that_was_told(void **state)
{
	const struct trouble much = {.disk_chance = 15, .full = true};

	(void)state;
	assert_int_equal(seeds_run(JOURNAL_SYNC_COMMIT, &much, "power cuts, failing disk"), 0);
}

/* Without this the two above prove nothing. */
static void without_sync_power_cuts_do_lose(void **state)
{
	const struct trouble none = {.full = false};

	(void)state;
	assert_true(seeds_run(JOURNAL_SYNC_OFF, &none, "sync=off") > 0);
}

static void with_interval_power_cuts_lose_but_recovery_goes_on(void **state)
{
	const struct trouble none = {.full = false};

	(void)state;
	assert_true(seeds_run(JOURNAL_SYNC_INTERVAL, &none, "sync=interval") > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(power_cuts_lose_nothing_that_was_told, history_end),
		cmocka_unit_test_teardown(failing_and_full_disks_lose_nothing_that_was_told,
					  history_end),
		cmocka_unit_test_teardown(without_sync_power_cuts_do_lose, history_end),
		cmocka_unit_test_teardown(with_interval_power_cuts_lose_but_recovery_goes_on,
					  history_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
