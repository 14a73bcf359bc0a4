/*
 * writer.h - the thread that decides: one order for everything, durable before anybody is told.
 *
 * Owns the boards, the people, the writing side of the broadcast logs, and the journal's turn.
 * Workers ask by mail and get one answer each; keeper and packer do for it what would block.
 *
 *   place: check > charge > number > journal        ... durable ...       > apply > answer, cut
 *
 * writer_turn() never blocks and reads no clock.
 */
#ifndef PX_WRITER_WRITER_H
#define PX_WRITER_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "edge/codec/refusal.h"
#include "edge/mail/mail.h"
#include "engine/base/clock.h"
#include "engine/base/histogram.h"
#include "engine/full_copy.h"
#include "engine/ring/ring.h"
#include "engine/room.h"
#include "engine/base/spsc.h"
#include "persist/journal/journal.h"
#include "persist/journal/keeper.h"
#include "persist/recover/recover.h"
#include "persist/history/rollback.h"
#include "server/settings/settings.h"
#include "writer/question/question.h"
#include "writer/writer_metrics.h"

struct writer;

/* A board to be packed, and its result on the way back. */
struct pack_job {
	struct board_copy *copy; /* one reference, given back with the result */
	struct blob *blob;       /* the result; NULL: no memory */
	const struct room *room;
	_Atomic uint64_t *account; /* of all packed boards that live; see blob_account() */
	uint64_t workers;          /* bit mask: who asked */
	uint8_t form;              /* enum board_form */
};

_Static_assert(WORKERS_MAX <= 64, "who asked is a bit mask");

/* A question about the past on its way to the historian, and its answer on the way back. */
struct history_job {
	struct question ask;
	struct mail_client client;
	uint64_t asked_ns;
	const struct room *room;
	uint64_t upto_lsn;  /* what was durable and applied when it was asked, */
	uint64_t seq;       /* and the board's seq then */
	uint32_t cells_max; /* QUESTION_ROLLBACK: more do not change at once */
	uint16_t board;
	uint8_t worker;
	union { /* by ask.kind */
		struct history_result history;
		struct rollback_result rollback;
	};
	struct rollback_offer *offer; /* ROLLBACK_DO that can be done; from malloc() */
};

/* What a rollback would change, on a board at job.seq. */
struct rollback_offer {
	struct placement_filter filter;
	uint64_t placements, first_seq;
	uint32_t count;
	struct delta_cell cells[];
};

#define FULL_COPIES_MAX 8

#define HISTORY_JOBS_MAX 32 /* more questions get 503 */

struct writer_config {
	const struct settings *settings;
	struct disk *disk; /* for recovery; afterwards the keeper's */
	unsigned worker_count;
	bool read_only; /* recovery changes nothing; nothing but writer_free() may follow */
	struct spsc *requests[WORKERS_MAX]; /* of struct mail_request: we pop */
	struct spsc *answers[WORKERS_MAX];  /* of struct mail_answer: we push */
	struct spsc *pack_jobs;             /* of struct pack_job: we push */
	struct spsc *pack_done;             /* of struct pack_job: we pop */
	struct spsc *history_jobs;          /* of struct history_job: we push; NULL: no historian */
	struct spsc *history_done;          /* likewise: we pop */
	struct full_copy *full_copies[FULL_COPIES_MAX]; /* one for each who may ask: we fill it */
	unsigned full_copy_count;
	void *arg; /* of the functions below */
	void (*wake_worker)(void *arg, unsigned worker);
	void (*wake_packer)(void *arg);
	void (*wake_historian)(void *arg);
	uint64_t (*round_ns)(void *arg); /* the longest last round of any worker */
};

/* Recovers the boards: before any thread runs. 0, or an exit code of pixeld with a sentence in
 * `why` (RECOVER_WHY_BYTES). Afterwards writer_rooms() is complete. */
int writer_new(const struct writer_config *config, struct now now, struct writer **ret_writer,
	       char why[static RECOVER_WHY_BYTES]);
void writer_free(struct writer *w); /* NULL is fine; no other thread runs */

struct rooms *writer_rooms(struct writer *w);

/* Before any thread runs: whose journal it is, and the boards in it by number; NULL: no such one.
 * */
uint64_t writer_journal_id(const struct writer *w);
const struct record_board *writer_board_meta(const struct writer *w, uint32_t number);

/* Opens ring and journal: on the writer's thread, before the first turn. -errno. */
int writer_start(struct writer *w, struct keeper *keeper, struct now now);

/* Returns how long the thread may sleep, in nanoseconds. With *ret_nap it sleeps through new mail,
 * which could not be journalled sooner anyhow: a stream of placements then costs no wake-up each.
 * */
uint64_t writer_turn(struct writer *w, struct now now, bool *ret_nap);
bool writer_has_mail(struct writer *w);
struct ring *writer_ring(struct writer *w);

/* After the workers are gone: closes the journal and writes a last snapshot, over more turns. */
void writer_stop(struct writer *w);
bool writer_is_stopped(const struct writer *w);

/* Any thread. */
bool writer_is_ready(const struct writer *w);        /* the journal takes placements */
uint64_t writer_durable_lsn(const struct writer *w); /* of the journal: on disk, for good */
const struct writer_metrics *writer_metrics(const struct writer *w);
const struct histogram *writer_acks(const struct writer *w);    /* from arrival to the answer */
const struct histogram *writer_commits(const struct writer *w); /* of the journal */
uint64_t writer_refused(const struct writer *w, enum refusal why);

#endif
