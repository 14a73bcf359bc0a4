/*
 * retain.c - see retain.h. Stateless: looks at the directory anew each time.
 *
 * Owner   the keeper thread. Memory: the list of segments, freed before return.
 */
#include "persist/retain.h"

#include <inttypes.h>
#include <stdbool.h>

#include "engine/log.h"
#include "persist/segment_list.h"
#include "persist/snapshot.h"

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
			  " unread: a receiver has not got it, and will stop at the gap; "
			  "journal-unread=drop and the disk's free space ask for it",
			  name, first_lsn);
	else
		log_warn("journal_segment_removed file=%s first_lsn=%" PRIu64
			 " history before it is gone, as journal.keep-bytes and the disk's free "
			 "space ask for",
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
				 " it would go, and is kept until the receiver has passed it",
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

int retain_run(struct disk *disk, const struct retain_rule *rule)
{
	uint64_t snapshots[SNAPSHOTS_KEPT];
	struct segment_list list;
	int rc = snapshot_list(disk, snapshots, SNAPSHOTS_KEPT);

	if (rc < SNAPSHOTS_KEPT)
		return rc < 0 ? rc : 0;
	rc = segment_list_read(disk, &list);
	if (rc < 0)
		return rc;
	rc = oldest_remove(disk, rule, &list, snapshots[SNAPSHOTS_KEPT - 1] + 1);
	segment_list_free(&list);
	return rc;
}
