/*
 * journal_reader.c - see journal_reader.h.
 *
 * Owner   one receiver's thread. Memory: a window on one segment, as large as its largest batch.
 *
 *	seek ──▶ enter(segment) ──▶ window ──▶ batch ... ──▶ the next segment overrides ──▶ enter
 *
 * Anything after the end of an abandoned segment must never be taken, even if its checksums are
 * right: so before it looks for a batch, the reader checks whether a later segment begins with that
 * record. The order matters: the writer publishes a record as durable after the header of its
 * segment was synced; a reader that has seen the former finds the latter.
 */
#include "persist/journal/journal_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "persist/format/record.h"
#include "persist/format/segment_list.h"
#include "persist/journal/journal.h"

#define WINDOW_BYTES (2u << 20) /* at first: it grows to the largest batch */

_Static_assert(2 * WINDOW_BYTES >= JOURNAL_BATCH_BYTES_DEFAULT + BATCH_HEADER_BYTES,
	       "grown once it holds any batch of the default size");

struct journal_reader {
	struct disk *disk;
	struct segment_header header; /* of the segment that is read */
	struct segment_header next;   /* of the one behind it; segment 0: none is known yet */
	struct segment_reader batches;
	uint8_t *window;
	size_t window_bytes;
	uint64_t window_offset; /* in the segment */
	uint64_t wanted;        /* records before it are passed over */
	uint64_t looked_lsn;    /* durable_lsn when `next` was looked for last */
	int fd;                 /* of the segment; -1: none */
	bool restarted;         /* no batch of a segment that begins anew was read yet */
	char why[JOURNAL_READER_WHY_BYTES];
};

int journal_reader_new(struct disk *disk, struct journal_reader **ret_reader)
{
	struct journal_reader *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	r->disk = disk;
	r->fd = -1;
	r->window_bytes = WINDOW_BYTES;
	r->window = malloc(r->window_bytes);
	if (r->window == NULL) {
		free(r);
		return -ENOMEM;
	}
	*ret_reader = r;
	return 0;
}

static void leave(struct journal_reader *r)
{
	if (r->fd >= 0)
		disk_file_close(r->disk, r->fd);
	r->fd = -1;
}

void journal_reader_free(struct journal_reader *r)
{
	if (r == NULL)
		return;
	leave(r);
	free(r->window);
	free(r);
}

int journal_reader_oldest(struct journal_reader *r, uint64_t *ret_lsn)
{
	struct segment_list list;
	int rc = segment_list_read(r->disk, &list);
	size_t first;

	if (rc < 0)
		return rc;
	first = segment_list_live(&list, 0);
	*ret_lsn = first < list.count ? list.entries[first].header.first_lsn : 0;
	segment_list_free(&list);
	return 0;
}

/* --- segments --------------------------------------------------------------------------------- */

static int enter(struct journal_reader *r, const struct segment_header *h)
{
	char name[JOURNAL_NAME_BYTES];
	int fd;

	px_assert(h->segment != 0); /* what says that no next one is known */
	journal_segment_name(name, h->segment);
	fd = disk_file_open(r->disk, name, 0);
	if (fd < 0)
		return fd == -ENOENT ? -ENODATA : fd; /* removed since it was listed */
	leave(r);
	r->fd = fd;
	r->header = *h;
	r->next.segment = 0;
	r->looked_lsn = 0;
	segment_reader_init(&r->batches, &r->header, r->window, 0);
	r->window_offset = SEGMENT_HEADER_BYTES;
	r->batches.offset = 0;
	r->restarted = (h->flags & SEGMENT_RESTART) != 0;
	return 0;
}

/* The live segment that follows, when there is one. Its first record never changes any more: what
 * overrules it begins there or later. */
static int next_look(struct journal_reader *r, uint64_t durable_lsn)
{
	struct segment_list list;
	size_t i;
	int rc;

	px_assert(r->fd >= 0);
	if (r->next.segment != 0 || r->looked_lsn == durable_lsn)
		return 0;
	rc = segment_list_read_above(r->disk, r->header.segment, &list);
	if (rc < 0)
		return rc;
	i = segment_list_live(&list, 0);
	if (i < list.count)
		r->next = list.entries[i].header;
	r->looked_lsn = durable_lsn;
	segment_list_free(&list);
	return 0;
}

/* 1: stands in the next segment; -ENODATA, -EBADMSG. */
static int next_enter(struct journal_reader *r)
{
	enum segment_seam seam = segment_seam(&r->next, r->batches.next_lsn, r->batches.chain);
	int rc;

	px_assert(r->next.segment > r->header.segment); /* a number is used once */
	px_assert(r->fd >= 0);                          /* else there is no chain to compare */
	if (seam == SEAM_LACKS || seam == SEAM_DIFFERS)
		return seam == SEAM_LACKS ? -ENODATA : -EBADMSG;
	rc = enter(r, &r->next);
	return rc < 0 ? rc : 1;
}

