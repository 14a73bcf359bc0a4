/* writer_priv.h - shared by the files of the writer; everything runs on its thread. */
#ifndef PX_WRITER_WRITER_PRIV_H
#define PX_WRITER_WRITER_PRIV_H

#include "edge/codec/message.h"
#include "engine/apply.h"
#include "engine/base/assert.h"
#include "engine/base/blob.h"
#include "engine/board.h"
#include "engine/people.h"
#include "engine/requests.h"
#include "engine/room_log.h"
#include "writer/frames.h"
#include "writer/writer.h"

#define PENDING_MAX          65536 /* a power of two: requests waiting for the journal */
#define REQUESTS_PER_TURN    2048  /* per worker */
#define PREFETCH_AHEAD       8     /* placements: covers the latency of memory */
#define EVENTS_PER_REAP      64
#define COPY_STEP_BYTES      (512u << 10) /* per board and turn */
#define PEOPLE_COPY_STEP     8192
#define PEOPLE_EXPIRE_STEP   64 /* slots per turn */
#define REQUESTS_COPY_STEP   8192
#define REQUESTS_EXPIRE_STEP 1024 /* per turn */
#define LOG_FRAMES_MAX       65536
#define LOG_BYTES_MIN        65536      /* of the setting */
#define JSON_FILL_BYTES_MAX  (2u << 20) /* of the binary log, decoded for the JSON log in one go */
#define PACKED_BYTES_MIN     (256ull << 20)

_Static_assert(2 * RECORD_BYTES_MAX + FRAME_CELLS_MAX * RECORD_PLACEMENT_BYTES <=
		       JOURNAL_BATCH_BYTES_DEFAULT,
	       "a rollback of as many cells as a frame has is one batch");
_Static_assert((PENDING_MAX & (PENDING_MAX - 1)) == 0, "its counters wrap");
_Static_assert(ROOMS_MAX <= UINT16_MAX, "a board's number is a uint16_t");
_Static_assert(JOURNAL_BATCH_BYTES_DEFAULT + BATCH_HEADER_BYTES + JOURNAL_ALIGN <=
		       HISTORY_STEP_BYTES,
	       "the historian reads any batch in one step");

/* Who wants copies of all boards started at the same lsn. */
enum copy_taker { COPY_SNAPSHOT, COPY_FULL, COPY_TAKERS };

_Static_assert(COPY_TAKERS <= 8, "writer_board.takers has a bit for each");

struct writer_board {
	struct record_board meta;        /* number, name, size: they never change */
	struct room *room;               /* NULL: not in the settings; kept, but not served */
	struct face *face;               /* the room's; NULL: it has no room */
	uint32_t face_told[ROOM_LOGS];   /* the version last sent in each log, */
	uint32_t colors_told[ROOM_LOGS]; /* and how many colors it has */
	struct applied live;             /* what is durable; `changed` is what is in no frame yet */
	uint64_t seq_numbered;           /* the newest seq given out */
	struct frames frames;            /* of `live`; only of boards that are served */
	uint64_t cut_next_ns, status_next_ns;
	bool is_busy;                          /* busy.c */
	bool is_status_due;                    /* no longer in its line */
	uint64_t wants[BOARD_FORMS];           /* workers that want the next copy in this form */
	uint64_t copy_wants[BOARD_FORMS];      /* workers that get the copy being made */
	struct board_copy *taken[COPY_TAKERS]; /* finished, for a taker of all boards at one lsn */
	uint8_t takers;                        /* of the copy being made, one bit each */
	uint64_t snapshot_newest_ms; /* live.newest_ms when the snapshot's copy was started */
	bool is_journalled;          /* it is in the journal or the snapshot */
	bool is_epoch_new;           /* the journal does not have the epoch yet */
	uint64_t meta_lsn;           /* lsn of this run's record of board and epoch */
	struct refill *refill;       /* only while recovering, of boards that are served */
};

enum pending_kind { PENDING_PLACE, PENDING_REPEAT, PENDING_YOU, PENDING_ROLLBACK };

/* A placement in the journal, and the person's state before the charge. */
struct pending_place {
	uint64_t seq, request;
	uint64_t asked_ns, placed_at_ms;
	uint32_t cell;
	uint8_t color;
	bool nameless; /* not in `requests` */
	uint16_t before_sum;
	uint64_t before_wall_ms, before_mono_ms, before_request, before_seq;
	uint8_t user[USER_BYTES];
};

