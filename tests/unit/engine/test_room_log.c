/*
 * test_room_log.c - the broadcast log: what resumes where, what is pushed out, and that nothing is
 * overwritten while a reader sends it.
 *
 * Every byte of a frame is a function of its offset, so a reader can check any range that it holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "engine/room_log.h"
#include "tests/prng.h"

#define RING_BYTES 4096

static struct room_log *log_make(uint32_t frames_max, unsigned readers, uint64_t seq)
{
	struct room_log *log = NULL;

	assert_int_equal(room_log_new(RING_BYTES, frames_max, readers, &log), 0);
	room_log_start(log, seq);
	return log;
}

/* Differs between an offset and the one that lies at the same place a lap later. */
static uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)((offset * 0x9e3779b97f4a7c15ULL) >> 56 ^ offset / RING_BYTES);
}

/* The frame at the head: false when a reader is in the way. */
static bool append(struct room_log *log, size_t len, uint64_t first, uint64_t last)
{
	uint64_t head = room_log_head(log);
	uint8_t *at = room_log_reserve(log, len);

	if (at == NULL)
		return false;
	for (size_t i = 0; i < len; i++)
		at[i] = byte_at(head + i);
	room_log_commit(log, len, first, last);
	return true;
}

static size_t wrong_bytes(const struct room_log *log, uint64_t from, uint64_t to)
{
	const uint8_t *at = room_log_at(log, from);
	size_t wrong = 0;

	for (uint64_t offset = from; offset < to; offset++)
		wrong += at[offset - from] != byte_at(offset);
	return wrong;
}

/* --- one thread ------------------------------------------------------------------------------ */

static void an_empty_log_knows_its_start_only(void **state)
{
	struct room_log *log = log_make(8, 1, 41);

	(void)state;
	assert_int_equal(room_log_oldest(log), 41);
	assert_int_equal(room_log_last(log), 41);
	assert_int_equal(room_log_find(log, 41), room_log_head(log));
	assert_true(room_log_find(log, 40) == ROOM_LOG_NONE);
	assert_true(room_log_find(log, 42) == ROOM_LOG_NONE);
	assert_true(room_log_guard(log, 0, room_log_head(log)));
	room_log_free(log);
	room_log_free(NULL);
}

static void a_client_resumes_at_the_frame_that_holds_its_next_seq(void **state)
{
	struct room_log *log = log_make(8, 1, 10);

	(void)state;
	assert_true(append(log, 100, 11, 13));
	assert_true(append(log, 20, 14, 13)); /* a status */
	assert_true(append(log, 100, 14, 14));
	assert_true(append(log, 100, 15, 20));
	assert_true(append(log, 20, 21, 20)); /* a status */
	assert_int_equal(room_log_find(log, 10), 0);
	assert_int_equal(room_log_find(log, 11), 0);
	assert_int_equal(room_log_find(log, 12), 0);
	assert_int_equal(room_log_find(log, 13), 120);
	assert_int_equal(room_log_find(log, 14), 220);
	assert_int_equal(room_log_find(log, 19), 220);
	assert_int_equal(room_log_find(log, 20), 340);
	assert_int_equal(room_log_head(log), 340);
	assert_true(room_log_find(log, 9) == ROOM_LOG_NONE);
	assert_true(room_log_find(log, 21) == ROOM_LOG_NONE);
	room_log_free(log);
}

static void frames_that_cross_the_end_of_the_ring_are_in_one_piece(void **state)
{
	struct room_log *log = log_make(100, 0, 0);

	(void)state;
	for (uint64_t seq = 1; seq <= 100; seq++) {
		assert_true(append(log, 999, seq, seq));
		assert_int_equal(wrong_bytes(log, room_log_find(log, room_log_oldest(log)),
					     room_log_head(log)),
				 0);
	}
	assert_int_equal(room_log_oldest(log), 96);
	room_log_free(log);
}

