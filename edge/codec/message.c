/*
 * message.c - the binary messages, and the choice between them and JSON.
 *
 * Pure, any thread, no memory of its own, nothing in flight. Every row of the byte tables in
 * docs/protocol.md has one function to read it and one to write it here, side by side.
 */
#include "edge/codec/message.h"

#include <errno.h>
#include <string.h>

#include "edge/codec/message_json.h"
#include "edge/codec/refusal.h"
#include "edge/codec/ws_frame.h"
#include "engine/base/assert.h"
#include "engine/base/bytes.h"

#define SERVER_FRAME_HEAD_BYTES_MAX WS_SERVER_HEAD_BYTES_MAX
#define DELTA_HEAD_BYTES_MAX        (1 + 4 * VARINT_BYTES_MAX)

_Static_assert(MESSAGE_IN_BYTES_MAX >= 1 + TOKEN_BYTES_MAX + 1 + 8, "a session with its request");
_Static_assert(BOARD_SIDE_MAX - 1 <= UINT16_MAX, "x and y are u16");

enum { SUBSCRIBE_RESUME = 1 };
enum { SUBSCRIBED_RESUMED = 1, SUBSCRIBED_FROZEN = 2 };

/* --- texts ------------------------------------------------------------------------------------ */

/* Reads a length and that many bytes into `text` of `size`, NUL-terminated. Nothing but visible
 * ASCII and blanks: what is shown, logged and compared as a C string must be the whole of it. */
static void get_text(struct bytes *b, char *text, size_t size)
{
	uint8_t len = get_u8(b);
	const uint8_t *from = get_bytes(b, len);

	if (from == NULL)
		return;
	if (len >= size) {
		b->bad = true;
		return;
	}
	for (unsigned i = 0; i < len; i++)
		b->bad |= from[i] < ' ' || from[i] > '~';
	memcpy(text, from, len);
	text[len] = 0;
}

static uint8_t *put_text(uint8_t *p, const char *text, size_t size)
{
	size_t len = strnlen(text, size - 1);

	px_assert(len <= UINT8_MAX); /* its length is a byte */
	return put_bytes(put_u8(p, (uint8_t)len), text, len);
}

/* --- client to server ------------------------------------------------------------------------- */

static void get_subscribe(struct bytes *b, struct msg_subscribe *m)
{
	uint8_t flags = get_u8(b);

	b->bad |= (flags & ~SUBSCRIBE_RESUME) != 0;
	get_text(b, m->board, sizeof(m->board));
	b->bad |= m->board[0] == 0;
	m->resume = (flags & SUBSCRIBE_RESUME) != 0;
	if (!m->resume)
		return;
	m->epoch = get_u32(b);
	m->seq = get_u64(b);
}

static uint8_t *put_subscribe(uint8_t *p, const struct msg_subscribe *m)
{
	px_assert(m->board[0] != 0); /* get_subscribe() would refuse it */
	p = put_u8(p, m->resume ? SUBSCRIBE_RESUME : 0);
	p = put_text(p, m->board, sizeof(m->board));
	return m->resume ? put_u64(put_u32(p, m->epoch), m->seq) : p;
}

static void get_place(struct bytes *b, struct msg_place *m)
{
	m->board = get_u16(b);
	m->x = get_u16(b);
	m->y = get_u16(b);
	m->color = get_u8(b);
	m->request = get_u64(b);
}

static uint8_t *put_place(uint8_t *p, const struct msg_place *m)
{
	px_assert(m->x <= UINT16_MAX && m->y <= UINT16_MAX && m->color <= UINT8_MAX);
	p = put_u16(p, m->board);
	p = put_u16(p, (uint16_t)m->x);
	p = put_u16(p, (uint16_t)m->y);
	p = put_u8(p, (uint8_t)m->color);
	return put_u64(p, m->request);
}

/* The token ends with the message, or with a zero byte that other fields follow. */
static void get_session(struct bytes *b, struct message *m)
{
	const uint8_t *zero = memchr(b->at, 0, bytes_left(b));

	m->session.token_len = zero != NULL ? (size_t)(zero - b->at) : bytes_left(b);
	m->session.token = (const char *)get_bytes(b, m->session.token_len);
	b->bad |= m->session.token_len == 0 || m->session.token_len > TOKEN_BYTES_MAX;
	if (zero != NULL)
		(void)get_u8(b);
}

