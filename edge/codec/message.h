/*
 * message.h - the messages of pixeld.v1 (binary) and pixeld.v1.json (text).
 *
 * Bytes in, bytes out: no socket, no clock; only reading JSON allocates (jansson, in
 * message_json.c). Shared by server, load generator, tests and fuzzers. Any thread. One WebSocket
 * message is one message of the protocol; docs/protocol.md is the reference, and its test vectors
 * are tests.
 *
 * The protocol is extended by fields at the end of a message (except for delta and board): a reader
 * skips what it does not know there.
 */
#ifndef PX_CODEC_MESSAGE_H
#define PX_CODEC_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/board.h"
#include "engine/delta.h"
#include "engine/face.h"
#include "engine/placement_filter.h"
#include "engine/user.h"

#define TOKEN_BYTES_MAX      512
#define MESSAGE_NO_BOARD     UINT16_MAX
#define MESSAGE_NUMBERS_END  (1ULL << 53) /* in JSON, whole numbers below it are exact */
#define MESSAGE_IN_BYTES_MAX 1024         /* longest message from a client, binary or JSON */
#define MESSAGE_OUT_BYTES_MAX                                                                      \
	512 /* longest answer to one client, binary or JSON, head included; but see MSG_BOARD */
/* Bytes of a MSG_BOARD besides its text, head included; the longest text (256 colors with the
 * longest names); and the sum. */
#define MESSAGE_BOARD_AROUND_BYTES_MAX 96
#define MESSAGE_BOARD_BYTES_MAX        (MESSAGE_BOARD_AROUND_BYTES_MAX + FACE_JSON_BYTES_MAX)

enum message_encoding { MESSAGE_BINARY, MESSAGE_JSON, MESSAGE_ENCODINGS };

enum message_type {
	/* from clients */
	MSG_SUBSCRIBE = 0x01,
	MSG_UNSUBSCRIBE = 0x02,
	MSG_PLACE = 0x03,
	MSG_SESSION = 0x04,
	MSG_ALIVE = 0x05,
	/* from the server */
	MSG_DELTA = 0x41,
	MSG_STATUS = 0x42,
	MSG_SUBSCRIBED = 0x43,
	MSG_STALE = 0x44,
	MSG_PLACED = 0x45,
	MSG_REFUSED = 0x46,
	MSG_WELCOME = 0x47,
	MSG_YOU = 0x48,
	MSG_ERROR = 0x49,
	MSG_BOARD = 0x4d,
};

/* Not a WebSocket message: the body of a request. */
struct msg_rollback {
	struct placement_filter filter;
	uint64_t undoes; /* 0: a new one, by `filter` */
	bool dry_run;
};

struct msg_subscribe {
	char board[BOARD_NAME_BYTES_MAX + 1];
	bool resume; /* epoch and seq are those of the client's board */
	uint32_t epoch;
	uint64_t seq;
};

struct msg_place {
	uint16_t board; /* number from msg_subscribed */
	/* u16 on the wire; JSON numbers that are not u16 are decoded as UINT32_MAX */
	uint32_t x, y;
	uint32_t color; /* u8 on the wire; decoded in the same way */
	uint64_t request;
};

struct msg_delta {
	uint16_t board;
	uint64_t first, last; /* the seqs it covers, both included */
	uint32_t count;       /* cells in the payload */
};

struct msg_status {
	uint16_t board;
	uint32_t epoch;
	uint64_t seq; /* everything up to here was sent before this message */
	uint32_t online;
	uint64_t time_ms; /* Unix time of the server */
};

struct msg_subscribed {
	uint16_t board;
	uint32_t epoch;
	uint64_t seq; /* the first delta that follows covers seq + 1, or begins before it */
	uint32_t width, height;
	uint8_t bits;
	bool resumed;
	bool frozen;
	uint32_t cooldown_ms;
	char name[BOARD_NAME_BYTES_MAX + 1];
	uint32_t tag; /* of struct face; 0: not sent by older servers */
};

struct msg_stale {
	uint16_t board;
	uint32_t epoch;
	uint64_t seq;    /* the board's present seq */
	uint64_t oldest; /* lowest seq from which a subscribe can resume */
};

struct msg_placed {
	uint16_t board;
	uint64_t request;
	uint64_t seq;
	uint32_t cooldown_ms; /* until the next one is allowed */
};

struct msg_refused {
	uint16_t board;
	uint64_t request;
	uint8_t code;     /* edge/codec/refusal.def */
	uint32_t wait_ms; /* 0: waiting does not help, or is not known to */
};

struct msg_welcome {
	uint8_t user[USER_BYTES];
};

/* The state of the session on this board: sent after every subscribed and welcome. */
struct msg_you {
	uint16_t board;
	uint32_t wait_ms; /* cooldown left */
	/* the last accepted placement of this person; seq 0: none is known */
	uint64_t last_request;
	uint64_t last_seq;
};

