/*
 * test_delta.c - the delta codec: round trips, hostile payloads, the size promised on real data,
 * and the test vectors of docs/protocol.md.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/delta.h"
#include "tests/prng.h"
#include "tests/trace.h"

#define CELLS_MAX 66000

static const unsigned all_bits[] = {1, 2, 4, 8};

static struct delta_cell cells[CELLS_MAX];
static struct delta_cell decoded[CELLS_MAX];

static uint32_t below(uint64_t *random, uint32_t end)
{
	return (uint32_t)prng_below(random, end);
}

/* A heap copy, so that the address sanitizer sees a read or write behind the end. */
static uint8_t *exact_copy(const uint8_t *from, size_t len)
{
	uint8_t *p = malloc(len > 0 ? len : 1);

	assert_non_null(p);
	memcpy(p, from, len);
	return p;
}

/* Encodes into a buffer of exactly the promised size. The caller frees it. */
static uint8_t *encode(uint32_t board_cells, unsigned bits, uint32_t count, size_t *ret_len)
{
	size_t max = delta_bytes_max(board_cells, bits, count);
	uint8_t *payload = malloc(max > 0 ? max : 1);

	assert_non_null(payload);
	*ret_len = delta_encode(board_cells, bits, cells, count, payload);
	assert_true(*ret_len <= max);
	return payload;
}

/* And not with one more byte, be it zero. */
static void assert_round_trip(uint32_t board_cells, unsigned bits, uint32_t count)
{
	size_t len;
	uint8_t *payload = encode(board_cells, bits, count, &len);
	uint8_t *exact = exact_copy(payload, len);

	memset(decoded, 0xa5, sizeof(decoded[0]) * count);
	assert_int_equal(delta_decode(board_cells, bits, exact, len, count, decoded), 0);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(decoded[i].cell, cells[i].cell);
		assert_int_equal(decoded[i].color, cells[i].color);
	}
	free(exact);
	exact = calloc(len + 1, 1);
	assert_non_null(exact);
	memcpy(exact, payload, len);
	assert_int_equal(delta_decode(board_cells, bits, exact, len + 1, count, decoded), -EBADMSG);
	free(exact);
	free(payload);
}

/* What decodes must be sorted and on the board, and be the one payload of these cells. */
static bool decodes_only_to_itself(uint32_t board_cells, unsigned bits, const uint8_t *in,
				   size_t len, uint32_t count)
{
	int err = delta_decode(board_cells, bits, in, len, count, decoded);
	uint64_t next = 0;

	if (err != 0) {
		assert_int_equal(err, -EBADMSG);
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		assert_true(decoded[i].cell >= next && decoded[i].cell < board_cells);
		assert_int_equal(decoded[i].color >> bits, 0);
		next = (uint64_t)decoded[i].cell + 1;
	}
	uint8_t *again = malloc(delta_bytes_max(board_cells, bits, count) + 1);

	assert_non_null(again);
	assert_int_equal(delta_encode(board_cells, bits, decoded, count, again), len);
	assert_memory_equal(again, in, len);
	free(again);
	return true;
}

/*
 * `count` cells at random, sorted, each once, in the last `spread` cells of the board: a small
 * spread gives one long gap and many short ones.
 */
static void random_cells(uint64_t *random, uint32_t board_cells, uint32_t spread, unsigned bits,
			 uint32_t count)
{
	uint32_t next = board_cells - spread;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t spare = board_cells - next - (count - i);
		uint32_t step = spare / (count - i) * 2 + 1;
		uint32_t gap = below(random, step > spare ? spare + 1 : step);

		cells[i].cell = next + gap;
		cells[i].color = (uint8_t)below(random, 1U << bits);
		next = cells[i].cell + 1;
	}
}

static void random_lists_survive_a_round_trip(void **state)
{
	uint64_t random = prng_start("delta round trips");

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		uint32_t board_cells = 1 + below(&random, 1U << below(&random, 29));
		unsigned bits = all_bits[below(&random, 4)];
		uint32_t most = board_cells < CELLS_MAX ? board_cells : CELLS_MAX;
		uint32_t count = below(&random, i % 50 != 0 && most > 300 ? 300 : most + 1);
		uint32_t spread = count + below(&random, board_cells - count + 1);

		random_cells(&random, board_cells, spread, bits, count);
		assert_round_trip(board_cells, bits, count);
	}
}

