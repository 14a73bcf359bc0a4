/*
 * segment_list.c - see segment_list.h.
 *
 * A later segment that begins with lsn F overrides everything from F on in all earlier ones: they
 * were abandoned there, after a torn tail or a failed write. So, walking backwards, the limit of a
 * segment is the lowest first lsn of those after it, and one that begins at or above its limit does
 * not count.
 */
#include "persist/format/segment_list.h"

#include <errno.h>
#include <stdlib.h>

#define LOAD_STEP_BYTES (16u << 20)

struct collector {
	struct segment_list list;
	size_t room;
	uint32_t above;
};

static int collect(void *arg, const char *name)
{
	struct collector *c = arg;
	uint32_t number = journal_segment_number(name);

	if (number <= c->above)
		return 0;
	if (c->list.count == c->room) {
		size_t room = c->room == 0 ? 64 : 2 * c->room;
		void *more = realloc(c->list.entries, room * sizeof(*c->list.entries));

		if (more == NULL)
			return -ENOMEM;
		c->list.entries = more;
		c->room = room;
	}
	c->list.entries[c->list.count++] = (struct segment_entry){.number = number};
	return 0;
}

static int by_number(const void *a, const void *b)
{
	uint32_t na = ((const struct segment_entry *)a)->number;
	uint32_t nb = ((const struct segment_entry *)b)->number;

	return na < nb ? -1 : na > nb;
}

static int entry_read(struct disk *disk, struct segment_entry *e)
{
	uint8_t head[SEGMENT_HEADER_BYTES];
	char name[JOURNAL_NAME_BYTES];
	int64_t bytes;
	int fd;
	int len;

	journal_segment_name(name, e->number);
	fd = disk_file_open(disk, name, 0);
	if (fd < 0)
		return fd;
	bytes = disk_file_bytes(disk, fd);
	len = bytes < 0 ? (int)bytes : disk_read(disk, fd, head, sizeof(head), 0);
	disk_file_close(disk, fd);
	if (len < 0)
		return len;
	e->bytes = (uint64_t)bytes;
	e->verdict = segment_header_get(head, (size_t)len, &e->header, &e->version);
	return 0;
}

static void limits_set(struct segment_list *list)
{
	uint64_t limit = UINT64_MAX;

	for (size_t i = list->count; i-- > 0;) {
		struct segment_entry *e = &list->entries[i];

		e->limit_lsn = limit;
		if (e->verdict != SEGMENT_GOOD)
			continue;
		e->live = e->header.first_lsn < limit;
		if (e->live)
			limit = e->header.first_lsn;
	}
}

int segment_list_read(struct disk *disk, struct segment_list *ret_list)
{
	return segment_list_read_above(disk, 0, ret_list);
}

int segment_list_read_above(struct disk *disk, uint32_t number, struct segment_list *ret_list)
{
	struct collector c = {.above = number};
	int rc = disk_list(disk, collect, &c);
	size_t kept = 0;

	if (rc == 0 && c.list.count > 0)
		qsort(c.list.entries, c.list.count, sizeof(*c.list.entries), by_number);
	for (size_t i = 0; rc == 0 && i < c.list.count; i++) {
		rc = entry_read(disk, &c.list.entries[i]);
		if (rc == 0)
			c.list.entries[kept++] = c.list.entries[i];
		else if (rc == -ENOENT)
			rc = 0; /* removed by a running server while a tool looks */
		else
			c.list.failed = c.list.entries[i].number;
	}
	if (rc < 0) {
		free(c.list.entries);
		ret_list->failed = c.list.failed;
		return rc;
	}
	c.list.count = kept;
	limits_set(&c.list);
	*ret_list = c.list;
	return 0;
}

void segment_list_free(struct segment_list *list)
{
	free(list->entries);
	*list = (struct segment_list){.count = 0};
}

size_t segment_list_live(const struct segment_list *list, size_t i)
{
	while (i < list->count && !list->entries[i].live)
		i++;
	return i;
}

static int load(struct disk *disk, int fd, uint8_t **ret_bytes, size_t *ret_len)
{
	int64_t size = disk_file_bytes(disk, fd);
	size_t len = 0;
	uint8_t *bytes;

	if (size < 0)
		return (int)size;
	bytes = malloc((size_t)size + 1);
	if (bytes == NULL)
		return -ENOMEM;
	while (len < (size_t)size) {
		size_t step = (size_t)size - len;
		int rc = disk_read(disk, fd, bytes + len,
				   step < LOAD_STEP_BYTES ? step : LOAD_STEP_BYTES, len);

		if (rc < 0) {
			free(bytes);
			return rc;
		}
		if (rc == 0)
			break;
		len += (size_t)rc;
	}
	*ret_bytes = bytes;
	*ret_len = len;
	return 0;
}

int segment_load(struct disk *disk, uint32_t number, uint8_t **ret_bytes, size_t *ret_len)
{
	char name[JOURNAL_NAME_BYTES];
	int fd;
	int rc;

	journal_segment_name(name, number);
	fd = disk_file_open(disk, name, 0);
	if (fd < 0)
		return fd;
	rc = load(disk, fd, ret_bytes, ret_len);
	disk_file_close(disk, fd);
	return rc;
}
