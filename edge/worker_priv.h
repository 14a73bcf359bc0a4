/*
 * worker_priv.h - what the files of the worker share: the worker, its connections and
 * subscriptions.
 *
 * Only for edge/{worker,conn,conn_send,fanout,http*,ws,echo,accept,bitmaps}.c.
 * All on the worker's thread.
 */
#ifndef PX_EDGE_WORKER_PRIV_H
#define PX_EDGE_WORKER_PRIV_H

#include <sys/socket.h>

#include "edge/addresses.h"
#include "edge/codec/http_error.h"
#include "edge/codec/http_head.h"
#include "edge/codec/message.h"
#include "edge/worker.h"
#include "edge/codec/ws_frame.h"
#include "edge/pool.h"
#include "edge/wire/wire.h"
#include "engine/base/json_out.h"
#include "engine/base/assert.h"
#include "engine/base/blob.h"
#include "engine/mail.h"
#include "engine/ring/op.h"

#define HTTP_ORIGIN_WHY       "pages of this origin may not act here: the server does not list it"
#define NONE                  UINT32_MAX
#define RECV_BUF_BYTES        2048
#define BODY_BYTES_MAX        1024 /* of a request */
#define IN_BYTES              (HTTP_HEAD_BYTES_MAX + BODY_BYTES_MAX + RECV_BUF_BYTES)
#define OUT_BYTES             32768
/* kept free of answers, so that the reason always has room */
#define CLOSE_FRAME_BYTES_MAX (2 + 2 + CLOSE_TEXT_BYTES_MAX)
#define ACCEPT_DEPTH          32    /* accepts in flight per ring and listener */
#define FANOUT_BATCH          256   /* without rests */
#define FANOUT_BATCH_SOON     128   /* when the round's rests are used up */
#define FANOUT_BATCH_SMALL    64    /* while the worker rests between batches */
#define OUTS_BATCH            1024  /* answers sent between two looks: as fast as handshakes come */
#define INS_MAX               2048  /* in buffers of a worker, where it has so many connections */
#define OUTS_MAX              16384 /* out buffers likewise */
#define TRIMS_PER_TICK        256   /* buffers whose pages are given back */
#define PUT_OFF_MAX           256
#define VISITS_PER_TURN       16384
#define EVENTS_PER_REAP       256
#define REAPS_PER_TURN        16 /* per ring */
#define ANSWERS_PER_TURN      512
#define SUBS_PER_CONN_MAX     16
#define BACKOFF_ROUNDS_MAX    15
#define REPLY_BYTES_PER_MS    128  /* who reads a large body may be so slow */
#define LINGER_MS             2000 /* for the peer's end after ours */
#define SWEEP_NS              (250 * NS_PER_MS)
#define ECHO_MESSAGE_MAX      (64u << 20)
#define PENDING_BINARY_MAX    1100 /* unanswered requests of one connection */
#define PENDING_JSON_MAX      200
#define RING_SQ_ENTRIES       1024
#define RING_CQ_ENTRIES       16384

_Static_assert(ROOMS_MAX <= MESSAGE_NO_BOARD && ROOMS_MAX * ROOM_LOGS <= UINT16_MAX,
	       "a board and one of its logs are a uint16_t");

/* What the rings of a worker are asked for. */
enum worker_op {
	OP_ACCEPT = 1,    /* slot: index into accepts */
	OP_ACCEPT_CANCEL, /* at the stop */
	OP_RECV,     /* from here on slot: index of the connection; SEND_LOG: of the subscription */
	OP_SEND_OUT, /* out buffer, what the socket takes now (WebSocket) */
	OP_SEND_LOG,
	OP_SEND_ALL, /* out buffer or body, to the end (HTTP) */
	OP_SHUTDOWN,
	OP_CANCEL,
	OP_SLOT_CLOSE,
};

/* FREE -> HTTP -> {WAIT, REPLY} -> HTTP ...; HTTP -> WS | ECHO; any -> LINGER -> RELEASE -> FREE,
 * any -> RELEASE. conn_moves[] in conn.c lists the legal moves; conn_state_set() is the only
 * writer. */
