/*
 * timestamp.h - moments as people write them: RFC 3339, or milliseconds since 1970.
 *
 * Pure functions, any thread.
 */
#ifndef PX_BASE_TIMESTAMP_H
#define PX_BASE_TIMESTAMP_H

#include <stddef.h>
#include <stdint.h>

#define TIMESTAMP_BYTES  32               /* room for one, with its NUL */
#define TIMESTAMP_MS_MAX 253402300799999u /* end of the year 9999; later ones have no form */

/* "1490918400123" or "2017-03-31T00:00:00.123Z"; also with an offset ("+02:00"), a space instead of
 * the T, or " UTC" at the end. Fractions finer than milliseconds are truncated. 0, or -EINVAL. */
int timestamp_parse(const char *at, size_t len, uint64_t *ret_ms);

/* "2017-03-31T00:00:00.123Z", for years up to 9999. */
void timestamp_print(uint64_t ms, char out[static TIMESTAMP_BYTES]);

#endif
