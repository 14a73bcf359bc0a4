/*
 * test_snapshot.c - snapshots of boards of some size: steps, rate, damage, what is kept.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "persist/journal/keeper.h"
#include "tests/prng.h"
#include "tests/sim/disk_sim.h"

#define BOARDS      2
#define PEOPLE      9000
#define REQUESTS    10000
#define BOARD_BYTES ((size_t)2000 * 1500 / 2)

struct world {
	struct disk *disk;
	struct snapshot_image image;
	struct snapshot_board boards[BOARDS];
	struct board_copy copies[BOARDS];
	struct person *people;
	struct request *requests;
	uint8_t *bytes[BOARDS];

	uint32_t boards_read;
	uint32_t people_read;
	uint32_t requests_read;
};

static struct world world;

static void requests_make(struct world *w, uint64_t *random)
{
	w->requests = calloc(REQUESTS, sizeof(*w->requests));
	assert_non_null(w->requests);
	for (uint32_t i = 0; i < REQUESTS; i++) {
		w->requests[i] = (struct request){.number = prng_next(random),
						  .seq = i + 1,
						  .placed_at_ms = prng_next(random),
						  .cell = (uint32_t)prng_next(random),
						  .board = (uint16_t)prng_next(random),
						  .color = (uint8_t)prng_next(random)};
		memset(w->requests[i].user, (int)(i & 0xff), USER_BYTES);
	}
}

static int setup(void **state)
{
	uint64_t random = prng_start("snapshot");
	struct world *w = &world;

	*w = (struct world){.disk = NULL};
	disk_sim_begin(random);
	assert_int_equal(disk_open("sim", 1, 1, &w->disk), 0);
	w->people = calloc(PEOPLE, sizeof(*w->people));
	assert_non_null(w->people);
	for (uint32_t i = 0; i < PEOPLE; i++) {
		w->people[i].charged_wall_ms = prng_next(&random);
		w->people[i].last_request = prng_next(&random);
		w->people[i].last_seq = i + 1;
		w->people[i].board = (uint16_t)(i % BOARDS);
		memset(w->people[i].user, (int)(i & 0xff), USER_BYTES);
	}
	requests_make(w, &random);
	for (uint16_t i = 0; i < BOARDS; i++) {
		struct board_copy *copy = &w->copies[i];

		w->bytes[i] = malloc(BOARD_BYTES);
		assert_non_null(w->bytes[i]);
		for (size_t at = 0; at < BOARD_BYTES; at++)
			w->bytes[i][at] = (uint8_t)prng_next(&random);
		copy->bytes = w->bytes[i];
		copy->len = BOARD_BYTES;
		copy->hash = board_hash_bytes(copy->bytes, copy->len);
		copy->epoch = 3u + i;
		copy->seq = 1000u + i;
		w->boards[i] = (struct snapshot_board){
			.meta = {.board = i, .width = 2000, .height = 1500, .bits = 4},
			.copy = copy,
		};
		w->boards[i].meta.name[0] = (char)('a' + i);
	}
	w->image = (struct snapshot_image){
		.lsn = 77,
		.journal_id = 5,
		.wall_ms = 6,
		.boards = w->boards,
		.people = w->people,
		.requests = w->requests,
		.board_count = BOARDS,
		.people_count = PEOPLE,
		.requests_count = REQUESTS,
		.clean = true,
	};
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < BOARDS; i++)
		free(w->bytes[i]);
	free(w->people);
	free(w->requests);
	assert_int_equal(disk_sim_open_files(), 0);
	disk_close(w->disk);
	disk_sim_end();
	return 0;
}

static int on_board(void *arg, const struct snapshot_board_read *b)
{
	struct world *w = arg;
	uint32_t i = w->boards_read++;

	assert_int_equal(b->meta.board, i);
	assert_int_equal(b->meta.name[0], 'a' + (int)i);
	assert_int_equal(b->epoch, 3 + i);
	assert_int_equal(b->seq, 1000 + i);
	assert_int_equal(b->hash, w->copies[i].hash);
	assert_int_equal(b->len, BOARD_BYTES);
	assert_memory_equal(b->bytes, w->bytes[i], BOARD_BYTES);
	return 0;
}

static int on_person(void *arg, const struct person *p)
{
	struct world *w = arg;
	const struct person *want = &w->people[w->people_read++];

	assert_int_equal(p->charged_wall_ms, want->charged_wall_ms);
	assert_int_equal(p->last_request, want->last_request);
	assert_int_equal(p->last_seq, want->last_seq);
	assert_int_equal(p->board, want->board);
	assert_memory_equal(p->user, want->user, USER_BYTES);
	return 0;
}

static int on_request(void *arg, const struct request *q)
{
	struct world *w = arg;
	const struct request *want = &w->requests[w->requests_read++];

	assert_int_equal(w->people_read, w->image.people_count);
	assert_int_equal(q->number, want->number);
	assert_int_equal(q->seq, want->seq);
	assert_int_equal(q->placed_at_ms, want->placed_at_ms);
	assert_int_equal(q->cell, want->cell);
	assert_int_equal(q->board, want->board);
	assert_int_equal(q->color, want->color);
	assert_memory_equal(q->user, want->user, USER_BYTES);
	return 0;
}

static uint32_t version_of(struct world *w, uint64_t lsn)
{
	char name[SNAPSHOT_NAME_BYTES], why[512];
	struct snapshot_head head;

	snapshot_name(name, lsn);
	assert_int_equal(snapshot_head_read(w->disk, name, &head, why, sizeof(why)), 0);
	assert_int_equal(head.lsn, lsn);
	assert_int_equal(head.requests_count, w->image.requests_count);
	return head.version;
}

static int read_back(struct world *w, uint64_t lsn, bool hand_over)
{
	const struct snapshot_handler handler = {
		.arg = w,
		.board = on_board,
		.person = on_person,
		.request = on_request,
	};
	char name[SNAPSHOT_NAME_BYTES];
	char why[512];
	struct snapshot_head head;
	int rc;

	snapshot_name(name, lsn);
	rc = snapshot_read(w->disk, name, hand_over ? &handler : NULL, &head, why, sizeof(why));
	if (rc < 0)
		assert_non_null(strstr(why, name));
	else
		assert_int_equal(head.lsn, lsn);
	return rc;
}

static int write_all(struct world *w, unsigned *ret_steps)
{
	struct snapshot_writer *writer;
	int rc = snapshot_writer_new(w->disk, &w->image, &writer);

	*ret_steps = 0;
	if (rc < 0)
		return rc;
	do {
		rc = snapshot_writer_step(writer);
		(*ret_steps)++;
	} while (rc > 0);
	snapshot_writer_free(writer);
	return rc;
}

static void what_was_written_is_read(void **state)
{
	struct world *w = *state;
	unsigned steps;

	assert_int_equal(write_all(w, &steps), 0);
	assert_int_equal(read_back(w, 77, true), 0);
	assert_int_equal(w->boards_read, BOARDS);
	assert_int_equal(w->people_read, PEOPLE);
	assert_int_equal(w->requests_read, REQUESTS);
	assert_int_equal(version_of(w, 77), 2);
}

static void without_requests_it_is_of_version_1(void **state)
{
	struct world *w = *state;
	unsigned steps;

	w->image.requests_count = 0;
	assert_int_equal(write_all(w, &steps), 0);
	assert_int_equal(read_back(w, 77, true), 0);
	assert_int_equal(w->people_read, PEOPLE);
	assert_int_equal(w->requests_read, 0);
	assert_int_equal(version_of(w, 77), 1);
}

static void each_step_is_at_most_one_mebibyte_and_synced(void **state)
{
	struct world *w = *state;
	uint64_t syncs = disk_sim_counts()->syncs;
	unsigned steps;

	assert_int_equal(write_all(w, &steps), 0);
	assert_true(steps > BOARDS * BOARD_BYTES / SNAPSHOT_STEP_BYTES);
	assert_int_equal(disk_sim_counts()->syncs - syncs, steps);
}

static void flipped_bit_anywhere_is_found(void **state)
{
	struct world *w = *state;
	char name[SNAPSHOT_NAME_BYTES];
	const uint8_t *there;
	uint64_t random = 4;
	unsigned steps;
	uint8_t *bytes;
	size_t len;

	w->image.board_count = 1;
	w->copies[0].len = 4;
	w->copies[0].hash = board_hash_bytes(w->copies[0].bytes, 4);
	w->boards[0].meta.width = 4;
	w->boards[0].meta.height = 2;
	w->image.people_count = 2;
	w->image.requests_count = 2;
	assert_int_equal(write_all(w, &steps), 0);
	snapshot_name(name, 77);
	there = disk_sim_file(name, &len);
	bytes = malloc(len);
	assert_non_null(bytes);
	memcpy(bytes, there, len);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		disk_sim_file_put(name, bytes, len);
		assert_true(read_back(w, 77, false) < 0);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < len; cut += 1 + prng_below(&random, 3)) {
		disk_sim_file_put(name, bytes, cut);
		assert_int_equal(read_back(w, 77, false), -EBADMSG);
	}
	free(bytes);
}

/* Recovery, history and retention go by names. */
static void renamed_one_is_refused(void **state)
{
	struct world *w = *state;
	char name[SNAPSHOT_NAME_BYTES], other[SNAPSHOT_NAME_BYTES], why[512];
	struct snapshot_head head;
	unsigned steps;

	assert_int_equal(write_all(w, &steps), 0);
	snapshot_name(name, 77);
	snapshot_name(other, 78);
	assert_int_equal(disk_rename(w->disk, name, other), 0);
	assert_int_equal(read_back(w, 78, false), -EBADMSG);
	assert_int_equal(snapshot_head_read(w->disk, other, &head, why, sizeof(why)), -EBADMSG);
	assert_non_null(strstr(why, "snapshot of record 77 by its header"));
}

