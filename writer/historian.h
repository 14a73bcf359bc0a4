/*
 * historian.h - the thread that answers questions about the past: from the disk, and from the
 * database where the disk does not reach.
 *
 * The writer submits questions and takes answers (struct history_job); the historian's thread calls
 * historian_turn(). One question at a time, in steps of 4 MiB, with a time limit: placing never
 * waits for it.
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
	struct disk *disk; /* used by this thread alone */
	struct past *past; /* used by this thread alone; NULL: there is only the journal */
	struct spsc *jobs; /* of struct history_job; popped here */
	struct spsc *done; /* of struct history_job; pushed here */
	void *arg;
	void (*wake_writer)(void *arg); /* answers are ready */
};

/* Copies `config`, but not what it points to. -ENOMEM. */
int historian_new(const struct historian_config *config, struct historian **ret_historian);
void historian_free(struct historian *h); /* NULL is allowed; its thread must have ended */

/* One bounded step. Returns nanoseconds until there is more to do: 0: call again, HISTORIAN_IDLE:
 * when woken. */
uint64_t historian_turn(struct historian *h, struct now now);

#endif