static void first_and_last_cell_survive_at_every_size(void **state)
{
	(void)state;
	for (unsigned shift = 0; shift <= 28; shift++) {
		for (unsigned b = 0; b < 4; b++) {
			uint32_t board_cells = 1U << shift;
			uint8_t top = (uint8_t)((1U << all_bits[b]) - 1);

			cells[0] = (struct delta_cell){.cell = 0, .color = top};
			assert_round_trip(board_cells, all_bits[b], 1);
			cells[0] = (struct delta_cell){.cell = board_cells - 1, .color = top};
			assert_round_trip(board_cells, all_bits[b], 1);
			cells[0] = (struct delta_cell){.cell = 0, .color = 0};
			cells[1] = (struct delta_cell){.cell = board_cells - 1, .color = top};
			if (shift > 0)
				assert_round_trip(board_cells, all_bits[b], 2);
		}
	}
}

/* One cell that takes nearly all bits that the reader holds at a time, as the last of the payload.
 * */
static void a_far_last_cell_survives_at_every_alignment(void **state)
{
	(void)state;
	for (uint32_t count = 2; count < 200; count++) {
		for (uint32_t i = 0; i < count; i++)
			cells[i] = (struct delta_cell){.cell = i, .color = 1};
		for (uint32_t part = 1; part <= 16; part++) {
			cells[count - 1].cell = (1U << 24) * part - 1;
			assert_round_trip(1U << 28, 8, count);
		}
	}
}

static void every_cell_of_a_board_at_once_survives(void **state)
{
	(void)state;
	for (uint32_t board_cells = 1; board_cells < 400; board_cells++) {
		for (uint32_t i = 0; i < board_cells; i++)
			cells[i] = (struct delta_cell){.cell = i, .color = (uint8_t)(i & 15)};
		assert_round_trip(board_cells, 4, board_cells);
	}
}

/* Every set of cells of a small board: with the canonical form, that is the whole format. */
static void every_subset_of_a_small_board_survives(void **state)
{
	(void)state;
	for (uint32_t set = 0; set < 1U << 12; set++) {
		uint32_t count = 0;

		for (uint32_t cell = 0; cell < 12; cell++) {
			if (set >> cell & 1)
				cells[count++] = (struct delta_cell){cell, (uint8_t)(cell & 3)};
		}
		assert_round_trip(12, 2, count);
	}
}

static void no_cells_are_no_bytes(void **state)
{
	const uint8_t zero = 0;

	(void)state;
	assert_int_equal(delta_bytes_max(1000000, 4, 0), 0);
	assert_int_equal(delta_encode(1000000, 4, NULL, 0, NULL), 0);
	assert_int_equal(delta_decode(1000000, 4, &zero, 0, 0, NULL), 0);
	assert_int_equal(delta_decode(1000000, 4, &zero, 1, 0, NULL), -EBADMSG);
}

static void room_for_many_cells_is_room_for_fewer(void **state)
{
	(void)state;
	for (uint32_t board_cells = 1; board_cells < 300; board_cells++) {
		for (uint32_t count = 1; count <= board_cells; count++)
			assert_true(delta_bytes_max(board_cells, 1, count) >=
				    delta_bytes_max(board_cells, 1, count - 1));
	}
	for (uint32_t count = 1; count <= CELLS_MAX; count++)
		assert_true(delta_bytes_max(1000000, 4, count) >=
			    delta_bytes_max(1000000, 4, count - 1));
}

static void there_is_a_list_that_needs_all_the_room(void **state)
{
	(void)state;
	/* Two bits below the unary part: 2 * (1 + 2 + 8) bits and one zero, in 3 bytes. */
	cells[0] = (struct delta_cell){.cell = 0, .color = 1};
	cells[1] = (struct delta_cell){.cell = 7, .color = 1};
	size_t len;
	uint8_t *payload = encode(8, 8, 2, &len);

	assert_int_equal(len, delta_bytes_max(8, 8, 2));
	free(payload);
}