static void failed_write_leaves_the_older_ones_and_no_rest(void **state)
{
	struct world *w = *state;
	unsigned steps;
	size_t len;

	assert_int_equal(write_all(w, &steps), 0);
	w->image.lsn = 99;
	disk_sim_fail_at(DISK_SIM_SYNC, 2, -EIO);
	assert_int_equal(write_all(w, &steps), -EIO);
	assert_null(disk_sim_file("snapshot-0000000000000063.tmp", &len));
	assert_null(disk_sim_file("snapshot-0000000000000063.snap", &len));
	assert_int_equal(read_back(w, 77, false), 0);
}

static void power_cut_in_the_midst_leaves_no_snapshot(void **state)
{
	struct world *w = *state;
	struct snapshot_writer *writer;
	uint64_t lsns[4];

	assert_int_equal(snapshot_writer_new(w->disk, &w->image, &writer), 0);
	assert_int_equal(snapshot_writer_step(writer), 1);
	disk_sim_die_after(0);
	snapshot_writer_free(writer);
	disk_sim_power_cut();
	assert_int_equal(snapshot_list(w->disk, lsns, 4), 0);
}

static void nobody(void *arg)
{
	(void)arg;
}

static void keeper_bounds_the_rate(void **state)
{
	struct world *w = *state;
	const struct keeper_config config = {
		.disk = w->disk,
		.snapshot_bytes_per_sec = 1 << 20,
		.wake_writer = nobody,
	};
	struct now now = {.mono_ns = NS_PER_SEC};
	struct snapshot_image *image;
	struct keeper *k;
	int error = 1;

	assert_int_equal(keeper_new(&config, &k), 0);
	assert_true(keeper_snapshot_submit(k, &w->image));
	assert_false(keeper_snapshot_submit(k, &w->image));
	while ((image = keeper_snapshot_take(k, &error)) == NULL) {
		uint64_t wait_ns = keeper_turn(k, now);

		assert_true(wait_ns != KEEPER_IDLE);
		now.mono_ns += wait_ns;
	}
	assert_ptr_equal(image, &w->image);
	assert_int_equal(error, 0);
	assert_true(now.mono_ns >= NS_PER_SEC + 2 * NS_PER_SEC); /* 3.3 MiB, the last one free */
	assert_int_equal(keeper_turn(k, now), 0);                /* retention */
	assert_true(keeper_turn(k, now) == KEEPER_IDLE);
	keeper_free(k);
}