static uint8_t *put_session(uint8_t *p, const struct message *m)
{
	px_assert(m->session.token_len > 0 && m->session.token_len <= TOKEN_BYTES_MAX);
	p = put_bytes(p, m->session.token, m->session.token_len);
	return m->request != 0 ? put_u8(p, 0) : p;
}

/* The field at the end of subscribe, unsubscribe and session: whole, or not there. */
static void get_request(struct bytes *b, struct message *m)
{
	if (bytes_left(b) > 0)
		m->request = get_u64(b);
}

static uint8_t *put_request(uint8_t *p, const struct message *m)
{
	return m->request != 0 ? put_u64(p, m->request) : p;
}

static int decode_client_binary(const uint8_t *in, size_t len, struct message *ret_message)
{
	struct bytes b = bytes_of(in, len);
	struct message m;

	px_assert(len > 0 && len <= MESSAGE_IN_BYTES_MAX); /* message_decode_client() */
	memset(&m, 0, sizeof(m));
	m.type = get_u8(&b);
	switch (m.type) {
	case MSG_SUBSCRIBE:
		get_subscribe(&b, &m.subscribe);
		get_request(&b, &m);
		break;
	case MSG_UNSUBSCRIBE:
		m.unsubscribe_board = get_u16(&b);
		get_request(&b, &m);
		break;
	case MSG_PLACE:
		get_place(&b, &m.place);
		break;
	case MSG_SESSION:
		get_session(&b, &m);
		get_request(&b, &m);
		break;
	case MSG_ALIVE:
		break;
	default:
		return -ENOSYS;
	}
	if (b.bad)
		return -EBADMSG;
	*ret_message = m; /* what is left are fields that we do not know */
	return 0;
}

int message_decode_client(enum message_encoding encoding, const uint8_t *in, size_t len,
			  char *scratch, struct message *ret_message)
{
	if (len == 0 || len > MESSAGE_IN_BYTES_MAX)
		return -EBADMSG;
	if (encoding == MESSAGE_JSON)
		return json_decode_client(in, len, scratch, ret_message);
	return decode_client_binary(in, len, ret_message);
}

size_t message_encode_client(const struct message *message, uint8_t *out)
{
	uint8_t *p = put_u8(out, (uint8_t)message->type);

	/* a placement has its own number, and alive is not answered */
	px_assert(message->request == 0 ||
		  (message->type != MSG_PLACE && message->type != MSG_ALIVE));
	switch (message->type) {
	case MSG_SUBSCRIBE:
		p = put_request(put_subscribe(p, &message->subscribe), message);
		break;
	case MSG_UNSUBSCRIBE:
		p = put_request(put_u16(p, message->unsubscribe_board), message);
		break;
	case MSG_PLACE:
		p = put_place(p, &message->place);
		break;
	case MSG_SESSION:
		p = put_request(put_session(p, message), message);
		break;
	case MSG_ALIVE:
		break;
	default:
		px_unreachable("not a message of a client");
	}
	px_assert((size_t)(p - out) <= MESSAGE_IN_BYTES_MAX);
	return (size_t)(p - out);
}

/* --- server to client ------------------------------------------------------------------------- */

static void get_delta(struct bytes *b, struct msg_delta *m)
{
	uint64_t board = get_varint(b);
	uint64_t count;

	m->first = get_varint(b);
	m->last = m->first + get_varint(b);
	count = get_varint(b);
	b->bad |= board > UINT16_MAX || m->last < m->first || count > UINT32_MAX;
	m->board = (uint16_t)board;
	m->count = (uint32_t)count;
}

static uint8_t *put_delta(uint8_t *p, const struct msg_delta *m)
{
	px_assert(m->first <= m->last);
	p = put_u8(p, MSG_DELTA);
	p = put_varint(p, m->board);
	p = put_varint(p, m->first);
	p = put_varint(p, m->last - m->first);
	return put_varint(p, m->count);
}

static void get_status(struct bytes *b, struct msg_status *m)
{
	m->board = get_u16(b);
	m->epoch = get_u32(b);
	m->seq = get_u64(b);
	m->online = get_u32(b);
	m->time_ms = get_u64(b);
}

