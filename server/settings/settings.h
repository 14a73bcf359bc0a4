/*
 * settings.h - the configuration of pixeld: flags, environment, configuration file, defaults.
 *
 * Everything comes from one table (settings.def); a flag wins over the environment, the environment
 * over the file, the file over the default. Read by the main thread, at start and on SIGHUP
 * (settings_compare.h); afterwards immutable, for any thread.
 *
 *	--journal-sync=off                  flag; also as two words
 *	PIXELD_JOURNAL_SYNC=off             environment
 *	[journal]                           file; also journal-sync, journal.sync,
 *	sync = off                          journal_sync without a section
 *	[board "main"]                      size, cooldown-ms, palette, frozen of one board
 *
 * Use, in main():
 *
 *	struct settings *s;
 *	char why[SETTINGS_WHY_CHARS];
 *	int exit_code = settings_load(argc, argv, environ, &s, why);
 *	if (exit_code != 0) { fprintf(stderr, "pixeld: %s\n", why); return exit_code; }
 *	if (settings_show(s, stdout)) { settings_free(s); return 0; }
 *	if (s->action == SETTINGS_CHECK_SYSTEM) ...
 */
#ifndef PX_SETTINGS_SETTINGS_H
#define PX_SETTINGS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/base/exit_code.h"
#include "engine/board.h"
#include "engine/room.h"

#define SETTINGS_TEXT_CHARS 520 /* including the NUL */
#define SETTINGS_ITEM_CHARS 128
#define SETTINGS_LIST_MAX   64
#define SETTINGS_LISTEN_MAX 16
#define SETTINGS_PAST_MAX   62 /* snapshots besides the newest two */
#define SETTINGS_WHY_CHARS  768

enum settings_action {
	SETTINGS_RUN,
	SETTINGS_CHECK_SYSTEM, /* check_system.h */
	SETTINGS_CHECK_CONFIG, /* check_config.h */
	SETTINGS_HELP,         /* this and all below are done by settings_show() */
	SETTINGS_VERSION,
	SETTINGS_PRINT_CONFIG,
	SETTINGS_PRINT_REFERENCE,
};

/* In ascending order of precedence. */
enum settings_source {
	SETTINGS_FROM_NOWHERE,
	SETTINGS_FROM_DEFAULT,
	SETTINGS_FROM_FILE,
	SETTINGS_FROM_ENV,
	SETTINGS_FROM_FLAG,
};

const char *settings_source_str(enum settings_source source);

struct settings_list {
	unsigned count;
	char items[SETTINGS_LIST_MAX][SETTINGS_ITEM_CHARS];
};

struct settings_board {
	char name[BOARD_NAME_BYTES_MAX + 1];
	uint32_t width, height;
	unsigned bits;
	uint64_t cooldown_ms; /* its own, or the default for all boards */
	bool frozen;
	unsigned colors; /* of the palette: at most 1 << bits */
	struct palette_color palette[BOARD_COLORS_MAX];
	/* lines of the file; 0: not in the file */
	int line; /* where the board is first named */
	int cooldown_line, frozen_line, palette_line;
	int hidden_line; /* of its section, with a size that a flag or a variable overrides */
};

#define SETTING_FIELD_COUNT(field)   uint64_t field;
#define SETTING_FIELD_MS(field)      uint64_t field;
#define SETTING_FIELD_SECONDS(field) uint64_t field;
#define SETTING_FIELD_BYTES(field)   uint64_t field;
#define SETTING_FIELD_MIB(field)     uint64_t field;
#define SETTING_FIELD_BOOL(field)    bool field;
#define SETTING_FIELD_CHOICE(field)  unsigned field;
#define SETTING_FIELD_TEXT(field)    char field[SETTINGS_TEXT_CHARS];
#define SETTING_FIELD_LIST(field)    struct settings_list field;
#define SETTING_FIELD_BOARDS(field)

enum settings_id {
#define SETTING(type, field, ...) SETTINGS_ID_##field,
#include "server/settings/settings.def"
#undef SETTING
	SETTINGS_ROWS
};

struct settings {
	enum settings_action action;
#define SETTING(type, field, ...) SETTING_FIELD_##type(field)
#include "server/settings/settings.def"
#undef SETTING
	struct settings_board *boards; /* at least one, in the order given */
	unsigned boards_count;
	unsigned boards_hidden; /* behind those: not served, since a flag or a variable overrides */
	struct {
		enum settings_source source;
		int line; /* with SETTINGS_FROM_FILE */
		/* first line of the file with another value, which a flag or a variable overrides;
		 * 0: none */
		int hidden_line;
	} origins[SETTINGS_ROWS];
};

/*
 * Reads everything; opens no file except that of `--config`. argv and envp end with NULL. Returns
 * EXIT_PASS; EXIT_USAGE: a flag, or its value, is wrong; EXIT_CONFIG: environment or file are
 * wrong, or settings contradict each other; EXIT_FAILED: out of memory. On failure `why` has one
 * line for people and *ret_settings is NULL.
 */
int settings_load(int argc, char *const argv[], char *const envp[], struct settings **ret_settings,
		  char why[static SETTINGS_WHY_CHARS]);
void settings_free(struct settings *s); /* NULL is allowed */

/* For commands that read no settings: whether each variable of envp that looks like a setting is
 * one. EXIT_PASS, or EXIT_CONFIG and a line in `why`. Does not check values. */
int settings_env_check(char *const envp[], char why[static SETTINGS_WHY_CHARS]);

/* Like settings_load(), with the text of a file instead of --config; `name` is for messages. For
 * tests and fuzzers. */
int settings_load_text(const char *name, const char *text, size_t len,
		       struct settings **ret_settings, char why[static SETTINGS_WHY_CHARS]);

/* Performs --help, --version, --print-config and --print-reference. false: s->action is none of
 * these, and nothing was written. */
bool settings_show(const struct settings *s, FILE *out);

#endif