/* A snapshot that crawls when the disk is needed for something else, or the other way round. */
static void limits_that_come_later_hold_from_the_next_step(void **state)
{
	struct world *w = *state;
	const struct keeper_config config = {
		.disk = w->disk,
		.snapshot_bytes_per_sec = 1,
		.wake_writer = nobody,
	};
	struct now now = {.mono_ns = NS_PER_SEC};
	struct keeper *k;
	int error = 1;

	assert_int_equal(keeper_new(&config, &k), 0);
	assert_true(keeper_snapshot_submit(k, &w->image));
	while (keeper_turn(k, now) == 0) /* retention, and the first step */
		;
	now.mono_ns += keeper_turn(k, now);
	keeper_limits_set(k, &(struct keeper_limits){.snapshots_past = 1});
	while (keeper_snapshot_take(k, &error) == NULL)
		assert_int_equal(keeper_turn(k, now), 0);
	assert_int_equal(error, 0);
	keeper_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_written_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(without_requests_it_is_of_version_1, setup,
						teardown),
		cmocka_unit_test_setup_teardown(each_step_is_at_most_one_mebibyte_and_synced, setup,
						teardown),
		cmocka_unit_test_setup_teardown(flipped_bit_anywhere_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(renamed_one_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(failed_write_leaves_the_older_ones_and_no_rest,
						setup, teardown),
		cmocka_unit_test_setup_teardown(power_cut_in_the_midst_leaves_no_snapshot, setup,
						teardown),
		cmocka_unit_test_setup_teardown(keeper_bounds_the_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(limits_that_come_later_hold_from_the_next_step,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
