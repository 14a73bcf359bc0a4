/*
 * fanout.h - subscriptions, and the broadcast sent to them (fanout.c).
 *
 * Everything runs on the worker's thread.
 */
#ifndef PX_CONN_FANOUT_H
#define PX_CONN_FANOUT_H

#include <stdbool.h>
#include <stdint.h>

#define FANOUT_BATCH       256 /* without rests */
#define FANOUT_BATCH_SOON  128 /* when the round has used up its rests */
#define FANOUT_BATCH_SMALL 64  /* while the worker rests between batches */
#define VISITS_PER_TURN    16384
#define SUBS_PER_CONN_MAX  16
#define BACKOFF_ROUNDS_MAX 15

_Static_assert(FANOUT_BATCH_SMALL <= FANOUT_BATCH_SOON && FANOUT_BATCH_SOON <= FANOUT_BATCH,
	       "lists of a batch have room for FANOUT_BATCH");
_Static_assert(SUBS_PER_CONN_MAX <= UINT8_MAX && BACKOFF_ROUNDS_MAX <= UINT8_MAX, "bytes");

struct conn;
struct room_log;
struct worker;

/* One client on one board: a cursor into the broadcast log. */
struct sub {
	uint64_t cursor;    /* next byte to send */
	uint64_t frame_end; /* with `inside`: the end of the frame that was sent in part */
	struct room_log *log;
	uint32_t sent; /* bytes of the send of the last batch, all in front of the cursor */
	uint32_t conn; /* NONE: the slot is free */
	uint32_t next; /* of this connection, or of the free list */
	uint32_t generation;
	uint16_t room;
	uint8_t encoding;
	uint8_t skip;        /* rounds to skip */
	uint8_t backoff;     /* value of `skip` after the next send of which nothing was accepted */
	bool inside : 1;     /* the client is inside a frame; unknown while conn_is_in_batch() */
	bool was_inside : 1; /* `inside` before the send of the last batch */
	bool shorted : 1;    /* the last send was not accepted whole */
	bool face_due : 1;   /* `board` is still to be sent: ws_face.c */
	bool ends : 1;       /* set exactly from sub_end() on: nothing more will be sent of it */
};

_Static_assert(sizeof(struct sub) <= 48, "there are a million of them");

/* Once per turn: prepares the sends of one batch, or starts or ends a round. */
void fanout_run(struct worker *w);

/* The event of OP_SEND_LOG: not everything was accepted, or the peer is gone. */
void fanout_send_short(struct worker *w, uint32_t sub, int res);
void fanout_release(struct worker *w); /* once the completions of a batch were processed */

/* Subscribes c, in WS, to a room it has not subscribed to. NULL: it has SUBS_PER_CONN_MAX, or no
 * slot is free. */
struct sub *sub_new(struct worker *w, struct conn *c, uint16_t room, uint64_t cursor);

/* Frees it; the rest of its frame is no longer sent. */
void sub_free(struct worker *w, struct sub *s);
/* Ends it after the frame that was, or may have been, sent in part: it no longer counts, and starts
 * no new frame. */
void sub_end(struct worker *w, struct sub *s);

/* The subscription to this room that is not ending; NULL: there is none. */
struct sub *sub_find(struct worker *w, const struct conn *c, uint16_t room);

/* Nanoseconds until fanout_run() has something to do; UINT64_MAX: nothing by time. */
uint64_t fanout_wait_ns(const struct worker *w);

#endif
