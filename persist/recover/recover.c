/*
 * recover.c - from the data directory to the boards.
 *
 * Owner   the thread that starts the server, before there is any other; or a tool.
 * Memory  one segment at a time, freed before return.
 *
 *	list ──▶ newest good snapshot ──▶ live segments in order ──▶ judge the end ──▶ secure it
 *
 * The journal ends at the first missing record. What that means depends on that record: if a header
 * that is valid in itself calls it durable, it may have been acknowledged, and recovery refuses.
 * Otherwise it never was, and the tail is cut off: not by changing it, but because the next segment
 * begins there and overrides it.
 *
 * Securing: records that no header calls durable yet may be in the page cache only, even after a
 * sync that failed in an earlier run of the server (the kernel then believes them written). They
 * are written again, the same bytes at the same offset, and synced, before anything is served from
 * them.
 */
#include "persist/recover/recover_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"

#define SNAPSHOTS_LOOKED_AT 16
#define LOOKAHEAD           16 /* records: covers the latency of memory */

__attribute__((format(printf, 2, 3))) static void report(struct recovery *r, const char *format,
							 ...)
{
	char line[RECOVER_WHY_BYTES];
	va_list args;

	if (r->handler->report == NULL)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	r->handler->report(r->handler->arg, line);
}

/* --- segments as a whole -------------------------------------------------------------------- */

static int segment_check(struct recovery *r, const struct segment_entry *e)
{
	char name[JOURNAL_NAME_BYTES];

	journal_segment_name(name, e->number);
	if (e->verdict == SEGMENT_NEWER)
		return recover_refuse(
			r, -EPROTONOSUPPORT,
			"%s/%s has format version %u, and this program reads up to version %u: "
			"start the newer program again. Nothing was changed.",
			disk_path(r->disk), name, e->version, JOURNAL_VERSION);
	if (e->number == UINT32_MAX)
		return recover_refuse(
			r, -EBADMSG,
			"%s/%s has the last number that a segment can have, and none can follow: "
			"the file was named by hand. Move it out of the directory. Nothing was "
			"changed.",
			disk_path(r->disk), name);
	if (e->verdict != SEGMENT_GOOD)
		return 0;
	if (e->header.segment != e->number)
		return recover_refuse(
			r, -EBADMSG,
			"%s/%s is segment %u by its header: the file was renamed, or written to "
			"the wrong place. Rename it back, or restore the directory from a "
			"copy. Nothing was changed.",
			disk_path(r->disk), name, e->header.segment);
	if (r->result->start.journal_id == 0)
		r->result->start.journal_id = e->header.journal_id;
	if (r->result->start.journal_id != e->header.journal_id)
		return recover_refuse(
			r, -EBADMSG,
			"%s/%s belongs to another journal than the segments before it (%016" PRIx64
			", not %016" PRIx64 "): move it out of the directory. Nothing was changed.",
			disk_path(r->disk), name, e->header.journal_id,
			r->result->start.journal_id);
	return 0;
}

static int segments_refuse(struct recovery *r, int error)
{
	char name[JOURNAL_NAME_BYTES] = "";

	if (r->list.failed != 0)
		journal_segment_name(name, r->list.failed);
	return recover_refuse(r, error,
			      "%s/%s: %s: the journal cannot be read%s. Nothing was changed.",
			      disk_path(r->disk), name, strerror(-error),
			      error == -EACCES || error == -EPERM
				      ? ": make the user that runs pixeld the owner of its files"
				      : "");
}

static int segments_check(struct recovery *r)
{
	int rc = segment_list_read(r->disk, &r->list);

	if (rc < 0)
		return segments_refuse(r, rc);
	for (size_t i = 0; rc == 0 && i < r->list.count; i++)
		rc = segment_check(r, &r->list.entries[i]);
	return rc;
}

static const struct segment_entry *live_at(const struct recovery *r, size_t i)
{
	return i < r->list.count ? &r->list.entries[i] : NULL;
}

/* --- the snapshot --------------------------------------------------------------------------- */

