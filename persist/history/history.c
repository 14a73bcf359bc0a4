/*
 * history.c - see history.h.
 *
 * Owner   its caller's thread. Memory: one window of HISTORY_STEP_BYTES and the list of segments.
 *
 *	look ──▶ step: the segment that holds next_lsn ──▶ one window of it ──▶ records
 *	           │ its valid part ended                    └──▶ the same file, further on
 *	           └──▶ the next live segment; what lies between is a gap
 *
 * A file that no longer exists when it is opened was the oldest: retention removed it. Then the
 * directory is read again, and what was removed is a gap before what is left.
 */
#include "persist/history/history.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/assert.h"

#include "persist/format/segment_list.h"

struct history {
	struct disk *disk;
	struct segment_list list;
	uint8_t *window;
	uint64_t upto_lsn;
	uint64_t declared_lsn; /* of the headers that were seen */
};

_Static_assert(HISTORY_STEP_BYTES == 4 << 20, "docs/architecture.md and README.md");

int history_new(struct disk *disk, struct history **ret_history)
{
	struct history *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return -ENOMEM;
	h->disk = disk;
	h->window = malloc(HISTORY_STEP_BYTES);
	if (h->window == NULL) {
		free(h);
		return -ENOMEM;
	}
	*ret_history = h;
	return 0;
}

void history_free(struct history *h)
{
	if (h == NULL)
		return;
	segment_list_free(&h->list);
	free(h->window);
	free(h);
}

int history_look(struct history *h, uint64_t upto_lsn)
{
	struct segment_list list;
	int rc = segment_list_read(h->disk, &list);

	if (rc < 0)
		return rc;
	segment_list_free(&h->list);
	h->list = list;
	h->upto_lsn = upto_lsn;
	return 0;
}

uint64_t history_upto(const struct history *h)
{
	return h->upto_lsn;
}

struct disk *history_disk(const struct history *h)
{
	return h->disk;
}

uint64_t history_first(const struct history *h)
{
	size_t i = segment_list_live(&h->list, 0);

	if (i < h->list.count && h->list.entries[i].header.first_lsn <= h->upto_lsn)
		return h->list.entries[i].header.first_lsn;
	return h->upto_lsn == UINT64_MAX ? UINT64_MAX : h->upto_lsn + 1;
}

uint64_t history_journal_id(const struct history *h)
{
	size_t i = segment_list_live(&h->list, 0);

	return i < h->list.count ? h->list.entries[i].header.journal_id : 0;
}

/* The live segment that holds `lsn`, or the one before it; NULL: all begin later. */
static const struct segment_entry *entry_at(const struct history *h, uint64_t lsn)
{
	const struct segment_entry *found = NULL;
	size_t i = 0;

	while ((i = segment_list_live(&h->list, i)) < h->list.count) {
		if (h->list.entries[i].header.first_lsn > lsn)
			break;
		found = &h->list.entries[i++];
	}
	return found;
}

uint64_t history_part(const struct history *h, uint64_t lsn)
{
	const struct segment_entry *e = entry_at(h, lsn);

	return e != NULL ? e->header.first_lsn : 0;
}

/* --- a step --------------------------------------------------------------------------------- */

/* 1: it stands in `e`; -EBADMSG: what was read last does not lead there. */
static int cursor_enter(struct history_cursor *c, const struct segment_entry *e)
{
	px_assert(e->live); /* what is overruled never happened */
	if (c->segment != 0 && segment_seam(&e->header, c->batch_lsn, c->chain) == SEAM_DIFFERS)
		return -EBADMSG;
	c->segment = e->number;
	c->offset = SEGMENT_HEADER_BYTES;
	c->batch_lsn = e->header.first_lsn;
	c->chain = e->header.chain;
	return 1;
}

static void gap_tell(struct history *h, struct history_cursor *c,
		     const struct history_handler *handler, uint64_t end_lsn)
{
	uint64_t last = end_lsn - 1 < h->upto_lsn ? end_lsn - 1 : h->upto_lsn;

	if (c->next_lsn <= last && handler->gap != NULL)
		handler->gap(handler->arg, c->next_lsn, last);
	if (c->next_lsn <= last)
		c->next_lsn = last + 1;
}

/* Nothing follows where the cursor stands in `e` (NULL: in front of all). 1: the next one is
 * entered; 0: there is none; -EBADMSG. */
static int entry_next(struct history *h, struct history_cursor *c,
		      const struct history_handler *handler, const struct segment_entry *e)
{
	size_t i = e == NULL ? 0 : (size_t)(e - h->list.entries) + 1;

	i = segment_list_live(&h->list, i);
	if (i == h->list.count) {
		if (h->upto_lsn != UINT64_MAX)
			gap_tell(h, c, handler, h->upto_lsn + 1);
		return 0;
	}
	gap_tell(h, c, handler, h->list.entries[i].header.first_lsn);
	return cursor_enter(c, &h->list.entries[i]);
}

