/*
 * settings_board.c - the boards in the settings: size, palette, cooldown.
 *
 * A board may be named twice: once with its size (--board, or `size` in its section) and once by a
 * section with its other properties. Sizes come from one source only, the strongest; width 0 marks
 * a board that has a section but no size (yet).
 */
#include "server/settings/settings_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The colors of r/place 2017, in its order. */
static const struct palette_color place_2017[16] = {
	{"white", 0xffffff},      {"lightgray", 0xe4e4e4}, {"gray", 0x888888},
	{"black", 0x222222},      {"pink", 0xffa7d1},      {"red", 0xe50000},
	{"orange", 0xe59500},     {"brown", 0xa06a42},     {"yellow", 0xe5d900},
	{"lightgreen", 0x94e044}, {"green", 0x02be01},     {"cyan", 0x00d3dd},
	{"grayblue", 0x0083c7},   {"blue", 0x0000ea},      {"mauve", 0xcf6ee4},
	{"purple", 0x820080},
};

static const struct palette_color black_and_white[2] = {{"white", 0xffffff}, {"black", 0x000000}};

static const struct palette_color four[4] = {
	{"white", 0xffffff}, {"black", 0x222222}, {"red", 0xe50000}, {"blue", 0x0000ea}};

static bool name_is_good(const char *name, size_t len)
{
	if (len == 0 || len > BOARD_NAME_BYTES_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	return true;
}

/* Finds the board, or makes it without size. NULL: no memory, or a bad name. */
static struct settings_board *board_named(struct settings *s, const char *name, size_t len,
					  int line)
{
	struct settings_board *boards;

	if (!name_is_good(name, len))
		return NULL;
	for (unsigned i = 0; i < s->boards_count; i++) {
		if (strlen(s->boards[i].name) == len && memcmp(s->boards[i].name, name, len) == 0)
			return &s->boards[i];
	}
	boards = realloc(s->boards, (s->boards_count + 1) * sizeof(*boards));
	if (boards == NULL)
		return NULL;
	s->boards = boards;
	boards += s->boards_count++;
	memset(boards, 0, sizeof(*boards));
	memcpy(boards->name, name, len);
	boards->line = line;
	return boards;
}

static int name_refused(char why[static SETTINGS_WHY_CHARS])
{
	snprintf(why, SETTINGS_WHY_CHARS,
		 "a board name has 1 to 32 of the letters a-z, digits, - and _");
	return -EINVAL;
}

/* WIDTHxHEIGHT:BITS */
static int size_parse(struct settings_board *board, const char *text,
		      char why[static SETTINGS_WHY_CHARS])
{
	uint32_t part[3] = {0, 0, 0};
	static const char ends[3] = {'x', ':', '\0'};
	bool bad = false;

	for (int i = 0; i < 3 && !bad; i++, text++) {
		const char *from = text;

		for (; *text >= '0' && *text <= '9' && text - from < 6; text++)
			part[i] = part[i] * 10 + (uint32_t)(*text - '0');
		bad = text == from || *text != ends[i];
	}
	bad |= part[0] < 1 || part[0] > BOARD_SIDE_MAX || part[1] < 1 || part[1] > BOARD_SIDE_MAX;
	bad |= part[2] != 1 && part[2] != 2 && part[2] != 4 && part[2] != 8;
	if (bad) {
		snprintf(why, SETTINGS_WHY_CHARS,
			 "a size is WIDTHxHEIGHT:BITS, sides from 1 to %d, bits 1, 2, 4 or 8",
			 BOARD_SIDE_MAX);
		return -EINVAL;
	}
	if (board->width != 0) {
		snprintf(why, SETTINGS_WHY_CHARS, "board \"%s\" is given twice", board->name);
		return -EINVAL;
	}
	board->width = part[0];
	board->height = part[1];
	board->bits = part[2];
	return 0;
}

int settings_board_add(struct settings *s, const char *spec, int line,
		       char why[static SETTINGS_WHY_CHARS])
{
	const char *colon = strchr(spec, ':');
	struct settings_board *board;

	if (colon == NULL) {
		snprintf(why, SETTINGS_WHY_CHARS, "a board is NAME:WIDTHxHEIGHT:BITS");
		return -EINVAL;
	}
	board = board_named(s, spec, (size_t)(colon - spec), line);
	if (board == NULL)
		return name_refused(why);
	return size_parse(board, colon + 1, why);
}

/* name:#rrggbb, trimmed, appended to the palette. */
static int color_add(struct settings_board *board, const char *text, size_t len,
		     char why[static SETTINGS_WHY_CHARS])
{
	const char *colon = memchr(text, ':', len);
	struct palette_color *color = &board->palette[board->colors];
	size_t name_len = colon == NULL ? 0 : (size_t)(colon - text);
	uint32_t rgb = 0;

	if (name_len == 0 || name_len >= COLOR_NAME_CHARS || len - name_len != 8 ||
	    colon[1] != '#' || board->colors == BOARD_COLORS_MAX)
		goto bad;
	for (const char *p = colon + 2; p < text + len; p++) {
		static const char digits[] = "0123456789abcdefABCDEF";
		const char *digit = memchr(digits, *p, sizeof(digits) - 1);
		uint32_t value = digit == NULL ? 0 : (uint32_t)(digit - digits);

		if (digit == NULL)
			goto bad;
		rgb = rgb << 4 | (value > 15 ? value - 6 : value);
	}
	for (size_t i = 0; i < name_len; i++) {
		/* It goes into JSON as it is. */
		if (text[i] < ' ' || text[i] == '"' || text[i] == '\\' || text[i] == 0x7f)
			goto bad;
	}
	memcpy(color->name, text, name_len);
	color->name[name_len] = '\0';
	color->rgb = rgb;
	board->colors++;
	return 0;
bad:
	snprintf(why, SETTINGS_WHY_CHARS,
		 "a palette is NAME:#rrggbb, NAME:#rrggbb, ... with at most %d colors and %d "
		 "letters a name",
		 BOARD_COLORS_MAX, COLOR_NAME_CHARS - 1);
	return -EINVAL;
}

static int palette_add(struct settings_board *board, const char *text,
		       char why[static SETTINGS_WHY_CHARS])
{
	static const char separators[] = ", \t";

	for (text += strspn(text, separators); *text != '\0'; text += strspn(text, separators)) {
		size_t len = strcspn(text, separators);

		if (color_add(board, text, len, why) != 0)
			return -EINVAL;
		text += len;
	}
	return 0;
}

static bool is_key(const char *key, const char *name)
{
	return strcmp(key, name) == 0;
}

static int given_twice(const char *key, char why[static SETTINGS_WHY_CHARS])
{
	snprintf(why, SETTINGS_WHY_CHARS, "%s is given twice", key);
	return -EINVAL;
}

static int size_set(struct settings *s, struct settings_board *board, const char *value, int line,
		    char why[static SETTINGS_WHY_CHARS])
{
	struct settings_board scratch = {.width = 0};

	if (s->origins[SETTINGS_ID_board].source > SETTINGS_FROM_FILE) {
		if (size_parse(&scratch, value, why) != 0)
			return -EINVAL;
		if (scratch.width != board->width || scratch.height != board->height ||
		    scratch.bits != board->bits)
			board->hidden_line = line;
		return 0;
	}
	s->origins[SETTINGS_ID_board].source = SETTINGS_FROM_FILE;
	s->origins[SETTINGS_ID_board].line = line;
	return size_parse(board, value, why);
}

int settings_board_set(struct settings *s, const char *name, const char *key, const char *value,
		       int line, char why[static SETTINGS_WHY_CHARS])
{
	const struct setting_row *cooldown = &setting_rows[SETTINGS_ID_cooldown_ms];
	struct settings_board *board = board_named(s, name, strlen(name), line);

	if (board == NULL)
		return name_refused(why);
	if (board->line == 0)
		board->line = line;
	if (is_key(key, "size"))
		return size_set(s, board, value, line, why);
	if (is_key(key, "palette")) {
		if (board->palette_line == 0)
			board->palette_line = line;
		return palette_add(board, value, why);
	}
	if (is_key(key, "cooldown-ms") || is_key(key, "cooldown_ms")) {
		if (board->cooldown_line != 0)
			return given_twice(key, why);
		board->cooldown_line = line;
		return setting_number(SETTING_MS, value, cooldown->min, cooldown->max,
				      &board->cooldown_ms, why);
	}
	if (is_key(key, "frozen")) {
		if (board->frozen_line != 0)
			return given_twice(key, why);
		board->frozen_line = line;
		return setting_bool(value, &board->frozen, why);
	}
	snprintf(why, SETTINGS_WHY_CHARS,
		 "a board has size, cooldown-ms, palette and frozen, but no \"%s\"", key);
	return -EINVAL;
}

static void palette_default(struct settings_board *board)
{
	const struct palette_color *from = place_2017;

	board->colors = 16;
	if (board->bits <= 2) {
		board->colors = 1U << board->bits;
		from = board->bits == 1 ? black_and_white : four;
	}
	memcpy(board->palette, from, board->colors * sizeof(*from));
}

/* Boards that only the file names, where others win, go behind those that are served. */
static void hidden_put_behind(struct settings *s)
{
	unsigned i = 0;

	while (i < s->boards_count) {
		struct settings_board board = s->boards[i];

		if (board.width != 0) {
			i++;
			continue;
		}
		if (board.hidden_line == 0)
			board.hidden_line = board.line;
		s->boards_count--;
		memmove(&s->boards[i], &s->boards[i + 1],
			(s->boards_count + s->boards_hidden - i) * sizeof(board));
		s->boards[s->boards_count + s->boards_hidden] = board;
		s->boards_hidden++;
	}
}

int settings_board_finish(struct settings *s, char why[static SETTINGS_WHY_CHARS])
{
	if (s->origins[SETTINGS_ID_board].source > SETTINGS_FROM_FILE)
		hidden_put_behind(s);
	for (unsigned i = 0; i < s->boards_count; i++) {
		struct settings_board *board = &s->boards[i];

		if (board->width == 0) {
			snprintf(why, SETTINGS_WHY_CHARS,
				 "line %d: board \"%s\" has no size; write size = 1000x1000:4",
				 board->line, board->name);
			return -EINVAL;
		}
		if (board->colors > 1U << board->bits) {
			snprintf(why, SETTINGS_WHY_CHARS,
				 "board \"%s\" has %u colors; %u bits allow %u", board->name,
				 board->colors, board->bits, 1U << board->bits);
			return -EINVAL;
		}
		if (board->cooldown_line == 0)
			board->cooldown_ms = s->cooldown_ms;
		if (board->colors == 0)
			palette_default(board);
	}
	if (s->boards_count > setting_rows[SETTINGS_ID_board].max) {
		snprintf(why, SETTINGS_WHY_CHARS, "board: there are %u; a server has at most %llu",
			 s->boards_count, (unsigned long long)setting_rows[SETTINGS_ID_board].max);
		return -EINVAL;
	}
	if (s->boards_count == 0) { /* `board =` is no mistake in itself: sections may name some */
		snprintf(why, SETTINGS_WHY_CHARS,
			 "board: there is none to serve; write board = main:1000x1000:4");
		return -EINVAL;
	}
	return 0;
}
