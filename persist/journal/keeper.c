/*
 * keeper.c - the disk jobs that block, one bounded step at a time.
 *
 * Owner      the keeper thread; the functions that keeper.h assigns to the writer thread touch
 *            nothing but queues.
 * Memory     queues and one MiB of zeros, from keeper_new(). A snapshot's image is lent by the
 *            writer.
 * In flight  at most one segment job and one snapshot. A segment job's steps go first: without the
 *            segment the journal may stop, but nothing waits for a snapshot.
 *
 *	jobs ──▶ job_step() ──▶ prepared        images ──▶ snapshot_step() ──▶ finished
 *
 * After a snapshot, and when the disk was full, retention checks what may be removed.
 */
#include "persist/journal/keeper.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "engine/base/spsc.h"
#include "persist/journal/retain.h"

#define ZERO_STEP_BYTES (1u << 20)
#define JOBS_MAX        64

struct finished {
	struct snapshot_image *image;
	int error;
};

struct keeper {
	struct keeper_config config;
	struct spsc *jobs;
	struct spsc *prepared;
	struct spsc *images;
	struct spsc *finished;

	/* keeper thread */
	uint8_t *zeros;
	struct keeper_job job;
	uint64_t job_done_bytes;
	struct snapshot_writer *snapshot;
	struct snapshot_image *image;
	uint64_t snapshot_next_ns;
	bool job_active;
	bool retain_wanted;

	/* writer thread */
	bool snapshot_lent;
};

int keeper_new(const struct keeper_config *config, struct keeper **ret_keeper)
{
	struct keeper *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return -ENOMEM;
	k->config = *config;
	k->zeros = calloc(1, ZERO_STEP_BYTES);
	if (k->zeros == NULL || spsc_new(JOBS_MAX, sizeof(struct keeper_job), &k->jobs) < 0 ||
	    spsc_new(JOBS_MAX, sizeof(struct keeper_prepared), &k->prepared) < 0 ||
	    spsc_new(2, sizeof(struct snapshot_image *), &k->images) < 0 ||
	    spsc_new(2, sizeof(struct finished), &k->finished) < 0) {
		keeper_free(k);
		return -ENOMEM;
	}
	k->retain_wanted = true;
	*ret_keeper = k;
	return 0;
}

/* Descriptors that are still on their way would be nobody's. */
static void queues_close_files(struct keeper *k)
{
	const struct keeper_prepared *p;
	const struct keeper_job *job;

	if (k->prepared != NULL)
		while ((p = spsc_peek(k->prepared)) != NULL) {
			if (p->fd >= 0)
				disk_file_close(k->config.disk, p->fd);
			spsc_pop(k->prepared);
		}
	if (k->jobs != NULL)
		while ((job = spsc_peek(k->jobs)) != NULL) {
			if (job->kind == KEEPER_BLANK || job->kind == KEEPER_CLOSE)
				disk_file_close(k->config.disk, job->fd);
			spsc_pop(k->jobs);
		}
	if (k->job_active && k->job.fd >= 0)
		disk_file_close(k->config.disk, k->job.fd);
}

void keeper_free(struct keeper *k)
{
	if (k == NULL)
		return;
	queues_close_files(k);
	snapshot_writer_free(k->snapshot);
	spsc_free(k->jobs);
	spsc_free(k->prepared);
	spsc_free(k->images);
	spsc_free(k->finished);
	free(k->zeros);
	free(k);
}

/* --- segment jobs --------------------------------------------------------------------------- */

static void prepared_push(struct keeper *k, int error)
{
	struct keeper_prepared *p = spsc_push(k->prepared);

	px_assert(p != NULL); /* the journal asks for a few at a time */
	px_assert(error < 0 || k->job.fd >= 0);
	*p = (struct keeper_prepared){
		.segment = k->job.segment,
		.fd = error < 0 ? -1 : k->job.fd,
		.error = error,
	};
	spsc_publish(k->prepared);
	k->config.wake_writer(k->config.arg);
}

static void prepare_fail(struct keeper *k, int error)
{
	char name[JOURNAL_NAME_BYTES];

	px_assert(k->job.kind == KEEPER_PREPARE && error < 0);
	journal_segment_name(name, k->job.segment);
	if (k->job.fd >= 0) {
		disk_file_close(k->config.disk, k->job.fd);
		disk_unlink(k->config.disk, name);
	}
	log_error("journal_segment_failed file=%s error=%d", name, error);
	k->retain_wanted = true;
	prepared_push(k, error);
}