int journal_reader_seek(struct journal_reader *r, uint64_t lsn)
{
	struct segment_list list;
	const struct segment_entry *found = NULL;
	int rc = segment_list_read(r->disk, &list);
	size_t i = 0;

	if (rc < 0)
		return rc;
	rc = -ENOENT;
	for (; (i = segment_list_live(&list, i)) < list.count; i++) {
		rc = -ENODATA;
		if (list.entries[i].header.first_lsn <= lsn)
			found = &list.entries[i];
	}
	if (found != NULL)
		rc = enter(r, &found->header);
	segment_list_free(&list);
	r->wanted = lsn;
	return rc;
}

/* --- batches ---------------------------------------------------------------------------------- */

/* Reads on from the batch that is due. */
static int window_fill(struct journal_reader *r)
{
	bool too_small = r->batches.offset == 0 && r->batches.len == r->window_bytes;
	int len;

	px_assert(r->fd >= 0);
	px_assert(r->batches.offset <= r->batches.len); /* whole batches are taken, or none */
	r->window_offset += r->batches.offset;
	r->batches.offset = 0;
	r->batches.len = 0;
	if (too_small && r->window_bytes < r->header.segment_bytes) {
		uint8_t *more = realloc(r->window, 2 * r->window_bytes);

		if (more == NULL)
			return -ENOMEM;
		r->window = more;
		r->window_bytes *= 2;
	}
	r->batches.bytes = r->window;
	len = disk_read(r->disk, r->fd, r->window, r->window_bytes, r->window_offset);
	if (len < 0)
		return len;
	r->batches.len = (size_t)len;
	return 0;
}

/* 1 and a batch; 0: none is there. What was read ahead of its time is read once more. */
static int batch_read(struct journal_reader *r, struct batch *ret_batch)
{
	size_t tried_bytes = 0;

	while (!segment_reader_next(&r->batches, ret_batch)) {
		int rc;

		if (r->batches.closed ||
		    (tried_bytes == r->window_bytes && r->batches.len < r->window_bytes))
			return 0;
		if (tried_bytes >= r->header.segment_bytes)
			return 0;
		rc = window_fill(r);
		if (rc < 0)
			return rc;
		tried_bytes = r->window_bytes;
	}
	return 1;
}

/* Leaves out what lies before the record that is wanted. false: nothing is left. */
static bool piece_make(struct journal_reader *r, const struct batch *b, struct journal_piece *piece)
{
	*piece = (struct journal_piece){
		.records = b->records,
		.first_lsn = b->header.first_lsn,
		.last_lsn = b->header.first_lsn + b->header.records - 1,
		.chain_before = r->restarted ? 0 : b->header.chain,
		.chain_after = r->batches.chain,
	};
	px_assert(piece->last_lsn + 1 == r->batches.next_lsn);
	r->restarted = false;
	if (b->header.records == 0 || piece->last_lsn < r->wanted)
		return false;
	while (piece->first_lsn < r->wanted) {
		struct record passed;

		if (record_get(&piece->records, &passed) < 0)
			break; /* the receiver will see it */
		piece->first_lsn++;
		piece->chain_before = 0;
		piece->is_partial = true;
	}
	px_assert(piece->first_lsn <= piece->last_lsn); /* what is wanted is in it */
	return true;
}

/* A record that is durable is not in this segment. */
static int not_there(const struct journal_reader *r)
{
	if (r->next.segment == 0)
		return 0;
	return r->next.segment == r->header.segment + 1 ? -EBADMSG : -ENODATA;
}

int journal_reader_next(struct journal_reader *r, uint64_t durable_lsn,
			struct journal_piece *ret_piece)
{
	struct batch batch;
	int rc;

	if (r->fd < 0)
		return -ENOENT;
	while (r->batches.next_lsn <= durable_lsn) {
		rc = next_look(r, durable_lsn);
		if (rc < 0)
			return rc;
		if (r->next.segment != 0 && r->next.first_lsn <= r->batches.next_lsn) {
			rc = next_enter(r);
			if (rc < 0)
				return rc;
			continue;
		}
		rc = batch_read(r, &batch);
		if (rc < 0)
			return rc;
		if (rc == 0 && r->next.segment != 0 && (r->next.flags & SEGMENT_RESTART) != 0)
			rc = next_enter(r);
		else if (rc == 0)
			return not_there(r);
		else if (piece_make(r, &batch, ret_piece))
			return 1;
		if (rc < 0)
			return rc;
	}
	return 0;
}

int journal_reader_chain(struct journal_reader *r, uint64_t lsn, uint64_t *ret_chain)
{
	struct journal_piece piece = {.first_lsn = 0};
	int rc = lsn == 0 ? -ENODATA : journal_reader_seek(r, lsn);

	if (rc == 0)
		rc = journal_reader_next(r, lsn, &piece);
	if (rc < 0 && rc != -ENODATA && rc != -ENOENT)
		return rc;
	*ret_chain = rc == 1 && piece.last_lsn == lsn ? piece.chain_after : 0;
	return 0;
}

const char *journal_reader_why(struct journal_reader *r)
{
	char name[JOURNAL_NAME_BYTES];

	journal_segment_name(name, r->header.segment);
	snprintf(r->why, sizeof(r->why),
		 "%s/%s, offset %" PRIu64 ": record %" PRIu64 " is missing or damaged",
		 disk_path(r->disk), name, r->window_offset + r->batches.offset,
		 r->batches.next_lsn);
	return r->why;
}
