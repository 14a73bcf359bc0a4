/*
 * mail.h - the messages between workers, writer and packer.
 *
 * Plain structs, copied through spsc queues; whoever pushes wakes the other side when its turn
 * ends. Every request gets exactly one answer, so a worker that never has more requests out than
 * the answer queue holds cannot lose one.
 */
#ifndef PX_ENGINE_MAIL_H
#define PX_ENGINE_MAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/people.h"
#include "engine/placement_filter.h"
#include "engine/refusal.h"
#include "engine/user.h"

/* Who asked: a connection of one worker. The generation tells a slot's next owner from this one. */
struct mail_client {
	uint32_t index;
	uint32_t generation;
};

/* What a question about the past came to. */
enum history_verdict {
	HISTORY_FOUND,
	HISTORY_BUSY,    /* too many ask, or it takes longer than one question may: again soon */
	HISTORY_NOT_YET, /* seq: the board's present one */
	HISTORY_GONE,    /* seq, placed_at_ms: where the board's history begins; 0: there is none */
	HISTORY_FAILED,  /* the disk or the journal is broken: the log says how */
	HISTORY_AWAY,    /* the database has it, or may, and cannot be asked now */
};

#define PIXEL_HISTORY_MAX 100 /* placements of one answer */

/* One of the placements that the blob of PIXEL_HISTORY is made of. */
struct mail_placement {
	uint64_t seq;
	uint64_t placed_at_ms;
	uint64_t rollback; /* that set it; 0: a person did */
	uint8_t user[USER_BYTES];
	uint8_t color;
};

enum rollback_op {
	ROLLBACK_DO,
	ROLLBACK_TRY,     /* says what it would do */
	ROLLBACK_PREVIEW, /* shows the board as it would be, in `form` */
	ROLLBACK_LIST,    /* all that were */
};

/* What a rollback is to do. */
struct mail_rollback {
	struct placement_filter filter; /* upto_seq UINT64_MAX: as the board is now */
	uint64_t undoes;                /* the rollback that is to end; 0: a new one, by `filter` */
};

enum rollback_verdict {
	ROLLBACK_DONE,
	ROLLBACK_BUSY,      /* another one is at work, or too many questions: again soon */
	ROLLBACK_UNKNOWN,   /* there is none of this name to be undone */
	ROLLBACK_IS_UNDONE, /* it was undone already */
	ROLLBACK_TOO_LARGE, /* more cells than change at once */
	ROLLBACK_NO_COLOR,  /* a cell would show a color that the palette does not have any more */
	ROLLBACK_REFUSED,   /* the journal cannot be written now; nothing was changed */
	ROLLBACK_GONE,      /* the journal that is kept does not know the board */
	ROLLBACK_FAILED,    /* the disk or the journal is broken: the log says how */
};

/* The blob of an answer to ROLLBACK: for DO and TRY one, for LIST any number, oldest first. */
struct mail_rolled_back {
	uint64_t rollback;     /* its name; 0: it was not made */
	uint64_t undoes;       /* another one's name; 0: none */
	uint64_t undone_by;    /* LIST: likewise */
	uint64_t placed_at_ms; /* LIST: when */
	uint64_t placements;   /* taken back, or given again */
	uint64_t cells;        /* changed, or would change */
	uint64_t cells_max;    /* may change at once */
	uint64_t out_of_reach; /* cells left alone because history does not reach back to them */
	uint64_t since_seq;    /* placements up to it are out of reach */
	uint64_t seq;          /* DO: of the board with it */
	struct placement_filter filter;
	uint16_t x, y, x_last, y_last; /* where cells change; only with cells */
};

/* What a board is sent as. */
enum board_form { FORM_IDENTITY, FORM_GZIP, FORM_ZSTD, FORM_PNG, BOARD_FORMS };