/* 1: more to do; 0: finished; -errno. Written, not only reserved: a later commit then changes no
 * metadata, and a full disk shows here, not under somebody's placement. */
static int prepare_step(struct keeper *k)
{
	uint64_t left = k->job.bytes - k->job_done_bytes;
	size_t len = left < ZERO_STEP_BYTES ? (size_t)left : ZERO_STEP_BYTES;
	int rc;

	px_assert(left > 0); /* else it was finished with the step before */
	if (k->job.fd < 0) {
		char name[JOURNAL_NAME_BYTES];

		journal_segment_name(name, k->job.segment);
		k->job.fd = disk_file_create(k->config.disk, name);
		if (k->job.fd < 0)
			return k->job.fd;
	}
	rc = disk_write(k->config.disk, k->job.fd, k->zeros, len, k->job_done_bytes);
	if (rc < 0)
		return rc;
	rc = disk_sync(k->config.disk, k->job.fd);
	if (rc < 0)
		return rc;
	k->job_done_bytes += len;
	return k->job_done_bytes < k->job.bytes ? 1 : disk_sync_dir(k->config.disk);
}

/* What was refused must not come back after a crash. As well as it goes: this disk has just
 * failed. */
static int blank_step(struct keeper *k)
{
	uint64_t left = k->job.bytes - k->job_done_bytes;
	size_t len = left < ZERO_STEP_BYTES ? (size_t)left : ZERO_STEP_BYTES;
	int rc = disk_write(k->config.disk, k->job.fd, k->zeros, len,
			    k->job.offset + k->job_done_bytes);

	px_assert(len > 0); /* a file without anything to blank is closed instead */
	k->job_done_bytes += len;
	if (rc == 0 && k->job_done_bytes < k->job.bytes)
		return 1;
	disk_file_close(k->config.disk, k->job.fd);
	return 0;
}

static void trim(struct keeper *k)
{
	char name[JOURNAL_NAME_BYTES];
	int fd;

	px_assert(k->job.kind == KEEPER_TRIM && k->job.segment != 0);
	journal_segment_name(name, k->job.segment);
	fd = disk_file_open(k->config.disk, name, 1);
	if (fd < 0)
		return; /* it only costs space */
	if (disk_file_bytes(k->config.disk, fd) > (int64_t)k->job.bytes)
		disk_truncate(k->config.disk, fd, k->job.bytes);
	disk_file_close(k->config.disk, fd);
}

static void job_step(struct keeper *k)
{
	int rc = 0;

	px_assert(k->job_active);
	switch (k->job.kind) {
	case KEEPER_PREPARE:
		rc = prepare_step(k);
		if (rc < 0)
			prepare_fail(k, rc);
		else if (rc == 0)
			prepared_push(k, 0);
		break;
	case KEEPER_BLANK:
		rc = blank_step(k);
		break;
	case KEEPER_CLOSE:
		disk_file_close(k->config.disk, k->job.fd);
		break;
	case KEEPER_TRIM:
		trim(k);
		break;
	}
	k->job_active = rc > 0;
}

static bool job_take(struct keeper *k)
{
	const struct keeper_job *job;

	px_assert(!k->job_active || k->job.kind == KEEPER_PREPARE || k->job.kind == KEEPER_BLANK);
	if (k->job_active) /* these two alone take more than one step */
		return true;
	job = spsc_peek(k->jobs);
	if (job == NULL)
		return false;
	k->job = *job;
	if (k->job.kind == KEEPER_PREPARE)
		k->job.fd = -1;
	k->job_done_bytes = 0;
	k->job_active = true;
	spsc_pop(k->jobs);
	return true;
}

/* --- snapshots ------------------------------------------------------------------------------ */

static void snapshot_finish(struct keeper *k, int error)
{
	struct finished *f = spsc_push(k->finished);

	px_assert(f != NULL); /* one at a time */
	px_assert(k->image != NULL && error <= 0);
	if (error < 0)
		log_error("snapshot_failed lsn=%" PRIu64 " error=%d", k->image->lsn, error);
	snapshot_writer_free(k->snapshot);
	*f = (struct finished){.image = k->image, .error = error};
	k->snapshot = NULL;
	k->image = NULL;
	k->retain_wanted = true;
	spsc_publish(k->finished);
	k->config.wake_writer(k->config.arg);
}

