/*
 * settings_compare.h - settings that run, beside those that were read again: what is different, and
 * what of it a server that runs takes over.
 *
 * Rows of settings.def that say RELOAD are taken over, and palette, frozen and cooldown-ms of each
 * board. All else stays until a restart. Pure, any thread.
 */
#ifndef PX_SETTINGS_SETTINGS_COMPARE_H
#define PX_SETTINGS_SETTINGS_COMPARE_H

#include "server/settings/settings.h"

enum settings_change_kind {
	SETTINGS_TAKEN,         /* the new one holds */
	SETTINGS_NEEDS_RESTART, /* the old one stays */
	SETTINGS_HIDDEN,        /* the file says something else; a flag or a variable wins */
};

struct settings_change {
	enum settings_change_kind kind;
	const char *name;  /* of the setting, or of what a board has */
	const char *board; /* whose; NULL: it is a setting */
	int color;         /* its number in the palette; -1: it is not about one */
	/* As a file has them, secrets hidden; empty: there is none, as the new color of a palette.
	 * Hidden: both are the one that wins. */
	const char *was, *is;
	enum settings_source source; /* of `is` */
	int line;                    /* of the file, where it says so; 0: it does not */
};

typedef void settings_change_found(void *arg, const struct settings_change *change);

/* Calls found() for each difference: settings in the order of the table, one entry of a list after
 * the other; then boards, one color after the other. */
void settings_compare(const struct settings *running, const struct settings *read,
		      settings_change_found *found, void *arg);

/* What runs from now on: `running` with all that is taken of `read`. The caller's, for
 * settings_free(). NULL and one line in `why`: the two together cannot be. */
struct settings *settings_take(const struct settings *running, const struct settings *read,
			       char why[static SETTINGS_WHY_CHARS]);

#endif