static uint8_t *put_status(uint8_t *p, const struct msg_status *m)
{
	p = put_u16(p, m->board);
	p = put_u32(p, m->epoch);
	p = put_u64(p, m->seq);
	p = put_u32(p, m->online);
	return put_u64(p, m->time_ms);
}

static void get_subscribed(struct bytes *b, struct msg_subscribed *m)
{
	uint8_t flags;

	m->board = get_u16(b);
	m->epoch = get_u32(b);
	m->seq = get_u64(b);
	m->width = get_u32(b);
	m->height = get_u32(b);
	m->bits = get_u8(b);
	flags = get_u8(b);
	m->resumed = (flags & SUBSCRIBED_RESUMED) != 0;
	m->frozen = (flags & SUBSCRIBED_FROZEN) != 0;
	m->cooldown_ms = get_u32(b);
	get_text(b, m->name, sizeof(m->name));
	if (bytes_left(b) > 0) /* added: all of it, or an older server */
		m->tag = get_u32(b);
}

static uint8_t *put_subscribed(uint8_t *p, const struct msg_subscribed *m)
{
	p = put_u16(p, m->board);
	p = put_u32(p, m->epoch);
	p = put_u64(p, m->seq);
	p = put_u32(p, m->width);
	p = put_u32(p, m->height);
	p = put_u8(p, m->bits);
	p = put_u8(p, (uint8_t)((m->resumed ? SUBSCRIBED_RESUMED : 0) |
				(m->frozen ? SUBSCRIBED_FROZEN : 0)));
	p = put_u32(p, m->cooldown_ms);
	p = put_text(p, m->name, sizeof(m->name));
	return put_u32(p, m->tag);
}

static void get_stale(struct bytes *b, struct msg_stale *m)
{
	m->board = get_u16(b);
	m->epoch = get_u32(b);
	m->seq = get_u64(b);
	m->oldest = get_u64(b);
}

static uint8_t *put_stale(uint8_t *p, const struct msg_stale *m)
{
	p = put_u16(p, m->board);
	p = put_u32(p, m->epoch);
	p = put_u64(p, m->seq);
	return put_u64(p, m->oldest);
}

static void get_placed(struct bytes *b, struct msg_placed *m)
{
	m->board = get_u16(b);
	m->request = get_u64(b);
	m->seq = get_u64(b);
	m->cooldown_ms = get_u32(b);
}

static uint8_t *put_placed(uint8_t *p, const struct msg_placed *m)
{
	p = put_u16(p, m->board);
	p = put_u64(p, m->request);
	p = put_u64(p, m->seq);
	return put_u32(p, m->cooldown_ms);
}

static void get_refused(struct bytes *b, struct msg_refused *m)
{
	m->board = get_u16(b);
	m->request = get_u64(b);
	m->code = get_u8(b);
	m->wait_ms = get_u32(b);
}

static uint8_t *put_refused(uint8_t *p, const struct msg_refused *m)
{
	p = put_u16(p, m->board);
	p = put_u64(p, m->request);
	p = put_u8(p, m->code);
	return put_u32(p, m->wait_ms);
}

static void get_welcome(struct bytes *b, struct msg_welcome *m)
{
	const uint8_t *user = get_bytes(b, USER_BYTES);

	if (user != NULL)
		memcpy(m->user, user, USER_BYTES);
}

static void get_you(struct bytes *b, struct msg_you *m)
{
	m->board = get_u16(b);
	m->wait_ms = get_u32(b);
	m->last_request = get_u64(b);
	m->last_seq = get_u64(b);
}

static uint8_t *put_you(uint8_t *p, const struct msg_you *m)
{
	p = put_u16(p, m->board);
	p = put_u32(p, m->wait_ms);
	p = put_u64(p, m->last_request);
	return put_u64(p, m->last_seq);
}

static void get_error(struct bytes *b, struct msg_error *m)
{
	m->code = get_u8(b);
	get_text(b, m->text, sizeof(m->text));
	m->board = MESSAGE_NO_BOARD;
	if (bytes_left(b) == 0) /* an older server */
		return;
	m->board = get_u16(b);
	m->request = get_u64(b);
	m->wait_ms = get_u32(b);
}