static void snapshot_put_aside(struct recovery *r, const char *name)
{
	char aside[SNAPSHOT_NAME_BYTES];

	if (r->options->read_only) {
		report(r, "%s An older one is used.", r->why);
		return;
	}
	report(r, "%s It is put aside, and an older one is used.", r->why);
	memcpy(aside, name, SNAPSHOT_NAME_BYTES);
	memcpy(strrchr(aside, '.'), ".bad", sizeof(".bad"));
	disk_rename(r->disk, name, aside);
}

static int snapshot_hand_over(struct recovery *r, const char *name)
{
	const struct snapshot_handler handler = {
		.arg = r->handler->arg,
		.board = r->handler->board,
		.person = r->handler->person,
		.request = r->handler->request,
	};

	if (handler.board == NULL)
		return 0;
	return snapshot_read(r->disk, name, &handler, &r->snapshot, r->why, RECOVER_WHY_BYTES);
}

/* 0: in use; 1: it is no good, look at an older one. */
static int snapshot_try(struct recovery *r, const char *name)
{
	struct snapshot_head head;
	int rc = snapshot_read(r->disk, name, NULL, &head, r->why, RECOVER_WHY_BYTES);

	if (rc == -EBADMSG)
		snapshot_put_aside(r, name);
	else if (rc == -EIO)
		report(r, "%s An older one is used.", r->why);
	if (rc == -EBADMSG || rc == -EIO || rc == -ENOENT)
		return 1;
	if (rc < 0)
		return rc; /* unreadable is not damaged: who lifts the reason has it back */
	if (r->result->start.journal_id == 0)
		r->result->start.journal_id = head.journal_id;
	if (head.journal_id != r->result->start.journal_id)
		return recover_refuse(
			r, -EBADMSG,
			"%s/%s belongs to another journal than the segments beside it: move what "
			"does not belong here out of the directory. Nothing was changed.",
			disk_path(r->disk), name);
	px_assert(r->snapshot.lsn == 0 && r->entry == NULL); /* one snapshot, before the journal */
	r->snapshot = head;
	return snapshot_hand_over(r, name);
}

static int snapshot_load(struct recovery *r)
{
	uint64_t lsns[SNAPSHOTS_LOOKED_AT];
	char name[SNAPSHOT_NAME_BYTES];
	const struct segment_entry *first = live_at(r, segment_list_live(&r->list, 0));
	int count = snapshot_list(r->disk, lsns, SNAPSHOTS_LOOKED_AT);

	px_assert(count <= SNAPSHOTS_LOOKED_AT);
	if (count < 0)
		return recover_refuse_disk(r, "", count);
	for (int i = 0; i < count; i++) {
		int rc;

		snapshot_name(name, lsns[i]);
		rc = snapshot_try(r, name);
		if (rc <= 0)
			return rc;
	}
	if (count > 0 && (first == NULL || first->header.first_lsn != 1))
		return recover_refuse(
			r, -EBADMSG,
			"%s: no snapshot is readable, and the journal does not reach back to "
			"its beginning: restore a snapshot (snapshot-*.snap) from a copy.",
			disk_path(r->disk));
	return 0;
}

/* --- the records ---------------------------------------------------------------------------- */

static int damage_inside(struct recovery *r, size_t offset, uint64_t lsn)
{
	return recover_refuse(
		r, -EBADMSG,
		"%s/%s, offset %zu: the batch with record %" PRIu64
		" has a valid checksum but does not fit in its place. Restore the file from "
		"a copy. Nothing was changed.",
		disk_path(r->disk), r->name, offset, lsn);
}

/* Records of a batch, decoded before they are delivered: what a record changes lies in random
 * places of large memory, and waiting for it would be half of a start. */
struct lookahead {
	struct bytes in;
	uint64_t next;                    /* lsn */
	uint64_t end;                     /* lsn behind the last one that can be decoded */
	struct record records[LOOKAHEAD]; /* those below `next`, at lsn % LOOKAHEAD */
};

