/*
 * data_dir.h - the data directory before anything runs on it: what is there, and whether the
 * settings may begin.
 *
 * Main thread, at start, and for --check-config. Everything gives EXIT_PASS, or what to end with
 * and a sentence in `why`.
 */
#ifndef PX_SERVER_DATA_DIR_H
#define PX_SERVER_DATA_DIR_H

#include "persist/disk/disk.h"
#include "server/settings/settings.h"

#define DATA_DIR_WHY_CHARS  1200
#define DATA_DIR_PATH_CHARS 4400

/* The whole path, also of a directory that is not there. */
void data_dir_path(const char *data, char out[static DATA_DIR_PATH_CHARS]);

/* For reading; NULL: there is none, and a start would make it. */
int data_dir_look(const struct settings *s, struct disk **ret_disk,
		  char why[static DATA_DIR_WHY_CHARS]);

/* Whether a journal or a snapshot is in it; NULL: no. */
bool data_dir_is_new(struct disk *disk);

/* -EBUSY: a server, or an import, holds its lock; 0: nobody; another -errno: that cannot be known.
 * Nothing is made: one without the file of the lock has nobody. */
int data_dir_use(struct disk *disk);

/* Makes it when it is missing, and takes its lock. One without a journal is told to the log before
 * anything is made: whoever mistyped --data sees it. */
int data_dir_open(const struct settings *s, struct disk **ret_disk,
		  char why[static DATA_DIR_WHY_CHARS]);

/* None of the boards that are served may be half an import. */
int data_dir_imports_check(const struct settings *s, struct disk *disk,
			   char why[static DATA_DIR_WHY_CHARS]);

#endif
