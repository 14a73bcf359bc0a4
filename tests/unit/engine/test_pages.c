/*
 * test_pages.c - large memory: zero, not there until it is touched or taken, and known by its name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "engine/memory/pages.h"

#define PAGES 64

static size_t resident(void *at, size_t bytes)
{
	unsigned char in[PAGES];
	size_t count = 0;

	assert_int_equal(mincore(at, bytes, in), 0);
	for (size_t i = 0; i < PAGES; i++)
		count += in[i] & 1;
	return count;
}

static void only_what_is_touched_is_there(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *p = pages_new(PAGES * page, "test");

	(void)state;
	assert_non_null(p);
	assert_int_equal(resident(p, PAGES * page), 0);
	p[5 * page] = 1;
	assert_int_equal(resident(p, PAGES * page), 1);
	for (size_t i = 0; i < PAGES * page; i++)
		assert_int_equal(p[i], i == 5 * page);
	pages_free(p, PAGES * page);
	pages_free(NULL, page);
}

static void what_is_taken_at_once_is_there_and_zero(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *p = pages_new(PAGES * page, "test");

	(void)state;
	assert_non_null(p);
	pages_huge(p, PAGES * page);
	assert_int_equal(resident(p, PAGES * page), 0);
	p[5 * page] = 1;
	if (madvise(p, page, MADV_POPULATE_WRITE) == 0) { /* the kernel can do it */
		pages_touch(p, PAGES * page);
		assert_int_equal(resident(p, PAGES * page), PAGES);
	}
	for (size_t i = 0; i < PAGES * page; i++)
		assert_int_equal(p[i], i == 5 * page);
	pages_free(p, PAGES * page);
}

static void memory_that_cannot_be_had_is_told(void **state)
{
	(void)state;
	assert_null(pages_new(SIZE_MAX / 2, "test"));
}

/* Whether the kernel keeps names of mappings: it takes away one that is not there. */
static bool kernel_has_names(void *at, size_t bytes)
{
	return prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, at, bytes, NULL) == 0;
}

static void its_name_stands_in_the_map_of_the_process(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p = pages_new(page, "of a test"), *other = pages_new(page, "of another");
	char line[512];
	bool found = false;
	FILE *maps;

	(void)state;
	assert_non_null(p);
	assert_non_null(other);
	if (kernel_has_names(other, page)) {
		maps = fopen("/proc/self/maps", "r");
		assert_non_null(maps);
		while (fgets(line, sizeof(line), maps) != NULL)
			found |= strstr(line, "[anon:of a test]") != NULL;
		fclose(maps);
		assert_true(found);
	}
	pages_free(p, page);
	pages_free(other, page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_touched_is_there),
		cmocka_unit_test(what_is_taken_at_once_is_there_and_zero),
		cmocka_unit_test(memory_that_cannot_be_had_is_told),
		cmocka_unit_test(its_name_stands_in_the_map_of_the_process),
	};

	return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