static void the_oldest_frame_goes_when_the_index_is_full(void **state)
{
	struct room_log *log = log_make(3, 1, 0);

	(void)state;
	for (uint64_t seq = 1; seq <= 3; seq++)
		assert_true(append(log, 10, seq, seq));
	assert_int_equal(room_log_oldest(log), 0);
	assert_true(room_log_guard(log, 0, 0));
	/* its bytes are not needed: a guard on them is in nobody's way */
	assert_true(append(log, 10, 4, 4));
	assert_int_equal(room_log_oldest(log), 1);
	assert_int_equal(room_log_find(log, 1), 10);
	assert_true(room_log_find(log, 0) == ROOM_LOG_NONE);
	room_log_release(log, 0);
	assert_false(room_log_guard(log, 0, 0));
	assert_false(room_log_guard(log, 0, 9));
	assert_true(room_log_guard(log, 0, 10));
	room_log_free(log);
}

static void an_index_of_one_frame_works(void **state)
{
	struct room_log *log = log_make(1, 0, 0);

	(void)state;
	for (uint64_t seq = 1; seq <= 20; seq++) {
		assert_true(append(log, 1024, seq, seq));
		assert_int_equal(room_log_oldest(log), seq - 1);
		assert_int_equal(room_log_find(log, seq - 1), room_log_head(log) - 1024);
	}
	room_log_free(log);
}

static void a_guard_delays_the_writer_until_it_is_released(void **state)
{
	struct room_log *log = log_make(100, 2, 0);

	(void)state;
	for (uint64_t seq = 1; seq <= 4; seq++)
		assert_true(append(log, 1024, seq, seq));
	assert_true(room_log_guard(log, 1, 1000));
	assert_null(room_log_reserve(log, 1001));
	/* what was pushed out stays out */
	assert_int_equal(room_log_oldest(log), 1);
	assert_false(room_log_guard(log, 0, 1000));
	/* bytes below the guard are free to be overwritten */
	assert_non_null(room_log_reserve(log, 1000));
	assert_null(room_log_reserve(log, 1024));
	assert_int_equal(wrong_bytes(log, 1000, 4096), 0);
	room_log_release(log, 1);
	assert_true(append(log, 1024, 5, 5));
	assert_int_equal(wrong_bytes(log, 1024, 5120), 0);
	room_log_free(log);
}

static void a_batch_guards_its_lowest_cursor(void **state)
{
	struct room_log *log = log_make(100, 1, 0);

	(void)state;
	for (uint64_t seq = 1; seq <= 4; seq++)
		assert_true(append(log, 1024, seq, seq));
	assert_true(room_log_guard(log, 0, 3000));
	assert_true(room_log_guard(log, 0, 1500));
	assert_true(room_log_guard(log, 0, 4096));
	assert_true(append(log, 1024, 5, 5));
	/* 1000 has fallen out; the refusal does not let go of 1500 */
	assert_false(room_log_guard(log, 0, 1000));
	assert_null(room_log_reserve(log, 1024));
	room_log_release(log, 0);
	assert_non_null(room_log_reserve(log, 1024));
	room_log_free(log);
}

static void a_cursor_inside_a_frame_that_was_pushed_out_is_refused(void **state)
{
	struct room_log *log = log_make(100, 1, 0);

	(void)state;
	for (uint64_t seq = 1; seq <= 4; seq++)
		assert_true(append(log, 1024, seq, seq));
	/* needs ten bytes, takes the whole frame */
	assert_true(append(log, 10, 5, 5));
	assert_false(room_log_guard(log, 0, 1023));
	assert_true(room_log_guard(log, 0, 1024));
	room_log_free(log);
}

/* Every frame ever appended, for a naive search. */
struct model {
	struct {
		uint64_t first, last, offset;
	} frames[4000];
	size_t len;
};