/* Lists of each kind that the next tests damage: board, bits, count, cells at the end or spread. */
static const struct {
	uint32_t board_cells;
	uint32_t spread;
	unsigned bits;
	uint32_t count;
} samples[] = {
	{1, 1, 1, 1},
	{7, 7, 2, 7},
	{64, 64, 1, 20},
	{1000, 30, 8, 25},
	{1000000, 1000000, 4, 68},
	{1000000, 200, 4, 68},
	{1U << 28, 1U << 28, 8, 1},
	{1U << 28, 1000, 2, 40},
};

static void every_truncation_is_refused(void **state)
{
	uint64_t random = 7;

	(void)state;
	for (size_t s = 0; s < sizeof(samples) / sizeof(samples[0]); s++) {
		size_t len;

		random_cells(&random, samples[s].board_cells, samples[s].spread, samples[s].bits,
			     samples[s].count);
		uint8_t *payload =
			encode(samples[s].board_cells, samples[s].bits, samples[s].count, &len);

		for (size_t cut = 0; cut < len; cut++) {
			uint8_t *exact = exact_copy(payload, cut);

			assert_int_equal(delta_decode(samples[s].board_cells, samples[s].bits,
						      exact, cut, samples[s].count, decoded),
					 -EBADMSG);
			free(exact);
		}
		free(payload);
	}
}

static void every_bit_flip_is_refused_or_another_list(void **state)
{
	uint64_t random = 8;
	unsigned refused = 0, flips = 0;

	(void)state;
	for (size_t s = 0; s < sizeof(samples) / sizeof(samples[0]); s++) {
		size_t len;

		random_cells(&random, samples[s].board_cells, samples[s].spread, samples[s].bits,
			     samples[s].count);
		uint8_t *payload =
			encode(samples[s].board_cells, samples[s].bits, samples[s].count, &len);
		uint8_t *exact = exact_copy(payload, len);

		for (size_t bit = 0; bit < len * 8; bit++, flips++) {
			exact[bit / 8] ^= (uint8_t)(1U << (bit % 8));
			refused += !decodes_only_to_itself(samples[s].board_cells, samples[s].bits,
							   exact, len, samples[s].count);
			exact[bit / 8] = payload[bit / 8];
		}
		free(exact);
		free(payload);
	}
	assert_in_range(refused, 1, flips - 1);
}

static void trailing_bytes_are_refused(void **state)
{
	uint64_t random = 9;

	(void)state;
	for (size_t s = 0; s < sizeof(samples) / sizeof(samples[0]); s++) {
		uint32_t board_cells = samples[s].board_cells, count = samples[s].count;
		size_t len;

		random_cells(&random, board_cells, samples[s].spread, samples[s].bits, count);
		uint8_t *payload = encode(board_cells, samples[s].bits, count, &len);
		uint8_t *longer = calloc(len + 16, 1);

		assert_non_null(longer);
		memcpy(longer, payload, len);
		for (size_t more = 1; more <= 16; more++)
			assert_int_equal(delta_decode(board_cells, samples[s].bits, longer,
						      len + more, count, decoded),
					 -EBADMSG);
		free(longer);
		free(payload);
	}
}

static void a_set_padding_bit_is_refused(void **state)
{
	size_t len;

	(void)state;
	/* 1 bit of unary, 10 of the gap, 1 of color: four bits of the second byte are padding. */
	cells[0] = (struct delta_cell){.cell = 1023, .color = 1};
	uint8_t *payload = encode(1024, 1, 1, &len);

	assert_int_equal(len, 2);
	for (unsigned bit = 4; bit < 8; bit++) {
		uint8_t bad[2] = {payload[0], (uint8_t)(payload[1] | 1U << bit)};

		assert_int_equal(delta_decode(1024, 1, bad, 2, 1, decoded), -EBADMSG);
	}
	free(payload);
}

