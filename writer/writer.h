/*
 * writer.h - the thread that decides: one order for everything, durable before it is acknowledged.
 *
 * Owns the boards, the people, the writing side of the broadcast logs, and the journal's turn.
 * Workers send it mail and get one answer each; keeper and packer do for it whatever would block.
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

/* A board to be packed, and the result on its way back. */
struct pack_job {
	struct board_copy *copy;   /* holds one reference, returned with the result */
	struct blob *blob;         /* the result; NULL: out of memory */
	struct face *face;         /* holds one reference, returned with the result */
	_Atomic uint64_t *account; /* bytes of all packed boards alive; see blob_account() */
	uint64_t workers;          /* bit mask of the workers that asked */
	uint16_t board;
	uint8_t form; /* enum board_form */
};

_Static_assert(WORKERS_MAX <= 64, "who asked is a bit mask");

/* A question about the past on its way to the historian, and its answer on the way back. */
struct history_job {
	struct question ask;
	struct mail_client client;
	uint64_t asked_ns;
	const struct room *room;
	struct face *face;  /* one reference, of the job */
	uint64_t upto_lsn;  /* durable and applied when it was asked, */
	uint64_t seq;       /* and the board's seq then */
	uint32_t cells_max; /* QUESTION_ROLLBACK: most cells that may change at once */
	uint16_t board;
	uint8_t worker;
	union { /* by ask.kind */
		struct history_result history;
		struct rollback_result rollback;
	};
	struct rollback_offer *offer; /* ROLLBACK_DO that can be done; from malloc() */
};

/* What a rollback would change on a board at job.seq. */
struct rollback_offer {
	struct placement_filter filter;
	uint64_t placements, first_seq;
	uint32_t count;
	struct delta_cell cells[];
};

#define FACE_WHY_BYTES 400

/* How boards are to look from now on: all of them, or none when one cannot. */
struct face_wish {
	const struct settings_board *boards; /* each once; the asker's until it is answered */
	unsigned count;
	void *arg;
	void (*answered)(void *arg); /* on the writer's thread, which then knows the wish no more */
	/* the answer */
	char why[FACE_WHY_BYTES]; /* empty: it was done; else a sentence, and nothing has changed */
	unsigned changed;         /* boards that look different now; the others did so already */
};

#define FULL_COPIES_MAX 8

#define HISTORY_JOBS_MAX 32 /* further questions get 503 */

struct writer_config {
	const struct settings *settings;
	struct disk *disk; /* for recovery; afterwards used by the keeper alone */
	unsigned worker_count;
	bool read_only; /* recovery changes nothing; only writer_free() may follow */
	/* With read_only: only whether a start would succeed, and the boards' meta data; neither
	 * logs nor people nor rooms are made, which take the memory of a second server. */
	bool check_only;
	struct spsc *requests[WORKERS_MAX]; /* of struct mail_request; popped here */
	struct spsc *answers[WORKERS_MAX];  /* of struct mail_answer; pushed here */
	struct spsc *pack_jobs;             /* of struct pack_job; pushed here */
	struct spsc *pack_done;             /* of struct pack_job; popped here */
	struct spsc *history_jobs; /* of struct history_job; pushed here; NULL: no historian */
	struct spsc *history_done; /* of struct history_job; popped here */
	/* one for each possible requester; filled here */
	struct full_copy *full_copies[FULL_COPIES_MAX];
	unsigned full_copy_count;
	void *arg; /* for the functions below */
	void (*wake_worker)(void *arg, unsigned worker);
	void (*wake_packer)(void *arg);
	void (*wake_historian)(void *arg);
	uint64_t (*round_ns)(void *arg); /* longest last round of all workers */
};

/* Recovers the boards, before any other thread runs. Copies `config`, but not what it points to. 0,
 * or an exit code of pixeld with a sentence in `why` (RECOVER_WHY_BYTES). Afterwards writer_rooms()
 * is complete. */
int writer_new(const struct writer_config *config, struct now now, struct writer **ret_writer,
	       char why[static RECOVER_WHY_BYTES]);
void writer_free(struct writer *w); /* NULL is allowed; no other thread may run */

/* Valid until writer_free(). */
struct rooms *writer_rooms(struct writer *w);

/* Before any other thread runs: the id of the journal, and the boards in it by number; NULL: there
 * is none with that number. */
uint64_t writer_journal_id(const struct writer *w);
const struct record_board *writer_board_meta(const struct writer *w, uint32_t number);
bool writer_board_is_new(const struct writer *w, uint32_t number); /* the journal had none */

/* Opens ring and journal. On the writer's thread, before the first turn. 0 or -errno. */
int writer_start(struct writer *w, struct keeper *keeper, struct now now);

/* One turn. Returns how many nanoseconds the thread may sleep. *ret_nap: the sleep need not end for
 * new mail, which could not be journalled sooner in any case; a stream of placements then costs no
 * wake-up each. */
uint64_t writer_turn(struct writer *w, struct now now, bool *ret_nap);

/* Submits a wish, which is answered within a turn or two; wake the writer afterwards. Any thread
 * but the writer's, while the writer runs; one wish at a time. Boards that are not served, another
 * size, and a palette without colors that the board shows are refused. */
void writer_faces_wish(struct writer *w, struct face_wish *wish);

/* Whether anything was sent; checked before sleeping. */
bool writer_has_mail(struct writer *w);
struct ring *writer_ring(struct writer *w);

/* Intervals of the writer's work; a change applies from the next time on. */
struct writer_pace {
	_Atomic uint64_t cut_interval_ns, status_interval_ns, snapshot_interval_ns;
	_Atomic uint64_t gather_us; /* of the journal */
};

/* On the main thread, at any time. writer_new() has called it with its own settings. */
void writer_pace_set(struct writer *w, const struct settings *s);

/* After the workers have ended: closes the journal and writes a last snapshot, over further
 * turns. */
void writer_stop(struct writer *w);
bool writer_is_stopped(const struct writer *w);

/* Any thread. */
bool writer_is_ready(const struct writer *w);        /* the journal accepts placements */
uint64_t writer_durable_lsn(const struct writer *w); /* everything up to it is on disk for good */
/* How often a turn has looked at a board; for tests, on the writer's thread. */
uint64_t writer_board_looks(const struct writer *w);
const struct writer_metrics *writer_metrics(const struct writer *w);
const struct histogram *writer_acks(const struct writer *w);    /* from arrival to the answer */
const struct histogram *writer_commits(const struct writer *w); /* group commits of the journal */

/* How many requests were refused for this reason. */
uint64_t writer_refused(const struct writer *w, enum refusal why);

#endif
