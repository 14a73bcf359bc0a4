/*
 * fanout.h - subscriptions, and the broadcast that they get (fanout.c).
 *
 * All on the worker's thread.
 */
#ifndef PX_CONN_FANOUT_H
#define PX_CONN_FANOUT_H

#include <stdbool.h>
#include <stdint.h>

#define FANOUT_BATCH       256 /* without rests */
#define FANOUT_BATCH_SOON  128 /* when the round's rests are used up */
#define FANOUT_BATCH_SMALL 64  /* while the worker rests between batches */
#define VISITS_PER_TURN    16384
#define SUBS_PER_CONN_MAX  16
#define BACKOFF_ROUNDS_MAX 15

struct conn;
struct room_log;
struct worker;

/* One client on one board: a cursor into the broadcast log. */
struct sub {
	uint64_t cursor;    /* next byte to send */
	uint64_t sent_from; /* where the send of the last batch began */
	uint64_t frame_end; /* while `cut`: the end of the frame that the client stands in */
	struct room_log *log;
	uint32_t conn; /* NONE: the slot is free */
	uint32_t next; /* of this connection, or of the free list */
	uint32_t generation;
	uint16_t room;
	uint8_t encoding;
	uint8_t skip;    /* rounds to leave out */
	uint8_t backoff; /* what skip becomes after the next send that nothing was taken of */
	bool cut;        /* the client stands inside a frame; not known while conn_is_in_batch() */
	bool was_cut;    /* `cut` before the send of the last batch */
	bool shorted;    /* the last send was not taken whole */
	bool ends;       /* true exactly from sub_end() on: what was sent of it is its last */
};

_Static_assert(sizeof(struct sub) <= 56, "there are a million of them");

void fanout_run(struct worker *w);
void fanout_send_short(struct worker *w, uint32_t sub, int res);
void fanout_release(struct worker *w); /* after the completions of a batch are seen */
struct sub *sub_new(struct worker *w, struct conn *c, uint16_t room, uint64_t cursor);
void sub_free(struct worker *w, struct sub *s);
/* Behind the frame that the client stands in, or may: it counts no more, and begins no frame. */
void sub_end(struct worker *w, struct sub *s);
struct sub *sub_find(struct worker *w, const struct conn *c, uint16_t room);
uint64_t fanout_wait_ns(const struct worker *w);

#endif