static uint8_t *put_error(uint8_t *p, const struct msg_error *m)
{
	p = put_text(put_u8(p, m->code), m->text, sizeof(m->text));
	p = put_u16(p, m->board);
	p = put_u64(p, m->request);
	return put_u32(p, m->wait_ms);
}

/* The text is the rest of the message. What it says is for message_decode_face(). */
static void get_board(struct bytes *b, struct msg_board *m)
{
	m->board = get_u16(b);
	m->version = get_u32(b);
	m->face_len = bytes_left(b);
	m->face = (const char *)get_bytes(b, m->face_len);
	b->bad |= m->face_len < strlen("{}");
}

static uint8_t *put_board(uint8_t *p, const struct msg_board *m)
{
	px_assert(m->face_len >= strlen("{}"));
	p = put_u32(put_u16(put_u8(p, MSG_BOARD), m->board), m->version);
	return put_bytes(p, m->face, m->face_len);
}

/* false: an unknown type. */
static bool get_server(struct bytes *b, struct message *m)
{
	switch (m->type) {
	case MSG_DELTA:
		get_delta(b, &m->delta);
		return true;
	case MSG_STATUS:
		get_status(b, &m->status);
		return true;
	case MSG_SUBSCRIBED:
		get_subscribed(b, &m->subscribed);
		return true;
	case MSG_STALE:
		get_stale(b, &m->stale);
		return true;
	case MSG_PLACED:
		get_placed(b, &m->placed);
		return true;
	case MSG_REFUSED:
		get_refused(b, &m->refused);
		return true;
	case MSG_WELCOME:
		get_welcome(b, &m->welcome);
		return true;
	case MSG_YOU:
		get_you(b, &m->you);
		return true;
	case MSG_ERROR:
		get_error(b, &m->error);
		return true;
	case MSG_BOARD:
		get_board(b, &m->board);
		return true;
	default:
		return false;
	}
}

int message_decode_server(const uint8_t *in, size_t len, struct message *ret_message,
			  const uint8_t **ret_payload)
{
	struct bytes b = bytes_of(in, len);
	struct message m;

	if (len == 0)
		return -EBADMSG;
	memset(&m, 0, sizeof(m));
	m.type = get_u8(&b);
	if (!get_server(&b, &m))
		return -ENOSYS;
	if (b.bad)
		return -EBADMSG;
	px_assert(b.at > in && b.at <= in + len); /* the payload lies in the input */
	*ret_message = m;
	*ret_payload = b.at;
	return 0;
}

/* What holds in every answer, whichever encoding it gets: clients rely on it. */
static void answer_check(const struct message *m)
{
	switch (m->type) {
	case MSG_SUBSCRIBED:
		px_assert(m->subscribed.width > 0 && m->subscribed.height > 0);
		px_assert(m->subscribed.bits > 0 && m->subscribed.name[0] != 0);
		return;
	case MSG_STALE:
		px_assert(m->stale.oldest <= m->stale.seq);
		return;
	case MSG_PLACED:
		px_assert(m->placed.seq > 0); /* seqs begin at 1 */
		return;
	case MSG_REFUSED:
		px_assert(refusal_is_known((enum refusal)m->refused.code));
		return;
	case MSG_YOU:
		px_assert(m->you.last_seq > 0 || m->you.last_request == 0);
		return;
	case MSG_ERROR:
		px_assert(refusal_is_known((enum refusal)m->error.code));
		return;
	default:
		return;
	}
}

static size_t encode_server_binary(const struct message *message, uint8_t *out)
{
	uint8_t *p = put_u8(out, (uint8_t)message->type);

	switch (message->type) {
	case MSG_STATUS:
		p = put_status(p, &message->status);
		break;
	case MSG_SUBSCRIBED:
		p = put_subscribed(p, &message->subscribed);
		break;
	case MSG_STALE:
		p = put_stale(p, &message->stale);
		break;
	case MSG_PLACED:
		p = put_placed(p, &message->placed);
		break;
	case MSG_REFUSED:
		p = put_refused(p, &message->refused);
		break;
	case MSG_WELCOME:
		p = put_bytes(p, message->welcome.user, USER_BYTES);
		break;
	case MSG_YOU:
		p = put_you(p, &message->you);
		break;
	case MSG_ERROR:
		p = put_error(p, &message->error);
		break;
	default:
		px_unreachable("not an answer of the server");
	}
	px_assert((size_t)(p - out) <= MESSAGE_OUT_BYTES_MAX - SERVER_FRAME_HEAD_BYTES_MAX);
	return (size_t)(p - out);
}

