/*
 * fuzz_ws_frame.c - a stream of frames fed whole and in pieces must give the same messages.
 *
 * Input: role u8 (lowest bit), then four sizes of pieces, used in a circle (0: one byte), then the
 * stream. A transcript of whole messages and of the end is compared.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "edge/codec/ws_frame.h"
#include "engine/base/assert.h"

#define PREFIX_BYTES      5
#define MESSAGE_BYTES_MAX 4096
#define STREAM_BYTES_MAX  16384

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Messages one after the other: opcode, length (2 bytes), bytes; a data message is told at its end.
 * */
struct transcript {
	uint8_t told[4 * STREAM_BYTES_MAX];
	uint8_t data[MESSAGE_BYTES_MAX], control[WS_CONTROL_BYTES_MAX];
	size_t told_len, data_len, control_len;
	bool data_open, control_open;
	unsigned bad_code;
};

static void tell(struct transcript *t, enum ws_opcode opcode, const uint8_t *bytes, size_t len)
{
	uint8_t *p = t->told + t->told_len;

	px_assert(t->told_len + 3 + len <= sizeof(t->told));
	p[0] = (uint8_t)opcode;
	p[1] = (uint8_t)len;
	p[2] = (uint8_t)(len >> 8);
	if (len > 0)
		memcpy(p + 3, bytes, len);
	t->told_len += 3 + len;
}

static void take(struct transcript *t, const struct ws_piece *piece)
{
	bool control = piece->opcode >= WS_CLOSE;
	uint8_t *room = control ? t->control : t->data;
	size_t *len = control ? &t->control_len : &t->data_len;
	bool *open = control ? &t->control_open : &t->data_open;

	px_assert(piece->opcode != WS_CONTINUATION);
	px_assert(piece->begins == !*open);
	if (piece->begins)
		*len = 0;
	px_assert(*len + piece->len <= (control ? sizeof(t->control) : sizeof(t->data)));
	if (piece->len > 0)
		memcpy(room + *len, piece->data, piece->len);
	*len += piece->len;
	*open = !piece->ends;
	if (piece->ends)
		tell(t, piece->opcode, room, *len);
}

/* false: the stream is bad, and is fed no more. */
static bool feed(struct ws_parser *p, uint8_t *in, size_t len, struct transcript *t)
{
	for (;;) {
		struct ws_piece piece;
		size_t used = 0;
		enum ws_result result = ws_parse(p, in, len, &used, &piece);

		if (result == WS_BAD) {
			px_assert(p->bad_code == 1002 || p->bad_code == 1007 ||
				  p->bad_code == 1009);
			px_assert(p->bad_text != NULL);
			t->bad_code = p->bad_code;
			return false;
		}
		px_assert(used <= len);
		if (result == WS_MORE) {
			px_assert(used == len);
			return true;
		}
		px_assert(used > 0 && piece.data + piece.len == in + used);
		take(t, &piece);
		in += used;
		len -= used;
	}
}

static void reset(struct transcript *t)
{
	t->told_len = t->data_len = t->control_len = 0;
	t->data_open = t->control_open = false;
	t->bad_code = 0;
}

/* Each piece in memory of its own, so that a touch beside it is seen. */
static void feed_in_pieces(const uint8_t *data, size_t size, enum ws_role role,
			   const uint8_t *sizes, struct transcript *t)
{
	struct ws_parser p;
	bool good = true;

	ws_parser_init(&p, role, MESSAGE_BYTES_MAX);
	for (unsigned turn = 0; good && size > 0; turn++) {
		size_t len = sizes[turn % 4] == 0 ? 1 : sizes[turn % 4];
		uint8_t *piece;

		len = len < size ? len : size;
		piece = malloc(len);
		px_assert(piece != NULL);
		memcpy(piece, data, len);
		good = feed(&p, piece, len, t);
		free(piece);
		data += len;
		size -= len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct transcript whole, pieces;
	static uint8_t copy[STREAM_BYTES_MAX];
	enum ws_role role;
	struct ws_parser p;

	if (size < PREFIX_BYTES || size > PREFIX_BYTES + STREAM_BYTES_MAX)
		return 0;
	role = (data[0] & 1) != 0 ? WS_FROM_SERVER : WS_FROM_CLIENT;
	reset(&whole);
	reset(&pieces);
	memcpy(copy, data + PREFIX_BYTES, size - PREFIX_BYTES);
	ws_parser_init(&p, role, MESSAGE_BYTES_MAX);
	(void)feed(&p, copy, size - PREFIX_BYTES, &whole);
	feed_in_pieces(data + PREFIX_BYTES, size - PREFIX_BYTES, role, data + 1, &pieces);
	px_assert(whole.bad_code == pieces.bad_code);
	px_assert(whole.told_len == pieces.told_len);
	px_assert(memcmp(whole.told, pieces.told, whole.told_len) == 0);
	(void)ws_frame_bytes(data + PREFIX_BYTES, size - PREFIX_BYTES);
	return 0;
}
