/*
 * receiver_quarantine.c - see receiver_quarantine.h. Owner: the receiver's thread; keeps no file
 * open.
 */
#include "persist/receiver/receiver_quarantine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define NAME_BYTES 64
#define LINE_BYTES 256

static size_t line_make(char out[static LINE_BYTES], uint64_t lsn, const struct record_placement *p)
{
	int len = snprintf(out, LINE_BYTES, "%" PRIu64 ",%u,%" PRIu32 ",%" PRIu64 ",%" PRIu64 ",",
			   lsn, p->board, p->epoch, p->seq, p->placed_at_ms);

	for (int i = 0; i < USER_BYTES; i++)
		len += snprintf(out + len, LINE_BYTES - (size_t)len, "%02x", p->user[i]);
	len += snprintf(out + len, LINE_BYTES - (size_t)len, ",%u,%u,%u,%" PRIu64 "\n", p->x, p->y,
			p->color, p->request);
	return (size_t)len;
}

int receiver_quarantine(struct disk *disk, const char *receiver, uint64_t lsn,
			const struct record *record)
{
	char line[LINE_BYTES];
	char name[NAME_BYTES];
	int64_t bytes;
	int rc, fd;

	if (record->type != RECORD_PLACEMENT)
		return -EINVAL;
	snprintf(name, sizeof(name), "quarantine-%s.csv", receiver);
	fd = disk_file_create(disk, name);
	if (fd == -EEXIST)
		fd = disk_file_open(disk, name, 1);
	if (fd < 0)
		return fd;
	bytes = disk_file_bytes(disk, fd);
	rc = bytes < 0 ? (int)bytes : 0;
	if (rc == 0)
		rc = disk_write(disk, fd, line, line_make(line, lsn, &record->placement),
				(uint64_t)bytes);
	if (rc == 0)
		rc = disk_sync(disk, fd);
	disk_file_close(disk, fd);
	return rc == 0 ? disk_sync_dir(disk) : rc;
}