static void assert_log_is(const struct room_log *log, const struct model *m, size_t oldest,
			  uint64_t seq)
{
	uint64_t last = m->frames[m->len - 1].last;
	uint64_t found = room_log_find(log, seq);
	uint64_t next = seq + 1;

	if (seq > last || seq + 1 < m->frames[oldest].first) {
		assert_true(found == ROOM_LOG_NONE);
		return;
	}
	assert_true(found != ROOM_LOG_NONE);
	/* from there on, frames cover seq + 1 (the first one) .. last without a gap */
	for (size_t i = oldest; i < m->len; i++) {
		if (m->frames[i].offset < found)
			continue;
		assert_true(m->frames[i].first <= next);
		if (next == seq + 1)
			assert_true(m->frames[i].last >= next);
		if (m->frames[i].last >= next)
			next = m->frames[i].last + 1;
	}
	assert_int_equal(next, last + 1);
	assert_int_equal(wrong_bytes(log, found, room_log_head(log)), 0);
}

static void find_gives_where_the_next_seqs_follow_without_a_gap(void **state)
{
	uint64_t prng = prng_start("room_log find");
	struct model *m = calloc(1, sizeof(*m));

	(void)state;
	assert_non_null(m);
	for (unsigned round = 0; round < 8; round++) {
		uint32_t frames_max = (uint32_t)(1 + prng_below(&prng, 60));
		uint64_t last = prng_below(&prng, 1000);
		struct room_log *log = log_make(frames_max, 0, last);
		size_t oldest = 0;

		for (m->len = 0; m->len < 1500;) {
			size_t len = 1 + prng_below(&prng, prng_below(&prng, 8) == 0 ? 1024 : 100);
			uint64_t covers = prng_below(&prng, 5);
			uint64_t head = room_log_head(log);

			m->frames[m->len].first = last + 1;
			m->frames[m->len].last = last + covers;
			m->frames[m->len++].offset = head;
			assert_true(append(log, len, last + 1, last + covers));
			last += covers;
			while (m->len - oldest > frames_max ||
			       m->frames[oldest].offset + RING_BYTES < head + len)
				oldest++;
			assert_int_equal(room_log_oldest(log), m->frames[oldest].first - 1);
			assert_int_equal(room_log_last(log), last);
			for (unsigned i = 0; i < 4; i++)
				assert_log_is(log, m, oldest,
					      last + 2 - prng_below(&prng, last + 3));
			assert_log_is(log, m, oldest, m->frames[oldest].first - 1);
			assert_log_is(log, m, oldest, m->frames[oldest].first - 2);
			assert_log_is(log, m, oldest, last);
			assert_log_is(log, m, oldest, last + 1);
		}
		room_log_free(log);
	}
	free(m);
}

/* --- threads --------------------------------------------------------------------------------- */

#define READERS 3
#define LAPS    2000

struct reader {
	struct room_log *log;
	unsigned number;
	uint64_t seed;
	_Atomic bool *done;
	_Atomic bool begun; /* verified a range while the writer ran */
	uint64_t ranges;    /* verified */
	uint64_t lost;      /* cursors that fell out of the ring */
	uint64_t wrong;     /* bytes */
};

/* A batch: several clients at cursors of their own, all verified while the batch is guarded. */
static void reader_batch(struct reader *r, uint64_t *cursors, size_t count, uint64_t *prng)
{
	uint64_t to[8];
	bool again[8] = {false};

	for (size_t i = 0; i < count; i++) {
		to[i] = room_log_head(r->log);
		if (!room_log_guard(r->log, r->number, cursors[i])) {
			r->lost++;
			/* the next batch tries close to the tail, where the race is */
			to[i] = cursors[i] = room_log_head(r->log);
			again[i] = true;
		}
		if (cursors[i] == to[i])
			continue;
		/* a short write: the cursor moves less far */
		if (prng_below(prng, 3) == 0)
			to[i] = cursors[i] + 1 + prng_below(prng, to[i] - cursors[i]);
	}
	if (prng_below(prng, 8) == 0)
		sched_yield();
	for (size_t i = 0; i < count; i++) {
		if (cursors[i] == to[i])
			continue;
		r->wrong += wrong_bytes(r->log, cursors[i], to[i]);
		r->ranges++;
		cursors[i] = to[i];
	}
	room_log_release(r->log, r->number);
	for (size_t i = 0; i < count; i++) {
		uint64_t back = RING_BYTES - prng_below(prng, 64);

		if (again[i] && cursors[i] >= back)
			cursors[i] -= back;
	}
}

