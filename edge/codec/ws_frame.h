/*
 * ws_frame.h - RFC 6455 frames and messages, without socket, clock or allocation.
 *
 * Shared by server, load generator, tests and fuzzers. A parser belongs to one connection and one
 * thread. It may be fed at any split: every split of a stream gives the same messages. It is
 * strict: anything that the RFC forbids ends the stream with WS_BAD and the close code to answer
 * with.
 */
#ifndef PX_CODEC_WS_FRAME_H
#define PX_CODEC_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/cache_line.h"

#define WS_CONTROL_BYTES_MAX     125
#define WS_HEAD_BYTES_MAX        14
#define WS_MASK_BYTES            4
#define WS_SERVER_HEAD_BYTES_MAX (WS_HEAD_BYTES_MAX - WS_MASK_BYTES)
#define WS_ACCEPT_CHARS          28

#define WS_CODE_NONE 1005 /* represents a close frame without a code; never on the wire */

enum ws_opcode {
	WS_CONTINUATION = 0,
	WS_TEXT = 1,
	WS_BINARY = 2,
	WS_CLOSE = 8,
	WS_PING = 9,
	WS_PONG = 10,
};

enum ws_role {
	WS_FROM_CLIENT, /* we are the server: every frame must be masked */
	WS_FROM_SERVER, /* we are a client: no frame may be masked */
};

enum ws_result {
	WS_MORE,  /* all input was used; nothing to report */
	WS_PIECE, /* *ret_piece describes bytes of a message inside the input */
	WS_BAD,   /* the stream broke the rules: parser->bad_code, parser->bad_text; feed no more */
};

/* A part of one message (fragments are joined: a fragmented message is one message). Control frames
 * are messages of their own and may arrive between the pieces of a data message. */
struct ws_piece {
	uint8_t *data;         /* unmasked in place, inside the input */
	size_t len;            /* may be 0 */
	enum ws_opcode opcode; /* WS_TEXT, WS_BINARY or a control opcode; never WS_CONTINUATION */
	bool begins;           /* first piece of its message */
	bool ends;             /* last piece of its message */
};

/* One per connection: kept small. All fields are private except bad_*. */
struct ws_parser {
	uint64_t left;          /* payload bytes of the current frame still expected */
	uint64_t message_bytes; /* of the current data message so far, for the limit */
	const char *bad_text;
	uint32_t message_bytes_max;
	uint16_t bad_code;
	uint8_t head[WS_HEAD_BYTES_MAX];
	uint8_t head_len;
	uint8_t mask_at;
	uint8_t role;
	uint8_t opcode;         /* of the current frame */
	uint8_t message_opcode; /* of the data message in progress; 0: none */
	uint8_t flags;
	uint8_t utf8;        /* state of the UTF-8 check of the text message in progress */
	uint8_t close_seen;  /* bytes of a close payload seen, for code and reason checks */
	uint16_t close_code; /* from the peer's close frame; 1005 if it had none */
};

_Static_assert(sizeof(struct ws_parser) <= CACHE_LINE, "a third of a connection at most");

/* message_bytes_max: a longer data message is WS_BAD with 1009, as soon as its length is known. */
void ws_parser_init(struct ws_parser *p, enum ws_role role, uint32_t message_bytes_max);

/*
 * Feeds `len` bytes; *ret_used: the number used. Call again with the rest until WS_MORE. Text is
 * checked for UTF-8 and fails at the first byte that cannot be right (1007); close frames are
 * checked for length, code and UTF-8 of the reason. Anything after a close frame is discarded.
 */
enum ws_result ws_parse(struct ws_parser *p, uint8_t *in, size_t len, size_t *ret_used,
			struct ws_piece *ret_piece);

/* Whether all bytes so far belong to complete messages, so that the next byte begins one. */
bool ws_parser_is_between(const struct ws_parser *p);

/* Writes the head of an unmasked frame (a server's); returns its length (2, 4 or 10). */
size_t ws_head_write(uint8_t *out, bool fin, enum ws_opcode opcode, uint64_t payload_len);

/* Writes the head of a masked frame (a client's), and masks the payload in place. Returns the
 * length of the head (6, 8 or 14). */
size_t ws_head_write_masked(uint8_t *out, bool fin, enum ws_opcode opcode,
			    const uint8_t mask[static 4], uint8_t *payload, uint64_t payload_len);

/* Length of the head that begins `in`, of which two bytes must be there. */
size_t ws_head_bytes(const uint8_t *in);

/* XORs `len` bytes in place with the mask, whose first byte to use is mask[offset % 4]. */
void ws_mask(uint8_t *bytes, size_t len, const uint8_t mask[static 4], unsigned offset);

/* Length of the whole first frame of `in` (head and payload), for walking over finished frames. 0:
 * the head is not complete. */
uint64_t ws_frame_bytes(const uint8_t *in, size_t len);

/* Sec-WebSocket-Accept for a key of 24 characters; `out` gets 28 characters, no terminator. False:
 * OpenSSL is out of memory. */
bool ws_accept_key(const char key[static 24], char out[static WS_ACCEPT_CHARS]);

#endif