/* The answer to a placement that is already in the journal. */
struct pending_repeat {
	uint64_t seq, request;
	uint8_t user[USER_BYTES];
};

struct pending_you {
	uint8_t user[USER_BYTES];
};

struct pending_rollback {
	uint64_t first_seq;
	uint64_t name; /* lsn of its record */
	uint64_t placed_at_ms;
};

/* A request whose answer waits until its lsn is settled. */
struct pending {
	uint64_t lsn;
	struct mail_client client;
	uint16_t board;
	uint8_t worker;
	uint8_t kind; /* enum pending_kind */
	union {
		struct pending_place place;
		struct pending_repeat repeat;
		struct pending_you you;
		struct pending_rollback rollback;
	};
};

_Static_assert(sizeof(struct pending) <= 128, "two cache lines a placement");

enum snapshot_phase {
	SNAPSHOT_IDLE,
	/* no new copies are started; once none is being made, all are started together */
	SNAPSHOT_WANTED,
	SNAPSHOT_BOARDS, /* copies are being made */
	SNAPSHOT_PEOPLE,
	SNAPSHOT_REQUESTS,
	SNAPSHOT_SETTLE,  /* until the journal has settled the charges that were copied */
	SNAPSHOT_WRITING, /* the keeper has it */
};

enum full_phase {
	FULL_IDLE, /* nobody asks, or the present state is not in the journal yet */
	/* no new copies are started; once none is being made, all are started together */
	FULL_WANTED,
	FULL_MAKING,
};

enum rollback_phase {
	ROLLBACK_IDLE,
	ROLLBACK_PLANNING,   /* the historian works out what it would change */
	ROLLBACK_READY,      /* waiting for room in the journal */
	ROLLBACK_JOURNALLED, /* waiting to be durable */
};

/* The rollback in progress: one at a time, over all boards. */
struct rollback_work {
	enum rollback_phase phase;
	struct history_job job; /* including the offer and the blob of the answer */
	uint8_t *touched;       /* one bit per cell: placed on since the question */
};

/* Boards with something to do, in no order; and the served ones by when their status is due. */
struct busy {
	struct writer_board *at[ROOMS_MAX];
	uint32_t count;
	struct writer_board *line[ROOMS_MAX]; /* ring */
	uint32_t line_begin, line_end;
	uint64_t looks; /* at boards, in all turns */
};

#define FACES_OLD_MAX (2 * ROOMS_MAX) /* else a wish waits */

/* A face that was replaced, and by which of rooms.faces_set. */
struct old_face {
	struct face *face;
	uint64_t set;
};

struct faces {
	_Atomic(struct face_wish *) wish;   /* NULL: none */
	struct old_face old[FACES_OLD_MAX]; /* with the room's reference */
	unsigned old_count;
};

enum stop_phase { STOP_NO, STOP_JOURNAL, STOP_SNAPSHOT, STOP_DONE };

struct writer {
	struct writer_config config;
	struct writer_pace pace;
	struct now now;
	struct ring *ring;
	struct keeper *keeper;
	struct journal *journal;
	struct journal_start start; /* from recovery */
	struct rooms rooms;
	struct writer_board *boards[ROOMS_MAX]; /* by number */
	uint32_t boards_end;
	uint64_t cooldown_ms[ROOMS_MAX]; /* for people_expire() */
	struct people *people;
	struct requests *requests;
	struct pending *pending;             /* ring */
	uint64_t pending_head, pending_tail; /* oldest; one after the newest */
	uint64_t lsn_applied;
	uint32_t history_out; /* questions that the historian has */
	struct rollback_work rollback;
	struct faces faces;
	struct busy busy;
	bool metas_are_written; /* no board waits to be journalled; and nothing of that to settle */
	bool metas_are_settled;
	uint64_t mailed; /* bit mask: workers with answers since the last publish */
	bool cut_any;
	/* snapshots */
	enum snapshot_phase snapshot;
	struct snapshot_image image;
	struct snapshot_board *image_boards;
	struct person *image_people;
	struct request *image_requests;
	uint32_t people_cursor;
	uint64_t after_lsn;
	uint64_t snapshot_begun_ns; /* when the last one began; at first the start */
	uint64_t snapshot_lsn;      /* of the newest one written */
	/* for receivers */
	enum full_phase full_phase;
	struct full_copy *full; /* the one to be filled; NULL: not requested */
	uint64_t full_lsn;
	enum stop_phase stop;
	_Atomic bool ready;
	_Atomic uint64_t durable_lsn; /* published for receivers */
	_Atomic bool stopped;
	/* of packed boards alive; any thread may drop the last reference */
	_Atomic uint64_t packed_bytes;
	struct writer_metrics metrics;
	struct histogram acks, commits;
	_Atomic uint64_t refused[REFUSAL_MAX];
	struct ring_event events[EVENTS_PER_REAP];
	struct frame_maker maker;
};

