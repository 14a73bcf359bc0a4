/*
 * message_json.c - the same messages as JSON text. The one file that sees jansson.
 *
 * Any thread. Reading allocates (jansson) for the time of the call, bounded by MESSAGE_IN_BYTES_MAX
 * of input; writing allocates nothing and is plain text put together here. Nothing is in flight.
 *
 * Numbers are read as doubles and count by their value (1e3 is 1000), as in JavaScript: whole
 * numbers below 2^53 are exact, everything else is refused where a whole number is wanted.
 */
#include "edge/codec/message_json.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/bytes.h"
#include "engine/refusal.h"
#include "engine/base/timestamp.h"

#define WHOLE_NUMBER_LIMIT 9007199254740992.0 /* 2^53 */

/* --- reading ---------------------------------------------------------------------------------- */

/* A whole number below `limit` (at most 2^53). */
static bool whole_number(const json_t *value, double limit, uint64_t *ret_number)
{
	double number;

	if (!json_is_real(value))
		return false;
	number = json_real_value(value);
	if (!(number >= 0 && number < limit) || number != (double)(uint64_t)number)
		return false;
	*ret_number = (uint64_t)number;
	return true;
}

static bool read_u64(const json_t *object, const char *key, uint64_t *ret_number)
{
	return whole_number(json_object_get(object, key), WHOLE_NUMBER_LIMIT, ret_number);
}

static bool read_u32(const json_t *object, const char *key, uint32_t *ret_number)
{
	uint64_t number;

	if (!whole_number(json_object_get(object, key), 0x1p32, &number))
		return false;
	*ret_number = (uint32_t)number;
	return true;
}

static bool read_u16(const json_t *object, const char *key, uint16_t *ret_number)
{
	uint64_t number;

	if (!whole_number(json_object_get(object, key), 0x1p16, &number))
		return false;
	*ret_number = (uint16_t)number;
	return true;
}

/* A number that is no place on any board is still a number: it gets the answer that it is out of
 * bounds, with the request it belongs to, not a complaint about the message. */
static bool read_coordinate(const json_t *object, const char *key, double limit,
			    uint32_t *ret_number)
{
	const json_t *value = json_object_get(object, key);
	uint64_t number = UINT32_MAX;

	if (!json_is_real(value))
		return false;
	(void)whole_number(value, limit, &number);
	*ret_number = (uint32_t)number;
	return true;
}

/* The rules for a board's name are those of the binary form. */
static bool read_name(const json_t *object, const char *key, char *name, size_t size)
{
	const json_t *value = json_object_get(object, key);
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);

	if (text == NULL || len == 0 || len >= size)
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	memcpy(name, text, len);
	name[len] = 0;
	return true;
}

static bool read_subscribe(const json_t *object, struct msg_subscribe *m)
{
	m->resume =
		json_object_get(object, "epoch") != NULL || json_object_get(object, "seq") != NULL;
	return read_name(object, "board", m->board, sizeof(m->board)) &&
	       (!m->resume ||
		(read_u32(object, "epoch", &m->epoch) && read_u64(object, "seq", &m->seq)));
}

static bool read_place(const json_t *object, struct msg_place *m)
{
	return read_u16(object, "board", &m->board) &&
	       read_coordinate(object, "x", 0x1p16, &m->x) &&
	       read_coordinate(object, "y", 0x1p16, &m->y) &&
	       read_coordinate(object, "color", 0x1p8, &m->color) &&
	       read_u64(object, "request", &m->request);
}

static bool read_session(const json_t *object, char *scratch, struct message *m)
{
	const json_t *value = json_object_get(object, "token");
	size_t len = json_string_length(value);

	if (!json_is_string(value) || len == 0 || len > TOKEN_BYTES_MAX)
		return false;
	memcpy(scratch, json_string_value(value), len);
	m->session.token = scratch;
	m->session.token_len = len;
	return true;
}

/* The field of subscribe, unsubscribe and session that may be there. */
static bool read_request(const json_t *object, struct message *m)
{
	return json_object_get(object, "request") == NULL ||
	       read_u64(object, "request", &m->request);
}

