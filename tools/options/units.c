/*
 * units.c - numbers as people write them.
 *
 * One number, then a suffix from a table; nothing may follow. No memory of its own, no state.
 */
#include "tools/options/units.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct unit {
	const char *suffix;
	double factor;
};

static const struct unit counts[] = {
	{"", 1}, {"k", 1e3}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}, {NULL, 0},
};

static const struct unit durations[] = {
	{"", 1e9},   {"ns", 1},     {"us", 1e3},   {"ms", 1e6},    {"s", 1e9},
	{"m", 60e9}, {"min", 60e9}, {"h", 3600e9}, {"d", 86400e9}, {NULL, 0},
};

static const struct unit bytes[] = {
	{"", 1},     {"B", 1},      {"k", 1e3},       {"kB", 1e3},         {"M", 1e6},
	{"MB", 1e6}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {NULL, 0},
};

/* The number in front; *ret_rest is what follows. Digits and one dot only: no sign, hex, nan, inf.
 */
static int number_parse(const char *text, double *ret_value, const char **ret_rest)
{
	size_t digits = strspn(text, "0123456789");
	size_t len = digits;
	char *end;

	if (text[len] == '.')
		len += 1 + strspn(text + len + 1, "0123456789");
	if (digits == 0)
		return -EINVAL;
	*ret_value = strtod(text, &end);
	*ret_rest = text + len;
	return 0;
}

static int unit_parse(const char *text, const struct unit *units, double *ret_value)
{
	const char *rest;
	double value;
	int r = number_parse(text, &value, &rest);

	if (r < 0)
		return r;
	for (; units->suffix != NULL; units++) {
		if (strcmp(units->suffix, rest) == 0) {
			*ret_value = value * units->factor;
			return 0;
		}
	}
	return -EINVAL;
}

static int whole_parse(const char *text, const struct unit *units, uint64_t *ret_value)
{
	double value;
	int r = unit_parse(text, units, &value);

	if (r < 0)
		return r;
	if (value > 1e18)
		return -ERANGE;
	*ret_value = (uint64_t)llround(value);
	return 0;
}

int units_count(const char *text, uint64_t *ret_count)
{
	return whole_parse(text, counts, ret_count);
}

int units_duration(const char *text, uint64_t *ret_ns)
{
	return whole_parse(text, durations, ret_ns);
}

int units_bytes(const char *text, uint64_t *ret_bytes)
{
	return whole_parse(text, bytes, ret_bytes);
}

int units_share(const char *text, double *ret_share)
{
	static const struct unit percent[] = {{"%", 0.01}, {NULL, 0}};
	double value;
	int r = unit_parse(text, percent, &value);

	if (r < 0)
		return r;
	if (value > 1)
		return -ERANGE;
	*ret_share = value;
	return 0;
}

int units_rate(const char *text, double *ret_per_second)
{
	const char *slash = strchr(text, '/');
	double per = 1;
	double value;
	char front[32];
	int r;

	if (slash == NULL)
		slash = text + strlen(text);
	else if (strcmp(slash, "/m") == 0)
		per = 60;
	else if (strcmp(slash, "/s") != 0)
		return -EINVAL;
	if ((size_t)(slash - text) >= sizeof(front))
		return -EINVAL;
	memcpy(front, text, (size_t)(slash - text));
	front[slash - text] = '\0';
	r = unit_parse(front, counts, &value);
	if (r < 0)
		return r;
	if (value / per > 1e9)
		return -ERANGE;
	*ret_per_second = value / per;
	return 0;
}

/* Two digits below `end`, then `behind`. */
static bool two_digits(const char *at, unsigned end, char behind, unsigned *ret_value)
{
	if (!isdigit((unsigned char)at[0]) || !isdigit((unsigned char)at[1]) || at[2] != behind)
		return false;
	*ret_value = (unsigned)(at[0] - '0') * 10 + (unsigned)(at[1] - '0');
	return *ret_value < end;
}

int units_time_of_day(const char *text, uint64_t now_s, uint64_t *ret_s)
{
	size_t digits = strspn(text, "0123456789");
	unsigned hour, minute, second;
	time_t now = (time_t)now_s;
	struct tm day;
	bool utc;
	time_t at;

	if (digits > 2 && digits < 12 && text[digits] == '\0') {
		*ret_s = strtoull(text, NULL, 10);
		return 0;
	}
	utc = strlen(text) == 9 && text[8] == 'Z';
	if (strlen(text) != 8U + utc || !two_digits(text, 24, ':', &hour) ||
	    !two_digits(text + 3, 60, ':', &minute) ||
	    !two_digits(text + 6, 60, utc ? 'Z' : '\0', &second))
		return -EINVAL;
	if ((utc ? gmtime_r(&now, &day) : localtime_r(&now, &day)) == NULL)
		return -ERANGE;
	day.tm_hour = (int)hour;
	day.tm_min = (int)minute;
	day.tm_sec = (int)second;
	at = utc ? timegm(&day) : mktime(&day);
	if (at < now) {
		day.tm_mday++;
		at = utc ? timegm(&day) : mktime(&day);
	}
	*ret_s = (uint64_t)at;
	return 0;
}
