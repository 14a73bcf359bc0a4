/* temp_dir.h - a directory for one test, gone at its end. */
#ifndef PX_TESTS_TEMP_DIR_H
#define PX_TESTS_TEMP_DIR_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "persist/disk/disk.h"

#define TEMP_DIR_BYTES 64

/* `name` says whose it is, should it be left over. 0 or -errno. */
static inline int temp_dir_make(char dir[static TEMP_DIR_BYTES], const char *name)
{
	snprintf(dir, TEMP_DIR_BYTES, "/tmp/pixeld-%s-XXXXXX", name);
	return mkdtemp(dir) == NULL ? -errno : 0;
}

static inline int temp_dir_remove_file(void *disk, const char *name)
{
	(void)disk_unlink(disk, name);
	return 0;
}

static inline void temp_dir_empty(struct disk *disk)
{
	(void)disk_list(disk, temp_dir_remove_file, disk);
}

/* With the files in it. 0 or -errno: something else is in it. */
static inline int temp_dir_remove(const char *dir)
{
	struct disk *disk;
	int rc = disk_open(dir, 0, 0, &disk);

	if (rc < 0)
		return rc;
	temp_dir_empty(disk);
	disk_close(disk);
	return rmdir(dir) < 0 ? -errno : 0;
}

#endif