enum conn_state {
	CONN_FREE,
	CONN_HTTP,  /* a request is being read */
	CONN_WAIT,  /* the writer is asked; nothing is read */
	CONN_REPLY, /* an answer is being sent to the end; nothing is read */
	CONN_WS,
	CONN_ECHO,    /* WebSocket of /test/echo */
	CONN_LINGER,  /* we have said our last; drops what comes until the peer's end */
	CONN_RELEASE, /* shut both ways; waits until nothing is in flight */
	CONN_STATES
};

enum conn_flag {
	CONN_KEEP_ALIVE = 1, /* HTTP: another request may follow this one */
	CONN_HEAD_ONLY = 2,  /* HTTP: HEAD, the body is left out */
	CONN_USER = 4,       /* user is set */
	CONN_LOCAL = 8,      /* no limit per address holds for it */
	CONN_LAST = 16,      /* `out` ends with the last that is said: linger when it is sent */
	CONN_FLUSH = 32,     /* true exactly when on the worker's flush or stuck list */
	CONN_LISTED = 64,    /* true exactly when on a list of bitmap waiters */
	CONN_REFUSED = 128,  /* on a spare slot: gets 503 and nothing else */
};

/* In flight; a slot is released only when this is 0. */
enum conn_op {
	CONN_OP_RECV = 1,
	CONN_OP_SEND = 2, /* SEND_ALL */
	CONN_OP_SHUTDOWN = 4,
	CONN_OP_CANCEL = 8,
	CONN_OP_CLOSE = 16,
};

struct in_buf {
	uint32_t len;
	uint32_t seen; /* HTTP: bytes in which the end of the head was looked for */
	uint8_t bytes[IN_BYTES];
};

struct out_buf {
	uint32_t start, end; /* what is to be sent */
	uint32_t mark;       /* where the send of the last batch began */
	uint8_t bytes[OUT_BYTES];
};

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
	bool ends;       /* true exactly from sub_end() on: the frame it stands in is its last */
};

struct conn {
	/* what the fan-out looks at */
	uint32_t generation;
	uint32_t batch;   /* the last batch that has a send of this connection */
	uint32_t cut_sub; /* whose frame must be finished before anything else; NONE. As `cut` */
	uint32_t sub_head;
	struct out_buf *out; /* NULL: nothing to say */
	uint8_t state;       /* enum conn_state */
	uint8_t ops;         /* enum conn_op */
	uint8_t flags;       /* enum conn_flag */
	uint8_t encoding;
	uint8_t why;       /* enum close_reason */
	uint8_t subs;      /* those that end not counted */
	uint8_t form;      /* WAIT for a bitmap: enum board_form */
	uint8_t http_what; /* enum http_what */
	/* the rest */
	struct wire wire;
	uint32_t next;           /* of the flush list, or of a list of bitmap waiters */
	uint32_t session_ends_s; /* WS with a user: Unix time; UINT32_MAX: later than it can say */
	struct in_buf *in;
	struct ws_parser ws;
	const uint8_t *body; /* REPLY: sent behind `out` */
	size_t body_len;
	struct blob *body_blob;   /* who owns it; NULL: static. WAIT: tags of If-None-Match */
	uint64_t next_request_us; /* token bucket: when the next is due at the allowed rate */
	uint32_t http_board;      /* WAIT: what was asked */
	uint32_t http_x, http_y;
	uint16_t pending;            /* requests at the writer */
	uint8_t http_cors;           /* which pages may read the answer: http_origin.c */
	bool http_tls;               /* the request came over TLS to a proxy in front */
	uint8_t addr[ADDRESS_BYTES]; /* of the peer */
	uint8_t user[USER_BYTES];
};

_Static_assert(sizeof(struct conn) <= 192, "three cache lines: there are a million of them");
_Static_assert(sizeof(struct sub) <= 56, "likewise");

struct conn_list {
	uint32_t head, tail; /* tail counts only while head is not NONE */
};

struct accept_op {
	struct sockaddr_storage addr;
	socklen_t addr_len;
	uint8_t listener;
	uint16_t ring;
	bool armed;
	bool is_cancelled; /* while armed: asked to end, there is no room for it */
};

/* What cannot be done before the batch's end: whether the last send left the client inside a frame
 * is not known. */