static int read_client(const json_t *object, char *scratch, struct message *m)
{
	static const struct {
		const char *name;
		enum message_type type;
	} types[] = {
		{"subscribe", MSG_SUBSCRIBE}, {"unsubscribe", MSG_UNSUBSCRIBE},
		{"place", MSG_PLACE},         {"session", MSG_SESSION},
		{"alive", MSG_ALIVE},
	};
	const char *type = json_string_value(json_object_get(object, "type"));
	bool good = true;

	if (type == NULL)
		return -EBADMSG;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i].name) == 0)
			m->type = types[i].type;
	switch ((unsigned)m->type) {
	case MSG_SUBSCRIBE:
		good = read_subscribe(object, &m->subscribe) && read_request(object, m);
		break;
	case MSG_UNSUBSCRIBE:
		good = read_u16(object, "board", &m->unsubscribe_board) && read_request(object, m);
		break;
	case MSG_PLACE:
		good = read_place(object, &m->place);
		break;
	case MSG_SESSION:
		good = read_session(object, scratch, m) && read_request(object, m);
		break;
	case MSG_ALIVE:
		break;
	default:
		return -ENOSYS;
	}
	return good ? 0 : -EBADMSG;
}

static json_t *load(const uint8_t *in, size_t len)
{
	return json_loadb((const char *)in, len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL,
			  NULL);
}

int json_decode_client(const uint8_t *in, size_t len, char *scratch, struct message *ret_message)
{
	json_t *object = load(in, len);
	struct message m;
	int error;

	if (object == NULL)
		return -EBADMSG;
	memset(&m, 0, sizeof(m));
	error = read_client(object, scratch, &m);
	json_decref(object);
	if (error == 0)
		*ret_message = m;
	return error;
}

int message_decode_color(const uint8_t *in, size_t len, uint32_t *ret_color)
{
	json_t *object = len <= MESSAGE_IN_BYTES_MAX ? load(in, len) : NULL;
	bool good = object != NULL && read_coordinate(object, "color", 0x1p8, ret_color);

	json_decref(object);
	return good ? 0 : -EBADMSG;
}

/* --- a rollback: every key is a condition, none may get lost ---------------------------------- */

static bool read_user(const json_t *value, struct placement_filter *f)
{
	const char *text = json_string_value(value);

	if (text == NULL || json_string_length(value) != 2 * USER_BYTES)
		return false;
	for (unsigned i = 0; i < 2 * USER_BYTES; i++) {
		const char *digits = "0123456789abcdef";
		const char *at = strchr(digits, text[i]);

		if (text[i] == 0 || at == NULL)
			return false;
		f->user[i / 2] = (uint8_t)(f->user[i / 2] << 4 | (at - digits));
	}
	f->by_user = true;
	return true;
}

static bool read_area(const json_t *value, struct placement_filter *f)
{
	uint16_t width, height;

	if (json_object_size(value) != 4 || !read_u16(value, "x", &f->x) ||
	    !read_u16(value, "y", &f->y) || !read_u16(value, "width", &width) ||
	    !read_u16(value, "height", &height))
		return false;
	if (width == 0 || height == 0 || f->x + width - 1 > UINT16_MAX ||
	    f->y + height - 1 > UINT16_MAX)
		return false;
	f->x_last = (uint16_t)(f->x + width - 1);
	f->y_last = (uint16_t)(f->y + height - 1);
	return true;
}

static bool read_moment(const json_t *value, uint64_t *ret_ms)
{
	if (json_is_string(value))
		return timestamp_parse(json_string_value(value), json_string_length(value),
				       ret_ms) == 0;
	return whole_number(value, WHOLE_NUMBER_LIMIT, ret_ms);
}

static bool read_filter_color(const json_t *value, struct placement_filter *f)
{
	uint64_t color;

	if (!whole_number(value, 0x1p8, &color))
		return false;
	f->color = (uint8_t)color;
	f->by_color = true;
	return true;
}

