/* raw_stamp.c - see raw_stamp.h. */
#include "tools/loadgen/raw/raw_stamp.h"

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

void raw_stamp_write(uint64_t unix_ns, uint8_t out[static RAW_STAMP_CHARS])
{
	for (unsigned i = RAW_STAMP_CHARS; i-- > 0; unix_ns /= 10)
		out[i] = (uint8_t)('0' + unix_ns % 10);
}

/* Whether a run of 19 digits begins at `at`, and is a time of the range. */
static bool stands_at(const uint8_t *bytes, size_t len, size_t at, uint64_t low, uint64_t high,
		      uint64_t *ret_unix_ns)
{
	uint64_t value = 0;

	if (len < RAW_STAMP_CHARS || at > len - RAW_STAMP_CHARS ||
	    (at > 0 && is_digit(bytes[at - 1])) ||
	    (at + RAW_STAMP_CHARS < len && is_digit(bytes[at + RAW_STAMP_CHARS])))
		return false;
	for (size_t i = at; i < at + RAW_STAMP_CHARS; i++) {
		if (!is_digit(bytes[i]))
			return false;
		value = value * 10 + (uint64_t)(bytes[i] - '0');
	}
	if (value < low || value > high)
		return false;
	*ret_unix_ns = value;
	return true;
}

/* 19 digits in a row cover one of every 19 positions: only those are looked at, and what is around
 * a digit. */
bool raw_stamp_find(const uint8_t *bytes, size_t len, uint64_t low, uint64_t high, size_t *hint,
		    uint64_t *ret_unix_ns)
{
	if (stands_at(bytes, len, *hint, low, high, ret_unix_ns))
		return true;
	for (size_t probe = RAW_STAMP_CHARS - 1; probe < len; probe += RAW_STAMP_CHARS) {
		size_t at = probe;

		if (!is_digit(bytes[probe]))
			continue;
		while (at > 0 && is_digit(bytes[at - 1]) && probe - at < RAW_STAMP_CHARS)
			at--;
		if (stands_at(bytes, len, at, low, high, ret_unix_ns)) {
			*hint = at;
			return true;
		}
	}
	return false;
}