static void a_cell_off_the_board_is_refused(void **state)
{
	size_t len;

	(void)state;
	/* 1000 and 1001 cells have the same Rice parameter: cell 1000 is the last of one, and off
	 * the other. */
	cells[0] = (struct delta_cell){.cell = 1000, .color = 3};
	uint8_t *payload = encode(1001, 4, 1, &len);

	assert_int_equal(delta_decode(1001, 4, payload, len, 1, decoded), 0);
	assert_int_equal(delta_decode(1000, 4, payload, len, 1, decoded), -EBADMSG);
	free(payload);
}

static void endless_zeros_are_refused(void **state)
{
	static const uint8_t zeros[100000];

	(void)state;
	for (uint32_t count = 1; count < 1000; count += 37)
		assert_int_equal(delta_decode(1U << 28, 4, zeros, sizeof(zeros), count, decoded),
				 -EBADMSG);
}

static void numbers_that_no_board_has_are_refused(void **state)
{
	static const uint8_t ones[8] = {255, 255, 255, 255, 255, 255, 255, 255};
	static const uint8_t first_cell[3] = {1};

	(void)state;
	assert_int_equal(delta_decode(2, 1, ones, sizeof(ones), 3, decoded), -EBADMSG);
	assert_int_equal(delta_decode(0, 1, ones, sizeof(ones), 1, decoded), -EBADMSG);
	/* Cell 0 in color 0: one bit of unary, six of the gap, then as many as a color has. */
	for (unsigned bits = 0; bits <= 16; bits++) {
		bool valid = bits == 1 || bits == 2 || bits == 4 || bits == 8;

		assert_int_equal(
			delta_decode(100, bits, first_cell, (7 + bits + 7) / 8, 1, decoded),
			valid ? 0 : -EBADMSG);
	}
}

static void random_bytes_decode_only_to_themselves(void **state)
{
	uint64_t random = 10;
	unsigned accepted = 0;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		uint8_t bytes[4];
		uint32_t board_cells = 1 + below(&random, 64);
		size_t len = below(&random, sizeof(bytes) + 1);

		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = (uint8_t)prng_next(&random);
		accepted += decodes_only_to_itself(board_cells, all_bits[i % 4], bytes, len,
						   below(&random, 8));
	}
	assert_in_range(accepted, 1000, 199000);
}

/* (log2 C(N,n) + n * H) / 8 over all frames; `seen` counts the colors of all frames together. */
static double bound_bytes(double log2_choose_sum, const uint64_t seen[16])
{
	double total = 0, bits = log2_choose_sum;

	for (unsigned c = 0; c < 16; c++)
		total += (double)seen[c];
	for (unsigned c = 0; c < 16; c++)
		bits -= seen[c] > 0 ? (double)seen[c] * log2((double)seen[c] / total) : 0;
	return bits / 8;
}

static void rounds_of_100_cost_at_most_1_04_times_the_entropy(void **state)
{
	struct trace_fold *fold = calloc(1, sizeof(*fold));
	const double all = TRACE_BOARD_CELLS;
	uint64_t seen[16] = {0};
	struct trace t;
	double log2_choose_sum = 0;
	size_t bytes = 0;

	(void)state;
	assert_non_null(fold);
	assert_true(trace_load(&t, NULL));
	for (size_t from = 0; from < t.len; from += 100) {
		uint32_t count = trace_round(fold, &t, from, 100, cells);
		double n = count;
		size_t len;
		uint8_t *payload = encode(TRACE_BOARD_CELLS, TRACE_BITS, count, &len);

		assert_int_equal(
			delta_decode(TRACE_BOARD_CELLS, TRACE_BITS, payload, len, count, decoded),
			0);
		for (uint32_t i = 0; i < count; i++)
			seen[cells[i].color]++;
		log2_choose_sum += (lgamma(all + 1) - lgamma(n + 1) - lgamma(all - n + 1)) / log(2);
		bytes += len;
		free(payload);
	}
	double ratio = (double)bytes / bound_bytes(log2_choose_sum, seen);

	print_message("%s trace: %zu bytes, %.4f times the bound\n", t.real ? "real" : "synthetic",
		      bytes, ratio);
	assert_true(ratio > 1.0 && ratio <= 1.04);
	trace_free(&t);
	free(fold);
}

/* One line of a vector block of docs/protocol.md, taken apart. */
struct vector {
	uint32_t board_cells;
	unsigned bits;
	uint32_t count;
	uint8_t payload[256];
	size_t len;
};

