/* settings_priv.h - what the files of settings share: the rows of the table and the reading of one
 * value. */
#ifndef PX_SETTINGS_SETTINGS_PRIV_H
#define PX_SETTINGS_SETTINGS_PRIV_H

#include "server/settings/settings.h"

enum setting_type {
	SETTING_COUNT,
	SETTING_MS,
	SETTING_SECONDS,
	SETTING_BYTES,
	SETTING_MIB,
	SETTING_BOOL,
	SETTING_CHOICE,
	SETTING_TEXT,
	SETTING_LIST,
	SETTING_BOARDS,
};

struct setting_row {
	enum setting_type type;
	const char *name;
	const char *placeholder;
	uint64_t min, max;
	const char *def;
	const char *group;
	const char *sentence;
	bool is_reloaded; /* SIGHUP reads it again; else only a start does */
	size_t offset;    /* of the field in struct settings; BOARDS has none */
};

extern const struct setting_row setting_rows[SETTINGS_ROWS];

#define SETTING_NAME_CHARS 64

/* Writes the row's name as PIXELD_JOURNAL_SYNC. */
void setting_env_name(const struct setting_row *row, char out[static SETTING_NAME_CHARS]);

/* The row of a name, in which '.', '_' and '-' are the same; -1: none. */
int setting_find(const char *name);

/* The name in the table that is like this one; NULL: none is. */
const char *setting_nearest(const char *name);

/* One number with its unit. 0 and the value, or -EINVAL and `why`. Pure. */
int setting_number(enum setting_type type, const char *text, uint64_t min, uint64_t max,
		   uint64_t *ret_value, char why[static SETTINGS_WHY_CHARS]);
int setting_bool(const char *text, bool *ret_value, char why[static SETTINGS_WHY_CHARS]);

/*
 * Gives one setting a value. A value from a weaker source than the one before is checked and
 * dropped; one from the same source is added to a list, wins for flags, and is an error in a file.
 * 0 or -EINVAL and `why` (without the name of the setting).
 */
int settings_set(struct settings *s, int id, const char *text, enum settings_source source,
		 int line, char why[static SETTINGS_WHY_CHARS]);

/* A line of the file says what a stronger source says otherwise. */
void settings_hide(struct settings *s, int id, int line);

/* --- one value, once it is there (settings_value.c) --------------------------------------------
 * */

/* The value as a file has it, but a secret is "(hidden)". Not for lists and boards. */
void setting_value_str(const struct settings *s, int id, char out[static SETTINGS_TEXT_CHARS]);
/* Whether it has, or could have, something in it that only its owner may see. */
bool setting_is_secret(const struct settings *s, int id);
/* Whether `a` has nothing that `b` has not: the same value; of lists and boards, no other entry. */
bool setting_is_within(const struct settings *a, const struct settings *b, int id);
/* Not for boards. */
void setting_value_copy(struct settings *to, const struct settings *from, int id);

bool settings_list_has(const struct settings_list *list, const char *item);
/* NULL: there is none of this name. */
const struct settings_board *settings_board_find(const struct settings *s, const char *name);

/* What two settings say of each other that may be of two readings: the code to end with. */
int settings_keep_check(const struct settings *s, char why[static SETTINGS_WHY_CHARS]);

/* Reads the variables. 0, or -EINVAL and `why` with the name of one. */
int settings_env_read(struct settings *s, char *const envp[], char why[static SETTINGS_WHY_CHARS]);

/* Reads a file / a text. 0, or -EINVAL and `why` with file and line. */
int settings_file_read(struct settings *s, const char *path, char why[static SETTINGS_WHY_CHARS]);
int settings_file_text(struct settings *s, const char *name, const char *text, size_t len,
		       char why[static SETTINGS_WHY_CHARS]);

/* --- boards (settings_board.c) ---------------------------------------------------------------- */

/* NAME:WxH:BITS of a board. Errors as settings_set(). */
int settings_board_add(struct settings *s, const char *spec, int line,
		       char why[static SETTINGS_WHY_CHARS]);

/* key = value inside [board "name"]. */
int settings_board_set(struct settings *s, const char *name, const char *key, const char *value,
		       int line, char why[static SETTINGS_WHY_CHARS]);

/* After everything was read: drops sections of boards that are not served, fills in what is
 * missing. */
int settings_board_finish(struct settings *s, char why[static SETTINGS_WHY_CHARS]);

#endif
