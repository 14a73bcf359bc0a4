/*
 * raw_stamp.h - the time inside a message: nanoseconds of Unix time, as 19 digits.
 *
 * 19 digits cover the years 2001 to 2286. A stamp is found wherever the server has put it. Pure
 * functions, any thread.
 */
#ifndef PX_LOADGEN_RAW_STAMP_H
#define PX_LOADGEN_RAW_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAW_STAMP_CHARS 19

void raw_stamp_write(uint64_t unix_ns, uint8_t out[static RAW_STAMP_CHARS]);

/*
 * Finds the first run of exactly 19 digits whose value is from `low` to `high`. *hint: where one
 * was last found; tried first and kept up to date; starts at 0.
 */
bool raw_stamp_find(const uint8_t *bytes, size_t len, uint64_t low, uint64_t high, size_t *hint,
		    uint64_t *ret_unix_ns);

#endif