/* 1: the cursor stands in the segment *ret_entry; 0: there is none; -EBADMSG. */
static int entry_of(struct history *h, struct history_cursor *c,
		    const struct history_handler *handler, const struct segment_entry **ret_entry)
{
	const struct segment_entry *e = entry_at(h, c->next_lsn);
	int rc = 1;

	if (e == NULL)
		rc = entry_next(h, c, handler, NULL);
	else if (c->segment != e->number)
		rc = cursor_enter(c, e);
	*ret_entry = e != NULL ? e : entry_at(h, c->next_lsn);
	return rc;
}

static int batch_tell(struct history *h, struct history_cursor *c, const struct batch *batch,
		      uint64_t limit_lsn, const struct history_handler *handler)
{
	struct bytes in = batch->records;
	uint64_t lsn = batch->header.first_lsn;
	struct record record;

	px_assert(lsn == c->batch_lsn);
	for (uint32_t i = 0; i < batch->header.records; i++, lsn++) {
		int rc = record_get(&in, &record);

		if (rc < 0)
			return rc;
		if (lsn >= limit_lsn || lsn > h->upto_lsn)
			return 0;
		if (lsn < c->next_lsn)
			continue;
		rc = handler->record != NULL ? handler->record(handler->arg, lsn, &record) : 0;
		if (rc != 0)
			return rc;
		c->next_lsn = lsn + 1;
	}
	return 0;
}

/* 1: something was read; 0: no batch follows in this segment. */
static int window_tell(struct history *h, struct history_cursor *c, const struct segment_entry *e,
		       size_t len, const struct history_handler *handler)
{
	struct segment_reader reader = {
		.bytes = h->window,
		.len = len,
		.journal_id = e->header.journal_id,
		.next_lsn = c->batch_lsn,
		.chain = c->chain,
		.segment = e->number,
	};
	uint64_t offset = c->offset;
	struct batch batch;

	px_assert(c->segment == e->number && offset >= SEGMENT_HEADER_BYTES);
	while (reader.next_lsn < e->limit_lsn && reader.next_lsn <= h->upto_lsn &&
	       segment_reader_next(&reader, &batch)) {
		int rc;

		if (batch.header.durable_lsn > h->declared_lsn)
			h->declared_lsn = batch.header.durable_lsn;
		rc = batch_tell(h, c, &batch, e->limit_lsn, handler);
		if (rc != 0 || reader.next_lsn - 1 > h->upto_lsn)
			return rc; /* not all of it: it is begun anew */
		c->offset = offset + reader.offset;
		c->batch_lsn = reader.next_lsn;
		c->chain = reader.chain;
	}
	return c->offset > offset;
}

int history_step(struct history *h, struct history_cursor *c, const struct history_handler *handler)
{
	const struct segment_entry *e;
	char name[JOURNAL_NAME_BYTES];
	int fd, rc;

	px_assert(c->next_lsn > 0); /* counted from 1 */
	if (c->next_lsn > h->upto_lsn)
		return 0;
	rc = entry_of(h, c, handler, &e);
	if (rc <= 0 || c->next_lsn > h->upto_lsn)
		return rc < 0 ? rc : 0;
	journal_segment_name(name, e->number);
	fd = disk_file_open(h->disk, name, 0);
	if (fd == -ENOENT) {
		rc = history_look(h, h->upto_lsn);
		return rc < 0 ? rc : 1;
	}
	if (fd < 0)
		return fd;
	rc = disk_read(h->disk, fd, h->window, HISTORY_STEP_BYTES, c->offset);
	disk_file_close(h->disk, fd);
	if (rc >= 0)
		rc = window_tell(h, c, e, (size_t)rc, handler);
	if (rc != 0 || c->next_lsn > h->upto_lsn)
		return rc;
	return entry_next(h, c, handler, e);
}

int history_declared(struct history *h, uint64_t *ret_lsn)
{
	const struct history_handler nobody = {.arg = NULL};
	const struct segment_entry *e = entry_at(h, UINT64_MAX);
	struct history_cursor c;
	int rc = 1;

	h->declared_lsn = 0;
	if (e != NULL) {
		h->declared_lsn = e->header.durable_lsn;
		c = (struct history_cursor){.next_lsn = e->header.first_lsn};
		while (rc > 0)
			rc = history_step(h, &c, &nobody);
	}
	if (rc < 0)
		return rc;
	*ret_lsn = h->declared_lsn;
	return 0;
}
