/*
 * fuzz_config.c - a configuration file of any bytes gives settings within their bounds, or one line
 * of reason; and a server that runs takes of them what it can.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "server/settings/settings_compare.h"
#include "server/settings/settings_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void numbers_are_in_bounds(const struct settings *s)
{
	for (int id = 0; id < SETTINGS_ROWS; id++) {
		const struct setting_row *row = &setting_rows[id];
		uint64_t value;

		if (row->type > SETTING_MIB)
			continue;
		memcpy(&value, (const char *)s + row->offset, sizeof(value));
		px_assert(value >= row->min && value <= row->max);
	}
}

static void boards_are_whole(const struct settings *s)
{
	px_assert(s->boards_count > 0);
	for (unsigned i = 0; i < s->boards_count; i++) {
		const struct settings_board *board = &s->boards[i];

		px_assert(board->width >= 1 && board->width <= 16384);
		px_assert(board->height >= 1 && board->height <= 16384);
		px_assert(board->colors >= 1 && board->colors <= 1U << board->bits);
		px_assert(board->name[0] != '\0');
	}
}

static void no_change(void *arg, const struct settings_change *change)
{
	(void)arg;
	(void)change;
	px_unreachable("settings differ from themselves");
}

static void nothing_to_take(void *arg, const struct settings_change *change)
{
	(void)arg;
	px_assert(change->kind != SETTINGS_TAKEN);
}

/* A server that runs with its defaults reads the file: what it takes over it does not find again.
 * */
static void a_reload_is_whole(const struct settings *read)
{
	char why[SETTINGS_WHY_CHARS] = "";
	struct settings *running, *taken;

	settings_compare(read, read, no_change, NULL);
	px_assert(settings_load_text("default", "", 0, &running, why) == 0);
	taken = settings_take(running, read, why);
	px_assert((taken != NULL) == (why[0] == '\0'));
	if (taken != NULL) {
		settings_compare(taken, read, nothing_to_take, NULL);
		boards_are_whole(taken);
	}
	settings_free(taken);
	settings_free(running);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[SETTINGS_WHY_CHARS] = "";
	struct settings *s = NULL;
	int result = settings_load_text("fuzz", (const char *)data, size, &s, why);

	px_assert((result == 0) == (s != NULL));
	if (s == NULL) {
		px_assert(why[0] != '\0' && strchr(why, '\n') == NULL);
		return 0;
	}
	numbers_are_in_bounds(s);
	boards_are_whole(s);
	a_reload_is_whole(s);
	settings_free(s);
	return 0;
}