/* --- writer.c --------------------------------------------------------------------------------- */
/* The next answer to a worker; the caller fills in what its type needs. */
struct mail_answer *writer_answer(struct writer *w, unsigned worker, enum mail_answer_type type,
				  struct mail_client client, uint16_t board);
/* Refuses a MAIL_PLACE or MAIL_SUBSCRIBE; `request` is the client's number. */
void writer_refuse(struct writer *w, unsigned worker, const struct mail_head *asked,
		   uint64_t request, enum refusal why, uint64_t wait_ms);
void writer_board_free(struct writer_board *b);

/* A board that is served; NULL: there is none with this number. */
struct writer_board *writer_board_at(struct writer *w, uint16_t number);

/* When the next snapshot is due, if there is anything new by then. */
static inline uint64_t writer_snapshot_ns(const struct writer *w)
{
	return w->snapshot_begun_ns +
	       atomic_load_explicit(&w->pace.snapshot_interval_ns, memory_order_relaxed);
}

/* --- accept.c: checked, charged, journalled --------------------------------------------------- */
/* Prefetches the memory that accept_place() of this request will read. */
void accept_prefetch(const struct writer *w, const struct mail_request *m);
void accept_place(struct writer *w, unsigned worker, const struct mail_request *m);
void accept_you(struct writer *w, unsigned worker, const struct mail_request *m);
/* Send the answers, once what they wait for is settled. */
void accept_tell_place(struct writer *w, const struct pending *p);
void accept_tell_repeat(struct writer *w, const struct pending *p);
void accept_tell_you(struct writer *w, const struct pending *p);
void accept_undo(struct writer *w, const struct pending *p); /* the journal dropped it */

/* --- order.c: numbered, waiting for the journal; applied once it is settled ------------------- */
/* The next entry of the queue, for the caller to fill. It waits for everything appended so far.
 * NULL: too many are waiting. */
struct pending *order_pend(struct writer *w, unsigned worker, uint16_t board,
			   struct mail_client client, enum pending_kind kind);
void order_unpend(struct writer *w); /* removes the newest: it was not accepted after all */
/* The seq that the board's next change gets; a change takes one seq per cell. */
uint64_t order_next(const struct writer_board *b);
void order_give_out(struct writer_board *b, uint64_t first, uint32_t count);
void order_take_back(struct writer_board *b, uint64_t first, uint32_t count);
/* Applies a durable change. false: a reader blocks the frame that must be cut first. */
bool order_apply(struct writer *w, struct writer_board *b, const struct change *c);
void order_settle(struct writer *w); /* applies and answers what the journal has settled */
void order_drop(struct writer *w);   /* undoes what the journal has dropped */

/* --- cut.c ------------------------------------------------------------------------------------ */
void cut_run(struct writer *w);
bool cut_board(struct writer *w, struct writer_board *b);      /* false: a reader blocks a log */
void cut_face_told(struct writer_board *b, unsigned encoding); /* that log's clients have it */
void cut_subscribe(struct writer *w, unsigned worker, const struct mail_request *m);
bool cut_has_work(const struct writer_board *b); /* the logs do not have all that they will */
uint64_t cut_wait_ns(struct writer *w);

/* --- refill.c: at start, before anything reads a log ------------------------------------------ */
/* The number of newest records that the logs may still hold. */
uint64_t refill_records(const struct settings *settings);
int refill_begin(struct writer *w, struct writer_board *b); /* -ENOMEM */
/* The next change of the board in the journal. replay: the board does not have it yet; otherwise it
 * is older than the snapshot and goes only into the log. -ENOMEM, or what apply_change()
 * refused. */
int refill_apply(struct writer *w, struct writer_board *b, const struct change *c, bool replay,
		 enum apply_verdict *ret_verdict);
/* An epoch begins after `seq` on the live board: clients cannot resume from before it. */
void refill_epoch(struct writer_board *b, uint32_t epoch, uint64_t seq);
void refill_end(struct writer *w, struct writer_board *b);
void refill_free(struct writer_board *b);

/* --- copy.c ----------------------------------------------------------------------------------- */
void copy_want(struct writer *w, unsigned worker, const struct mail_request *m);
void copy_run(struct writer *w);

