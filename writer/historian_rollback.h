/*
 * historian_rollback.h - the historian's questions about rollbacks: what they would change, which
 * ones were made.
 *
 * The historian's thread. Answers go into job->rollback, an offer into job->offer.
 */
#ifndef PX_WRITER_HISTORIAN_ROLLBACK_H
#define PX_WRITER_HISTORIAN_ROLLBACK_H

#include "edge/picture/pack.h"
#include "persist/history/history.h"
#include "writer/writer.h"

struct historian_rollback;

/* history and packer stay the caller's. -ENOMEM. */
int historian_rollback_new(struct history *history, struct packer *packer,
			   struct historian_rollback **ret_rollback);
void historian_rollback_free(struct historian_rollback *r); /* NULL is allowed */

/* After history_look(). */
void historian_rollback_begin(struct historian_rollback *r, const struct history_job *job);

/* 1: call again; 0: answered; -errno: the history cannot be read, and the job has that answer. */
int historian_rollback_step(struct historian_rollback *r, struct history_job *job);

#endif