struct put_off {
	struct mail_client client;
	uint16_t board; /* that it leaves; when it is closing by then: any */
};

/* One ring with its share of the connections: index = base + slot. */
struct lane {
	struct ring *ring;
	uint32_t base;
	uint32_t used;           /* slots in use, spare ones included */
	uint32_t accepts;        /* armed */
	uint32_t accepts_wanted; /* per listener, at the last look */
	uint32_t accept_tick;    /* none is armed before: the last one failed */
	uint32_t first_accept;   /* index into worker->accepts */
	uint32_t subs_base;      /* its subscriptions: [subs_base, subs_end) were ever used */
	uint32_t subs_end;
	uint32_t sub_free; /* list */
};

/* Who waits for a board in one form. One request is at the writer at a time; those who come later
 * must not get a board from before they came, so they wait for the next. */
struct bitmap_wait {
	uint32_t now_head;  /* get what the request at the writer brings */
	uint32_t next_head; /* came after it went out */
	bool asked;
	struct bitmap last; /* the newest that we have; one reference */
};

struct web_asset;

/* Connections that have something to do, and wait for their turn. */
struct due {
	struct conn_list flush;         /* something to say */
	struct conn_list stuck;         /* likewise, but not before the next round */
	uint32_t starved[FANOUT_BATCH]; /* their receive found no buffer */
	uint32_t starved_count;
	bool starved_more; /* there was no room in the list: look at all */
};

/* The sends between two looks at the completions. */
struct batch {
	uint32_t number;
	uint32_t guarded_count;
	uint16_t guarded[ROOMS_MAX * ROOM_LOGS]; /* room * ROOM_LOGS + encoding */
	bool is_guarded[ROOMS_MAX * ROOM_LOGS];
	uint32_t deferred[FANOUT_BATCH]; /* subs whose connection had a send in the batch already */
	uint32_t deferred_count;
	uint32_t outs[OUTS_BATCH]; /* connections whose `out` was sent in the batch */
	uint32_t outs_count;
	struct put_off put_off[PUT_OFF_MAX];
	uint32_t put_off_count;
};

/* One way over all subscriptions. */
struct round {
	bool is_on;
	bool lagging;  /* some sub did not get everything */
	uint32_t lane; /* whose subs are visited */
	uint32_t at;   /* next sub to visit */
	uint64_t start_ns;
	uint64_t next_ns;       /* not before */
	uint64_t batch_ns;      /* when the last batch was prepared; 0: its rest is decided */
	uint64_t rest_until_ns; /* no batch before */
	uint64_t rest_left_ns;  /* of this round */
	uint64_t heads_seen;    /* sum of all heads when it began: changed = there is work */
	_Atomic uint64_t took_ns;
	struct histogram *history;
};

/* What is at the writer. */
struct mailbox {
	uint32_t out;         /* requests without answer */
	bool pushed;          /* something was, this turn */
	uint64_t without_key; /* PUTs so far */
};

struct drain {
	bool is_on;
	uint32_t at; /* connections below it are closed */
	uint64_t start_ns;
};

/* As HTTP answers tell it. */
struct date {
	uint64_t s;
	char text[40];
};

struct worker {
	struct worker_config config;
	struct worker_shared *shared;
	struct now now;
	uint64_t start_ns;
	uint32_t tick; /* SWEEP_NS since start_ns, from 1 */
	uint64_t sweep_next_ns;

	struct lane *lanes;
	struct conn *conns;
	uint32_t *deadlines; /* of each connection, in ticks (SWEEP_NS); 0: none */
	uint32_t conns_max;
	uint32_t subs_max;
	struct sub *subs;
	uint32_t subs_per_lane;
	uint32_t sub_count;
	struct pool ins;  /* of struct in_buf */
	struct pool outs; /* of struct out_buf */
	struct accept_op *accepts;
	uint32_t accepts_end;

	struct due due;
	struct batch batch;
	struct round round;
	struct mailbox mailbox;
	struct drain drain;

	struct bitmap_wait *bitmaps; /* [board * BOARD_FORMS + form] */
	struct addresses *addresses; /* new sessions of each */
	struct date date;

	struct metrics metrics;
	_Atomic uint64_t closed[CLOSE_REASONS];
	struct ring_event events[EVENTS_PER_REAP];
};

