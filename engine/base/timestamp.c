/*
 * timestamp.c - see timestamp.h. Computes the calendar itself: libc's depends on a time zone.
 */
#include "engine/base/timestamp.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/assert.h"

#define MS_PER_DAY   86400000LL
#define UNIX_DIGITS  15
#define DAYS_PER_ERA 146097 /* 400 years */

struct scan {
	const char *at;
	const char *end;
	bool bad;
};

static unsigned digits(struct scan *s, unsigned count)
{
	unsigned value = 0;

	px_assert(count < 10); /* they cannot overflow */
	for (; count > 0; count--, s->at++) {
		if (s->at >= s->end || *s->at < '0' || *s->at > '9') {
			s->bad = true;
			return 0;
		}
		value = value * 10 + (unsigned)(*s->at - '0');
	}
	return value;
}

static void one_of(struct scan *s, const char *set)
{
	if (s->at >= s->end || *s->at == 0 || strchr(set, *s->at) == NULL)
		s->bad = true;
	else
		s->at++;
}

/* Days since 1970-01-01; years begin in March, so that the odd day comes last. */
static int64_t days_of(unsigned year, unsigned month, unsigned day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t of_era = y % 400;
	int64_t of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	px_assert(month >= 1 && month <= 12 && day >= 1); /* day_is_there() */
	return y / 400 * DAYS_PER_ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool day_is_there(unsigned year, unsigned month, unsigned day)
{
	static const unsigned char days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (month < 1 || month > 12 || day < 1)
		return false;
	return day <= days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

static unsigned fraction(struct scan *s)
{
	unsigned ms = 0, scale = 100;

	if (s->at >= s->end || *s->at != '.')
		return 0;
	s->at++;
	ms = digits(s, 1) * scale;
	for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
		scale /= 10;
		ms += (unsigned)(*s->at - '0') * scale;
	}
	return ms;
}

/* Minutes to be taken off. */
static int64_t offset(struct scan *s)
{
	size_t left = (size_t)(s->end - s->at);
	int sign;
	unsigned hours, minutes;

	if ((left == 1 && (*s->at == 'Z' || *s->at == 'z')) ||
	    (left == 4 && memcmp(s->at, " UTC", 4) == 0)) {
		s->at = s->end;
		return 0;
	}
	if (left != 6) {
		s->bad = true;
		return 0;
	}
	sign = *s->at == '-' ? -1 : 1;
	one_of(s, "+-");
	hours = digits(s, 2);
	one_of(s, ":");
	minutes = digits(s, 2);
	s->bad |= hours > 23 || minutes > 59;
	return sign * (int64_t)(hours * 60 + minutes);
}

static int calendar_parse(struct scan s, uint64_t *ret_ms)
{
	unsigned year = digits(&s, 4), month, day, hour, minute, second, ms;
	int64_t total;

	one_of(&s, "-");
	month = digits(&s, 2);
	one_of(&s, "-");
	day = digits(&s, 2);
	one_of(&s, "Tt ");
	hour = digits(&s, 2);
	one_of(&s, ":");
	minute = digits(&s, 2);
	one_of(&s, ":");
	second = digits(&s, 2);
	ms = fraction(&s);
	if (s.bad || !day_is_there(year, month, day) || hour > 23 || minute > 59 || second > 60)
		return -EINVAL;
	total = days_of(year, month, day) * MS_PER_DAY +
		((int64_t)hour * 3600 + (int64_t)minute * 60 + second) * 1000 + ms;
	total -= offset(&s) * 60000;
	if (s.bad || total < 0 || (uint64_t)total > TIMESTAMP_MS_MAX)
		return -EINVAL;
	*ret_ms = (uint64_t)total;
	return 0;
}

int timestamp_parse(const char *at, size_t len, uint64_t *ret_ms)
{
	uint64_t ms = 0;
	size_t i;

	for (i = 0; i < len && i < UNIX_DIGITS && at[i] >= '0' && at[i] <= '9'; i++)
		ms = ms * 10 + (uint64_t)(at[i] - '0');
	if (len == 0 || i < len)
		return calendar_parse((struct scan){.at = at, .end = at + len}, ret_ms);
	if (ms > TIMESTAMP_MS_MAX)
		return -EINVAL;
	*ret_ms = ms;
	return 0;
}

void timestamp_print(uint64_t ms, char out[static TIMESTAMP_BYTES])
{
	uint64_t clamped = ms < TIMESTAMP_MS_MAX ? ms : TIMESTAMP_MS_MAX;
	uint64_t days = clamped / MS_PER_DAY + 719468;
	unsigned of_day = (unsigned)(clamped % MS_PER_DAY);
	unsigned of_era = (unsigned)(days % DAYS_PER_ERA);
	unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * of_year + 2) / 153;
	unsigned day = of_year - (153 * month + 2) / 5 + 1;

	month = month < 10 ? month + 3 : month - 9;
	year += (unsigned)(days / DAYS_PER_ERA) * 400 + (month <= 2);
	px_assert(month >= 1 && month <= 12 && day >= 1 && day <= 31 && year <= 9999);
	snprintf(out, TIMESTAMP_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year % 10000, month,
		 day, of_day / 3600000, of_day / 60000 % 60, of_day / 1000 % 60, of_day % 1000);
}
