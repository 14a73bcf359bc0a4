/*
 * settings_file.c - the configuration file, read with inih; the only file that uses inih.
 *
 * inih splits lines that do not fit its buffer and does not report the line it is at, so the lines
 * are passed to it by a reader of ours, which counts them and refuses long ones. A line that begins
 * with a space continues the value above: palettes need it.
 */
#include "server/settings/settings_priv.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX (1 << 20)

struct reading {
	struct settings *settings;
	const char *name; /* of the file, for messages */
	const char *at, *end;
	int line;
	bool failed; /* `why` has the reason: the first one counts */
	char *why;
};

static void fail(struct reading *r, const char *what)
{
	if (!r->failed)
		snprintf(r->why, SETTINGS_WHY_CHARS, "%s:%d: %s", r->name, r->line, what);
	r->failed = true;
}

/* As fgets(): one line with its newline. Lines are cut at a NUL byte by inih, so one is refused. */
static char *next_line(char *out, int room, void *stream)
{
	struct reading *r = stream;
	size_t left = (size_t)(r->end - r->at);
	const char *newline;
	size_t len;

	if (left == 0 || r->failed)
		return NULL;
	r->line++;
	newline = memchr(r->at, '\n', left);
	len = newline == NULL ? left : (size_t)(newline - r->at) + 1;
	if (len >= (size_t)room) {
		fail(r, "the line is too long; a line that begins with a space continues a value");
		return NULL;
	}
	if (memchr(r->at, '\0', len) != NULL) {
		fail(r, "the line has a NUL byte");
		return NULL;
	}
	memcpy(out, r->at, len);
	out[len] = '\0';
	r->at += len;
	return out;
}

/* Copies NAME of `board "NAME"`. */
static bool board_section(const char *section, char out[static SETTINGS_ITEM_CHARS])
{
	size_t len = strlen(section);

	if (len < 8 || strncmp(section, "board \"", 7) != 0 || section[len - 1] != '"')
		return false;
	memcpy(out, section + 7, len - 8);
	out[len - 8] = '\0';
	return true;
}

static void set_plain(struct reading *r, const char *section, const char *key, const char *value)
{
	char name[2 * SETTINGS_ITEM_CHARS];
	char what[SETTINGS_WHY_CHARS];
	char reason[SETTINGS_WHY_CHARS];
	int id;

	snprintf(name, sizeof(name), "%s%s%s", section, *section == '\0' ? "" : "-", key);
	id = setting_find(name);
	if (id == SETTINGS_ID_config) {
		fail(r, "config cannot be set in a file: a file cannot name another");
		return;
	}
	if (id < 0) {
		const char *near = setting_nearest(name);

		snprintf(what, sizeof(what), "unknown setting \"%s\"; %s%s", name,
			 near == NULL ? "pixeld --help lists all" : "the nearest is ",
			 near == NULL ? "" : near);
		fail(r, what);
		return;
	}
	if (settings_set(r->settings, id, value, SETTINGS_FROM_FILE, r->line, reason) == 0)
		return;
	snprintf(what, sizeof(what), "%s = %.200s: %.400s", setting_rows[id].name, value, reason);
	fail(r, what);
}

static int handle(void *user, const char *section, const char *key, const char *value)
{
	struct reading *r = user;
	char board[SETTINGS_ITEM_CHARS];
	char reason[SETTINGS_WHY_CHARS];

	if (r->failed)
		return 0;
	if (!board_section(section, board)) {
		set_plain(r, section, key, value);
	} else if (settings_board_set(r->settings, board, key, value, r->line, reason) != 0) {
		fail(r, reason);
	}
	return r->failed ? 0 : 1;
}

int settings_file_text(struct settings *s, const char *name, const char *text, size_t len,
		       char why[static SETTINGS_WHY_CHARS])
{
	struct reading r = {.settings = s, .name = name, .at = text, .end = text + len, .why = why};
	int bad_line = ini_parse_stream(next_line, &r, handle, &r);

	if (bad_line != 0 && !r.failed) {
		r.line = bad_line;
		fail(&r, "neither [section] nor name = value");
	}
	return r.failed ? -EINVAL : 0;
}

int settings_file_read(struct settings *s, const char *path, char why[static SETTINGS_WHY_CHARS])
{
	FILE *file = fopen(path, "re");
	char *text = malloc(FILE_BYTES_MAX);
	int result = -EINVAL;
	size_t len;

	if (file == NULL || text == NULL) {
		snprintf(why, SETTINGS_WHY_CHARS, "%.255s: %s", path, strerror(errno));
		goto out;
	}
	len = fread(text, 1, FILE_BYTES_MAX, file);
	if (ferror(file) || len == FILE_BYTES_MAX) {
		snprintf(why, SETTINGS_WHY_CHARS, "%.255s: cannot be read, or longer than 1 MiB",
			 path);
		goto out;
	}
	result = settings_file_text(s, path, text, len, why);
out:
	if (file != NULL)
		fclose(file);
	free(text);
	return result;
}
