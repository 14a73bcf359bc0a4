/* test_postgres.c - what the receiver for PostgreSQL knows without a database: rows, days, errors.
 * */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "persist/postgres/postgres_row.h"
#include "persist/postgres/postgres_schema.h"
#include "persist/postgres/postgres_trouble.h"
#include "tests/prng.h"

static uint64_t be(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

/* The column's value, after a look at its length. */
static const uint8_t *column(const uint8_t **at, unsigned bytes)
{
	const uint8_t *value = *at + 4;

	assert_int_equal(be(*at, 4), bytes);
	*at = value + bytes;
	return value;
}

static void a_row_has_the_columns_in_their_order(void **state)
{
	struct record_placement p = {.seq = 1ULL << 40,
				     .request = UINT64_MAX - 1,
				     .placed_at_ms = 946684800123, /* 123 ms into 2000 */
				     .epoch = 7,
				     .board = 255,
				     .x = 65535,
				     .y = 40000,
				     .color = 255};
	uint8_t row[POSTGRES_ROW_BYTES];
	const uint8_t *at = row + 2;

	(void)state;
	memset(p.user, 0xab, sizeof(p.user));
	assert_ptr_equal(postgres_row_put(row, &p), row + POSTGRES_ROW_BYTES);
	assert_int_equal(be(row, 2), 9);
	assert_int_equal(be(column(&at, 8), 8), p.seq);
	assert_int_equal(be(column(&at, 8), 8), 123000);
	assert_int_equal(be(column(&at, 8), 8), p.request);
	assert_memory_equal(column(&at, 16), p.user, 16);
	assert_int_equal(be(column(&at, 4), 4), 7);
	assert_int_equal(be(column(&at, 4), 4), 65535);
	assert_int_equal(be(column(&at, 4), 4), 40000);
	assert_int_equal(be(column(&at, 2), 2), 255);
	assert_int_equal(be(column(&at, 2), 2), 255);
	assert_ptr_equal(at, row + POSTGRES_ROW_BYTES);
	assert_string_equal(postgres_row_columns,
			    "seq, placed_at, request, user_id, epoch, x, y, board, color");
}

#define ROWS 40

/* What a database sends for ROWS rows. */
static size_t stream_make(uint8_t *out, struct record_placement *rows, uint64_t *prng)
{
	uint8_t *at = postgres_copy_head(out);

	for (unsigned i = 0; i < ROWS; i++) {
		uint8_t *bytes = (uint8_t *)&rows[i];

		for (size_t k = 0; k < sizeof(rows[i]); k++)
			bytes[k] = (uint8_t)prng_next(prng);
		rows[i].placed_at_ms %= 253402300800000; /* before the year 10000 */
		rows[i].board &= INT16_MAX;
		at = postgres_row_put(at, &rows[i]);
	}
	return (size_t)(postgres_copy_tail(at) - out);
}

static void assert_same_row(const struct record_placement *a, const struct record_placement *b)
{
	uint8_t rows[2][POSTGRES_ROW_BYTES];

	postgres_row_put(rows[0], a);
	postgres_row_put(rows[1], b);
	assert_memory_equal(rows[0], rows[1], POSTGRES_ROW_BYTES);
	assert_int_equal(a->placed_at_ms, b->placed_at_ms);
	assert_int_equal(a->seq, b->seq);
	assert_memory_equal(a->user, b->user, sizeof(a->user));
}

static void rows_are_read_back_whatever_pieces_they_come_in(void **state)
{
	uint8_t stream[POSTGRES_COPY_HEAD_BYTES + ROWS * POSTGRES_ROW_BYTES +
		       POSTGRES_COPY_TAIL_BYTES];
	struct record_placement rows[ROWS], row;
	uint64_t prng = prng_start(__func__);

	(void)state;
	assert_int_equal(stream_make(stream, rows, &prng), sizeof(stream));
	for (size_t piece = 1; piece <= sizeof(stream); piece += 1 + piece / 8) {
		struct postgres_row_reader reader = {.len = 0};
		unsigned count = 0;

		for (size_t at = 0; at < sizeof(stream); at += piece) {
			size_t len = piece < sizeof(stream) - at ? piece : sizeof(stream) - at;
			struct bytes in = bytes_of(stream + at, len);
			int rc;

			assert_false(reader.ended);
			while ((rc = postgres_row_read(&reader, &in, &row)) == 1)
				assert_same_row(&row, &rows[count++]);
			assert_int_equal(rc, 0);
		}
		assert_true(reader.ended);
		assert_int_equal(count, ROWS);
	}
}

/* Any byte of a length that is another one, and anything behind the end. */
static void rows_that_are_not_ours_are_refused(void **state)
{
	const size_t row_at = POSTGRES_COPY_HEAD_BYTES;
	const size_t lengths[] = {0, 1, 11, row_at + 1, row_at + 5, row_at + 17};
	uint8_t stream[POSTGRES_COPY_HEAD_BYTES + ROWS * POSTGRES_ROW_BYTES +
		       POSTGRES_COPY_TAIL_BYTES + 1];
	struct record_placement rows[ROWS], row;
	uint64_t prng = prng_start(__func__);
	size_t len = stream_make(stream, rows, &prng);

	(void)state;
	stream[len] = 0;
	for (size_t i = 0; i <= sizeof(lengths) / sizeof(lengths[0]); i++) {
		bool is_whole = i == sizeof(lengths) / sizeof(lengths[0]);
		struct bytes in = bytes_of(stream, is_whole ? len + 1 : len);
		struct postgres_row_reader reader = {.len = 0};
		int rc;

		if (!is_whole)
			stream[lengths[i]] ^= 1;
		while ((rc = postgres_row_read(&reader, &in, &row)) == 1 ||
		       (rc == 0 && bytes_left(&in) > 0))
			;
		assert_int_equal(rc, -EBADMSG);
		if (!is_whole)
			stream[lengths[i]] ^= 1;
	}
}

static void times_before_2000_and_beyond_all_dates_are_taken(void **state)
{
	struct record_placement p = {.placed_at_ms = 0};
	uint8_t row[POSTGRES_ROW_BYTES];

	(void)state;
	postgres_row_put(row, &p);
	assert_int_equal((int64_t)be(row + 2 + 12 + 4, 8), -946684800000000);
	assert_int_equal(postgres_day_of(&p), 0);
	p.placed_at_ms = UINT64_MAX;
	postgres_row_put(row, &p);
	assert_int_equal(be(row + 2 + 12 + 4, 8), (253402300799999 - 946684800000) * 1000);
}

static void a_stream_begins_and_ends_as_copy_wants_it(void **state)
{
	static const uint8_t head[] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', 0377, '\r', '\n',
				       0,   0,   0,   0,   0,   0,   0,    0,    0};
	uint8_t out[POSTGRES_COPY_HEAD_BYTES];

	(void)state;
	postgres_copy_head(out);
	assert_memory_equal(out, head, sizeof(head));
	postgres_copy_tail(out);
	assert_int_equal(be(out, 2), 0xffff);
}

