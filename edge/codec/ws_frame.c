/*
 * ws_frame.c - RFC 6455 frames: a strict parser that can stop at any byte, and the heads we write.
 *
 * Owner: the thread of the connection. Memory: only the parser, which holds the bytes of the frame
 * head (with the mask at its end) but never the payload: that is unmasked in place. Nothing is in
 * flight.
 *
 *	HEAD --head complete--> PAYLOAD --last byte--> HEAD
 *	                           `--last byte of a close frame--> CLOSED (the rest is dropped)
 *	any --a rule is broken--> BAD
 */
#include "edge/codec/ws_frame.h"

#include <assert.h>
#include <string.h>

#include "engine/base/assert.h"

enum {
	CODE_PROTOCOL = 1002,
	CODE_NOT_UTF8 = 1007,
	CODE_TOO_BIG = 1009,
};

enum parser_flag {
	IN_PAYLOAD = 1, /* the head is complete, *left* bytes are to come */
	FIN = 2,        /* the current frame ends its message */
	BEGINS = 4,     /* no piece of this message has been told yet */
	CLOSED = 8,     /* a close frame was told */
};

enum {
	FIN_BIT = 0x80,
	RSV_BITS = 0x70,
	OPCODE_BITS = 0x0f,
	CONTROL_BIT = 0x08,
	MASK_BIT = 0x80,
	LENGTH_BITS = 0x7f,
	LENGTH_16 = 126,
	LENGTH_64 = 127,
};

static_assert(sizeof(struct ws_parser) <= 64, "one per connection");
static_assert(WS_HEAD_BYTES_MAX == 2 + 8 + WS_MASK_BYTES, "the longest length, and a mask");
static_assert(WS_CONTROL_BYTES_MAX == LENGTH_16 - 1, "the longest that needs no length behind");

/* --- UTF-8 ------------------------------------------------------------------------------------ */

/* What may come next. Each state but the first two wants one byte of [low, high] and goes on. */
enum utf8_state {
	UTF8_OK,
	UTF8_BAD,
	WANT_1,
	WANT_2,
	WANT_3,
	AFTER_E0,
	AFTER_ED,
	AFTER_F0,
	AFTER_F4
};

static const struct {
	uint8_t low, high, next;
} utf8_rows[] = {
	[WANT_1] = {0x80, 0xbf, UTF8_OK},  [WANT_2] = {0x80, 0xbf, WANT_1},
	[WANT_3] = {0x80, 0xbf, WANT_2},   [AFTER_E0] = {0xa0, 0xbf, WANT_1}, /* else overlong */
	[AFTER_ED] = {0x80, 0x9f, WANT_1},                                    /* else a surrogate */
	[AFTER_F0] = {0x90, 0xbf, WANT_2},                                    /* else overlong */
	[AFTER_F4] = {0x80, 0x8f, WANT_2}, /* else above U+10FFFF */
};

static uint8_t utf8_lead(uint8_t byte)
{
	if (byte < 0x80)
		return UTF8_OK;
	if (byte < 0xc2 || byte > 0xf4)
		return UTF8_BAD;
	if (byte < 0xe0)
		return WANT_1;
	if (byte < 0xf0)
		return byte == 0xe0 ? AFTER_E0 : byte == 0xed ? AFTER_ED : WANT_2;
	return byte == 0xf0 ? AFTER_F0 : byte == 0xf4 ? AFTER_F4 : WANT_3;
}

static uint8_t utf8_step(uint8_t state, uint8_t byte)
{
	if (state == UTF8_OK)
		return utf8_lead(byte);
	return byte >= utf8_rows[state].low && byte <= utf8_rows[state].high ? utf8_rows[state].next
									     : UTF8_BAD;
}

/* Most text is ASCII: eight bytes a step while nothing else is under way. */
static uint8_t utf8_feed(uint8_t state, const uint8_t *in, size_t len)
{
	size_t i = 0;

	px_assert(state <= AFTER_F4 && state != UTF8_BAD); /* the first bad byte ended it */
	while (i < len && state != UTF8_BAD) {
		uint64_t word;

		if (state == UTF8_OK && len - i >= sizeof(word)) {
			memcpy(&word, in + i, sizeof(word));
			if ((word & 0x8080808080808080u) == 0) {
				i += sizeof(word);
				continue;
			}
		}
		state = utf8_step(state, in[i++]);
	}
	return state;
}

/* --- the mask --------------------------------------------------------------------------------- */

