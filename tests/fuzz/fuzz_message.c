/*
 * fuzz_message.c - messages of any bytes, from clients (binary, JSON) and from servers.
 *
 * Input: which decoder u8 (modulo 5), then the message. What is accepted is within its bounds, and
 * binary is the one form of what it says: encoding it again gives the same bytes, but for what
 * stands behind the fields that are known.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "edge/codec/message.h"
#include "edge/codec/refusal.h"
#include "edge/codec/ws_frame.h"
#include "engine/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void name_is_sound(const char *name, size_t size)
{
	px_assert(strnlen(name, size) < size);
	for (; *name != 0; name++)
		px_assert(*name >= ' ' && *name <= '~');
}

static void client_is_sound(const struct message *m)
{
	switch (m->type) {
	case MSG_SUBSCRIBE:
		name_is_sound(m->subscribe.board, sizeof(m->subscribe.board));
		px_assert(m->subscribe.board[0] != 0);
		break;
	case MSG_PLACE:
		px_assert(m->place.x <= UINT16_MAX || m->place.x == UINT32_MAX);
		px_assert(m->place.y <= UINT16_MAX || m->place.y == UINT32_MAX);
		px_assert(m->place.color <= UINT8_MAX || m->place.color == UINT32_MAX);
		break;
	case MSG_SESSION:
		px_assert(m->session.token_len > 0 && m->session.token_len <= TOKEN_BYTES_MAX);
		break;
	default:
		px_assert(m->type == MSG_UNSUBSCRIBE || m->type == MSG_ALIVE);
	}
}

static bool has_no_place(const struct message *m)
{
	return m->type == MSG_PLACE && (m->place.x == UINT32_MAX || m->place.y == UINT32_MAX ||
					m->place.color == UINT32_MAX);
}

static void from_client(enum message_encoding encoding, const uint8_t *data, size_t size)
{
	char scratch[MESSAGE_IN_BYTES_MAX];
	uint8_t again[MESSAGE_IN_BYTES_MAX];
	struct message m;
	int error = message_decode_client(encoding, data, size, scratch, &m);
	size_t len;

	px_assert(error == 0 || error == -EBADMSG || error == -ENOSYS);
	if (error != 0)
		return;
	client_is_sound(&m);
	if (has_no_place(&m))
		return;
	len = message_encode_client(&m, again);
	px_assert(len <= MESSAGE_IN_BYTES_MAX);
	if (encoding == MESSAGE_BINARY)
		px_assert(len <= size && memcmp(again, data, len) == 0);
	else
		px_assert(message_decode_client(MESSAGE_BINARY, again, len, scratch, &m) == 0);
}

/* Bytes that an older server leaves out at the end. */
static size_t added_bytes(enum message_type type)
{
	if (type == MSG_ERROR)
		return 14;
	return type == MSG_SUBSCRIBED ? 4 : 0;
}

static void face_is_sound(const struct msg_board *m)
{
	static struct msg_face f;
	int error = message_decode_face(m->face, m->face_len, &f);

	px_assert(error == 0 || error == -EBADMSG);
	if (error != 0)
		return;
	px_assert(f.bits <= BOARD_BITS_MAX && f.palette_len <= 1u << f.bits);
	for (uint32_t i = 0; i < f.palette_len; i++) {
		name_is_sound(f.palette[i].name, sizeof(f.palette[i].name));
		px_assert(f.palette[i].name[0] != 0 && f.palette[i].rgb <= 0xffffff);
	}
}

static void board_is_sound(const struct msg_board *m, const uint8_t *data, size_t size)
{
	uint8_t frame[MESSAGE_BOARD_BYTES_MAX];
	size_t len;

	face_is_sound(m);
	if (m->face_len > FACE_JSON_BYTES_MAX)
		return;
	len = message_encode_board(MESSAGE_JSON, m, frame);
	px_assert(ws_frame_bytes(frame, len) == len);
	len = message_encode_board(MESSAGE_BINARY, m, frame);
	px_assert(ws_frame_bytes(frame, len) == len);
	px_assert(len > size && memcmp(frame + len - size, data, size) == 0);
}

/* Whether a server may say it: others are refused by an assertion of the encoder. */
static bool is_sayable(const struct message *m)
{
	switch (m->type) {
	case MSG_SUBSCRIBED:
		return m->subscribed.width > 0 && m->subscribed.height > 0 &&
		       m->subscribed.bits > 0 && m->subscribed.name[0] != 0;
	case MSG_STALE:
		return m->stale.oldest <= m->stale.seq;
	case MSG_PLACED:
		return m->placed.seq > 0;
	case MSG_REFUSED:
		return refusal_is_known((enum refusal)m->refused.code);
	case MSG_YOU:
		return m->you.last_seq > 0 || m->you.last_request == 0;
	case MSG_ERROR:
		return refusal_is_known((enum refusal)m->error.code);
	default:
		return true;
	}
}

static void from_server(const uint8_t *data, size_t size)
{
	const uint8_t *payload;
	uint8_t frame[MESSAGE_OUT_BYTES_MAX];
	struct message m;
	int error = message_decode_server(data, size, &m, &payload);
	size_t len, used;

	px_assert(error == 0 || error == -EBADMSG || error == -ENOSYS);
	if (error != 0)
		return;
	px_assert(payload >= data && payload <= data + size);
	if (m.type == MSG_DELTA) {
		px_assert(m.delta.first <= m.delta.last);
		return;
	}
	if (m.type == MSG_BOARD) {
		board_is_sound(&m.board, data, size);
		return;
	}
	if (!is_sayable(&m))
		return;
	len = message_encode_server(MESSAGE_JSON, &m, frame);
	px_assert(ws_frame_bytes(frame, len) == len);
	len = message_encode_server(MESSAGE_BINARY, &m, frame);
	px_assert(ws_frame_bytes(frame, len) == len);
	len -= len < 126 + 2 ? 2 : 4;
	used = (size_t)(payload - data);
	px_assert(len == used || (used == size && len == used + added_bytes(m.type)));
	/* Flags that we do not know are dropped, so the bytes of subscribed may differ. */
	if (m.type != MSG_SUBSCRIBED)
		px_assert(memcmp(frame + (len < 126 ? 2 : 4), data, used) == 0);
}

static void rollback(const uint8_t *data, size_t size)
{
	const char *why = NULL;
	struct msg_rollback m;

	if (message_decode_rollback(data, size, &m, &why) != 0) {
		px_assert(why != NULL && why[0] != 0);
		return;
	}
	px_assert(why == NULL);
	px_assert(m.filter.x <= m.filter.x_last && m.filter.y <= m.filter.y_last);
	if (m.undoes != 0)
		px_assert(!m.filter.by_user && !m.filter.by_color && m.filter.from_ms == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t color = 0;

	if (size == 0)
		return 0;
	switch (data[0] % 5) {
	case 0:
		from_client(MESSAGE_BINARY, data + 1, size - 1);
		break;
	case 1:
		from_client(MESSAGE_JSON, data + 1, size - 1);
		break;
	case 2:
		from_server(data + 1, size - 1);
		break;
	case 3:
		rollback(data + 1, size - 1);
		break;
	default:
		if (message_decode_color(data + 1, size - 1, &color) == 0)
			px_assert(color <= UINT8_MAX || color == UINT32_MAX);
	}
	return 0;
}
