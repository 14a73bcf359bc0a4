/* settings_compare.c - see settings_compare.h. */
#include "server/settings/settings_compare.h"

#include <stdlib.h>
#include <string.h>

#include "server/settings/settings_priv.h"

#define COLOR_TEXT_CHARS (COLOR_NAME_CHARS + 8) /* name:#rrggbb */
#define SIZE_TEXT_CHARS  32
#define TIME_TEXT_CHARS  24

struct comparison {
	const struct settings *running, *read;
	settings_change_found *found;
	void *arg;
};

static void find(const struct comparison *c, struct settings_change change)
{
	c->found(c->arg, &change);
}

/* --- settings --------------------------------------------------------------------------------- */

static struct settings_change change_of(const struct comparison *c, int id)
{
	bool by_file = c->read->origins[id].source == SETTINGS_FROM_FILE;

	return (struct settings_change){
		.kind = setting_rows[id].is_reloaded ? SETTINGS_TAKEN : SETTINGS_NEEDS_RESTART,
		.name = setting_rows[id].name,
		.color = -1,
		.source = c->read->origins[id].source,
		.line = by_file ? c->read->origins[id].line : 0};
}

static const struct settings_list *list_of(const struct settings *s, int id)
{
	return (const struct settings_list *)(const void *)((const char *)s +
							    setting_rows[id].offset);
}

/* Their order says nothing. */
static void list_compare(const struct comparison *c, int id)
{
	const struct settings_list *was = list_of(c->running, id), *is = list_of(c->read, id);
	struct settings_change change = change_of(c, id);
	int line = change.line;

	change.line = 0;
	for (unsigned i = 0; i < was->count; i++) {
		change.was = was->items[i];
		change.is = "";
		if (!settings_list_has(is, change.was))
			find(c, change);
	}
	change.line = line;
	for (unsigned i = 0; i < is->count; i++) {
		change.was = "";
		change.is = is->items[i];
		if (!settings_list_has(was, change.is))
			find(c, change);
	}
}

static void value_compare(const struct comparison *c, int id)
{
	struct settings_change change = change_of(c, id);
	char was[SETTINGS_TEXT_CHARS], is[SETTINGS_TEXT_CHARS];

	if (setting_is_within(c->running, c->read, id))
		return;
	setting_value_str(c->running, id, was);
	setting_value_str(c->read, id, is);
	change.was = was;
	change.is = is;
	find(c, change);
}

static void hidden_find(const struct comparison *c, int id)
{
	struct settings_change change = change_of(c, id);
	char value[SETTINGS_TEXT_CHARS] = "";

	if (c->read->origins[id].hidden_line == 0)
		return;
	if (setting_rows[id].type != SETTING_LIST && setting_rows[id].type != SETTING_BOARDS)
		setting_value_str(c->read, id, value);
	change.kind = SETTINGS_HIDDEN;
	change.was = change.is = value;
	change.line = c->read->origins[id].hidden_line;
	find(c, change);
}

/* --- boards ----------------------------------------------------------------------------------- */

static void size_str(const struct settings_board *board, char out[static SIZE_TEXT_CHARS])
{
	out[0] = '\0';
	if (board != NULL && board->width != 0)
		snprintf(out, SIZE_TEXT_CHARS, "%ux%u:%u", board->width, board->height,
			 board->bits);
}

/* Sections with sizes, where a flag or the environment has all sizes. */
static void hidden_boards_find(const struct comparison *c)
{
	struct settings_change change = change_of(c, SETTINGS_ID_board);

	for (unsigned i = 0; i < c->read->boards_count + c->read->boards_hidden; i++) {
		const struct settings_board *board = &c->read->boards[i];
		char size[SIZE_TEXT_CHARS];

		if (board->hidden_line == 0)
			continue;
		size_str(board, size);
		change.kind = SETTINGS_HIDDEN;
		change.board = board->name;
		change.name = "size";
		change.was = change.is = size;
		change.line = board->hidden_line;
		find(c, change);
	}
}

/* More colors than the bits of the board that runs are for the size that needs a restart. */
static bool palette_is_taken(const struct settings_board *running,
			     const struct settings_board *read)
{
	return read->colors <= 1U << running->bits;
}

static void color_str(const struct settings_board *board, unsigned i,
		      char out[static COLOR_TEXT_CHARS])
{
	out[0] = '\0';
	if (i < board->colors)
		snprintf(out, COLOR_TEXT_CHARS, "%s:#%06x", board->palette[i].name,
			 board->palette[i].rgb & 0xffffff);
}

static void palette_compare(const struct comparison *c, struct settings_change change,
			    const struct settings_board *running, const struct settings_board *read)
{
	unsigned most = running->colors > read->colors ? running->colors : read->colors;
	char was[COLOR_TEXT_CHARS], is[COLOR_TEXT_CHARS];

	change.name = "palette";
	change.line = read->palette_line;
	change.source = read->palette_line != 0 ? SETTINGS_FROM_FILE : SETTINGS_FROM_DEFAULT;
	change.was = was;
	change.is = is;
	if (!palette_is_taken(running, read))
		change.kind = SETTINGS_NEEDS_RESTART;
	for (unsigned i = 0; i < most; i++) {
		change.color = (int)i;
		color_str(running, i, was);
		color_str(read, i, is);
		if (strcmp(was, is) != 0)
			find(c, change);
	}
}

