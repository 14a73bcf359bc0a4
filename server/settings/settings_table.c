/*
 * settings_table.c - the rows of settings.def, their names, and parsing one value.
 *
 * Pure functions over constant data; any thread.
 */
#include "server/settings/settings_priv.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "edge/codec/session.h"
#include "engine/base/command_line.h"
#include "engine/base/text_out.h"
#include "engine/requests.h"
#include "engine/room.h"

#define SETTING_OFFSET_COUNT(field)   offsetof(struct settings, field)
#define SETTING_OFFSET_MS(field)      offsetof(struct settings, field)
#define SETTING_OFFSET_SECONDS(field) offsetof(struct settings, field)
#define SETTING_OFFSET_BYTES(field)   offsetof(struct settings, field)
#define SETTING_OFFSET_MIB(field)     offsetof(struct settings, field)
#define SETTING_OFFSET_BOOL(field)    offsetof(struct settings, field)
#define SETTING_OFFSET_CHOICE(field)  offsetof(struct settings, field)
#define SETTING_OFFSET_TEXT(field)    offsetof(struct settings, field)
#define SETTING_OFFSET_LIST(field)    offsetof(struct settings, field)
#define SETTING_OFFSET_BOARDS(field)  0

_Static_assert(SESSION_SECRET_BYTES_MIN == 16 && SESSION_SECRET_BYTES_MAX == 256, "as rows say");
_Static_assert(2 * SESSION_SECRET_BYTES_MAX < SETTINGS_TEXT_CHARS, "fits");
_Static_assert(REQUESTS_IN_FLIGHT_MAX == 1100, "as a row says");
_Static_assert(PEOPLE_REMEMBER_MS == 10 * 60 * 1000, "ten minutes, as a row says");

const struct setting_row setting_rows[SETTINGS_ROWS] = {
#define IS_RESTART false
#define IS_RELOAD  true
#define SETTING(type, field, held_by, name, placeholder, min, max, def, group, sentence)           \
	[SETTINGS_ID_##field] = {SETTING_##type,                                                   \
				 name,                                                             \
				 placeholder,                                                      \
				 min,                                                              \
				 max,                                                              \
				 def,                                                              \
				 group,                                                            \
				 sentence,                                                         \
				 IS_##held_by,                                                     \
				 SETTING_OFFSET_##type(field)},
#include "server/settings/settings.def"
#undef SETTING
};

/* A unit counts so many of what its type is stored in. */
static const struct {
	enum setting_type type;
	const char *suffix;
	uint64_t times;
} units[] = {
	{SETTING_COUNT, "k", 1000},
	{SETTING_COUNT, "m", 1000000},
	{SETTING_MS, "ms", 1},
	{SETTING_MS, "s", 1000},
	{SETTING_MS, "min", 60000},
	{SETTING_MS, "h", 3600000},
	{SETTING_MS, "d", 86400000},
	{SETTING_SECONDS, "s", 1},
	{SETTING_SECONDS, "min", 60},
	{SETTING_SECONDS, "h", 3600},
	{SETTING_SECONDS, "d", 86400},
	{SETTING_BYTES, "B", 1},
	{SETTING_BYTES, "KiB", 1ULL << 10},
	{SETTING_BYTES, "MiB", 1ULL << 20},
	{SETTING_BYTES, "GiB", 1ULL << 30},
	{SETTING_BYTES, "TiB", 1ULL << 40},
	{SETTING_MIB, "MiB", 1},
	{SETTING_MIB, "GiB", 1024},
};

#define UNITS (sizeof(units) / sizeof(units[0]))

void setting_env_name(const struct setting_row *row, char out[static SETTING_NAME_CHARS])
{
	int len = snprintf(out, SETTING_NAME_CHARS, "PIXELD_%s", row->name);

	for (int i = 0; i < len; i++)
		out[i] = out[i] == '-' ? '_' : (char)toupper((unsigned char)out[i]);
}

static bool same_name(const char *a, const char *b)
{
	for (; *a != '\0' && *b != '\0'; a++, b++) {
		bool joint = *b == '.' || *b == '_';

		if (*a != (joint ? '-' : *b))
			return false;
	}
	return *a == *b;
}

int setting_find(const char *name)
{
	for (int id = 0; id < SETTINGS_ROWS; id++) {
		if (same_name(setting_rows[id].name, name))
			return id;
	}
	return -1;
}

const char *setting_nearest(const char *name)
{
	struct nearest n = nearest_to(name);

	for (int id = 0; id < SETTINGS_ROWS; id++)
		nearest_try(&n, setting_rows[id].name);
	return nearest_get(&n);
}

static int number_bad(enum setting_type type, char why[static SETTINGS_WHY_CHARS])
{
	struct text_out t = text_out_of(why, SETTINGS_WHY_CHARS);

	text_put(&t, "not a whole number; units are");
	for (size_t i = 0; i < UNITS; i++)
		if (units[i].type == type)
			text_print(&t, " %s", units[i].suffix);
	(void)text_end(&t);
	return -EINVAL;
}

/* 0: no such unit of this type. */
static uint64_t unit_times(enum setting_type type, const char *suffix)
{
	if (*suffix == '\0')
		return 1;
	for (size_t i = 0; i < UNITS; i++) {
		if (units[i].type == type && strcasecmp(units[i].suffix, suffix) == 0)
			return units[i].times;
	}
	return 0;
}

int setting_number(enum setting_type type, const char *text, uint64_t min, uint64_t max,
		   uint64_t *ret_value, char why[static SETTINGS_WHY_CHARS])
{
	const char *at = text;
	bool over = false;
	uint64_t value = 0;
	uint64_t times;

	for (; *at >= '0' && *at <= '9'; at++) {
		over |= __builtin_mul_overflow(value, 10, &value);
		over |= __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value);
	}
	if (at == text)
		return number_bad(type, why);
	while (*at == ' ')
		at++;
	times = unit_times(type, at);
	if (times == 0)
		return number_bad(type, why);
	over |= __builtin_mul_overflow(value, times, &value);
	if (over || value < min || value > max) {
		snprintf(why, SETTINGS_WHY_CHARS, "must be from %llu to %llu",
			 (unsigned long long)min, (unsigned long long)max);
		return -EINVAL;
	}
	*ret_value = value;
	return 0;
}

int setting_bool(const char *text, bool *ret_value, char why[static SETTINGS_WHY_CHARS])
{
	static const char *const words[][2] = {
		{"off", "on"}, {"no", "yes"}, {"false", "true"}, {"0", "1"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		for (int value = 0; value < 2; value++) {
			if (strcasecmp(text, words[i][value]) == 0) {
				*ret_value = value == 1;
				return 0;
			}
		}
	}
	snprintf(why, SETTINGS_WHY_CHARS, "must be on or off");
	return -EINVAL;
}