/* NULL: taken; else what is wrong. */
static const char *read_condition(const char *key, const json_t *value, struct msg_rollback *m)
{
	struct placement_filter *f = &m->filter;

	if (strcmp(key, "user") == 0)
		return read_user(value, f) ? NULL : "user is 32 hex digits, as in a history";
	if (strcmp(key, "area") == 0)
		return read_area(value, f) ? NULL : "area has x, y, width and height";
	if (strcmp(key, "color") == 0)
		return read_filter_color(value, f) ? NULL : "color is a number of the palette";
	if (strcmp(key, "from") == 0)
		return read_moment(value, &f->from_ms) ? NULL : "from is a time, or milliseconds";
	if (strcmp(key, "to") == 0)
		return read_moment(value, &f->to_ms) ? NULL : "to is a time, or milliseconds";
	if (strcmp(key, "upto") == 0)
		return whole_number(value, WHOLE_NUMBER_LIMIT, &f->upto_seq) ? NULL
									     : "upto is a seq";
	return "user, area, color, from, to, upto, undo and dry_run are what is known";
}

static const char *read_rollback(json_t *object, struct msg_rollback *m)
{
	unsigned conditions = 0, narrow = 0;
	const char *key, *why;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		if (strcmp(key, "dry_run") == 0) {
			if (!json_is_boolean(value))
				return "dry_run is true or false";
			m->dry_run = json_is_true(value);
			continue;
		}
		if (strcmp(key, "undo") == 0) {
			if (!whole_number(value, WHOLE_NUMBER_LIMIT, &m->undoes) || m->undoes == 0)
				return "undo is the number of a rollback";
			continue;
		}
		why = read_condition(key, value, m);
		if (why != NULL)
			return why;
		conditions++;
		narrow += strcmp(key, "upto") != 0;
	}
	if (m->undoes != 0)
		return conditions == 0 ? NULL : "undo stands alone: it undoes all of a rollback";
	return narrow > 0 ? NULL : "say what to take: user, area, color, from or to";
}