static inline struct lane *conn_lane(struct worker *w, const struct conn *c)
{
	return &w->lanes[c->wire.lane];
}

static inline struct ring *conn_ring(struct worker *w, const struct conn *c)
{
	return w->lanes[c->wire.lane].ring;
}

static inline uint32_t conn_index(const struct worker *w, const struct conn *c)
{
	return (uint32_t)(c - w->conns);
}

static inline uint64_t conn_tag(const struct worker *w, const struct conn *c, enum worker_op op)
{
	return op_tag_pack(op, c->generation, conn_index(w, c));
}

/* Whether bytes were sent to it of which is not known yet how many were taken: for a WebSocket, it
 * may stand inside a frame. Never between the batch's end and the next sends. */
static inline bool conn_is_in_batch(const struct worker *w, const struct conn *c)
{
	return c->batch == w->batch.number;
}

/* --- conn.c: the life of a connection --------------------------------------------------------- */
/* A new client in the slot; its address is set next, before anything is asked. */
struct conn *conn_open(struct worker *w, struct lane *lane, uint32_t slot);
/* Where it comes from, and with that whether it is local. Again, when who passes it on tells. */
void conn_addr_set(struct conn *c, const struct sockaddr_storage *from, enum address_trust trust);
void conn_state_set(struct worker *w, struct conn *c, enum conn_state next);
void conn_recv_arm(struct worker *w, struct conn *c);
bool conn_wants_input(const struct conn *c);
void conn_recv_done(struct worker *w, struct conn *c, const struct ring_event *ev);
void conn_op_done(struct worker *w, struct conn *c, enum conn_op op);
void conn_deadline_set(struct worker *w, struct conn *c, uint32_t ms);
/* The first reason wins. A WebSocket first gets what it is owed: the writer's answers, the end of a
 * frame that it stands in, a close frame if the reason has a code; then it lingers. Bounded. */
void conn_close(struct worker *w, struct conn *c, enum close_reason why);
void conn_close_run(struct worker *w, struct conn *c); /* it is closing, and an answer came */
/* What is owed to a connection that is closing: answers of the writer, the rest of a frame. A
 * reader that is slow has time in proportion; one that takes nothing has not. */
void conn_owed_begin(struct worker *w, struct conn *c);
/* Until conn_put_off_run(); false: there is no room. */
bool conn_put_off(struct worker *w, struct conn *c, uint16_t board);
void conn_put_off_run(struct worker *w); /* the completions of a batch are seen */
/* At once and without words: the stream is broken, or nobody reads it. */
void conn_abort(struct worker *w, struct conn *c, enum close_reason why);
void conn_linger(struct worker *w, struct conn *c); /* everything is sent: shut our side */
void conn_release(struct worker *w,
		  struct conn *c); /* shut both sides; free when nothing is in flight */
struct in_buf *conn_in_borrow(struct worker *w, struct conn *c); /* NULL: none is free */
void conn_in_return(struct worker *w, struct conn *c);
void conn_starved_run(struct worker *w);
void conn_sweep(struct worker *w);

/* --- conn_send.c: answers --------------------------------------------------------------------- */
struct out_buf *conn_out_borrow(struct worker *w, struct conn *c); /* NULL: none is free */
void conn_out_return(struct worker *w, struct conn *c);
/* Room for one message of up to `len` bytes, or NULL (the connection is being closed then). */
uint8_t *conn_answer_reserve(struct worker *w, struct conn *c, size_t len);
uint8_t *conn_last_reserve(struct worker *w, struct conn *c); /* for the close frame, likewise */
void conn_answer_commit(struct worker *w, struct conn *c, size_t len);
void conn_answer(struct worker *w, struct conn *c, const struct message *m);
void conn_flush_run(struct worker *w);   /* sends the outs of the flush list */
void conn_stuck_retry(struct worker *w); /* a round begins */
void conn_send_out_short(struct worker *w, struct conn *c, int res);
void conn_batch_end(struct worker *w); /* after the completions of a batch are seen */
void conn_reply_start(struct worker *w, struct conn *c); /* HTTP: sends out and body to the end */
void conn_reply_done(struct worker *w, struct conn *c, const struct ring_event *ev);

