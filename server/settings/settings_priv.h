/*
 * settings_priv.h - shared by the files of settings: the rows of the table, and reading one value.
 */
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
	bool is_reloaded; /* SIGHUP reads it again; otherwise only a start does */
	size_t offset;    /* of the field in struct settings; BOARDS has none */
};

extern const struct setting_row setting_rows[SETTINGS_ROWS];

#define SETTING_NAME_CHARS 64

/* Writes the row's name as PIXELD_JOURNAL_SYNC. */
void setting_env_name(const struct setting_row *row, char out[static SETTING_NAME_CHARS]);

/* The row with this name, treating '.', '_' and '-' as equal; -1: there is none. */
int setting_find(const char *name);

/* The name in the table that is most similar; NULL: none is similar. */
const char *setting_nearest(const char *name);

/* Parses one number with its unit. 0 and the value, or -EINVAL and `why`. Pure. */
int setting_number(enum setting_type type, const char *text, uint64_t min, uint64_t max,
		   uint64_t *ret_value, char why[static SETTINGS_WHY_CHARS]);
int setting_bool(const char *text, bool *ret_value, char why[static SETTINGS_WHY_CHARS]);

/*
 * Sets one setting. A value from a weaker source than the present one is checked and discarded; one
 * from the same source is added to a list, replaces a flag, and is an error in a file. 0, or
 * -EINVAL and `why` (without the name of the setting).
 */
int settings_set(struct settings *s, int id, const char *text, enum settings_source source,
		 int line, char why[static SETTINGS_WHY_CHARS]);

/* A line of the file has another value than a stronger source. */
void settings_hide(struct settings *s, int id, int line);

/* --- one value, after reading (settings_value.c) --------------------------------------------- */

/* The value in the form that a file has, or "(hidden)" for a secret. Not for lists and boards. */
void setting_value_str(const struct settings *s, int id, char out[static SETTINGS_TEXT_CHARS]);
/* Whether it has, or could have, content that only its owner may see. */
bool setting_is_secret(const struct settings *s, int id);
/* Whether `a` is contained in `b`: the same value; for lists and boards, no entry that `b`
 * lacks. */
bool setting_is_within(const struct settings *a, const struct settings *b, int id);
/* Not for boards. */
void setting_value_copy(struct settings *to, const struct settings *from, int id);

bool settings_list_has(const struct settings_list *list, const char *item);
/* NULL: there is none with this name. */
const struct settings_board *settings_board_find(const struct settings *s, const char *name);

/* Checks two settings that may come from different readings against each other. Returns an exit
 * code. */
int settings_keep_check(const struct settings *s, char why[static SETTINGS_WHY_CHARS]);

/* Reads the variables. 0, or -EINVAL and `why`, which names one. */
int settings_env_read(struct settings *s, char *const envp[], char why[static SETTINGS_WHY_CHARS]);

/* Reads a file / a text. 0, or -EINVAL and `why` with file and line. */
int settings_file_read(struct settings *s, const char *path, char why[static SETTINGS_WHY_CHARS]);
int settings_file_text(struct settings *s, const char *name, const char *text, size_t len,
		       char why[static SETTINGS_WHY_CHARS]);

/* --- boards (settings_board.c) ---------------------------------------------------------------- */

/* Adds NAME:WxH:BITS. Errors as for settings_set(). */
int settings_board_add(struct settings *s, const char *spec, int line,
		       char why[static SETTINGS_WHY_CHARS]);

/* Sets key = value from [board "name"]. Errors as for settings_set(). */
int settings_board_set(struct settings *s, const char *name, const char *key, const char *value,
		       int line, char why[static SETTINGS_WHY_CHARS]);

/* After everything was read: drops the sections of boards that are not served, and fills in
 * defaults. */
int settings_board_finish(struct settings *s, char why[static SETTINGS_WHY_CHARS]);

#endif
