/*
 * keeper.h - the thread for disk jobs that block: segments made ahead, snapshots, retention.
 *
 * The writer thread submits jobs and takes results; the keeper thread calls keeper_turn(). Bounded
 * queues connect the two; neither waits. Segment jobs go before snapshot steps.
 */
#ifndef PX_JOURNAL_KEEPER_H
#define PX_JOURNAL_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/clock.h"
#include "persist/disk/disk.h"
#include "persist/snapshot/snapshot.h"

#define KEEPER_IDLE UINT64_MAX

struct keeper;

struct keeper_config {
	struct disk *disk;       /* from now on used by the keeper thread alone */
	uint32_t snapshots_past; /* kept besides the newest two */
	uint64_t keep_bytes;     /* of journal; 0: keep all history */
	/* with less free disk than this the oldest segments are removed; 0: never */
	uint64_t free_bytes_min;
	bool drop_unread;                /* ... even those that a receiver has not read */
	uint64_t snapshot_bytes_per_sec; /* 0: as fast as the disk allows */
	void *arg;                       /* for the functions below */
	void (*wake_writer)(void *arg);  /* on the keeper thread: results are ready */
	/* all receivers have passed it; NULL: there are none */
	uint64_t (*received_lsn)(void *arg);
	/* on the writer thread: jobs are waiting; NULL only in tests */
	void (*wake_keeper)(void *arg);
};

/* What of the config may change, all of it at once: by half of a change, retention could remove
 * what the other half keeps. */
struct keeper_limits {
	uint32_t snapshots_past;
	uint64_t keep_bytes;
	uint64_t free_bytes_min;
	bool drop_unread;
	uint64_t snapshot_bytes_per_sec;
};

/* Copies `config`; its disk stays the caller's. -ENOMEM. */
int keeper_new(const struct keeper_config *config, struct keeper **ret_keeper);
void keeper_free(struct keeper *k); /* NULL is allowed; both threads must have ended */

/* --- the keeper thread --- */

/* One bounded step: at most one write of 1 MiB with its sync. Returns nanoseconds until there is
 * more to do: 0: call again, KEEPER_IDLE: when woken. */
uint64_t keeper_turn(struct keeper *k, struct now now);

/* They hold from the next turn on, which looks what may go by them. */
void keeper_limits_set(struct keeper *k, const struct keeper_limits *limits);

/* --- the writer thread: segments, for journal.c --- */

enum keeper_job_kind {
	KEEPER_PREPARE, /* make segment `segment` of `bytes` zeros, synced; result: fd */
	KEEPER_BLANK, /* zero `bytes` at `offset` of fd, as far as possible; close it; no result */
	KEEPER_CLOSE, /* close fd; no result */
	KEEPER_TRIM,  /* truncate segment `segment` to `bytes`; no result */
};

struct keeper_job {
	enum keeper_job_kind kind;
	uint32_t segment;
	int fd;
	uint64_t offset;
	uint64_t bytes;
};

/* false: the queue is full; try again next turn. */
bool keeper_submit(struct keeper *k, const struct keeper_job *job);

/* The result of a KEEPER_PREPARE. */
struct keeper_prepared {
	uint32_t segment;
	int fd;    /* writable; the taker gives it back with KEEPER_BLANK or KEEPER_CLOSE */
	int error; /* 0, or -errno with fd -1 */
};

/* false: none is finished. */
bool keeper_prepared_take(struct keeper *k, struct keeper_prepared *ret_prepared);

/* --- the writer thread: snapshots --- */

/* One at a time; false: one is already being written. See struct snapshot_image for when. */
bool keeper_snapshot_submit(struct keeper *k, struct snapshot_image *image);

/* Returns the image, which is the writer's again, and its result (0 or -errno). NULL: none is
 * finished. */
struct snapshot_image *keeper_snapshot_take(struct keeper *k, int *ret_error);

#endif