/* --- fanout.c --------------------------------------------------------------------------------- */
void fanout_run(struct worker *w);
void fanout_send_short(struct worker *w, uint32_t sub, int res);
void fanout_release(struct worker *w); /* after the completions of a batch are seen */
struct sub *sub_new(struct worker *w, struct conn *c, uint16_t room, uint64_t cursor);
void sub_free(struct worker *w, struct sub *s);
void sub_end(struct worker *w, struct sub *s); /* behind the frame that the client stands in */
struct sub *sub_find(struct worker *w, const struct conn *c, uint16_t room);
uint64_t fanout_wait_ns(const struct worker *w);

/* --- accept.c --------------------------------------------------------------------------------- */
int accept_new(struct worker *w);
void accept_arm(struct worker *w);
void accept_done(struct worker *w, const struct ring_event *ev);
void accept_stop(struct worker *w);
bool accept_server_is_full(const struct worker *w); /* of all workers together */

/* --- http.c: requests ------------------------------------------------------------------------- */
enum http_what {
	HTTP_WHAT_NONE,
	HTTP_WHAT_PUT,
	HTTP_WHAT_PIXEL,
	HTTP_WHAT_SESSION,
	HTTP_WHAT_BITMAP,
	HTTP_WHAT_HISTORY,
	HTTP_WHAT_ROLLBACK
};
/* A request as its handler gets it; it lives as long as the call. */
struct http_request {
	const struct http_head *head;
	const uint8_t *body;            /* head->content_length bytes */
	const struct http_route *route; /* NULL: there is nothing at the path */
	struct span board;              /* {board}, as the path names it; absent: it names none */
	const struct room *room;        /* of that name; NULL: there is none */
	uint32_t x, y;                  /* {x}, {y}: may be beyond the board */
	const struct web_asset *asset;  /* where the path is one of the page's */
};
/* Answers, or asks the writer and waits. */
typedef void http_handler(struct worker *w, struct conn *c, const struct http_request *q);
http_handler http_asset_get, http_metrics_get, http_health_get, http_ready_get;
http_handler http_about_get;
http_handler http_session_post, http_ws_get, http_echo_get, http_echo_post;
void http_input(struct worker *w, struct conn *c); /* c->in holds something new */
enum http_token { HTTP_TOKEN_NONE, HTTP_TOKEN_BAD, HTTP_TOKEN_GOOD };
/* Whose token a request shows; GOOD: user is set, and ret_ends_s unless it is NULL. */
enum http_token http_token_look(struct worker *w, const struct http_head *h,
				uint8_t user[static USER_BYTES], uint64_t *ret_ends_s);
bool http_session(struct worker *w, const struct http_head *h, uint8_t user[static USER_BYTES]);
/* Appends the line that gives the person a session; the token is in ret_token, too. */
void http_cookie_line(struct worker *w, const struct conn *c, const uint8_t user[static USER_BYTES],
		      struct text_out *fields, char *ret_token);
/* A request begins with these bytes: nothing is left of the one before. */
void http_begin(struct conn *c, const uint8_t *bytes, size_t len);
bool http_session_is_allowed(struct worker *w, const struct conn *c);  /* counts it */
void http_wait(struct worker *w, struct conn *c, enum http_what what); /* for the writer's answer */

/* --- http_route.c: the table of paths and methods --------------------------------------------- */
/* Fills in what q->head's path says. */
void http_route_find(struct worker *w, struct http_request *q);
void http_route_run(struct worker *w, struct conn *c, const struct http_request *q);
/* Whether pages of any site may read what is there: what is no secret and does not act. */
bool http_route_is_public(const struct http_request *q);

/* --- http_origin.c: pages of other sites ------------------------------------------------------ */
/* Whether a page of the request's Origin may act here: browsers send our cookie along. Tells the
 * log when not. */
bool http_origin_is_allowed(struct worker *w, const struct http_head *h);
void http_origin_begin(struct conn *c); /* no head is read yet */
void http_origin_take(struct worker *w, struct conn *c, const struct http_head *h, bool is_public);
/* Append the lines that let the right pages read the answer; of the answer to OPTIONS also what
 * they may ask. */
