/* run_number.h - the counts of a result as a table (run_number.def). Pure. */
#ifndef PX_LOADGEN_RUN_NUMBER_H
#define PX_LOADGEN_RUN_NUMBER_H

#include "tools/loadgen/result/run_result.h"

enum run_number {
#define NUMBER(name, merge, of, field, text) RUN_NUMBER_##name,
#include "tools/loadgen/result/run_number.def"
#undef NUMBER
	RUN_NUMBERS
};

const char *run_number_str(enum run_number n);
const char *run_number_text(enum run_number n);
uint64_t run_number_get(const struct run_result *result, enum run_number n);
void run_number_set(struct run_result *result, enum run_number n, uint64_t value);

/* The number that a percentage of this one refers to; 0: none. */
uint64_t run_number_whole(const struct run_result *result, enum run_number n);

/* Adds every number of `from` to *into, by the rule of its row. */
void run_numbers_merge(struct run_result *into, const struct run_result *from);

#endif