static const char *field_of(const char *line, const char *name)
{
	const char *at = strstr(line, name);

	assert_non_null(at);
	return at + strlen(name);
}

static void vector_parse(const char *line, struct vector *v)
{
	const char *hex = field_of(line, "payload=");
	unsigned byte;

	*v = (struct vector){.board_cells =
				     (uint32_t)strtoul(field_of(line, "board_cells="), NULL, 10),
			     .bits = (unsigned)strtoul(field_of(line, " bits="), NULL, 10)};
	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		v->payload[v->len++] = (uint8_t)byte;
}

static void vector_parse_cells(const char *line, struct vector *v)
{
	const char *at = field_of(line, " cells=");
	char *end;

	while (*at >= '0' && *at <= '9') {
		cells[v->count].cell = (uint32_t)strtoul(at, &end, 10);
		assert_int_equal(*end, ':');
		cells[v->count].color = (uint8_t)strtoul(end + 1, &end, 10);
		v->count++;
		at = *end == ',' ? end + 1 : end;
	}
}

/* Calls `check` with each line of the blocks of this kind; returns how many there were. */
static unsigned vectors_each(const char *kind, void (*check)(const char *line))
{
	FILE *f = fopen("docs/protocol.md", "r");
	char line[2048], fence[64];
	bool inside = false;
	unsigned seen = 0;

	assert_non_null(f);
	snprintf(fence, sizeof(fence), "```vector %s\n", kind);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (inside && strncmp(line, "```", 3) == 0) {
			inside = false;
		} else if (inside) {
			check(line);
			seen++;
		} else {
			inside = strcmp(line, fence) == 0;
		}
	}
	fclose(f);
	return seen;
}

static void vector_check(const char *line)
{
	struct vector v;
	size_t len;

	vector_parse(line, &v);
	vector_parse_cells(line, &v);
	uint8_t *payload = encode(v.board_cells, v.bits, v.count, &len);

	assert_int_equal(len, v.len);
	assert_memory_equal(payload, v.payload, len);
	free(payload);
	assert_int_equal(delta_decode(v.board_cells, v.bits, v.payload, v.len, v.count, decoded),
			 0);
	for (uint32_t i = 0; i < v.count; i++) {
		assert_int_equal(decoded[i].cell, cells[i].cell);
		assert_int_equal(decoded[i].color, cells[i].color);
	}
}

static void vector_check_refused(const char *line)
{
	struct vector v;

	vector_parse(line, &v);
	v.count = (uint32_t)strtoul(field_of(line, " count="), NULL, 10);
	assert_int_equal(delta_decode(v.board_cells, v.bits, v.payload, v.len, v.count, decoded),
			 -EBADMSG);
}

static void the_documented_vectors_hold(void **state)
{
	(void)state;
	assert_in_range(vectors_each("delta", vector_check), 4, 100);
	assert_in_range(vectors_each("delta-refused", vector_check_refused), 4, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_lists_survive_a_round_trip),
		cmocka_unit_test(first_and_last_cell_survive_at_every_size),
		cmocka_unit_test(a_far_last_cell_survives_at_every_alignment),
		cmocka_unit_test(every_cell_of_a_board_at_once_survives),
		cmocka_unit_test(every_subset_of_a_small_board_survives),
		cmocka_unit_test(no_cells_are_no_bytes),
		cmocka_unit_test(room_for_many_cells_is_room_for_fewer),
		cmocka_unit_test(there_is_a_list_that_needs_all_the_room),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_bit_flip_is_refused_or_another_list),
		cmocka_unit_test(trailing_bytes_are_refused),
		cmocka_unit_test(a_set_padding_bit_is_refused),
		cmocka_unit_test(a_cell_off_the_board_is_refused),
		cmocka_unit_test(endless_zeros_are_refused),
		cmocka_unit_test(numbers_that_no_board_has_are_refused),
		cmocka_unit_test(random_bytes_decode_only_to_themselves),
		cmocka_unit_test(rounds_of_100_cost_at_most_1_04_times_the_entropy),
		cmocka_unit_test(the_documented_vectors_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