struct msg_error {
	uint8_t code; /* edge/codec/refusal.def */
	char text[96];
	uint16_t board;   /* MESSAGE_NO_BOARD: none, or one without a number */
	uint64_t request; /* of the message that it answers; 0: it had none */
	uint32_t wait_ms; /* 0: waiting does not help, or is not known to */
};

/* The description of a board: sent after every subscribed, and when it changes. */
struct msg_board {
	uint16_t board;
	uint32_t version; /* grows while the server runs: the higher one is valid */
	const char *face; /* JSON, an object: see docs/protocol.md */
	size_t face_len;
};

/* A decoded face. */
struct msg_face {
	uint32_t width, height;
	uint8_t bits;
	bool frozen;
	uint32_t cooldown_ms;
	uint32_t tag; /* of struct face; 0: not sent by older servers */
	uint32_t palette_len;
	struct palette_color palette[BOARD_COLORS_MAX];
};

struct message {
	enum message_type type;
	/* subscribe, unsubscribe, session: repeated in an error about it; 0: none */
	uint64_t request;
	union {
		struct msg_subscribe subscribe;
		uint16_t unsubscribe_board;
		struct msg_place place;
		struct {
			const char *token; /* points into the input */
			size_t token_len;
		} session;
		struct msg_delta delta; /* payload: see message_decode_server() */
		struct msg_status status;
		struct msg_subscribed subscribed;
		struct msg_stale stale;
		struct msg_placed placed;
		struct msg_refused refused;
		struct msg_welcome welcome;
		struct msg_you you;
		struct msg_error error;
		struct msg_board board; /* face: points into the input */
	};
};

/*
 * Decodes a message from a client. 0; -EBADMSG: not a message (wrong length, not JSON, a field
 * missing or of the wrong type); -ENOSYS: unknown type, which a server answers with MSG_ERROR and
 * otherwise ignores. JSON: `scratch` of MESSAGE_IN_BYTES_MAX bytes holds a session's token.
 */
int message_decode_client(enum message_encoding encoding, const uint8_t *in, size_t len,
			  char *scratch, struct message *ret_message);

/* The body of a PUT: {"color": n}. 0 and the color (UINT32_MAX if it is not a u8), or -EBADMSG. */
int message_decode_color(const uint8_t *in, size_t len, uint32_t *ret_color);

/* The body of POST .../rollback (docs/protocol.md). 0; -EBADMSG with a sentence that says what is
 * wrong. An unknown key is an error, too, because a condition that is ignored would take more.
 * Color and area may still be outside the board. */
int message_decode_rollback(const uint8_t *in, size_t len, struct msg_rollback *ret_rollback,
			    const char **ret_why);

/* Decodes the text of a MSG_BOARD, or the answer of GET /boards/{board}. 0, or -EBADMSG: not JSON,
 * or a member is missing or impossible (more colors than `bits` allow, an invalid name). Unknown
 * members are skipped. */
int message_decode_face(const char *text, size_t len, struct msg_face *ret_face);

/* Decodes a message from a server, binary only. For MSG_DELTA [*ret_payload, in + len) is the
 * payload for delta_decode(); otherwise it is the part not known to this version. Errors as
 * above. */
int message_decode_server(const uint8_t *in, size_t len, struct message *ret_message,
			  const uint8_t **ret_payload);

/* Encodes a client's message, binary, without WebSocket head; returns its length, at most
 * MESSAGE_IN_BYTES_MAX. */
size_t message_encode_client(const struct message *message, uint8_t *out);

/* Encodes an answer or a status (every type of the server but MSG_DELTA and MSG_BOARD) as one
 * finished, unmasked WebSocket frame; returns its length, at most MESSAGE_OUT_BYTES_MAX. */
size_t message_encode_server(enum message_encoding encoding, const struct message *message,
			     uint8_t *out);

/* The same for a MSG_BOARD. May write MESSAGE_BOARD_AROUND_BYTES_MAX + face_len bytes; returns the
 * frame's length. */
size_t message_encode_board(enum message_encoding encoding, const struct msg_board *board,
			    uint8_t *out);

/* Most bytes that message_encode_delta() writes for `count` cells, frame head included. */
size_t message_delta_bytes_max(enum message_encoding encoding, uint32_t board_cells, unsigned bits,
			       uint32_t count);

/* Encodes one delta as a finished WebSocket frame; returns its length. JSON has x and y, which need
 * `width`. */
size_t message_encode_delta(enum message_encoding encoding, const struct msg_delta *delta,
			    uint32_t width, uint32_t board_cells, unsigned bits,
			    const struct delta_cell *cells, uint8_t *out);

#endif