void ws_mask(uint8_t *bytes, size_t len, const uint8_t mask[static 4], unsigned offset)
{
	uint8_t turned[8];
	uint64_t mask_word;
	size_t i = 0;

	for (unsigned k = 0; k < sizeof(turned); k++)
		turned[k] = mask[(offset + k) % 4];
	memcpy(&mask_word, turned, sizeof(mask_word));
	for (; len - i >= sizeof(mask_word); i += sizeof(mask_word)) {
		uint64_t word;

		memcpy(&word, bytes + i, sizeof(word));
		word ^= mask_word;
		memcpy(bytes + i, &word, sizeof(word));
	}
	for (; i < len; i++)
		bytes[i] ^= turned[i % 8];
}

/* --- heads ------------------------------------------------------------------------------------ */

static bool is_control(uint8_t opcode)
{
	return (opcode & CONTROL_BIT) != 0;
}

static size_t length_bytes(uint8_t second)
{
	uint8_t length = second & LENGTH_BITS;

	return length == LENGTH_64 ? 8 : length == LENGTH_16 ? 2 : 0;
}

static uint64_t head_length(const uint8_t *head)
{
	size_t bytes = length_bytes(head[1]);
	uint64_t length = 0;

	if (bytes == 0)
		return head[1] & LENGTH_BITS;
	for (size_t i = 0; i < bytes; i++)
		length = length << 8 | head[2 + i];
	return length;
}

size_t ws_head_bytes(const uint8_t *in)
{
	return 2 + length_bytes(in[1]) + ((in[1] & MASK_BIT) != 0 ? WS_MASK_BYTES : 0);
}

uint64_t ws_frame_bytes(const uint8_t *in, size_t len)
{
	uint64_t payload;

	if (len < 2 || len < ws_head_bytes(in))
		return 0;
	payload = head_length(in);
	/* No such frame can be whole; the sum must not wrap to a small number. */
	if (payload > UINT64_MAX - WS_HEAD_BYTES_MAX)
		return UINT64_MAX;
	return ws_head_bytes(in) + payload;
}

static size_t head_write(uint8_t *out, bool fin, enum ws_opcode opcode, uint8_t mask_bit,
			 uint64_t payload_len)
{
	size_t bytes = payload_len > UINT16_MAX ? 8 : payload_len >= LENGTH_16 ? 2 : 0;

	px_assert(payload_len >> 63 == 0); /* the bit that must be zero */
	px_assert(!is_control((uint8_t)opcode) || (fin && payload_len <= WS_CONTROL_BYTES_MAX));
	out[0] = (uint8_t)((fin ? FIN_BIT : 0) | (uint8_t)opcode);
	if (bytes == 0)
		out[1] = (uint8_t)(mask_bit | payload_len);
	else
		out[1] = (uint8_t)(mask_bit | (bytes == 2 ? LENGTH_16 : LENGTH_64));
	for (size_t i = 0; i < bytes; i++)
		out[2 + i] = (uint8_t)(payload_len >> (8 * (bytes - 1 - i)));
	return 2 + bytes;
}

size_t ws_head_write(uint8_t *out, bool fin, enum ws_opcode opcode, uint64_t payload_len)
{
	return head_write(out, fin, opcode, 0, payload_len);
}

size_t ws_head_write_masked(uint8_t *out, bool fin, enum ws_opcode opcode,
			    const uint8_t mask[static 4], uint8_t *payload, uint64_t payload_len)
{
	size_t head = head_write(out, fin, opcode, MASK_BIT, payload_len);

	px_assert(head + WS_MASK_BYTES <= WS_HEAD_BYTES_MAX);
	memcpy(out + head, mask, WS_MASK_BYTES);
	ws_mask(payload, payload_len, mask, 0);
	return head + WS_MASK_BYTES;
}

/* --- the parser ------------------------------------------------------------------------------- */

void ws_parser_init(struct ws_parser *p, enum ws_role role, uint32_t message_bytes_max)
{
	px_assert(role == WS_FROM_CLIENT || role == WS_FROM_SERVER);
	px_assert(message_bytes_max > 0);
	*p = (struct ws_parser){
		.role = (uint8_t)role,
		.message_bytes_max = message_bytes_max,
		.close_code = WS_CODE_NONE,
	};
}

static bool bad(struct ws_parser *p, uint16_t code, const char *text)
{
	px_assert(p->bad_code == 0); /* the first one ends the stream */
	p->bad_code = code;
	p->bad_text = text;
	return false;
}

