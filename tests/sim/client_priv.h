/* client_priv.h - what the files of the simulated client share. */
#ifndef PX_TESTS_SIM_CLIENT_PRIV_H
#define PX_TESTS_SIM_CLIENT_PRIV_H

#include "edge/codec/message.h"
#include "edge/codec/ws_frame.h"
#include "tests/sim/client.h"

#define CLIENT_PAYLOAD_MAX (1u << 16) /* of a delta; boards are small here */
#define BYTES_MAX          (1u << 20) /* of any buffer: more is a failure of the run */

/* Bytes that grow at the end and are used from the start. */
struct heap_bytes {
	uint8_t *at;
	size_t len, max;
};

void heap_add(struct heap_bytes *b, const void *bytes, size_t len);
void heap_drop(struct heap_bytes *b, size_t len); /* from the start */

/*
 *            subscribe          subscribed, resumed
 *   IDLE -----------------> ASKED ------------------> LIVE
 *    ^ stale: fetch, resume   | subscribed             ^
 *    `----- FETCH_FIRST <-.   `----> JOINING ----------' bitmap is there, kept deltas applied
 */
enum follow_state {
	FOLLOW_IDLE,
	FOLLOW_ASKED,
	FOLLOW_JOINING,
	FOLLOW_LIVE,
	FOLLOW_FETCH_FIRST, /* told stale: resumes from the bitmap, when it is there */
};

/* One board as one client has it. */
struct follow {
	bool wanted;
	enum follow_state state;
	bool has_board; /* colors are the board at (epoch, seq) */
	bool asked_resume;
	uint32_t epoch;
	uint64_t seq;
	uint64_t heard;   /* last seq of the deltas of this subscription, or its beginning */
	uint64_t seq_min; /* the bitmap has to be this new */
	uint32_t version; /* the highest of its faces since it subscribed; 0: none was told */
	uint16_t number;
	bool was_live; /* number is known */
	uint8_t *colors;
	struct heap_bytes kept; /* JOINING: struct kept and payload of each delta */
	struct net_end *fetch;  /* the HTTP connection; NULL: none */
	struct heap_bytes answer;
	bool fetch_sent;
	uint64_t retry_ns;
};

#define PUTS_MAX    4
#define WAITING_MAX 64

enum waiting_how {
	WAITING_FIRST, /* or again, and not acknowledged when it was sent */
	WAITING_AGAIN, /* acknowledged when it was sent */
	WAITING_OTHER, /* likewise, and sent with another color */
};

/* A placement that was sent on this connection and has no answer. */
struct waiting {
	uint64_t request; /* as truth.h counts them */
	enum waiting_how how;
	bool late; /* sent when the session had ended */
};

/* A connection with some PUTs. */
struct put {
	struct net_end *net; /* NULL: none */
	struct heap_bytes in, out;
	struct waiting requests[PUTS_MAX];
	unsigned count, answered;
	uint64_t end_ns; /* hangs up then, whatever came */
};

struct client {
	struct crowd *crowd;
	unsigned number;
	uint64_t now_ns;
	struct net_end *net; /* NULL: not connected */
	bool upgraded, welcome, rude, gone;
	bool json; /* speaks pixeld.v1.json */
	uint64_t connect_ns, deaf_until_ns;
	uint64_t parted_ns; /* when it said its last, and from then on only reads; 0: it did not */
	uint16_t part_code; /* the close code that it must be told */
	bool part_shuts;    /* its side, behind that */
	uint64_t session_ends_s;
	struct heap_bytes in, out, message;
	enum ws_opcode message_opcode;
	struct ws_parser ws;
	struct waiting waiting[WAITING_MAX];
	uint32_t waiting_len;
	struct follow follows[TRUTH_BOARDS_MAX];
	struct put put;
};

bool client_chance(struct client *c, uint32_t of_10000);
void client_say(struct client *c, const struct message *m); /* as one frame, or as fragments */
bool client_session_has_ended(const struct client *c);
void client_hang_up(struct client *c, bool reset);

/* The board that a number stands for in this client's subscriptions; NULL: none. */
const struct truth_board *client_board_numbered(const struct client *c, uint16_t number);

/* --- client_json.c --- */
size_t client_json_put(const struct message *m, uint8_t out[static MESSAGE_IN_BYTES_MAX]);
/* Decodes what the server said; the payload of a delta is what delta_encode() makes of it, that of
 * a board its face, which *m points to. Returns its bytes. */
size_t client_json_get(const struct client *c, const uint8_t *bytes, size_t len, struct message *m,
		       uint8_t payload[static CLIENT_PAYLOAD_MAX]);

/* --- client_place.c --- */
void place_turn(struct client *c); /* asks for a placement, or once more for an older one */
void place_placed(struct client *c, const struct msg_placed *m);
void place_refused(struct client *c, const struct msg_refused *m);
/* One of the client's latest requests; 0: there is none. */
uint64_t place_pick(struct client *c);

/* --- client_put.c --- */
void put_turn(struct client *c);
void put_cut(struct put *p);
void put_free(struct put *p);

/* --- follow.c --- */
/* A bitmap as the server packs it: one byte per cell. */
void client_bitmap_unpack(const struct truth_board *b, const uint8_t *bytes, uint8_t *colors);
void follow_turn(struct client *c, unsigned board);
void follow_subscribed(struct client *c, const struct msg_subscribed *m);
void follow_delta(struct client *c, const struct msg_delta *d, const uint8_t *payload, size_t len);
void follow_status(struct client *c, const struct msg_status *m);
void follow_stale(struct client *c, const struct msg_stale *m);
void follow_board(struct client *c, const struct msg_board *m);
/* An error about this request: true when it was a subscribe, which is then said again. */
bool follow_refused(struct client *c, uint64_t request);
void follow_cut(struct follow *f); /* the WebSocket is gone */
void follow_free(struct follow *f);

#endif