static void lookahead_fill(const struct recovery *r, struct lookahead *a, uint64_t end)
{
	for (; a->next < end && a->next < a->end; a->next++) {
		struct record *record = &a->records[a->next % LOOKAHEAD];

		if (record_get(&a->in, record) < 0)
			a->end = a->next;
		else if (r->handler->ahead != NULL && a->next > r->snapshot.lsn)
			r->handler->ahead(r->handler->arg, record);
	}
}

static int record_deliver(struct recovery *r, size_t offset, uint64_t lsn,
			  const struct record *record)
{
	bool replay = lsn > r->snapshot.lsn;
	int rc;

	if (lsn < r->deliver_from)
		return 0;
	r->result->replayed += replay;
	if (r->handler->record == NULL)
		return 0;
	rc = r->handler->record(r->handler->arg, lsn, record, replay);
	if (rc == 0)
		return 0;
	if (rc == -ECANCELED)
		return recover_refuse(r, rc, "%s/%s, offset %zu, record %" PRIu64,
				      disk_path(r->disk), r->name, offset, lsn);
	return recover_refuse(r, rc, "%s/%s, offset %zu: record %" PRIu64 " was not accepted: %s.",
			      disk_path(r->disk), r->name, offset, lsn,
			      rc < 0 ? strerror(-rc) : "refused");
}

static int batch_deliver(struct recovery *r, const struct batch *batch)
{
	uint64_t lsn = batch->header.first_lsn, end = lsn + batch->header.records;
	struct lookahead a;

	px_assert(r->entry != NULL && r->deliver_from > 0); /* behind first_pick() */
	a.in = batch->records;
	a.next = lsn;
	a.end = end;
	for (; lsn < a.end; lsn++) {
		int rc;

		lookahead_fill(r, &a, lsn + LOOKAHEAD);
		if (lsn == a.end)
			break;
		rc = record_deliver(r, batch->offset, lsn, &a.records[lsn % LOOKAHEAD]);
		if (rc != 0)
			return rc;
	}
	return lsn == end && bytes_left(&a.in) == 0 ? 0 : damage_inside(r, batch->offset, lsn);
}

static int segment_begin(struct recovery *r, const struct segment_entry *e)
{
	int rc;

	px_assert(e->live && e->verdict == SEGMENT_GOOD); /* others are judged, never read */
	px_assert(r->entry == NULL || e->number > r->entry->number);
	free(r->bytes);
	r->bytes = NULL;
	r->entry = e;
	journal_segment_name(r->name, e->number);
	rc = segment_load(r->disk, e->number, &r->bytes, &r->len);
	if (rc < 0)
		return recover_refuse_disk(r, r->name, rc);
	segment_reader_init(&r->reader, &e->header, r->bytes, r->len);
	if (e->header.durable_lsn > r->declared_lsn)
		r->declared_lsn = e->header.durable_lsn;
	return 0;
}