static void snapshot_step(struct keeper *k, struct now now)
{
	uint64_t before = 0;
	int rc = 0;

	px_assert(!k->job_active && k->image != NULL); /* segments go first */
	if (k->snapshot == NULL)
		rc = snapshot_writer_new(k->config.disk, k->image, &k->snapshot);
	if (rc < 0) {
		snapshot_finish(k, rc);
		return;
	}
	before = snapshot_writer_bytes(k->snapshot);
	rc = snapshot_writer_step(k->snapshot);
	if (rc <= 0) {
		snapshot_finish(k, rc);
		return;
	}
	if (k->config.snapshot_bytes_per_sec != 0) {
		uint64_t bytes = snapshot_writer_bytes(k->snapshot) - before;

		k->snapshot_next_ns =
			now.mono_ns + bytes * NS_PER_SEC / k->config.snapshot_bytes_per_sec;
	}
}

static bool image_take(struct keeper *k)
{
	struct snapshot_image *const *image;

	px_assert(k->image != NULL || k->snapshot == NULL); /* it reads the image */
	if (k->image != NULL)
		return true;
	image = spsc_peek(k->images);
	if (image == NULL)
		return false;
	k->image = *image;
	k->snapshot_next_ns = 0;
	spsc_pop(k->images);
	return true;
}

static void retain(struct keeper *k)
{
	const struct keeper_config *c = &k->config;
	const struct retain_rule rule = {
		.keep_bytes = c->keep_bytes,
		.free_bytes_min = c->free_bytes_min,
		.received_lsn = c->received_lsn == NULL ? UINT64_MAX : c->received_lsn(c->arg),
		.snapshots_past = c->snapshots_past,
		.drop_unread = c->drop_unread,
	};

	(void)retain_run(c->disk, &rule);
}

void keeper_limits_set(struct keeper *k, const struct keeper_limits *limits)
{
	k->config.snapshots_past = limits->snapshots_past;
	k->config.keep_bytes = limits->keep_bytes;
	k->config.free_bytes_min = limits->free_bytes_min;
	k->config.drop_unread = limits->drop_unread;
	k->config.snapshot_bytes_per_sec = limits->snapshot_bytes_per_sec;
	k->retain_wanted = true;
}

uint64_t keeper_turn(struct keeper *k, struct now now)
{
	if (job_take(k)) {
		job_step(k);
		return 0;
	}
	if (k->retain_wanted) {
		k->retain_wanted = false;
		retain(k);
		return 0;
	}
	if (!image_take(k))
		return KEEPER_IDLE;
	if (now.mono_ns < k->snapshot_next_ns)
		return k->snapshot_next_ns - now.mono_ns;
	snapshot_step(k, now);
	return 0;
}

/* --- the writer thread ---------------------------------------------------------------------- */

static void wake(struct keeper *k)
{
	if (k->config.wake_keeper != NULL)
		k->config.wake_keeper(k->config.arg);
}

bool keeper_submit(struct keeper *k, const struct keeper_job *job)
{
	struct keeper_job *room = spsc_push(k->jobs);
	bool has_file = job->kind == KEEPER_BLANK || job->kind == KEEPER_CLOSE;

	px_assert(!has_file || job->fd >= 0);     /* from here on it is the keeper's to close */
	px_assert(has_file || job->segment != 0); /* the others find theirs by its name */
	if (room == NULL)
		return false;
	*room = *job;
	spsc_publish(k->jobs);
	wake(k);
	return true;
}

bool keeper_prepared_take(struct keeper *k, struct keeper_prepared *ret_prepared)
{
	const struct keeper_prepared *p = spsc_peek(k->prepared);

	if (p == NULL)
		return false;
	px_assert((p->error == 0) == (p->fd >= 0));
	*ret_prepared = *p;
	spsc_pop(k->prepared);
	return true;
}

bool keeper_snapshot_submit(struct keeper *k, struct snapshot_image *image)
{
	struct snapshot_image **room;

	if (k->snapshot_lent)
		return false;
	room = spsc_push(k->images);
	px_assert(room != NULL);
	*room = image;
	k->snapshot_lent = true;
	spsc_publish(k->images);
	wake(k);
	return true;
}

struct snapshot_image *keeper_snapshot_take(struct keeper *k, int *ret_error)
{
	const struct finished *f = spsc_peek(k->finished);
	struct snapshot_image *image;

	if (f == NULL)
		return NULL;
	px_assert(k->snapshot_lent);
	px_assert(f->image != NULL && f->error <= 0);
	image = f->image;
	*ret_error = f->error;
	k->snapshot_lent = false;
	spsc_pop(k->finished);
	return image;
}
