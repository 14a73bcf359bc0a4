/*
 * receiver_quarantine.c - see receiver_quarantine.h. Owner: the receiver's thread; keeps no file
 * open.
 */
#include "persist/receiver/receiver_quarantine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "engine/base/text_out.h"

#define NAME_BYTES 64
#define LINE_BYTES 256

static size_t line_make(char out[static LINE_BYTES], uint64_t lsn, const struct record_placement *p)
{
	struct text_out t = text_out_of(out, LINE_BYTES);

	text_print(&t, "%" PRIu64 ",%u,%" PRIu32 ",%" PRIu64 ",%" PRIu64 ",", lsn, p->board,
		   p->epoch, p->seq, p->placed_at_ms);
	text_put_hex(&t, p->user, USER_BYTES);
	text_print(&t, ",%u,%u,%u,%" PRIu64 "\n", p->x, p->y, p->color, p->request);
	px_assert(!t.bad);
	return text_len(&t);
}

/* A crash may have left a part of a line at the end: the next one does not go on in it. */
static int line_append(struct disk *disk, int fd, const char *line, size_t len)
{
	int64_t bytes = disk_file_bytes(disk, fd);
	char last = '\n';
	int rc = bytes < 0 ? (int)bytes : 0;

	if (bytes > 0)
		rc = disk_read(disk, fd, &last, 1, (uint64_t)bytes - 1);
	if (rc >= 0 && last != '\n')
		rc = disk_write(disk, fd, "\n", 1, (uint64_t)bytes++);
	if (rc >= 0)
		rc = disk_write(disk, fd, line, len, (uint64_t)bytes);
	return rc < 0 ? rc : disk_sync(disk, fd);
}

int receiver_quarantine(struct disk *disk, const char *receiver, uint64_t lsn,
			const struct record *record)
{
	char line[LINE_BYTES];
	char name[NAME_BYTES];
	int rc, fd;

	if (record->type != RECORD_PLACEMENT)
		return -EINVAL;
	snprintf(name, sizeof(name), "quarantine-%s.csv", receiver);
	fd = disk_file_create(disk, name);
	if (fd == -EEXIST)
		fd = disk_file_open(disk, name, 1);
	if (fd < 0)
		return fd;
	rc = line_append(disk, fd, line, line_make(line, lsn, &record->placement));
	disk_file_close(disk, fd);
	return rc == 0 ? disk_sync_dir(disk) : rc;
}
