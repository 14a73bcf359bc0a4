/*
 * recover_end.c - where the journal ends: torn tail or damage, and securing what is good.
 *
 * Owner   the recovering thread. Memory: one segment after the end at a time.
 *
 * The rule: what a header that is valid in itself calls durable counts as acknowledged.
 */
#include "persist/recover/recover_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"

int recover_refuse(struct recovery *r, int error, const char *format, ...)
{
	va_list args;

	px_assert(error != 0); /* what is refused must not pass */
	va_start(args, format);
	vsnprintf(r->why, RECOVER_WHY_BYTES, format, args);
	va_end(args);
	return error;
}

int recover_refuse_disk(struct recovery *r, const char *name, int error)
{
	return recover_refuse(r, error, "%s/%s: %s.", disk_path(r->disk), name, strerror(-error));
}

/* What can be done about record `lsn` not being there. */
static void remedy(const struct recovery *r, uint64_t lsn, char *out, size_t out_bytes)
{
	const char *dir = disk_path(r->disk);

	if (lsn <= r->snapshot.lsn)
		snprintf(out, out_bytes,
			 "The boards do not need it, the snapshot of record %" PRIu64
			 " is newer: without a copy, move this and all older segments out of %s, "
			 "and "
			 "the history in them is lost. Nothing was changed",
			 r->snapshot.lsn, dir);
	else
		snprintf(out, out_bytes,
			 "Or accept the loss of everything from record %" PRIu64
			 " on: `pixeld journal cut %s %" PRIu64 "`. Nothing was changed",
			 lsn, dir, lsn);
}

static int damage_claimed(struct recovery *r, uint64_t lsn, uint32_t segment, uint64_t offset,
			  uint64_t durable_lsn)
{
	char what[RECOVER_WHY_BYTES / 2];
	char name[JOURNAL_NAME_BYTES];
	const char *file = r->entry == NULL ? "" : r->name;

	px_assert(durable_lsn >= lsn); /* else nobody was told of it */
	journal_segment_name(name, segment);
	remedy(r, lsn, what, sizeof(what));
	return recover_refuse(
		r, -EBADMSG,
		"%s/%s, offset %zu: record %" PRIu64
		" and what follows it is damaged or missing, but %s, offset %" PRIu64
		", says that records up to %" PRIu64
		" were safely on disk: they were acknowledged. Restore the journal's files from a "
		"copy. %s.",
		disk_path(r->disk), file, r->reader.offset, lsn, name, offset, durable_lsn, what);
}

/* A segment is made in its full size before anything is written to it. */
static int damage_short(struct recovery *r, const char *name, size_t len, uint64_t lsn)
{
	char what[RECOVER_WHY_BYTES / 2];

	remedy(r, lsn, what, sizeof(what));
	return recover_refuse(r, -EBADMSG,
			      "%s/%s has only %zu bytes, fewer than it was made with: it was "
			      "truncated, and records from %" PRIu64
			      " on may be missing. Restore the file from a copy. %s.",
			      disk_path(r->disk), name, len, lsn, what);
}

static size_t nonzero_end(const uint8_t *bytes, size_t from, size_t len)
{
	while (len > from && bytes[len - 1] == 0)
		len--;
	return len;
}

/* Bytes that stand behind the good end of what counts: a torn tail, for the report. */
static void torn_note(struct recovery *r, const char *name, size_t from, size_t end)
{
	struct recover_result *result = r->result;

	px_assert(result->torn == (result->torn_bytes > 0)); /* the first place counts */
	if (end <= from)
		return;
	result->torn_bytes += end - from;
	if (result->torn)
		return;
	result->torn = true;
	result->torn_offset = from;
	memcpy(result->torn_file, name, strlen(name) + 1);
}

/* Looks at a segment behind the end. Removes it when it was never used. */
static int later_judge(struct recovery *r, const struct segment_entry *e, uint64_t lsn)
{
	char name[JOURNAL_NAME_BYTES];
	struct journal_claim claim;
	uint8_t *bytes;
	size_t end;
	size_t len;
	int rc;

	px_assert(r->entry == NULL || e->number > r->entry->number);
	journal_segment_name(name, e->number);
	if (e->verdict == SEGMENT_GOOD && e->header.durable_lsn >= lsn)
		return damage_claimed(r, lsn, e->number, 0, e->header.durable_lsn);
	rc = segment_load(r->disk, e->number, &bytes, &len);
	if (rc < 0)
		return recover_refuse_disk(r, name, rc);
	if (journal_claim_find(bytes, len, 0, r->result->start.journal_id, e->number, lsn, &claim))
		rc = damage_claimed(r, lsn, e->number, claim.offset, claim.durable_lsn);
	end = nonzero_end(bytes, 0, len);
	torn_note(r, name, 0, end);
	free(bytes);
	if (rc == 0 && end > 0 && len < SEGMENT_HEADER_BYTES)
		rc = damage_short(r, name, len, lsn);
	if (rc == 0 && end == 0 && !r->options->read_only)
		disk_unlink(r->disk, name);
	return rc;
}

