/*
 * cells.c - see cells.h. A radix sort, lowest digit first; short lists are sorted by insertion.
 */
#include "engine/cells.h"

#include <string.h>

#include "engine/base/assert.h"

#define DIGIT_BITS 11
#define DIGITS     (1u << DIGIT_BITS)
#define FEW        64 /* below it the counts of the digits would cost more than the cells */

static void sort_few(uint32_t *cells, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		uint32_t cell = cells[i], at = i;

		for (; at > 0 && cells[at - 1] > cell; at--)
			cells[at] = cells[at - 1];
		cells[at] = cell;
	}
}

/* Into `out`, by the digit at `shift`; equal digits keep their order. */
static void sort_digit(const uint32_t *in, uint32_t count, unsigned shift, uint32_t *out)
{
	uint32_t next[DIGITS] = {0}, sum = 0;

	px_assert(in != out && shift < 32);
	for (uint32_t i = 0; i < count; i++)
		next[in[i] >> shift & (DIGITS - 1)]++;
	for (unsigned digit = 0; digit < DIGITS; digit++) {
		uint32_t here = next[digit];

		next[digit] = sum;
		sum += here;
	}
	for (uint32_t i = 0; i < count; i++)
		out[next[in[i] >> shift & (DIGITS - 1)]++] = in[i];
}

static void sort_many(uint32_t *cells, uint32_t count, uint32_t *scratch, uint32_t end)
{
	uint32_t *in = cells, *out = scratch;

	for (unsigned shift = 0; shift < 32 && (end - 1) >> shift != 0; shift += DIGIT_BITS) {
		uint32_t *swap = in;

		sort_digit(in, count, shift, out);
		in = out;
		out = swap;
	}
	if (in != cells)
		memcpy(cells, in, count * sizeof(*cells));
}

uint32_t cells_sort_unique(uint32_t *cells, uint32_t count, uint32_t *scratch, uint32_t end)
{
	uint32_t left = 0;

	px_assert(end > 0);
	if (count < FEW)
		sort_few(cells, count);
	else
		sort_many(cells, count, scratch, end);
	for (uint32_t i = 0; i < count; i++)
		if (left == 0 || cells[left - 1] != cells[i])
			cells[left++] = cells[i];
	px_assert(left == 0 || cells[left - 1] < end);
	return left;
}