int message_decode_rollback(const uint8_t *in, size_t len, struct msg_rollback *ret_rollback,
			    const char **ret_why)
{
	json_t *object = len <= MESSAGE_IN_BYTES_MAX ? load(in, len) : NULL;
	struct msg_rollback m = {.filter = PLACEMENT_FILTER_ALL};
	const char *why = "the body must be a JSON object";

	if (json_is_object(object))
		why = read_rollback(object, &m);
	json_decref(object);
	if (why != NULL) {
		*ret_why = why;
		return -EBADMSG;
	}
	*ret_rollback = m;
	return 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

static uint8_t *put_chars(uint8_t *p, const char *text)
{
	return put_bytes(p, text, strlen(text));
}

static uint8_t *put_number(uint8_t *p, uint64_t number)
{
	char digits[20];
	size_t n = 0;

	do {
		digits[sizeof(digits) - ++n] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	return put_bytes(p, digits + sizeof(digits) - n, n);
}

/* ,"key": */
static uint8_t *put_key(uint8_t *p, const char *key)
{
	p = put_chars(p, ",\"");
	p = put_chars(p, key);
	return put_chars(p, "\":");
}

static uint8_t *put_number_field(uint8_t *p, const char *key, uint64_t number)
{
	return put_number(put_key(p, key), number);
}

static uint8_t *put_bool_field(uint8_t *p, const char *key, bool value)
{
	return put_chars(put_key(p, key), value ? "true" : "false");
}

/* Names and texts are ours and printable; what is not becomes '?' rather than broken JSON. */
static uint8_t *put_text_field(uint8_t *p, const char *key, const char *text)
{
	p = put_u8(put_key(p, key), '"');
	for (; *text != 0; text++) {
		if (*text == '"' || *text == '\\')
			p = put_u8(p, '\\');
		p = put_u8(p, *text >= ' ' && *text <= '~' ? (uint8_t)*text : '?');
	}
	return put_u8(p, '"');
}

static uint8_t *put_user_field(uint8_t *p, const uint8_t user[static USER_BYTES])
{
	static const char hex[] = "0123456789abcdef";

	p = put_chars(p, ",\"user\":\"");
	for (unsigned i = 0; i < USER_BYTES; i++) {
		p = put_u8(p, (uint8_t)hex[user[i] >> 4]);
		p = put_u8(p, (uint8_t)hex[user[i] & 15]);
	}
	return put_u8(p, '"');
}

static uint8_t *put_status(uint8_t *p, const struct msg_status *m)
{
	p = put_chars(p, "{\"type\":\"status\"");
	p = put_number_field(p, "board", m->board);
	p = put_number_field(p, "epoch", m->epoch);
	p = put_number_field(p, "seq", m->seq);
	p = put_number_field(p, "online", m->online);
	return put_number_field(p, "time_ms", m->time_ms);
}

static uint8_t *put_subscribed(uint8_t *p, const struct msg_subscribed *m)
{
	p = put_chars(p, "{\"type\":\"subscribed\"");
	p = put_number_field(p, "board", m->board);
	p = put_text_field(p, "name", m->name);
	p = put_number_field(p, "epoch", m->epoch);
	p = put_number_field(p, "seq", m->seq);
	p = put_number_field(p, "width", m->width);
	p = put_number_field(p, "height", m->height);
	p = put_number_field(p, "bits", m->bits);
	p = put_bool_field(p, "resumed", m->resumed);
	p = put_bool_field(p, "frozen", m->frozen);
	p = put_number_field(p, "cooldown_ms", m->cooldown_ms);
	return put_number_field(p, "tag", m->tag);
}

static uint8_t *put_stale(uint8_t *p, const struct msg_stale *m)
{
	p = put_chars(p, "{\"type\":\"stale\"");
	p = put_number_field(p, "board", m->board);
	p = put_number_field(p, "epoch", m->epoch);
	p = put_number_field(p, "seq", m->seq);
	return put_number_field(p, "oldest", m->oldest);
}

static uint8_t *put_placed(uint8_t *p, const struct msg_placed *m)
{
	p = put_chars(p, "{\"type\":\"placed\"");
	p = put_number_field(p, "board", m->board);
	p = put_number_field(p, "request", m->request);
	p = put_number_field(p, "seq", m->seq);
	return put_number_field(p, "cooldown_ms", m->cooldown_ms);
}

static uint8_t *put_refused(uint8_t *p, const struct msg_refused *m)
{
	p = put_chars(p, "{\"type\":\"refused\"");
	p = put_number_field(p, "board", m->board);
	p = put_number_field(p, "request", m->request);
	p = put_text_field(p, "code", refusal_str(m->code));
	return put_number_field(p, "wait_ms", m->wait_ms);
}

static uint8_t *put_you(uint8_t *p, const struct msg_you *m)
{
	p = put_chars(p, "{\"type\":\"you\"");
	p = put_number_field(p, "board", m->board);
	p = put_number_field(p, "wait_ms", m->wait_ms);
	p = put_number_field(p, "last_request", m->last_request);
	return put_number_field(p, "last_seq", m->last_seq);
}

static uint8_t *put_error(uint8_t *p, const struct msg_error *m)
{
	p = put_chars(p, "{\"type\":\"error\"");
	p = put_text_field(p, "code", refusal_str(m->code));
	p = put_text_field(p, "text", m->text);
	if (m->board == MESSAGE_NO_BOARD)
		p = put_chars(put_key(p, "board"), "null");
	else
		p = put_number_field(p, "board", m->board);
	p = put_number_field(p, "request", m->request);
	return put_number_field(p, "wait_ms", m->wait_ms);
}

size_t json_encode_server(const struct message *message, uint8_t *out)
{
	uint8_t *p = out;

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
		p = put_user_field(put_chars(p, "{\"type\":\"welcome\""), message->welcome.user);
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
	return (size_t)(put_u8(p, '}') - out);
}

size_t json_encode_delta(const struct msg_delta *delta, uint32_t width,
			 const struct delta_cell *cells, uint8_t *out)
{
	uint8_t *p = put_chars(out, "{\"type\":\"delta\"");

	p = put_number_field(p, "board", delta->board);
	p = put_number_field(p, "first", delta->first);
	p = put_number_field(p, "last", delta->last);
	p = put_chars(p, ",\"cells\":[");
	for (uint32_t i = 0; i < delta->count; i++) {
		uint32_t x = cells[i].cell % width;
		uint32_t y = cells[i].cell / width;

		px_assert(x <= UINT16_MAX && y <= UINT16_MAX);
		p = put_chars(p, i == 0 ? "[" : ",[");
		p = put_number(p, x);
		p = put_number(put_u8(p, ','), y);
		p = put_number(put_u8(p, ','), cells[i].color);
		p = put_u8(p, ']');
	}
	return (size_t)(put_chars(p, "]}") - out);
}
