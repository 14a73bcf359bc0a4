/*
 * test_stream.c - clients that are compared with the first one's stream.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/prng.h"
#include "tools/loadgen/check/stream.h"

#define FRAME_BYTES 300 /* a head of 4 and so much more */

static struct stream *s;

static int make(void **state)
{
	(void)state;
	return stream_new(&s);
}

static int drop(void **state)
{
	(void)state;
	stream_free(s);
	return 0;
}

/* The message of the delta that ends at `last`, different for each. */
static const uint8_t *message(uint64_t last)
{
	static uint8_t bytes[FRAME_BYTES - 4];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(last * 31 + i * i);
	return bytes;
}

/* The frame as a server sends it. */
static const uint8_t *frame(uint64_t last)
{
	static uint8_t bytes[FRAME_BYTES] = {0x82, 126, (FRAME_BYTES - 4) >> 8,
					     (FRAME_BYTES - 4) & 255};

	memcpy(bytes + 4, message(last), FRAME_BYTES - 4);
	return bytes;
}

static struct stream_position delta(uint64_t first, uint64_t last)
{
	return stream_append(s, 1, message(last), FRAME_BYTES - 4, first, last);
}

static void second_client_needs_only_to_be_equal(void **state)
{
	struct stream_position at = delta(1, 10), late = at;

	(void)state;
	delta(11, 20);
	assert_int_equal(stream_match(s, &at, frame(20), FRAME_BYTES), FRAME_BYTES);
	assert_true(stream_is_end(s, &at));
	assert_int_equal(stream_frame(s, late.frame)->last, 20);
	assert_int_equal(stream_frame(s, late.frame)->deltas, 2);
}

static void frame_may_come_in_any_pieces(void **state)
{
	uint64_t rng = prng_start("test_stream");

	(void)state;
	for (int round = 0; round < 100; round++) {
		uint64_t from = (uint64_t)round * 10;
		struct stream_position at = delta(from + 1, from + 5);
		size_t done = 0;

		delta(from + 6, from + 10);
		while (done < FRAME_BYTES) {
			size_t n = 1 + prng_below(&rng, FRAME_BYTES - done);

			assert_int_equal(stream_match(s, &at, frame(from + 10) + done, n), n);
			done += n;
		}
		assert_true(stream_is_end(s, &at));
	}
}

/* Nothing of a frame that differs counts, and what came of it before can be had again. */
static void frame_that_differs_is_given_back_whole(void **state)
{
	uint8_t lie[FRAME_BYTES];
	struct stream_position at = delta(1, 10);

	(void)state;
	delta(11, 20);
	memcpy(lie, frame(20), FRAME_BYTES);
	lie[FRAME_BYTES - 1] ^= 1;
	assert_int_equal(stream_match(s, &at, lie, 100), 100);
	assert_int_equal(at.at, 100);
	assert_int_equal(stream_match(s, &at, lie + 100, FRAME_BYTES - 100), 0);
	assert_int_equal(at.at, 100);
	assert_memory_equal(stream_bytes(s, stream_frame(s, at.frame)), lie, 100);
}

static void match_ends_where_the_stream_does(void **state)
{
	uint8_t two[2 * FRAME_BYTES];
	struct stream_position at = delta(1, 10);

	(void)state;
	delta(11, 20);
	memcpy(two, frame(20), FRAME_BYTES);
	memcpy(two + FRAME_BYTES, frame(30), FRAME_BYTES);
	assert_int_equal(stream_match(s, &at, two, sizeof(two)), FRAME_BYTES);
	assert_true(stream_is_end(s, &at));
}

static void place_is_found_behind_a_delta(void **state)
{
	static const uint8_t status[8] = {7};

	(void)state;
	for (uint64_t i = 0; i < 50; i++)
		delta(i * 10 + 1, i * 10 + 10);
	stream_append(s, 1, status, sizeof(status), 1, 0);
	delta(501, 510);
	for (uint64_t i = 0; i < 50; i++) {
		struct stream_position at = stream_behind(s, i * 10 + 1, i * 10 + 10);

		assert_int_equal(stream_frame(s, at.frame - 1)->last, i * 10 + 10);
	}
	assert_int_equal(stream_behind(s, 2, 10).frame, STREAM_NONE);
	assert_int_equal(stream_behind(s, 1, 20).frame, STREAM_NONE);
	assert_int_equal(stream_behind(s, 511, 520).frame, STREAM_NONE);
	/* the status comes before the next delta for who stands behind 500 */
	assert_int_equal(stream_frame(s, stream_behind(s, 491, 500).frame)->len,
			 sizeof(status) + 2);
}

/* A gap or a new epoch: nobody who stood before it is led over. */
static void nobody_gets_over_a_break(void **state)
{
	struct stream_position at = delta(1, 10), behind;

	(void)state;
	behind = delta(21, 30);
	assert_int_equal(stream_match(s, &at, frame(30), FRAME_BYTES), 0);
	assert_false(stream_is_end(s, &at));
	assert_true(stream_is_end(s, &behind));
	assert_int_equal(stream_behind(s, 1, 10).frame, STREAM_NONE);
	at = behind;
	behind = stream_append(s, 2, message(40), FRAME_BYTES - 4, 31, 40);
	assert_int_equal(stream_match(s, &at, frame(40), FRAME_BYTES), 0);
	assert_int_equal(stream_epoch(s), 2);
	assert_int_equal(stream_behind(s, 31, 40).frame, behind.frame);
}

static void old_frames_make_room(void **state)
{
	static uint8_t large[1 << 20];
	struct stream_position first = delta(1, 10), at;
	uint64_t seq = 10;

	(void)state;
	assert_true(stream_holds(s, &first));
	for (int i = 0; i < 40; i++) { /* many times what fits */
		memset(large, i, sizeof(large));
		at = stream_append(s, 1, large, sizeof(large), seq + 1, seq + 5);
		seq += 5;
		assert_memory_equal(stream_bytes(s, stream_frame(s, at.frame - 1)) + 10, large,
				    sizeof(large));
		assert_true(stream_holds(s, &at));
	}
	assert_true(stream_is_gone(s, &first));
	assert_false(stream_holds(s, &first));
	assert_int_equal(stream_match(s, &first, frame(20), FRAME_BYTES), 0);
	assert_int_equal(stream_behind(s, 11, 15).frame, STREAM_NONE);
	assert_int_not_equal(stream_behind(s, seq - 9, seq - 5).frame, STREAM_NONE);
}

static void message_larger_than_the_stream_is_not_in_it(void **state)
{
	uint8_t *huge = calloc(1, 16 << 20);

	(void)state;
	delta(1, 10);
	assert_int_equal(stream_append(s, 1, huge, 16 << 20, 11, 20).frame, STREAM_NONE);
	delta(21, 30);
	assert_int_not_equal(stream_behind(s, 21, 30).frame, STREAM_NONE);
	free(huge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(second_client_needs_only_to_be_equal, make, drop),
		cmocka_unit_test_setup_teardown(frame_may_come_in_any_pieces, make, drop),
		cmocka_unit_test_setup_teardown(frame_that_differs_is_given_back_whole, make, drop),
		cmocka_unit_test_setup_teardown(match_ends_where_the_stream_does, make, drop),
		cmocka_unit_test_setup_teardown(place_is_found_behind_a_delta, make, drop),
		cmocka_unit_test_setup_teardown(nobody_gets_over_a_break, make, drop),
		cmocka_unit_test_setup_teardown(old_frames_make_room, make, drop),
		cmocka_unit_test_setup_teardown(message_larger_than_the_stream_is_not_in_it, make,
						drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
