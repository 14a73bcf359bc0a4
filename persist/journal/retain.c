/*
 * retain.c - see retain.h. Stateless: reads the directory again each time.
 *
 * Owner   the keeper thread. Memory: the list of segments, freed before return.
 */
#include "persist/journal/retain.h"

#include <inttypes.h>
#include <stdbool.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "persist/format/segment_list.h"
#include "persist/snapshot/snapshot.h"

static bool too_little_disk(struct disk *disk, const struct retain_rule *rule)
{
	int64_t free_bytes;

	if (rule->free_bytes_min == 0)
		return false;
	free_bytes = disk_free_bytes(disk);
	return free_bytes >= 0 && (uint64_t)free_bytes < rule->free_bytes_min;
}

static bool too_much(struct disk *disk, const struct retain_rule *rule, uint64_t total_bytes)
{
	return (rule->keep_bytes != 0 && total_bytes > rule->keep_bytes) ||
	       too_little_disk(disk, rule);
}

/* Nothing from lsn `needed` on is in segment i or before it: a later live one begins at or
 * below. */
static bool is_passed(const struct segment_list *list, size_t i, uint64_t needed)
{
	size_t next = segment_list_live(list, i + 1);

	return next < list->count && list->entries[next].header.first_lsn <= needed;
}

/* A receiver still needs what is in segment i. */
static bool is_unread(const struct segment_list *list, size_t i, const struct retain_rule *rule)
{
	return rule->received_lsn != UINT64_MAX && !is_passed(list, i, rule->received_lsn + 1);
}

static int segment_remove(struct disk *disk, const struct segment_entry *e, bool unread)
{
	uint64_t first_lsn = e->verdict == SEGMENT_GOOD ? e->header.first_lsn : 0;
	char name[JOURNAL_NAME_BYTES];
	int rc;

	journal_segment_name(name, e->number);
	rc = disk_unlink(disk, name);
	if (rc < 0)
		log_error("journal_segment_kept file=%s error=%d", name, rc);
	else if (unread)
		log_error("journal_segment_removed file=%s first_lsn=%" PRIu64
			  " unread: a receiver does not have it yet and will stop at the gap; "
			  "journal-unread=drop and low disk space require it",
			  name, first_lsn);
	else
		log_warn("journal_segment_removed file=%s first_lsn=%" PRIu64
			 " older history is gone, as journal-keep-bytes or low disk space require",
			 name, first_lsn);
	return rc;
}

static int oldest_remove(struct disk *disk, const struct retain_rule *rule,
			 const struct segment_list *list, uint64_t needed)
{
	uint64_t total_bytes = 0;
	int removed = 0;

	for (size_t i = 0; i < list->count; i++)
		total_bytes += list->entries[i].bytes;
	for (size_t i = 0; i < list->count; i++) {
		const struct segment_entry *e = &list->entries[i];
		bool unread = is_unread(list, i, rule);
		int rc;

		if (!is_passed(list, i, needed) || !too_much(disk, rule, total_bytes))
			break;
		if (unread && !(rule->drop_unread && too_little_disk(disk, rule))) {
			log_warn("journal_segment_unread segment=%u received_lsn=%" PRIu64
				 " due for removal, but kept until the receiver has read it",
				 e->number, rule->received_lsn);
			break;
		}
		rc = segment_remove(disk, e, unread);
		if (rc < 0)
			return rc;
		total_bytes -= e->bytes;
		removed++;
	}
	return removed;
}

/* --- snapshots -------------------------------------------------------------------------------- */

struct snapshots {
	uint64_t lsns[SNAPSHOTS_MAX + 1]; /* newest first */
	int count;
};

/* One that cannot be removed only costs space: it is tried again. */
static void snapshot_remove(struct disk *disk, struct snapshots *s, int i)
{
	char name[SNAPSHOT_NAME_BYTES];

	px_assert(i >= SNAPSHOTS_KEPT && i < s->count); /* a start needs the newest */
	snapshot_name(name, s->lsns[i]);
	(void)disk_unlink(disk, name);
	s->count--;
	for (; i < s->count; i++)
		s->lsns[i] = s->lsns[i + 1];
}

/* The one without which the rest is spread best: its neighbors are closest. Not the oldest, from
 * which all that is kept can be reached. */
static int most_crowded(const struct snapshots *s)
{
	int found = SNAPSHOTS_KEPT;

	px_assert(s->count > SNAPSHOTS_KEPT + 1); /* there is one beside the oldest */
	for (int i = SNAPSHOTS_KEPT + 1; i < s->count - 1; i++)
		if (s->lsns[i - 1] - s->lsns[i + 1] < s->lsns[found - 1] - s->lsns[found + 1])
			found = i;
	return found;
}

static void snapshots_thin(struct disk *disk, struct snapshots *s, uint32_t past,
			   uint64_t first_lsn)
{
	px_assert(past <= SNAPSHOTS_PAST_MAX); /* or the list would not show that there are more */
	while (s->count > SNAPSHOTS_KEPT && s->lsns[s->count - 1] + 1 < first_lsn)
		snapshot_remove(disk, s, s->count - 1); /* the journal does not go on from it */
	while (s->count > SNAPSHOTS_KEPT + (int)past)
		snapshot_remove(disk, s,
				s->count > SNAPSHOTS_KEPT + 1 ? most_crowded(s) : s->count - 1);
}

int retain_run(struct disk *disk, const struct retain_rule *rule)
{
	struct segment_list list;
	struct snapshots snapshots;
	int rc, removed;
	size_t first;

	snapshots.count = snapshot_list(disk, snapshots.lsns, SNAPSHOTS_MAX + 1);
	if (snapshots.count < SNAPSHOTS_KEPT)
		return snapshots.count < 0 ? snapshots.count : 0;
	rc = segment_list_read(disk, &list);
	if (rc < 0)
		return rc;
	removed = oldest_remove(disk, rule, &list, snapshots.lsns[SNAPSHOTS_KEPT - 1] + 1);
	first = segment_list_live(&list, removed > 0 ? (size_t)removed : 0);
	snapshots_thin(disk, &snapshots, rule->snapshots_past,
		       first < list.count ? list.entries[first].header.first_lsn : 0);
	segment_list_free(&list);
	return removed;
}