static void *read_all(void *arg)
{
	struct reader *r = arg;
	uint64_t prng = r->seed;
	uint64_t cursors[8] = {0};

	while (!atomic_load(r->done)) {
		reader_batch(r, cursors, 1 + prng_below(&prng, 8), &prng);
		if (r->ranges > 0)
			atomic_store(&r->begun, true);
		if (prng_below(&prng, 4) == 0)
			sched_yield();
	}
	/* nothing moves any more: everybody gets to the end or knows that it cannot */
	reader_batch(r, cursors, 8, &prng);
	return NULL;
}

/* A busy machine may let the writer run all its laps before a reader gets a core. */
static bool readers_have_begun(struct reader *readers)
{
	for (unsigned i = 0; i < READERS; i++)
		if (!atomic_load(&readers[i].begun))
			return false;
	return true;
}

static void readers_never_see_a_byte_overwritten_while_the_writer_laps_them(void **state)
{
	uint64_t prng = prng_start("room_log threads");
	struct room_log *log = log_make(64, READERS, 0);
	_Atomic bool done = false;
	struct reader readers[READERS];
	pthread_t threads[READERS];
	uint64_t delayed = 0;
	uint64_t ranges = 0;
	uint64_t lost = 0;

	(void)state;
	for (unsigned i = 0; i < READERS; i++) {
		readers[i] =
			(struct reader){.log = log, .number = i, .seed = prng + i, .done = &done};
		assert_int_equal(pthread_create(&threads[i], NULL, read_all, &readers[i]), 0);
	}
	for (uint64_t seq = 1;
	     room_log_head(log) < (uint64_t)LAPS * RING_BYTES || !readers_have_begun(readers);) {
		if (append(log, 1 + prng_below(&prng, 400), seq, seq)) {
			seq++;
		} else {
			delayed++;
			sched_yield();
		}
		if (prng_below(&prng, 16) == 0)
			sched_yield();
	}
	atomic_store(&done, true);
	for (unsigned i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < READERS; i++) {
		assert_int_equal(readers[i].wrong, 0);
		assert_true(readers[i].ranges > 0);
		ranges += readers[i].ranges;
		lost += readers[i].lost;
	}
	fprintf(stderr, "ranges %llu, cursors lost %llu, writer delayed %llu times\n",
		(unsigned long long)ranges, (unsigned long long)lost, (unsigned long long)delayed);
	room_log_free(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_log_knows_its_start_only),
		cmocka_unit_test(a_client_resumes_at_the_frame_that_holds_its_next_seq),
		cmocka_unit_test(frames_that_cross_the_end_of_the_ring_are_in_one_piece),
		cmocka_unit_test(the_oldest_frame_goes_when_the_index_is_full),
		cmocka_unit_test(an_index_of_one_frame_works),
		cmocka_unit_test(a_guard_delays_the_writer_until_it_is_released),
		cmocka_unit_test(a_batch_guards_its_lowest_cursor),
		cmocka_unit_test(a_cursor_inside_a_frame_that_was_pushed_out_is_refused),
		cmocka_unit_test(find_gives_where_the_next_seqs_follow_without_a_gap),
		cmocka_unit_test(readers_never_see_a_byte_overwritten_while_the_writer_laps_them),
	};

	return cmocka_run_group_tests_name("room_log", tests, NULL, NULL);
}