enum mail_type {
	MAIL_PLACE,         /* -> MAIL_PLACED or MAIL_REFUSED */
	MAIL_SUBSCRIBE,     /* -> MAIL_SUBSCRIBED or MAIL_STALE */
	MAIL_YOU,           /* -> MAIL_YOU */
	MAIL_PIXEL,         /* -> MAIL_PIXEL */
	MAIL_BITMAP,        /* -> MAIL_BITMAP */
	MAIL_PIXEL_HISTORY, /* -> MAIL_PIXEL_HISTORY */
	MAIL_BOARD_AT,      /* -> MAIL_BOARD_AT */
	MAIL_ROLLBACK,      /* -> MAIL_ROLLBACK */
	MAIL_PLACED,
	MAIL_REFUSED,
	MAIL_SUBSCRIBED,
	MAIL_STALE,
};

struct mail_request {
	uint8_t type;     /* enum mail_type */
	uint8_t encoding; /* SUBSCRIBE: which log */
	uint8_t form;     /* BITMAP, BOARD_AT, ROLLBACK */
	uint8_t op;       /* ROLLBACK: enum rollback_op */
	bool resume;      /* SUBSCRIBE: epoch and seq are given */
	bool with_user;   /* user is set */
	bool nameless;    /* PLACE: `request` is no name by which it could come again */
	uint16_t board;
	uint32_t epoch;
	struct mail_client client;
	uint32_t x, y, color;
	uint64_t request;  /* PLACE, SUBSCRIBE: the client's; the answer has it too */
	uint64_t seq;      /* BOARD_AT: up to it, PIXEL_HISTORY: below it; UINT64_MAX: whichever */
	uint64_t at_ms;    /* BOARD_AT: likewise */
	uint32_t count;    /* PIXEL_HISTORY: at most */
	uint64_t asked_ns; /* when it arrived, monotonic: for the latency histogram */
	union {
		uint8_t user[USER_BYTES];
		struct mail_rollback *rollback; /* ROLLBACK: the receiver's, to be freed */
	};
};

/* A board in one form, finished; answers hold one reference to the blob each. */
struct bitmap {
	struct blob *blob;
	uint64_t seq;
	uint32_t epoch;
};

struct mail_answer {
	uint8_t type;    /* enum mail_type */
	uint8_t refusal; /* enum refusal; also of PIXEL: out of bounds */
	uint8_t form;
	uint8_t encoding;
	uint8_t color;   /* PIXEL */
	uint8_t verdict; /* BOARD_AT, PIXEL_HISTORY: enum history_verdict; ROLLBACK: its own */
	uint8_t op;      /* ROLLBACK: enum rollback_op */
	bool resumed;
	bool known;    /* PIXEL: user and time are known; PIXEL_HISTORY: nothing older is missing */
	uint8_t asked; /* REFUSED: enum mail_type of the request */
	uint16_t board;
	uint32_t epoch;
	uint32_t wait_ms;
	struct mail_client client;
	uint64_t request;
	uint64_t seq; /* PIXEL_HISTORY: older ones are below it; 0: there are none */
	uint64_t asked_ns;
	union {
		uint64_t cursor;       /* SUBSCRIBED: where in the log the client begins */
		uint64_t oldest;       /* STALE */
		uint64_t placed_at_ms; /* PIXEL; BOARD_AT: of its newest, or since when */
	};
	union {
		/* BITMAP, BOARD_AT, PIXEL_HISTORY (the blob: struct mail_placement, newest first),
		 * ROLLBACK; blob NULL: could not be made */
		struct bitmap bitmap;
		uint8_t user[USER_BYTES]; /* PIXEL */
	};
};

/* Whether it holds a reference to a blob, where that is not NULL. */
static inline bool mail_has_blob(const struct mail_answer *a)
{
	return a->type == MAIL_BITMAP || a->type == MAIL_BOARD_AT ||
	       a->type == MAIL_PIXEL_HISTORY || a->type == MAIL_ROLLBACK;
}

#endif