static int damage_front(struct recovery *r, const char *name, size_t offset, const char *what)
{
	return recover_refuse(
		r, -EBADMSG,
		"%s/%s, offset %zu: %s: its records were acknowledged. Restore the "
		"file from a copy. The boards do not need it, the snapshot of record %" PRIu64
		" is newer: without a copy, move the file out of %s, and the history in it is "
		"lost. Nothing was changed.",
		disk_path(r->disk), name, offset, what, r->snapshot.lsn, disk_path(r->disk));
}

/* Segment `e`, whose header is damaged, stands in front of everything that is read, which begins
 * with `lsn`. A first write that was torn leaves such a file; but that has its whole size, and
 * claims nothing else than what it continued. */
static int front_judge(struct recovery *r, const struct segment_entry *e, uint64_t lsn)
{
	char name[JOURNAL_NAME_BYTES];
	struct journal_claim claim;
	uint8_t *bytes;
	size_t len;
	int rc;

	px_assert(e->verdict == SEGMENT_BAD); /* a good one is read, or overruled */
	journal_segment_name(name, e->number);
	rc = segment_load(r->disk, e->number, &bytes, &len);
	if (rc < 0)
		return recover_refuse_disk(r, name, rc);
	if (len < SEGMENT_HEADER_BYTES)
		rc = damage_front(r, name, len, "the file was cut inside its header");
	else if (journal_claim_find(bytes, len, 0, r->result->start.journal_id, e->number, 0,
				    &claim) &&
		 claim.durable_lsn + 1 < lsn)
		rc = damage_front(r, name, 0, "the header is damaged, and batches follow it");
	free(bytes);
	return rc;
}

int recover_front_judge(struct recovery *r, size_t count, uint64_t lsn)
{
	int rc = 0;

	px_assert(r->entry == NULL && count <= r->list.count); /* nothing was read yet */
	for (size_t i = 0; rc == 0 && i < count; i++)
		if (r->list.entries[i].verdict == SEGMENT_BAD)
			rc = front_judge(r, &r->list.entries[i], lsn);
	return rc;
}

/* Record `lsn` is not there. Was somebody told about it? `later`: index of the segments behind. */
int recover_end_judge(struct recovery *r, size_t later, uint64_t lsn)
{
	struct segment_reader *reader = &r->reader;
	struct journal_claim claim;
	int rc = 0;

	px_assert(lsn == (r->entry != NULL ? reader->next_lsn : r->snapshot.lsn + 1));
	px_assert(later <= r->list.count);
	if (r->entry != NULL && !reader->closed) {
		if (journal_claim_find(r->bytes, r->len, reader->offset, reader->journal_id,
				       reader->segment, lsn, &claim))
			return damage_claimed(r, lsn, reader->segment, claim.offset,
					      claim.durable_lsn);
		torn_note(r, r->name, reader->offset,
			  nonzero_end(r->bytes, reader->offset, r->len));
	}
	for (size_t i = later; rc == 0 && i < r->list.count; i++)
		rc = later_judge(r, &r->list.entries[i], lsn);
	if (rc < 0 || r->entry == NULL || reader->closed ||
	    r->len >= r->entry->header.segment_bytes)
		return rc;
	return damage_short(r, r->name, r->len, lsn);
}

/* Where the bytes begin that no header vouches for: at the latest the last batch. */
static size_t unvouched_offset(const struct recovery *r)
{
	struct segment_reader again;
	struct batch batch;
	size_t from = 0;

	segment_reader_init(&again, &r->entry->header, r->bytes, r->reader.offset);
	while (segment_reader_next(&again, &batch)) {
		from = batch.offset;
		if (again.next_lsn - 1 > r->declared_lsn)
			break;
	}
	px_assert(from <= r->reader.offset); /* the good part, read once more */
	return from == SEGMENT_HEADER_BYTES ? 0 : from;
}

int recover_end_secure(struct recovery *r)
{
	size_t from;
	int fd;
	int rc;

	px_assert(!r->options->read_only);
	if (r->entry == NULL)
		return 0;
	from = unvouched_offset(r);
	fd = disk_file_open(r->disk, r->name, 1);
	if (fd < 0)
		return recover_refuse_disk(r, r->name, fd);
	rc = disk_write(r->disk, fd, r->bytes + from, r->reader.offset - from, from);
	if (rc == 0)
		rc = disk_sync(r->disk, fd);
	disk_file_close(r->disk, fd);
	if (rc == 0)
		rc = disk_sync_dir(r->disk);
	return rc < 0 ? recover_refuse_disk(r, r->name, rc) : 0;
}