static int segment_replay(struct recovery *r)
{
	uint64_t limit = r->entry->limit_lsn;
	struct batch batch;

	px_assert(limit > r->entry->header.first_lsn); /* it is live: something of it counts */
	px_assert(r->reader.next_lsn == r->entry->header.first_lsn); /* from its beginning */
	while (r->reader.next_lsn < limit && segment_reader_next(&r->reader, &batch)) {
		int rc;

		if (r->reader.next_lsn > limit)
			return damage_inside(r, batch.offset, limit);
		if (batch.header.durable_lsn > r->declared_lsn)
			r->declared_lsn = batch.header.durable_lsn;
		rc = batch_deliver(r, &batch);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* Does segment `next` go on where the reader stands? 1: yes; 0: no, something is missing. */
static int segment_joins(struct recovery *r, const struct segment_entry *next)
{
	uint64_t due = r->reader.next_lsn, first = next->header.first_lsn;

	px_assert(first == r->entry->limit_lsn); /* where this one is overruled */
	switch (segment_seam(&next->header, due, r->reader.chain)) {
	case SEAM_CONTINUES:
		return 1;
	case SEAM_RESTARTS: /* what lies between is in the snapshot */
		return due == first || (due < first && first <= r->snapshot.lsn + 1);
	case SEAM_LACKS:
		return 0;
	case SEAM_DIFFERS:
		break;
	}
	return recover_refuse(
		r, -EBADMSG,
		"%s/%s, offset %zu: the next segment (number %u) does not continue this "
		"one (the chain differs): one of them was replaced. Restore both from a "
		"copy. Nothing was changed.",
		disk_path(r->disk), r->name, r->reader.offset, next->number);
}

/* The newest record that is known to be there before the journal is read: the last segment has
 * some more. */
static uint64_t newest_known(const struct recovery *r)
{
	uint64_t lsn = r->snapshot.lsn;

	for (size_t i = 0; i < r->list.count; i++)
		if (r->list.entries[i].live && r->list.entries[i].header.first_lsn - 1 > lsn)
			lsn = r->list.entries[i].header.first_lsn - 1;
	return lsn;
}

/* The segment to begin with: records before the snapshot are wanted for the broadcast log. */
static size_t first_pick(struct recovery *r)
{
	uint64_t back = r->options->history_records, newest = newest_known(r);
	uint64_t want = newest > back ? newest + 1 - back : 1;
	size_t first = segment_list_live(&r->list, 0);
	size_t i = first;

	if (want > r->snapshot.lsn + 1)
		want = r->snapshot.lsn + 1;
	px_assert(want > 0 && want <= r->snapshot.lsn + 1); /* what is replayed is never left out */
	r->deliver_from = want;
	while ((i = segment_list_live(&r->list, i)) < r->list.count) {
		if (r->list.entries[i].header.first_lsn <= want)
			first = i;
		i++;
	}
	return first;
}

static int journal_replay(struct recovery *r)
{
	size_t i = first_pick(r);
	const struct segment_entry *e = live_at(r, i);
	uint64_t from = e != NULL ? e->header.first_lsn : r->snapshot.lsn + 1;
	int rc = 0;

	px_assert(r->entry == NULL); /* no record before the snapshot was chosen */
	if (from > r->snapshot.lsn + 1)
		return recover_end_judge(r, 0, r->snapshot.lsn + 1);
	if (i == segment_list_live(&r->list, 0)) /* else older ones are not looked at */
		rc = recover_front_judge(r, i, from);
	if (rc == 0 && e == NULL)
		rc = recover_end_judge(r, 0, from);
	if (rc < 0 || e == NULL)
		return rc;
	for (;;) {
		const struct segment_entry *next;

		rc = segment_begin(r, e);
		if (rc == 0)
			rc = segment_replay(r);
		if (rc != 0)
			return rc;
		next = live_at(r, segment_list_live(&r->list, i + 1));
		rc = next == NULL ? 0 : segment_joins(r, next);
		if (rc < 0)
			return rc;
		if (rc == 0)
			return recover_end_judge(r, i + 1, r->reader.next_lsn);
		i = (size_t)(next - r->list.entries);
		e = next;
	}
}

/* --- what the next run goes on from --------------------------------------------------------- */

struct tmp_names {
	char name[SNAPSHOT_NAME_BYTES]; /* one of them */
};

static int tmp_find(void *arg, const char *name)
{
	struct tmp_names *tmp = arg;
	size_t len = strlen(name);

	if (strncmp(name, "snapshot-", 9) != 0 || len >= SNAPSHOT_NAME_BYTES ||
	    strcmp(name + len - 4, ".tmp") != 0)
		return 0;
	memcpy(tmp->name, name, len + 1);
	return 1;
}

static void unfinished_remove(struct recovery *r)
{
	struct tmp_names tmp;

	px_assert(!r->options->read_only);
	while (disk_list(r->disk, tmp_find, &tmp) == 1)
		if (disk_unlink(r->disk, tmp.name) < 0)
			return;
}

static void first_note(struct recovery *r)
{
	const struct segment_entry *first = live_at(r, segment_list_live(&r->list, 0));

	if (first == NULL)
		return;
	r->result->first_lsn = first->header.first_lsn;
	journal_segment_name(r->result->first_file, first->number);
}

static int conclude(struct recovery *r)
{
	struct recover_result *result = r->result;
	struct journal_start *start = &result->start;
	const struct segment_entry *e = r->entry;
	uint64_t end_lsn = e == NULL ? 0 : r->reader.next_lsn - 1;
	bool behind;

	result->is_new = e == NULL && r->snapshot.lsn == 0;
	result->snapshot_lsn = r->snapshot.lsn;
	result->snapshot_wall_ms = r->snapshot.wall_ms;
	if (start->journal_id == 0)
		start->journal_id = r->options->fresh_journal_id;
	start->next_segment =
		r->list.count == 0 ? 1 : r->list.entries[r->list.count - 1].number + 1;
	behind = r->snapshot.lsn > end_lsn;
	start->next_lsn = (behind ? r->snapshot.lsn : end_lsn) + 1;
	start->chain = e == NULL || behind ? start->journal_id : r->reader.chain;
	/* A segment without records will be overruled, with what its header says. */
	start->restart = behind || (e != NULL && r->reader.next_lsn == e->header.first_lsn &&
				    (e->header.flags & SEGMENT_RESTART) != 0);
	px_assert(start->next_lsn > r->snapshot.lsn && start->next_lsn > end_lsn);
	px_assert(e == NULL || start->next_segment > e->number); /* nothing is written over */
	px_assert(start->journal_id != 0 && start->next_segment != 0);
	result->was_clean = result->is_new;
	if (e != NULL) {
		result->last_sync = e->header.sync;
		result->was_clean = r->reader.closed;
		start->trim_segment = e->number;
		start->trim_bytes = r->reader.offset;
	}
	if (!behind)
		return 0;
	result->last_sync = r->snapshot.sync;
	result->was_clean = false; /* what followed a clean snapshot may be gone too */
	result->is_missing = true;
	if (r->snapshot.clean || r->snapshot.sync != JOURNAL_SYNC_COMMIT) {
		report(r,
		       "%s: the journal ends at record %" PRIu64
		       ", before the snapshot of record %" PRIu64
		       ": files journal-*.seg are missing, or a power cut took what was not "
		       "synced. The boards are those of the snapshot; the history in between is "
		       "lost, and so is anything that followed it.",
		       disk_path(r->disk), end_lsn, r->snapshot.lsn);
		return 0;
	}
	return recover_refuse(
		r, -EBADMSG,
		"%s: the journal ends at record %" PRIu64 ", before the snapshot of record %" PRIu64
		": files journal-*.seg are missing. Restore them from a copy. Nothing was changed.",
		disk_path(r->disk), end_lsn, r->snapshot.lsn);
}

int recover_run(struct disk *disk, const struct recover_options *options,
		const struct recover_handler *handler, struct recover_result *ret_result,
		char why[static RECOVER_WHY_BYTES])
{
	struct recover_result result = {.torn = false};
	struct recovery r = {
		.disk = disk,
		.options = options,
		.handler = handler,
		.result = &result,
		.why = why,
	};
	int rc;

	px_assert(options->fresh_journal_id != 0); /* 0: of any journal */
	px_assert(handler->board == NULL ||
		  handler->person != NULL); /* all of a snapshot, or none */
	why[0] = 0;
	rc = segments_check(&r);
	if (rc == 0)
		rc = snapshot_load(&r);
	if (rc == 0)
		rc = journal_replay(&r);
	first_note(&r);
	if (rc == 0)
		rc = conclude(&r);
	if (rc == 0 && !options->read_only) {
		rc = recover_end_secure(&r);
		unfinished_remove(&r);
	}
	if (rc == 0 && result.torn)
		report(&r,
		       "%s/%s, offset %" PRIu64 ": a write was cut short when the server stopped; "
		       "%" PRIu64 " bytes after it are ignored. None of them was acknowledged.",
		       disk_path(disk), result.torn_file, result.torn_offset, result.torn_bytes);
	free(r.bytes);
	segment_list_free(&r.list);
	if (rc == 0)
		*ret_result = result;
	return rc;
}