void http_origin_fields(const struct worker *w, const struct conn *c, struct text_out *fields);
void http_origin_preflight(const struct conn *c, const char *allow, struct text_out *fields);
bool http_origin_varies(const struct worker *w); /* whether an answer depends on Origin */

/* --- http_board.c: boards and pixels, and the writer's answers -------------------------------- */
http_handler http_boards_get, http_board_get, http_bitmap_get, http_picture_get;
http_handler http_pixel_get, http_pixel_put;
void http_mail(struct worker *w, struct conn *c, const struct mail_answer *a);
/* Answers with the board of a MAIL_BITMAP or MAIL_BOARD_AT, or 304 when `tags` have it; at_ms: of
 * its newest placement, 0: not told; max_age_s: how long it may be kept by others. */
void http_reply_board(struct worker *w, struct conn *c, const struct mail_answer *a, uint64_t at_ms,
		      uint32_t max_age_s, struct http_list tags);
bool http_decimal(struct span text, uint64_t max, uint64_t *ret); /* false: it is none */

/* --- http_history.c: what was ----------------------------------------------------------------- */
bool http_history_is_asked(const struct http_head *h); /* of a board: at a seq or a time */
void http_history_board(struct worker *w, struct conn *c, const struct http_head *h,
			const struct room *r, enum board_form form);
http_handler http_history_get; /* of a pixel */
void http_history_mail(struct worker *w, struct conn *c, const struct mail_answer *a);

/* --- http_rollback.c: placements taken back, by the operator ---------------------------------- */
http_handler http_rollback_post, http_rollback_preview_post, http_rollbacks_get;
void http_rollback_mail(struct worker *w, struct conn *c, const struct mail_answer *a);

/* --- http_reply.c: answers -------------------------------------------------------------------- */
struct http_reply {
	unsigned status;
	const char *content_type; /* NULL: no body */
	const char *fields;       /* more header lines, each with CRLF; may be NULL */
	const void *body;
	size_t body_len;
	struct blob *blob; /* owner of the body, its reference taken over; NULL: copied or static */
	bool body_is_static;
	bool varies_by_encoding;
};
void http_reply(struct worker *w, struct conn *c, const struct http_reply *r);
void http_reply_refusal(struct worker *w, struct conn *c, enum refusal why, uint32_t wait_ms);
/* Answers with the JSON that stands in j. `fields` as in struct http_reply; `blob`: the owner of
 * j's room, its reference taken over; NULL: it is copied. */
void http_reply_json(struct worker *w, struct conn *c, unsigned status, const char *fields,
		     struct json_out *j, struct blob *blob);
/* The text is for people. */
void http_reply_error(struct worker *w, struct conn *c, enum http_error e, const char *text);
void http_reply_not_allowed(struct worker *w, struct conn *c, const char *allow); /* 405 */
void http_reply_full(struct worker *w, struct conn *c); /* 503; a browser comes again by itself */

/* --- ws.c ------------------------------------------------------------------------------------- */
void ws_upgrade(struct worker *w, struct conn *c, const struct http_head *h, bool echo);
void ws_input(struct worker *w, struct conn *c, uint8_t *bytes, size_t len);
void ws_mail(struct worker *w, struct conn *c, const struct mail_answer *a);
/* Ends the subscription and tells why; the client must fetch the board again. */
void ws_stale(struct worker *w, struct conn *c, struct sub *s);

/* --- echo.c ----------------------------------------------------------------------------------- */
void echo_input(struct worker *w, struct conn *c);

/* --- bitmaps.c -------------------------------------------------------------------------------- */
int bitmaps_new(struct worker *w);
void bitmaps_free(struct worker *w);
void bitmaps_want(struct worker *w, struct conn *c, uint16_t board, enum board_form form);
void bitmaps_sweep(struct worker *w);
void bitmaps_mail(struct worker *w, const struct mail_answer *a);

/* --- worker.c --------------------------------------------------------------------------------- */
/* Whether the connection keeps to the allowed rate; counts the request. */
bool conn_may_ask(struct worker *w, struct conn *c);
/* Room for one request to the writer; NULL: overloaded. Type, client and time are set. */
struct mail_request *worker_ask(struct worker *w, struct conn *c, enum mail_type type);

#endif