static void days_have_names(void **state)
{
	struct record_placement p = {.placed_at_ms = 1709251199999}; /* the end of a leap day */
	char text[POSTGRES_DAY_CHARS];

	(void)state;
	postgres_day_name(postgres_day_of(&p), text);
	assert_string_equal(text, "20240229");
	p.placed_at_ms++;
	postgres_day_date(postgres_day_of(&p), text);
	assert_string_equal(text, "2024-03-01");
	p.placed_at_ms = UINT64_MAX;
	postgres_day_date(postgres_day_of(&p) + 1, text);
	assert_string_equal(text, "10000-01-01");
}

static void errors_are_told_apart(void **state)
{
	static const struct {
		const char *state;
		enum postgres_trouble trouble;
		enum receiver_verdict verdict;
	} rows[] = {
		{NULL, POSTGRES_CONNECTION, RECEIVER_RETRY},
		{"", POSTGRES_CONNECTION, RECEIVER_RETRY},
		{"08006", POSTGRES_CONNECTION, RECEIVER_RETRY},
		{"57P01", POSTGRES_SHUTDOWN, RECEIVER_RETRY},
		{"57P03", POSTGRES_SHUTDOWN, RECEIVER_RETRY},
		{"57014", POSTGRES_BUSY, RECEIVER_RETRY},
		{"53100", POSTGRES_DISK_FULL, RECEIVER_RETRY},
		{"53300", POSTGRES_RESOURCES, RECEIVER_RETRY},
		{"55P03", POSTGRES_BUSY, RECEIVER_RETRY},
		{"40P01", POSTGRES_BUSY, RECEIVER_RETRY},
		{"25006", POSTGRES_READ_ONLY, RECEIVER_RETRY},
		{"25P03", POSTGRES_BUSY, RECEIVER_RETRY},
		{"58030", POSTGRES_DISK, RECEIVER_RETRY},
		{"XX001", POSTGRES_DISK, RECEIVER_RETRY},
		{"23514", POSTGRES_DATA, RECEIVER_REFUSED},
		{"22003", POSTGRES_DATA, RECEIVER_REFUSED},
		{"P0001", POSTGRES_DATA, RECEIVER_REFUSED},
		{"23505", POSTGRES_DUPLICATE, RECEIVER_STOP},
		{"42P01", POSTGRES_SCHEMA, RECEIVER_STOP},
		{"42703", POSTGRES_SCHEMA, RECEIVER_STOP},
		{"3F000", POSTGRES_SCHEMA, RECEIVER_STOP},
		{"42501", POSTGRES_RIGHTS, RECEIVER_STOP},
		{"99999", POSTGRES_OTHER, RECEIVER_RETRY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum postgres_trouble trouble = postgres_trouble_of(rows[i].state);

		assert_int_equal(trouble, rows[i].trouble);
		assert_int_equal(postgres_trouble_verdict(trouble), rows[i].verdict);
	}
	for (unsigned i = 0; i < POSTGRES_TROUBLES; i++) {
		assert_non_null(postgres_trouble_str((enum postgres_trouble)i));
		assert_non_null(postgres_trouble_remedy((enum postgres_trouble)i));
	}
}

static void every_column_has_a_comment(void **state)
{
	static const char *const names[] = {"seq", "placed_at", "request", "user_id", "epoch",
					    "x",   "y",         "board",   "color"};
	char text[80];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(text, sizeof(text), "COMMENT ON COLUMN pixeld.placements.%s IS", names[i]);
		assert_non_null(strstr(postgres_steps[0].sql, text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_has_the_columns_in_their_order),
		cmocka_unit_test(rows_are_read_back_whatever_pieces_they_come_in),
		cmocka_unit_test(rows_that_are_not_ours_are_refused),
		cmocka_unit_test(times_before_2000_and_beyond_all_dates_are_taken),
		cmocka_unit_test(a_stream_begins_and_ends_as_copy_wants_it),
		cmocka_unit_test(days_have_names),
		cmocka_unit_test(errors_are_told_apart),
		cmocka_unit_test(every_column_has_a_comment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