/* --- finished frames -------------------------------------------------------------------------- */

/* Puts the head before a payload that lies SERVER_FRAME_HEAD_BYTES_MAX behind `out`: how long the
 * head is shows only when the payload is there. */
static size_t finish_frame(enum message_encoding encoding, uint8_t *out, size_t payload_len)
{
	enum ws_opcode opcode = encoding == MESSAGE_JSON ? WS_TEXT : WS_BINARY;
	uint8_t head[WS_HEAD_BYTES_MAX];
	size_t head_len = ws_head_write(head, true, opcode, payload_len);

	px_assert(payload_len > 0);                         /* no message is empty */
	px_assert(head_len <= SERVER_FRAME_HEAD_BYTES_MAX); /* what was left free for it */
	memmove(out + head_len, out + SERVER_FRAME_HEAD_BYTES_MAX, payload_len);
	memcpy(out, head, head_len);
	return head_len + payload_len;
}

size_t message_encode_server(enum message_encoding encoding, const struct message *message,
			     uint8_t *out)
{
	uint8_t frame[SERVER_FRAME_HEAD_BYTES_MAX + MESSAGE_OUT_BYTES_MAX];
	uint8_t *payload = frame + SERVER_FRAME_HEAD_BYTES_MAX;
	size_t len;

	answer_check(message);
	len = encoding == MESSAGE_JSON ? json_encode_server(message, payload)
				       : encode_server_binary(message, payload);
	len = finish_frame(encoding, frame, len);
	px_assert(len <= MESSAGE_OUT_BYTES_MAX);
	memcpy(out, frame, len);
	return len;
}

_Static_assert(MESSAGE_BOARD_AROUND_BYTES_MAX >=
		       SERVER_FRAME_HEAD_BYTES_MAX + JSON_BOARD_HEAD_BYTES_MAX,
	       "");

size_t message_encode_board(enum message_encoding encoding, const struct msg_board *board,
			    uint8_t *out)
{
	uint8_t *payload = out + SERVER_FRAME_HEAD_BYTES_MAX;
	size_t len = encoding == MESSAGE_JSON ? json_encode_board(board, payload)
					      : (size_t)(put_board(payload, board) - payload);

	len = finish_frame(encoding, out, len);
	px_assert(len <= MESSAGE_BOARD_AROUND_BYTES_MAX + board->face_len);
	return len;
}

size_t message_delta_bytes_max(enum message_encoding encoding, uint32_t board_cells, unsigned bits,
			       uint32_t count)
{
	if (encoding == MESSAGE_JSON)
		return SERVER_FRAME_HEAD_BYTES_MAX + JSON_DELTA_HEAD_BYTES_MAX +
		       (size_t)count * JSON_DELTA_CELL_BYTES_MAX;
	return SERVER_FRAME_HEAD_BYTES_MAX + DELTA_HEAD_BYTES_MAX +
	       delta_bytes_max(board_cells, bits, count);
}

size_t message_encode_delta(enum message_encoding encoding, const struct msg_delta *delta,
			    uint32_t width, uint32_t board_cells, unsigned bits,
			    const struct delta_cell *cells, uint8_t *out)
{
	size_t room = message_delta_bytes_max(encoding, board_cells, bits, delta->count);
	uint8_t *payload = out + SERVER_FRAME_HEAD_BYTES_MAX;
	size_t len;

	px_assert(delta->count <= board_cells); /* each cell once */
	if (encoding == MESSAGE_JSON) {
		len = json_encode_delta(delta, width, cells, payload);
	} else {
		uint8_t *p = put_delta(payload, delta);

		p += delta_encode(board_cells, bits, cells, delta->count, p);
		len = (size_t)(p - payload);
	}
	px_assert(len <= room - SERVER_FRAME_HEAD_BYTES_MAX);
	return finish_frame(encoding, out, len);
}