/* One of the two may be NULL: the board comes, or goes. */
static void size_compare(const struct comparison *c, struct settings_change change,
			 const struct settings_board *running, const struct settings_board *read)
{
	char was[SIZE_TEXT_CHARS], is[SIZE_TEXT_CHARS];

	size_str(running, was);
	size_str(read, is);
	change.kind = SETTINGS_NEEDS_RESTART;
	change.name = "size";
	change.was = was;
	change.is = is;
	if (strcmp(was, is) != 0)
		find(c, change);
}

/* Its own, or the general one. */
static void cooldown_compare(const struct comparison *c, struct settings_change change,
			     const struct settings_board *running,
			     const struct settings_board *read)
{
	struct settings_change general = change_of(c, SETTINGS_ID_cooldown_ms);
	char was[TIME_TEXT_CHARS], is[TIME_TEXT_CHARS];

	snprintf(was, sizeof(was), "%llu", (unsigned long long)running->cooldown_ms);
	snprintf(is, sizeof(is), "%llu", (unsigned long long)read->cooldown_ms);
	change.name = "cooldown-ms";
	change.was = was;
	change.is = is;
	change.line = read->cooldown_line != 0 ? read->cooldown_line : general.line;
	change.source = read->cooldown_line != 0 ? SETTINGS_FROM_FILE : general.source;
	find(c, change);
}

static void board_compare(const struct comparison *c, const struct settings_board *running,
			  const struct settings_board *read)
{
	struct settings_change change = {.kind = SETTINGS_TAKEN,
					 .board = running->name,
					 .color = -1,
					 .source = SETTINGS_FROM_FILE,
					 .line = read->line};

	size_compare(c, change, running, read);
	if (running->cooldown_ms != read->cooldown_ms)
		cooldown_compare(c, change, running, read);
	if (running->frozen != read->frozen) {
		change.name = "frozen";
		change.line = read->frozen_line;
		change.source = read->frozen_line != 0 ? SETTINGS_FROM_FILE : SETTINGS_FROM_DEFAULT;
		change.was = running->frozen ? "on" : "off";
		change.is = read->frozen ? "on" : "off";
		find(c, change);
	}
	palette_compare(c, change, running, read);
}

static void boards_compare(const struct comparison *c)
{
	struct settings_change change = change_of(c, SETTINGS_ID_board);

	for (unsigned i = 0; i < c->running->boards_count; i++) {
		const struct settings_board *running = &c->running->boards[i];
		const struct settings_board *read = settings_board_find(c->read, running->name);

		change.board = running->name;
		change.line = 0;
		if (read == NULL)
			size_compare(c, change, running, NULL);
		else
			board_compare(c, running, read);
	}
	for (unsigned i = 0; i < c->read->boards_count; i++) {
		const struct settings_board *read = &c->read->boards[i];

		change.board = read->name;
		change.line = read->line;
		if (settings_board_find(c->running, read->name) == NULL)
			size_compare(c, change, NULL, read);
	}
}

void settings_compare(const struct settings *running, const struct settings *read,
		      settings_change_found *found, void *arg)
{
	const struct comparison c = {.running = running, .read = read, .found = found, .arg = arg};

	for (int id = 0; id < SETTINGS_ROWS; id++) {
		if (setting_rows[id].type == SETTING_LIST)
			list_compare(&c, id);
		else if (setting_rows[id].type != SETTING_BOARDS)
			value_compare(&c, id);
		hidden_find(&c, id);
	}
	hidden_boards_find(&c);
	boards_compare(&c);
}

/* --- what runs from now on -------------------------------------------------------------------- */

static void board_take(struct settings_board *to, const struct settings_board *from)
{
	to->cooldown_ms = from->cooldown_ms;
	to->cooldown_line = from->cooldown_line;
	to->frozen = from->frozen;
	to->frozen_line = from->frozen_line;
	if (!palette_is_taken(to, from))
		return;
	to->palette_line = from->palette_line;
	to->colors = from->colors;
	memcpy(to->palette, from->palette, sizeof(to->palette));
}

struct settings *settings_take(const struct settings *running, const struct settings *read,
			       char why[static SETTINGS_WHY_CHARS])
{
	size_t bytes = running->boards_count * sizeof(*running->boards);
	struct settings_board *boards = malloc(bytes);
	struct settings *s = malloc(sizeof(*s));

	if (s == NULL || boards == NULL) {
		snprintf(why, SETTINGS_WHY_CHARS, "no memory");
		free(boards);
		free(s);
		return NULL;
	}
	*s = *running;
	s->boards = boards;
	s->boards_hidden = 0;
	memcpy(s->boards, running->boards, bytes);
	for (int id = 0; id < SETTINGS_ROWS; id++)
		if (setting_rows[id].is_reloaded)
			setting_value_copy(s, read, id);
	for (unsigned i = 0; i < s->boards_count; i++) {
		const struct settings_board *from = settings_board_find(read, s->boards[i].name);

		if (from != NULL)
			board_take(&s->boards[i], from);
	}
	if (settings_keep_check(s, why) == EXIT_PASS)
		return s;
	snprintf(why + strlen(why), SETTINGS_WHY_CHARS - strlen(why),
		 "; it stays %llu until a restart", (unsigned long long)s->journal_segment_bytes);
	settings_free(s);
	return NULL;
}