static bool check_control(struct ws_parser *p, uint8_t opcode)
{
	uint8_t length = p->head[1] & LENGTH_BITS;

	px_assert(is_control(opcode));
	if (opcode > WS_PONG)
		return bad(p, CODE_PROTOCOL, "reserved opcode");
	if ((p->head[0] & FIN_BIT) == 0)
		return bad(p, CODE_PROTOCOL, "fragmented control frame");
	if (length > WS_CONTROL_BYTES_MAX)
		return bad(p, CODE_PROTOCOL, "control frame longer than 125 bytes");
	if (opcode == WS_CLOSE && length == 1)
		return bad(p, CODE_PROTOCOL, "close frame with half a code");
	return true;
}

static bool check_data(struct ws_parser *p, uint8_t opcode)
{
	px_assert(p->message_opcode <= WS_BINARY); /* 0: no message is under way */
	if (opcode > WS_BINARY)
		return bad(p, CODE_PROTOCOL, "reserved opcode");
	if (opcode == WS_CONTINUATION && p->message_opcode == 0)
		return bad(p, CODE_PROTOCOL, "continuation without a message");
	if (opcode != WS_CONTINUATION && p->message_opcode != 0)
		return bad(p, CODE_PROTOCOL, "new message inside a fragmented one");
	return true;
}

/* What the first two bytes alone tell. */
static bool check_head_start(struct ws_parser *p)
{
	uint8_t opcode = p->head[0] & OPCODE_BITS;
	bool masked = (p->head[1] & MASK_BIT) != 0;

	px_assert(p->head_len == 2 && p->left == 0); /* once a frame, before its payload */
	if ((p->head[0] & RSV_BITS) != 0)
		return bad(p, CODE_PROTOCOL, "reserved bit set");
	if (masked && p->role == WS_FROM_SERVER)
		return bad(p, CODE_PROTOCOL, "masked frame from a server");
	if (!masked && p->role == WS_FROM_CLIENT)
		return bad(p, CODE_PROTOCOL, "unmasked frame from a client");
	return is_control(opcode) ? check_control(p, opcode) : check_data(p, opcode);
}

/* The length is complete (the mask need not be): judged before a byte of payload is waited for. */
static bool check_length(struct ws_parser *p)
{
	uint64_t length = head_length(p->head);
	size_t bytes = length_bytes(p->head[1]);

	px_assert(p->message_bytes <= p->message_bytes_max);
	if (length >> 63 != 0)
		return bad(p, CODE_PROTOCOL, "length with the highest bit set");
	if ((bytes == 2 && length < LENGTH_16) || (bytes == 8 && length <= UINT16_MAX))
		return bad(p, CODE_PROTOCOL, "length not in its shortest form");
	if (is_control(p->head[0] & OPCODE_BITS))
		return true;
	/* no overflow: both are below 2^63; and nothing counts before a message */
	if (length + (p->message_opcode != 0 ? p->message_bytes : 0) > p->message_bytes_max)
		return bad(p, CODE_TOO_BIG, "message too big");
	return true;
}

static void begin_payload(struct ws_parser *p)
{
	px_assert(p->left == 0); /* the frame before was used up */
	p->opcode = p->head[0] & OPCODE_BITS;
	p->left = head_length(p->head);
	p->mask_at = 0;
	p->flags = IN_PAYLOAD | ((p->head[0] & FIN_BIT) != 0 ? FIN : 0) | (p->flags & BEGINS);
	if (is_control(p->opcode))
		return;
	if (p->opcode != WS_CONTINUATION) {
		p->message_opcode = p->opcode;
		p->message_bytes = 0;
		p->utf8 = UTF8_OK;
		p->flags |= BEGINS;
	}
	p->message_bytes += p->left;
	px_assert(p->message_bytes <= p->message_bytes_max); /* behind check_length() */
}

/* Takes bytes of the head, one at a time: at most 14 a frame. */
static bool feed_head(struct ws_parser *p, const uint8_t *in, size_t len, size_t *used)
{
	while (*used < len && (p->flags & IN_PAYLOAD) == 0) {
		px_assert(p->head_len < sizeof(p->head)); /* no head is longer */
		p->head[p->head_len++] = in[(*used)++];
		if (p->head_len < 2)
			continue;
		if (p->head_len == 2 && !check_head_start(p))
			return false;
		if (p->head_len == 2 + length_bytes(p->head[1]) && !check_length(p))
			return false;
		if (p->head_len == ws_head_bytes(p->head))
			begin_payload(p);
	}
	return true;
}

