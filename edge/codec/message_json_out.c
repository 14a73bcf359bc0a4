/*
 * message_json_out.c - the same messages written as JSON text. Any thread; no memory of its own.
 */
#include "edge/codec/message_json.h"

#include <string.h>

#include "edge/codec/refusal.h"
#include "engine/base/assert.h"
#include "engine/base/json_out.h"

/* Room for a text that stays as long as it is, terminator included. */
#define PLAIN_CHARS_MAX 96

_Static_assert(sizeof(((struct msg_error *)0)->text) <= PLAIN_CHARS_MAX, "");
_Static_assert(sizeof(((struct msg_subscribed *)0)->name) <= PLAIN_CHARS_MAX, "");

/* Names and texts are ours and printable. Where one is not, '?' keeps the message as short as
 * MESSAGE_OUT_BYTES_MAX wants it: an escape would be six times as long. */
static void put_plain(struct json_out *j, const char *name, const char *text)
{
	char plain[PLAIN_CHARS_MAX];
	size_t len = 0;

	for (; text[len] != 0; len++) {
		px_assert(len < PLAIN_CHARS_MAX - 1);
		plain[len] = text[len] >= ' ' && text[len] <= '~' ? text[len] : '?';
	}
	plain[len] = 0;
	json_put_text(j, name, plain);
}

static void put_status(struct json_out *j, const struct msg_status *m)
{
	json_put_text(j, "type", "status");
	json_put_number(j, "board", m->board);
	json_put_number(j, "epoch", m->epoch);
	json_put_number(j, "seq", m->seq);
	json_put_number(j, "online", m->online);
	json_put_number(j, "time_ms", m->time_ms);
}

static void put_subscribed(struct json_out *j, const struct msg_subscribed *m)
{
	json_put_text(j, "type", "subscribed");
	json_put_number(j, "board", m->board);
	put_plain(j, "name", m->name);
	json_put_number(j, "epoch", m->epoch);
	json_put_number(j, "seq", m->seq);
	json_put_number(j, "width", m->width);
	json_put_number(j, "height", m->height);
	json_put_number(j, "bits", m->bits);
	json_put_bool(j, "resumed", m->resumed);
	json_put_bool(j, "frozen", m->frozen);
	json_put_number(j, "cooldown_ms", m->cooldown_ms);
	json_put_number(j, "tag", m->tag);
}

static void put_stale(struct json_out *j, const struct msg_stale *m)
{
	json_put_text(j, "type", "stale");
	json_put_number(j, "board", m->board);
	json_put_number(j, "epoch", m->epoch);
	json_put_number(j, "seq", m->seq);
	json_put_number(j, "oldest", m->oldest);
}

static void put_placed(struct json_out *j, const struct msg_placed *m)
{
	json_put_text(j, "type", "placed");
	json_put_number(j, "board", m->board);
	json_put_number(j, "request", m->request);
	json_put_number(j, "seq", m->seq);
	json_put_number(j, "cooldown_ms", m->cooldown_ms);
}

static void put_refused(struct json_out *j, const struct msg_refused *m)
{
	json_put_text(j, "type", "refused");
	json_put_number(j, "board", m->board);
	json_put_number(j, "request", m->request);
	json_put_text(j, "code", refusal_str(m->code));
	json_put_number(j, "wait_ms", m->wait_ms);
}

static void put_welcome(struct json_out *j, const struct msg_welcome *m)
{
	json_put_text(j, "type", "welcome");
	json_put_hex(j, "user", m->user, USER_BYTES);
}

static void put_you(struct json_out *j, const struct msg_you *m)
{
	json_put_text(j, "type", "you");
	json_put_number(j, "board", m->board);
	json_put_number(j, "wait_ms", m->wait_ms);
	json_put_number(j, "last_request", m->last_request);
	json_put_number(j, "last_seq", m->last_seq);
}

static void put_error(struct json_out *j, const struct msg_error *m)
{
	json_put_text(j, "type", "error");
	json_put_text(j, "code", refusal_str(m->code));
	put_plain(j, "text", m->text);
	if (m->board == MESSAGE_NO_BOARD)
		json_put_null(j, "board");
	else
		json_put_number(j, "board", m->board);
	json_put_number(j, "request", m->request);
	json_put_number(j, "wait_ms", m->wait_ms);
}

