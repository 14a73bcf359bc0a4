/*
 * settings_compare.h - running settings compared with settings that were read again: what differs,
 * and what a running server takes over.
 *
 * Taken over are the rows of settings.def with RELOAD, and palette, frozen and cooldown-ms of each
 * board. Everything else needs a restart. Pure, any thread.
 */
#ifndef PX_SETTINGS_SETTINGS_COMPARE_H
#define PX_SETTINGS_SETTINGS_COMPARE_H

#include "server/settings/settings.h"

enum settings_change_kind {
	SETTINGS_TAKEN,         /* the new value applies */
	SETTINGS_NEEDS_RESTART, /* the old value stays */
	SETTINGS_HIDDEN,        /* the file has another value; a flag or a variable overrides it */
};

struct settings_change {
	enum settings_change_kind kind;
	const char *name;  /* of the setting, or of a member of a board */
	const char *board; /* name of the board; NULL: it is a setting */
	int color;         /* its number in the palette; -1: not about a color */
	/* In the form that a file has, secrets hidden; empty: there is none, for example for a new
	 * color in a palette. SETTINGS_HIDDEN: both are the overriding value. */
	const char *was, *is;
	enum settings_source source; /* of `is` */
	int line;                    /* line of the file with it; 0: it is not in the file */
};

typedef void settings_change_found(void *arg, const struct settings_change *change);

/* Calls found() for each difference: settings in the order of the table, each entry of a list by
 * itself; then boards, each color by itself. The change is valid during the call. */
void settings_compare(const struct settings *running, const struct settings *read,
		      settings_change_found *found, void *arg);

/* The settings from now on: `running` with everything that is taken over from `read`. The caller
 * frees them with settings_free(). NULL and one line in `why`: the combination is not valid. */
struct settings *settings_take(const struct settings *running, const struct settings *read,
			       char why[static SETTINGS_WHY_CHARS]);

#endif
