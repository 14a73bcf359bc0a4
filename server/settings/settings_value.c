/*
 * settings_value.c - one value of the settings, after reading: as text, compared, copied.
 *
 * Pure functions; any thread.
 */
#include "server/settings/settings_priv.h"

#include <string.h>

#include "engine/base/assert.h"

static const void *field_of(const struct settings *s, int id)
{
	return (const char *)s + setting_rows[id].offset;
}

/* A DSN is one when there is a password in it: password=... or //user:...@ */
bool setting_is_secret(const struct settings *s, int id)
{
	const char *user = strstr(s->postgres, "://");
	const char *at = user == NULL ? NULL : strchr(user, '@');

	if (id == SETTINGS_ID_session_secret)
		return s->session_secret[0] != '\0';
	if (id != SETTINGS_ID_postgres)
		return false;
	return strstr(s->postgres, "password") != NULL ||
	       (at != NULL && memchr(user + 3, ':', (size_t)(at - user - 3)) != NULL);
}

static void choice_str(const char *choices, unsigned number, char out[static SETTINGS_TEXT_CHARS])
{
	for (; number > 0; number--)
		choices += strcspn(choices, "|") + 1;
	snprintf(out, SETTINGS_TEXT_CHARS, "%.*s", (int)strcspn(choices, "|"), choices);
}

void setting_value_str(const struct settings *s, int id, char out[static SETTINGS_TEXT_CHARS])
{
	const void *field = field_of(s, id);

	px_assert(setting_rows[id].type != SETTING_LIST && setting_rows[id].type != SETTING_BOARDS);
	if (setting_is_secret(s, id))
		snprintf(out, SETTINGS_TEXT_CHARS, "(hidden)");
	else if (setting_rows[id].type == SETTING_BOOL)
		snprintf(out, SETTINGS_TEXT_CHARS, "%s", *(const bool *)field ? "on" : "off");
	else if (setting_rows[id].type == SETTING_CHOICE)
		choice_str(setting_rows[id].placeholder, *(const unsigned *)field, out);
	else if (setting_rows[id].type == SETTING_TEXT)
		snprintf(out, SETTINGS_TEXT_CHARS, "%s", (const char *)field);
	else
		snprintf(out, SETTINGS_TEXT_CHARS, "%llu",
			 (unsigned long long)*(const uint64_t *)field);
}

bool settings_list_has(const struct settings_list *list, const char *item)
{
	for (unsigned i = 0; i < list->count; i++)
		if (strcmp(list->items[i], item) == 0)
			return true;
	return false;
}

const struct settings_board *settings_board_find(const struct settings *s, const char *name)
{
	for (unsigned i = 0; i < s->boards_count; i++)
		if (strcmp(s->boards[i].name, name) == 0)
			return &s->boards[i];
	return NULL;
}

static bool list_is_within(const struct settings_list *a, const struct settings_list *b)
{
	for (unsigned i = 0; i < a->count; i++)
		if (!settings_list_has(b, a->items[i]))
			return false;
	return true;
}

static bool boards_are_within(const struct settings *a, const struct settings *b)
{
	for (unsigned i = 0; i < a->boards_count; i++) {
		const struct settings_board *one = &a->boards[i];
		const struct settings_board *other = settings_board_find(b, one->name);

		if (other == NULL || one->width != other->width || one->height != other->height ||
		    one->bits != other->bits)
			return false;
	}
	return true;
}

/* Of a field; boards are none. */
static size_t field_bytes(enum setting_type type)
{
	switch (type) {
	case SETTING_BOOL:
		return sizeof(bool);
	case SETTING_CHOICE:
		return sizeof(unsigned);
	case SETTING_TEXT:
		return SETTINGS_TEXT_CHARS;
	case SETTING_LIST:
		return sizeof(struct settings_list);
	case SETTING_BOARDS:
		px_unreachable("boards are no field");
	default:
		return sizeof(uint64_t);
	}
}

bool setting_is_within(const struct settings *a, const struct settings *b, int id)
{
	enum setting_type type = setting_rows[id].type;

	if (type == SETTING_LIST)
		return list_is_within(field_of(a, id), field_of(b, id));
	if (type == SETTING_BOARDS)
		return boards_are_within(a, b);
	if (type == SETTING_TEXT)
		return strcmp(field_of(a, id), field_of(b, id)) == 0;
	return memcmp(field_of(a, id), field_of(b, id), field_bytes(type)) == 0;
}

void setting_value_copy(struct settings *to, const struct settings *from, int id)
{
	memcpy((char *)to + setting_rows[id].offset, field_of(from, id),
	       field_bytes(setting_rows[id].type));
	to->origins[id] = from->origins[id];
}

const char *settings_source_str(enum settings_source source)
{
	static const char *const names[] = {"nowhere", "default", "file", "environment", "flag"};

	px_assert(source < sizeof(names) / sizeof(names[0]));
	return names[source];
}