/* The journal dropped something: restarts a snapshot in progress. */
void copy_drop(struct writer *w);
bool copy_has_work(const struct writer_board *b); /* one is wanted, or being made */
uint64_t copy_wait_ns(struct writer *w);
/* Whether there is memory for one more board in some form. */
bool copy_has_memory(const struct writer *w, const struct writer_board *b);
void copy_free(struct writer *w);
/* Starts copies of all boards at one instant for `taker`, or of none: false if one is still being
 * made or all versions are in use. Finished copies are in taken[]; dropped ones are not. */
bool copy_all_begin(struct writer *w, enum copy_taker taker);
bool copy_all_are_made(const struct writer *w, enum copy_taker taker);
void copy_all_drop(struct writer *w, enum copy_taker taker);

/* --- full.c ----------------------------------------------------------------------------------- */
void full_run(struct writer *w);
bool full_has_mail(const struct writer *w); /* there is a new request */
uint64_t full_wait_ns(const struct writer *w);
void full_free(struct writer *w);

/* --- questions.c ------------------------------------------------------------------------------ */
/* Logs at start where the past begins: the oldest file of the journal (first_lsn 0: there is
 * none). */
void questions_begin_tell(const struct writer *w, uint64_t first_lsn, const char *first_file);
struct history_job questions_job(unsigned worker, const struct mail_request *m);
void questions_job_drop(const struct history_job *job); /* frees all that it holds */
/* Passes a question on. false: no room, and nothing was done. */
bool questions_pass(struct writer *w, struct writer_board *b, struct history_job *job);
void questions_want(struct writer *w, unsigned worker, const struct mail_request *m);
void questions_take(struct writer *w); /* answers what the historian has finished */
void questions_drop(struct writer *w); /* at the end: there is nobody left to answer */

/* --- rollback.c ------------------------------------------------------------------------------- */
void rollback_want(struct writer *w, unsigned worker, const struct mail_request *m);
void rollback_planned(struct writer *w, const struct history_job *done); /* from the historian */
void rollback_run(struct writer *w); /* journals one that is ready, as soon as there is room */
void rollback_touch(struct writer *w, uint16_t board, uint32_t cell); /* a placement on the cell */
bool rollback_settle(struct writer *w, const struct pending *p); /* false: a reader blocks a log */
void rollback_undo(struct writer *w, const struct pending *p);   /* the journal dropped it */
void rollback_end(struct writer *w);

/* --- busy.c: which boards a turn looks at ----------------------------------------------------- */
void busy_insert(struct writer *w, struct writer_board *b); /* for busy_add() */
/* It has something to do: this turn if it was not looked at yet, and each until that is done. */
static inline void busy_add(struct writer *w, struct writer_board *b)
{
	if (!b->is_busy)
		busy_insert(w, b);
}
/* From *i = 0 on, one after the other; NULL: that were all. */
struct writer_board *busy_next(struct writer *w, uint32_t *i);
/* When a served board's next status is due: at start, and behind the last one. */
void busy_status_at(struct writer *w, struct writer_board *b, uint64_t due_ns);
void busy_statuses_run(struct writer *w); /* those whose status is due become busy */
uint64_t busy_status_wait_ns(struct writer *w);
void busy_run(struct writer *w); /* at the end of a turn: those that are done are busy no more */

/* --- faces.c ---------------------------------------------------------------------------------- */
void faces_run(struct writer *w);
bool faces_have_mail(const struct writer *w);
void faces_free(struct writer *w);
/* Makes the board's next face. -ENOMEM. */
int faces_make(const struct writer *w, const struct writer_board *b, const struct settings_board *s,
	       struct face **ret_face);
/* Whether the board can have the size (the palette) in the settings; false: `why` has a sentence
 * for the operator. */
bool faces_size_fits(const struct record_board *meta, const struct settings_board *s,
		     char why[static FACE_WHY_BYTES]);
bool faces_palette_fits(const struct writer *w, const struct writer_board *b,
			const struct settings_board *s, char why[static FACE_WHY_BYTES]);

/* --- restore.c -------------------------------------------------------------------------------- */
int restore_run(struct writer *w, char why[static RECOVER_WHY_BYTES]);
int restore_journal(struct writer *w);        /* records for new boards and epochs */
bool restore_is_journalled(struct writer *w); /* ... and those are settled and applied */
void restore_dropped(struct writer *w); /* those that the journal dropped count as new again */

#endif