static bool close_code_is_valid(uint16_t code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
	       (code >= 3000 && code <= 4999);
}

/* A close frame is the last thing told, so its reason may use the UTF-8 state of a text message
 * that will never end. */
static bool check_close(struct ws_parser *p, const uint8_t *in, size_t len)
{
	size_t i = 0;

	px_assert(p->opcode == WS_CLOSE && p->close_seen <= 2);
	for (; i < len && p->close_seen < 2; i++) {
		p->close_code = (uint16_t)(p->close_seen == 0 ? in[i] << 8 : p->close_code | in[i]);
		if (++p->close_seen == 2) {
			if (!close_code_is_valid(p->close_code))
				return bad(p, CODE_PROTOCOL, "invalid close code");
			p->utf8 = UTF8_OK;
		}
	}
	if (i == len)
		return true;
	p->utf8 = utf8_feed(p->utf8, in + i, len - i);
	if (p->utf8 == UTF8_BAD)
		return bad(p, CODE_NOT_UTF8, "close reason is not UTF-8");
	return true;
}

static bool check_payload(struct ws_parser *p, const uint8_t *in, size_t len)
{
	bool text = !is_control(p->opcode) && p->message_opcode == WS_TEXT;

	px_assert((p->flags & IN_PAYLOAD) != 0); /* its head was judged */
	if (p->opcode == WS_CLOSE) {
		if (!check_close(p, in, len))
			return false;
		if (p->left == 0 && p->close_seen >= 2 && p->utf8 != UTF8_OK)
			return bad(p, CODE_NOT_UTF8, "close reason ends inside a character");
	} else if (text) {
		p->utf8 = utf8_feed(p->utf8, in, len);
		if (p->utf8 == UTF8_BAD)
			return bad(p, CODE_NOT_UTF8, "text is not UTF-8");
		if (p->left == 0 && (p->flags & FIN) != 0 && p->utf8 != UTF8_OK)
			return bad(p, CODE_NOT_UTF8, "text ends inside a character");
	}
	return true;
}

static void end_frame(struct ws_parser *p)
{
	px_assert(p->left == 0 && (p->flags & IN_PAYLOAD) != 0);
	p->flags &= BEGINS;
	p->head_len = 0;
}

/* Describes the bytes; `first` and `last` of this frame are known, those of the message follow. */
static void tell_piece(struct ws_parser *p, uint8_t *data, size_t len, bool first,
		       struct ws_piece *ret_piece)
{
	bool control = is_control(p->opcode);
	bool last = p->left == 0;
	bool fin = (p->flags & FIN) != 0;

	px_assert(control || p->message_opcode != WS_CONTINUATION); /* fragments are joined */
	*ret_piece = (struct ws_piece){
		.data = data,
		.len = len,
		.opcode = control ? p->opcode : p->message_opcode,
		.begins = control ? first : (p->flags & BEGINS) != 0,
		.ends = last && fin,
	};
	if (!control)
		p->flags &= (uint8_t)~BEGINS;
	if (!last)
		return;
	end_frame(p);
	if (p->opcode == WS_CLOSE)
		p->flags |= CLOSED;
	else if (!control && fin)
		p->message_opcode = 0;
}

bool ws_parser_is_between(const struct ws_parser *p)
{
	return p->head_len == 0 && p->message_opcode == 0;
}

enum ws_result ws_parse(struct ws_parser *p, uint8_t *in, size_t len, size_t *ret_used,
			struct ws_piece *ret_piece)
{
	size_t used = 0;
	size_t take;
	bool first;

	px_assert(p->bad_code == 0);
	*ret_used = len;
	if ((p->flags & CLOSED) != 0)
		return WS_MORE;
	if (!feed_head(p, in, len, &used))
		return WS_BAD;
	take = p->left < len - used ? (size_t)p->left : len - used;
	if ((p->flags & IN_PAYLOAD) == 0 || (take == 0 && p->left > 0))
		return WS_MORE;

	first = p->left == head_length(p->head);
	p->left -= take;
	if (take > 0 && p->role == WS_FROM_CLIENT) {
		px_assert(p->head_len >= 2 + WS_MASK_BYTES); /* the mask ends the head */
		ws_mask(in + used, take, p->head + p->head_len - 4, p->mask_at);
		p->mask_at = (uint8_t)((p->mask_at + take) % 4);
	}
	if (!check_payload(p, in + used, take))
		return WS_BAD;
	tell_piece(p, in + used, take, first, ret_piece);
	*ret_used = used + take;
	return WS_PIECE;
}
