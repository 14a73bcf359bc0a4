/*
 * conn.h - one client: its state, its life and end, and the bytes sent to it.
 *
 * What a client's input means is up to the layers above: for each state they supply the functions
 * to call (struct conn_protocol). Everything runs on the worker's thread.
 */
#ifndef PX_CONN_CONN_H
#define PX_CONN_CONN_H

#include "edge/codec/close_reason.h"
#include "edge/codec/http_head.h"
#include "edge/codec/message.h"
#include "edge/codec/ws_frame.h"
#include "edge/conn/addresses.h"
#include "edge/wire/wire.h"
#include "engine/base/blob.h"

#define NONE                  UINT32_MAX
#define RECV_BUF_BYTES        2048
#define BODY_BYTES_MAX        1024 /* of a request */
#define IN_BYTES              (HTTP_HEAD_BYTES_MAX + BODY_BYTES_MAX + RECV_BUF_BYTES)
#define OUT_BYTES             32768
/* kept free of answers, so that there is always room for the close frame */
#define CLOSE_FRAME_BYTES_MAX (2 + 2 + CLOSE_TEXT_BYTES_MAX)
#define REPLY_BYTES_PER_MS    128  /* a reader of a large body may be this slow */
#define LINGER_MS             2000 /* wait for the peer's end after ours */

struct lane;
struct sub;
struct worker;

/* The operations on the rings of a worker. */
enum worker_op {
	OP_ACCEPT = 1,    /* slot: index into accepts */
	OP_ACCEPT_CANCEL, /* at the stop */
	OP_RECV,     /* from here on slot: index of the connection; SEND_LOG: of the subscription */
	OP_SEND_OUT, /* out buffer, as much as the socket accepts now (WebSocket) */
	OP_SEND_LOG,
	OP_SEND_ALL, /* out buffer or body, all of it (HTTP) */
	OP_SHUTDOWN,
	OP_RECV_CANCEL,
	OP_SEND_CANCEL,
	OP_SLOT_CLOSE,
};

/* FREE -> HTTP -> {WAIT, REPLY} -> HTTP ...; HTTP -> WS | ECHO; any -> LINGER -> RELEASE -> FREE,
 * any -> RELEASE. conn_moves[] in conn.c lists the legal moves; conn_state_set() is the only
 * writer. */
enum conn_state {
	CONN_FREE,
	CONN_HTTP,  /* a request is being read */
	CONN_WAIT,  /* waiting for the writer's answer; nothing is read */
	CONN_REPLY, /* an answer is being sent; nothing is read */
	CONN_WS,
	CONN_ECHO,    /* WebSocket of /test/echo */
	CONN_LINGER,  /* all is sent; discards input until the peer's end */
	CONN_RELEASE, /* over; waits until nothing is in flight */
	CONN_STATES
};

enum conn_flag {
	CONN_KEEP_ALIVE = 1, /* HTTP: another request may follow this one */
	CONN_HEAD_ONLY = 2,  /* HTTP: HEAD, the body is omitted */
	CONN_USER = 4,       /* user is set */
	CONN_LOCAL = 8,      /* limits per address do not apply */
	CONN_LAST = 16,      /* `out` ends with our last bytes: linger once they are sent */
	CONN_FLUSH = 32,     /* set exactly while on the worker's flush or stuck list */
	CONN_LISTED = 64,    /* set exactly while on a list of bitmap waiters */
	CONN_REFUSED = 128,  /* the server was full: gets 503 and nothing else */
};

/* In flight; a slot is released only when this is 0. */
enum conn_op {
	CONN_OP_RECV = 1,
	CONN_OP_SEND = 2, /* SEND_ALL */
	CONN_OP_SHUTDOWN = 4,
	CONN_OP_RECV_CANCEL = 8,
	CONN_OP_CLOSE = 16,
	CONN_OP_SEND_CANCEL = 32,
};

struct in_buf {
	uint32_t len;
	uint32_t seen; /* HTTP: bytes already searched for the end of the head */
	uint8_t bytes[IN_BYTES];
};

struct out_buf {
	uint32_t start, end; /* what is left to send */
	uint32_t mark;       /* where the send of the last batch started */
	uint8_t bytes[OUT_BYTES];
};

struct conn {
	/* read by the fan-out */
	uint32_t generation;
	uint32_t batch; /* the last batch with a send of this connection */
	/* subscription whose frame must be finished before anything else; NONE. Like `inside` */
	uint32_t inside_sub;
	uint32_t sub_head;
	struct out_buf *out; /* NULL: nothing to send */
	uint8_t state;       /* enum conn_state */
	uint8_t ops;         /* enum conn_op */
	uint8_t flags;       /* enum conn_flag */
	uint8_t encoding;
	uint8_t why;          /* enum close_reason */
	uint8_t subs;         /* not counting those that are ending */
	uint8_t http_what;    /* enum http_what */
	bool closed_in_batch; /* `why` was set before the result of the last send was known */
	/* the rest */
	struct wire wire;
	uint32_t next; /* in the flush list, or in a list of bitmap waiters */
	/* WS with a user: Unix time; UINT32_MAX: later than this field can hold */
	uint32_t session_ends_s;
	struct in_buf *in;
	struct ws_parser ws;
	const uint8_t *body; /* REPLY: sent after `out` */
	size_t body_len;
	struct blob *body_blob;   /* owner of the body; NULL: static. WAIT: tags of If-None-Match */
	uint64_t next_request_us; /* token bucket: when the next is due at the allowed rate */
	uint32_t http_board;      /* WAIT: what was asked for */
	uint32_t http_x, http_y;
	uint16_t pending;            /* requests that the writer has */
	uint8_t http_cors;           /* pages that may read the answer: http_origin.c */
	bool http_tls;               /* the request came over TLS to a proxy in front */
	uint8_t addr[ADDRESS_BYTES]; /* of the peer */
	uint8_t user[USER_BYTES];
};

