/* import_mark.c - see import_mark.h. */
#include "server/import_mark.h"

#include <errno.h>
#include <stdio.h>

void import_mark_name(char out[static IMPORT_MARK_BYTES], const char *board)
{
	snprintf(out, IMPORT_MARK_BYTES, "import-%.*s.unfinished", BOARD_NAME_BYTES_MAX, board);
}

int import_mark_set(struct disk *disk, const char *board)
{
	char name[IMPORT_MARK_BYTES];
	int fd;

	import_mark_name(name, board);
	fd = disk_file_create(disk, name);
	if (fd < 0 && fd != -EEXIST)
		return fd;
	if (fd >= 0)
		disk_file_close(disk, fd);
	return disk_sync_dir(disk);
}

int import_mark_clear(struct disk *disk, const char *board)
{
	char name[IMPORT_MARK_BYTES];
	int rc;

	import_mark_name(name, board);
	rc = disk_unlink(disk, name);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	return disk_sync_dir(disk);
}

int import_mark_look(struct disk *disk, const char *board)
{
	char name[IMPORT_MARK_BYTES];
	int fd;

	import_mark_name(name, board);
	fd = disk_file_open(disk, name, 0);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	disk_file_close(disk, fd);
	return 1;
}
