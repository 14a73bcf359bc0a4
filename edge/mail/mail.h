/*
 * mail.h - the messages between workers and the writer.
 *
 * Plain structs, copied through spsc queues; the pushing side wakes the other at the end of its
 * turn. Every request gets exactly one answer, so a worker that never has more open requests than
 * the answer queue holds cannot lose one.
 */
#ifndef PX_MAIL_MAIL_H
#define PX_MAIL_MAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/spsc.h"
#include "edge/codec/refusal.h"
#include "edge/picture/bitmap.h"
#include "engine/base/cache_line.h"
#include "engine/user.h"
#include "writer/question/question.h"

/* Where a request comes from: a connection of one worker. The generation distinguishes it from
 * later owners of the slot. */
struct mail_client {
	uint32_t index;
	uint32_t generation;
};

struct mail_head {
	struct mail_client client; /* zeros: the worker itself */
	uint16_t board;
	uint8_t type; /* enum mail_request_type, enum mail_answer_type */
};

/* --- to the writer ---------------------------------------------------------------------------- */

enum mail_request_type {
	MAIL_PLACE,      /* MAIL_PLACED or MAIL_REFUSED */
	MAIL_SUBSCRIBE,  /* MAIL_SUBSCRIBED, MAIL_STALE or MAIL_REFUSED */
	MAIL_ASK_YOU,    /* MAIL_YOU */
	MAIL_ASK_PIXEL,  /* MAIL_PIXEL */
	MAIL_ASK_BITMAP, /* MAIL_BITMAP */
	MAIL_QUESTION,   /* MAIL_HISTORY or MAIL_ROLLBACK */
};

struct mail_place {
	uint64_t request;  /* the client's number for it; repeated in the answer */
	uint64_t asked_ns; /* when it arrived, monotonic: for the latency histogram */
	uint8_t user[USER_BYTES];
	uint32_t x, y, color; /* as sent by the client: possibly outside the board or the palette */
	bool nameless;        /* `request` is not a number by which it could be repeated */
};

struct mail_subscribe {
	uint64_t request; /* the client's number for it; repeated in the answer */
	uint64_t seq;     /* resume: seq of the client's board */
	uint32_t epoch;   /* resume: its epoch */
	bool resume;
	uint8_t encoding; /* enum message_encoding: selects the log */
};

struct mail_ask_you {
	uint8_t user[USER_BYTES];
};

struct mail_ask_pixel {
	uint16_t x, y; /* of a cell on the board */
};

struct mail_ask_bitmap {
	uint8_t form; /* enum board_form */
};

struct mail_question {
	/* when it arrived, monotonic: a question that waited too long is not looked up */
	uint64_t asked_ns;
	struct question ask; /* the writer's from here on */
};

struct mail_request {
	struct mail_head head;
	union {
		struct mail_place place;
		struct mail_subscribe subscribe;
		struct mail_ask_you you;
		struct mail_ask_pixel pixel;
		struct mail_ask_bitmap bitmap;
		struct mail_question question;
	};
};

/* Frees what it owns, when nobody will answer it. */
void mail_request_drop(const struct mail_request *m);

/* At the end, when neither side runs: drops what was not taken, and frees the queue. NULL is
 * allowed. */
void mail_requests_free(struct spsc *requests);

/* --- to a worker ------------------------------------------------------------------------------ */

enum mail_answer_type {
	MAIL_PLACED,
	MAIL_REFUSED,
	MAIL_SUBSCRIBED,
	MAIL_STALE,
	MAIL_YOU,
	MAIL_PIXEL,
	MAIL_BITMAP,
	MAIL_HISTORY,
	MAIL_ROLLBACK,
};

struct mail_placed {
	uint64_t request;
	uint64_t seq;
	uint32_t wait_ms; /* until the next one is allowed */
};

struct mail_refused {
	uint64_t request;
	uint32_t wait_ms; /* 0: waiting does not help */
	uint8_t refusal;  /* enum refusal */
	uint8_t asked;    /* MAIL_PLACE or MAIL_SUBSCRIBE */
};

struct mail_subscribed {
	uint64_t request;
	uint64_t seq;    /* the first frame after the cursor starts after it, or before */
	uint64_t cursor; /* where the client starts in the log */
	uint32_t epoch;
	bool resumed;
};

struct mail_stale {
	uint64_t request;
	uint64_t seq;    /* of the board now */
	uint64_t oldest; /* the lowest seq from which a subscription can resume */
	uint32_t epoch;
};

struct mail_you {
	uint64_t last_request; /* the last durable placement; seq 0: none is known */
	uint64_t last_seq;
	uint32_t wait_ms; /* cooldown left */
};

struct mail_pixel {
	uint64_t placed_at_ms; /* with is_known */
	uint8_t user[USER_BYTES];
	uint8_t color;
	bool is_known; /* who placed it, and when */
};

struct mail_answer {
	struct mail_head head;
	union {
		struct mail_placed placed;
		struct mail_refused refused;
		struct mail_subscribed subscribed;
		struct mail_stale stale;
		struct mail_you you;
		struct mail_pixel pixel;
		struct bitmap bitmap;
		struct history_result history;
		struct rollback_result rollback;
	};
};

/* Frees what it holds. */
void mail_answer_drop(const struct mail_answer *a);

_Static_assert(sizeof(struct mail_request) <= CACHE_LINE, "one line moves from core to core");
_Static_assert(sizeof(struct mail_answer) <= CACHE_LINE, "likewise");

#endif
