/*
 * historian.h - the thread that answers questions about the past: from the disk, and where that
 * does not reach from the database.
 *
 * The writer submits questions and takes answers (struct history_job); the historian's thread calls
 * historian_turn(). One question at a time, in steps of 4 MiB, with a limit on its time: nobody who
 * places waits for it.
 */
#ifndef PX_WRITER_HISTORIAN_H
#define PX_WRITER_HISTORIAN_H

#include <stdint.h>

#include "engine/base/clock.h"
#include "engine/base/spsc.h"
#include "persist/disk/disk.h"
#include "persist/history/past.h"

#define HISTORIAN_IDLE UINT64_MAX

struct historian;

struct historian_config {
	struct disk *disk; /* this thread's own */
	struct past *past; /* likewise; NULL: the journal is all there is */
	struct spsc *jobs; /* of struct history_job: we pop */
	struct spsc *done; /* likewise: we push */
	void *arg;
	void (*wake_writer)(void *arg); /* answers are there */
};

int historian_new(const struct historian_config *config, struct historian **ret_historian);
void historian_free(struct historian *h); /* NULL is fine; its thread is gone */

/* One bounded step. Returns nanoseconds until there is something to do: 0 = call again,
 * HISTORIAN_IDLE = when woken. */
uint64_t historian_turn(struct historian *h, struct now now);

#endif
