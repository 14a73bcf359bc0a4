/* test_cells.c - sorting against qsort, over lists of every kind of length and spread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "engine/cells.h"
#include "tests/prng.h"

#define CELLS_MAX 3000u

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t model(uint32_t *cells, uint32_t count)
{
	uint32_t left = 0;

	qsort(cells, count, sizeof(*cells), compare);
	for (uint32_t i = 0; i < count; i++)
		if (i == 0 || cells[i] != cells[i - 1])
			cells[left++] = cells[i];
	return left;
}

static void any_list_is_sorted_and_has_each_once(void **state)
{
	static const uint32_t ends[] = {1, 2, 100, 2048, 2049, 1000000, 1u << 22, 1u << 28};
	static uint32_t cells[CELLS_MAX], scratch[CELLS_MAX], wanted[CELLS_MAX];
	uint64_t random = prng_start("test_cells");

	(void)state;
	for (unsigned round = 0; round < 2000; round++) {
		uint32_t end = ends[prng_below(&random, 8)];
		uint32_t count = (uint32_t)prng_below(&random, round % 2 == 0 ? 130 : CELLS_MAX);
		uint32_t left;

		for (uint32_t i = 0; i < count; i++)
			cells[i] = (uint32_t)prng_below(&random, end);
		memcpy(wanted, cells, sizeof(wanted));
		left = model(wanted, count);
		assert_int_equal(cells_sort_unique(cells, count, scratch, end), left);
		assert_memory_equal(cells, wanted, left * sizeof(*cells));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_list_is_sorted_and_has_each_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
