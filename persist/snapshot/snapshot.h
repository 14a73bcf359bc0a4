/*
 * snapshot.h - all boards, people and their requests at one lsn, in one file, named `snapshot-<lsn,
 * 16 hex digits>.snap`.
 *
 * Written to a `.tmp` file in steps of 1 MiB, each synced, so that the journal's syncs never wait
 * for a large one; then renamed. Retention removes old ones (retain.h). Every part has a checksum,
 * and the file ends with an end mark: half a snapshot is not a snapshot.
 *
 * Writing: keeper thread. Reading: recovery, historian and tools. Both through disk.h.
 */
#ifndef PX_SNAPSHOT_SNAPSHOT_H
#define PX_SNAPSHOT_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/board.h"
#include "engine/people.h"
#include "engine/requests.h"
#include "persist/disk/disk.h"
#include "persist/format/journal_format.h"
#include "persist/format/record.h"

#define SNAPSHOT_VERSION    2u /* as written; 1 when there are no requests in it */
#define SNAPSHOT_NAME_BYTES 40 /* room for a file name, .tmp included */
#define SNAPSHOT_STEP_BYTES (1u << 20)
#define SNAPSHOTS_KEPT      2  /* the newest: a start needs one, and another if that is damaged */
#define SNAPSHOTS_PAST_MAX  62 /* kept besides them, for boards of the past */
#define SNAPSHOTS_MAX       (SNAPSHOTS_KEPT + SNAPSHOTS_PAST_MAX)

/*
 * What a snapshot is made of. Made by the writer thread and lent to the keeper until its result is
 * back; then the writer unrefs the copies and frees the rest.
 *
 * The boards are those at `lsn`: placements up to it are applied, none after it. People and
 * requests may be slightly ahead and include charges that are not durable yet. So the writer
 * submits the image only once journal_settled() has reached the value that journal_appended() had
 * when they were copied, and discards the image if journal_take_drop() returned true in between.
 */
struct snapshot_board {
	struct record_board meta;
	struct board_copy *copy; /* epoch, seq, hash, bytes */
	uint64_t newest_ms;      /* the latest time of all placements on it; 0: there are none */
};

struct snapshot_image {
	uint64_t lsn;
	uint64_t journal_id;
	uint64_t wall_ms;
	struct snapshot_board *boards;
	struct person *people;
	struct request *requests; /* in the order of acceptance */
	uint32_t board_count;
	uint32_t people_count;
	uint32_t requests_count;
	enum journal_sync sync;
	bool clean; /* the journal is closed: nothing follows `lsn` */
};

struct snapshot_writer;

/* Creates the file. `image` must not change until _free(). -ENOMEM or the disk's error. */
int snapshot_writer_new(struct disk *disk, const struct snapshot_image *image,
			struct snapshot_writer **ret_writer);

/* Writes and syncs the next step. 1: more to do; 0: finished and renamed; -errno: given up, nothing
 * of it is left. */
int snapshot_writer_step(struct snapshot_writer *w);
uint64_t snapshot_writer_bytes(const struct snapshot_writer *w); /* written so far */

/* Removes an unfinished file. NULL is allowed. */
void snapshot_writer_free(struct snapshot_writer *w);

struct snapshot_head {
	uint64_t lsn;
	uint64_t journal_id;
	uint64_t wall_ms;
	uint32_t board_count;
	uint32_t people_count;
	uint32_t requests_count;
	uint32_t version;
	enum journal_sync sync;
	bool clean;
};

/* A board while it is being read; `bytes` is valid during the call. */
struct snapshot_board_read {
	struct record_board meta;
	uint64_t seq;
	uint64_t hash;
	/* As in struct snapshot_board. Earlier versions did not store it: then the time of the
	 * snapshot, which is equivalent unless the clock was set back. */
	uint64_t newest_ms;
	const uint8_t *bytes;
	size_t len;
	uint32_t epoch;
};

/* Called in this order. A non-zero result ends the reading. */
struct snapshot_handler {
	void *arg;
	int (*board)(void *arg, const struct snapshot_board_read *board);
	int (*person)(void *arg, const struct person *person);
	int (*request)(void *arg, const struct request *request); /* may be NULL */
};

/*
 * Reads one snapshot file, verifying it on the way. With handler = NULL it only verifies: do that
 * first, and a handler never sees a part of a snapshot that turns out to be damaged further on. 0,
 * or the result with which a handler ended it (> 0: it has enough); -EBADMSG: damaged;
 * -EPROTONOSUPPORT: written by a newer version; the disk's error. On failure `why` has a sentence
 * with file and offset.
 */
int snapshot_read(struct disk *disk, const char *name, const struct snapshot_handler *handler,
		  struct snapshot_head *ret_head, char *why, size_t why_bytes);

/* The same for the head alone. */
int snapshot_head_read(struct disk *disk, const char *name, struct snapshot_head *ret_head,
		       char *why, size_t why_bytes);

void snapshot_name(char out[static SNAPSHOT_NAME_BYTES], uint64_t lsn);
bool snapshot_name_lsn(const char *name, uint64_t *ret_lsn); /* false: not the name of a snapshot */

/* The lsns of the snapshots in the directory, newest first, at most `max`. Their number, or
 * -errno. */
int snapshot_list(struct disk *disk, uint64_t *out, int max);

#endif
