/*
 * data_dir.h - the data directory before anything runs on it: its content, and whether the settings
 * allow a start.
 *
 * Main thread, at start, and for --check-config. Functions that return an exit code return
 * EXIT_PASS, or the code to exit with and a sentence in `why`.
 */
#ifndef PX_SERVER_DATA_DIR_H
#define PX_SERVER_DATA_DIR_H

#include "persist/disk/disk.h"
#include "server/settings/settings.h"

#define DATA_DIR_WHY_CHARS  1200
#define DATA_DIR_PATH_CHARS 4400

/* The absolute path, even if the directory does not exist. */
void data_dir_path(const char *data, char out[static DATA_DIR_PATH_CHARS]);

/* Opens it for reading; NULL: it does not exist, and a start would create it. */
int data_dir_look(const struct settings *s, struct disk **ret_disk,
		  char why[static DATA_DIR_WHY_CHARS]);

/* Whether it has neither a journal nor a snapshot. disk NULL: true. */
bool data_dir_is_new(struct disk *disk);

/* -EBUSY: a server, or an import, holds its lock; 0: nobody does; another -errno: unknown. Creates
 * nothing: without a lock file nobody holds the lock. */
int data_dir_use(struct disk *disk);

/* Creates it if necessary, and takes its lock. A directory without a journal is logged before
 * anything is created, so that a mistyped --data shows. */
int data_dir_open(const struct settings *s, struct disk **ret_disk,
		  char why[static DATA_DIR_WHY_CHARS]);

/* Checks that none of the boards to be served is half an import. */
int data_dir_imports_check(const struct settings *s, struct disk *disk,
			   char why[static DATA_DIR_WHY_CHARS]);

#endif