static void put_message(struct json_out *j, const struct message *message)
{
	switch (message->type) {
	case MSG_STATUS:
		put_status(j, &message->status);
		return;
	case MSG_SUBSCRIBED:
		put_subscribed(j, &message->subscribed);
		return;
	case MSG_STALE:
		put_stale(j, &message->stale);
		return;
	case MSG_PLACED:
		put_placed(j, &message->placed);
		return;
	case MSG_REFUSED:
		put_refused(j, &message->refused);
		return;
	case MSG_WELCOME:
		put_welcome(j, &message->welcome);
		return;
	case MSG_YOU:
		put_you(j, &message->you);
		return;
	case MSG_ERROR:
		put_error(j, &message->error);
		return;
	default:
		px_unreachable("not an answer of the server");
	}
}

size_t json_encode_server(const struct message *message, uint8_t *out)
{
	struct json_out j = json_out_of(out, MESSAGE_OUT_BYTES_MAX);

	json_open_object(&j, NULL);
	put_message(&j, message);
	json_close(&j);
	px_assert(!j.text.bad);
	px_assert(j.depth == 0);
	return text_len(&j.text);
}

_Static_assert(sizeof("{\"type\":\"board\",\"board\":65535,\"version\":4294967295,\"face\":}") <=
		       JSON_BOARD_HEAD_BYTES_MAX,
	       "what stands around the face");

size_t json_encode_board(const struct msg_board *m, uint8_t *out)
{
	struct json_out j = json_out_of(out, JSON_BOARD_HEAD_BYTES_MAX + m->face_len);

	json_open_object(&j, NULL);
	json_put_text(&j, "type", "board");
	json_put_number(&j, "board", m->board);
	json_put_number(&j, "version", m->version);
	json_put_json(&j, "face", m->face, m->face_len);
	json_close(&j);
	px_assert(!j.text.bad);
	px_assert(j.depth == 0);
	return text_len(&j.text);
}

/* --- deltas: most of what JSON clients get, so their room is proved here, not looked at there --
 * */

_Static_assert(sizeof("{\"type\":\"delta\",\"board\":65535,\"first\":18446744073709551615,"
		      "\"last\":18446744073709551615,\"cells\":[]}") <= JSON_DELTA_HEAD_BYTES_MAX,
	       "what stands around the cells");
_Static_assert(sizeof(",[65535,65535,255]") - 1 <= JSON_DELTA_CELL_BYTES_MAX, "the widest cell");

static inline char *put_part(char *at, const char *text)
{
	size_t len = strlen(text);

	memcpy(at, text, len);
	return at + len;
}

static char *put_head(char *at, const struct msg_delta *delta)
{
	px_assert(delta->first <= delta->last);
	at = put_part(at, "{\"type\":\"delta\",\"board\":");
	at = text_digits(at, delta->board);
	at = put_part(at, ",\"first\":");
	at = text_digits(at, delta->first);
	at = put_part(at, ",\"last\":");
	at = text_digits(at, delta->last);
	return put_part(at, ",\"cells\":[");
}

static char *put_cell(char *at, uint32_t x, uint32_t y, uint8_t color)
{
	*at++ = '[';
	at = text_digits(at, x);
	*at++ = ',';
	at = text_digits(at, y);
	*at++ = ',';
	at = text_digits(at, color);
	*at++ = ']';
	return at;
}

size_t json_encode_delta(const struct msg_delta *delta, uint32_t width,
			 const struct delta_cell *cells, uint8_t *out)
{
	char *at = put_head((char *)out, delta);

	px_assert(width > 0);
	for (uint32_t i = 0; i < delta->count; i++) {
		uint32_t x = cells[i].cell % width;
		uint32_t y = cells[i].cell / width;

		px_assert(x <= UINT16_MAX && y <= UINT16_MAX);
		if (i > 0)
			*at++ = ',';
		at = put_cell(at, x, y, cells[i].color);
	}
	at = put_part(at, "]}");
	return (size_t)(at - (char *)out);
}