_Static_assert(sizeof(struct conn) <= 192, "three cache lines: there are a million of them");

/* What a state does with the events of its connections; NULL: nothing. */
struct conn_protocol {
	void (*input)(struct worker *w, struct conn *c, uint8_t *bytes, size_t len);
	void (*sent)(struct worker *w, struct conn *c); /* everything was sent, by a batch */
	/* its deadline has passed; NULL: it is closed */
	void (*late)(struct worker *w, struct conn *c);
	/* a subscription has fallen out of the log, at the end of a frame, and must end */
	void (*lost)(struct worker *w, struct conn *c, struct sub *s);
};

/* --- conn.c: its life ------------------------------------------------------------------------- */
/* A new client in the slot; its address is set next, before any request. */
struct conn *conn_open(struct worker *w, struct lane *lane, uint32_t slot);
/* Sets the peer's address, and with it whether the client is local. May be called again, when a
 * proxy reports the real address. */
void conn_addr_set(struct conn *c, const struct sockaddr_storage *from, enum address_trust trust);

/* Moves to a state; asserts that the move is legal, and keeps the gauges. */
void conn_state_set(struct worker *w, struct conn *c, enum conn_state next);

/* Arms a receive; none may be armed. WS and LINGER receive repeatedly, other states once. */
void conn_recv_arm(struct worker *w, struct conn *c);

/* Whether the connection may be read now. */
bool conn_wants_input(const struct conn *c);

/* The event of OP_RECV: passes the bytes to the state, and arms again if it wants more. */
void conn_recv_done(struct worker *w, struct conn *c, const struct ring_event *ev);

/* The event of any other operation of `ops`; in RELEASE the last one frees the connection. */
void conn_op_done(struct worker *w, struct conn *c, enum conn_op op);

/* Calls `late` of the state after `ms`, rounded up to a tick; 0: never. Replaces the one before. */
void conn_deadline_set(struct worker *w, struct conn *c, uint32_t ms);

/* Keeps the first reason and counts it. */
void conn_why_set(struct worker *w, struct conn *c, enum close_reason why);
/* The first reason wins. A WebSocket first gets what it is owed: the writer's answers, the rest of
 * a frame, a close frame if the reason has a code; then it lingers. Bounded. */
void conn_close(struct worker *w, struct conn *c, enum close_reason why);

/* it is closing, and an answer has arrived */
void conn_close_run(struct worker *w, struct conn *c);
/* The connection is closing and is owed something: answers of the writer, the rest of a frame. A
 * slow reader gets time in proportion; one that takes nothing gets none. */
void conn_owed_begin(struct worker *w, struct conn *c);
/* Immediately and without a close frame: the stream is broken, or nobody reads it. */
void conn_abort(struct worker *w, struct conn *c, enum close_reason why);
void conn_linger(struct worker *w, struct conn *c); /* everything is sent: shut our side */

/* Shuts both sides; frees the connection once nothing is in flight. */
void conn_release(struct worker *w, struct conn *c);
struct in_buf *conn_in_borrow(struct worker *w, struct conn *c); /* NULL: none is free */
void conn_in_return(struct worker *w, struct conn *c);
/* Appends to `in`; false: there is no buffer. The bytes of one event always fit. */
bool conn_in_keep(struct worker *w, struct conn *c, const uint8_t *bytes, size_t len);
/* Whether the connection stays within the allowed rate; counts the request. */
bool conn_may_ask(struct worker *w, struct conn *c);

/* Once per turn: arms the receives that found no buffer. */
void conn_starved_run(struct worker *w);

/* Once per tick: handles the deadlines that have passed. */
void conn_sweep(struct worker *w);

/* --- conn_send.c: answers -------------------------------------------------------------------- */
struct out_buf *conn_out_borrow(struct worker *w, struct conn *c); /* NULL: none is free */
void conn_out_return(struct worker *w, struct conn *c);
/* Room for one message of up to `len` bytes; NULL: the connection is being closed. */
uint8_t *conn_answer_reserve(struct worker *w, struct conn *c, size_t len);
uint8_t *conn_last_reserve(struct worker *w, struct conn *c); /* the same for the close frame */

/* Appends the `len` bytes written there and queues the connection for sending. */
void conn_answer_commit(struct worker *w, struct conn *c, size_t len);

/* Appends one message in the client's encoding; closes the connection if there is no room. */
void conn_answer(struct worker *w, struct conn *c, const struct message *m);
void conn_flush_run(struct worker *w);   /* sends the out buffers of the flush list */
void conn_stuck_retry(struct worker *w); /* when a round starts */

/* The event of OP_SEND_OUT: not everything was accepted, or the peer is gone. */
void conn_send_out_short(struct worker *w, struct conn *c, int res);
void conn_batch_end(struct worker *w); /* once the completions of a batch were processed */

#endif
