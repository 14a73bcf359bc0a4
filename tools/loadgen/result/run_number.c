/* run_number.c - see run_number.h. A constant table only. */
#include "tools/loadgen/result/run_number.h"

#include "engine/base/assert.h"

enum merge { MERGE_SUM, MERGE_MOST, MERGE_LEAST };
enum of { OF_NONE, OF_CLIENTS, OF_PLACED };

static const struct {
	const char *name;
	const char *text;
	size_t offset;
	enum merge merge;
	enum of of;
} table[RUN_NUMBERS] = {
#define NUMBER(name, merge, of, field, text)                                                       \
	{#name, text, offsetof(struct run_result, field), MERGE_##merge, OF_##of},
#include "tools/loadgen/result/run_number.def"
#undef NUMBER
};

/* Every field of the table is a uint64_t. */
#define NUMBER(name, merge, of, field, text)                                                       \
	_Static_assert(_Generic(((struct run_result *)0)->field, uint64_t : 1, default : 0), #name);
#include "tools/loadgen/result/run_number.def"
#undef NUMBER

static uint64_t *field_of(struct run_result *result, enum run_number n)
{
	px_assert(n < RUN_NUMBERS);
	return (uint64_t *)(void *)((char *)result + table[n].offset);
}

const char *run_number_str(enum run_number n)
{
	px_assert(n < RUN_NUMBERS);
	return table[n].name;
}

const char *run_number_text(enum run_number n)
{
	px_assert(n < RUN_NUMBERS);
	return table[n].text;
}

uint64_t run_number_get(const struct run_result *result, enum run_number n)
{
	px_assert(n < RUN_NUMBERS);
	return *(const uint64_t *)(const void *)((const char *)result + table[n].offset);
}

void run_number_set(struct run_result *result, enum run_number n, uint64_t value)
{
	*field_of(result, n) = value;
}

uint64_t run_number_whole(const struct run_result *result, enum run_number n)
{
	px_assert(n < RUN_NUMBERS);
	if (table[n].of == OF_CLIENTS)
		return result->clients;
	return table[n].of == OF_PLACED ? result->totals.placed : 0;
}

void run_numbers_merge(struct run_result *into, const struct run_result *from)
{
	for (unsigned n = 0; n < RUN_NUMBERS; n++) {
		uint64_t *a = field_of(into, n);
		uint64_t b = run_number_get(from, n);

		if (table[n].merge == MERGE_SUM)
			*a += b;
		else if (table[n].merge == MERGE_MOST)
			*a = *a > b ? *a : b;
		else
			*a = *a < b ? *a : b;
	}
}
