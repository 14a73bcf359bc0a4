/*
 * units.h - numbers as people write them: 10k, 250ms, 1000/s, 64KiB.
 *
 * Pure functions, any thread. All return 0, or -EINVAL (not such a number) or -ERANGE, and then
 * leave the result untouched.
 */
#ifndef PX_OPTIONS_UNITS_H
#define PX_OPTIONS_UNITS_H

#include <stdint.h>

int units_count(const char *text, uint64_t *ret_count); /* 500, 10k, 1.5M */

/* 250ms, 30s, 10m, 1h; without a unit: seconds */
int units_duration(const char *text, uint64_t *ret_ns);

/* 1000/s, 60k/m; without a unit: per second */
int units_rate(const char *text, double *ret_per_second);
int units_share(const char *text, double *ret_share);   /* 20%, 0.5%: 0.2, 0.005; at most 100% */
int units_bytes(const char *text, uint64_t *ret_bytes); /* 4096, 64KiB, 1MiB, 64k (1000s) */

/* 14:30:00 (local) or 14:30:00Z: the next such time at or after now_s; or a Unix time as it is. */
int units_time_of_day(const char *text, uint64_t now_s, uint64_t *ret_s);

#endif
