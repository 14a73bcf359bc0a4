/*
 * message_json.c - the same messages read from JSON text. The only file that uses jansson.
 *
 * Any thread. Allocates (through jansson) only during the call, bounded by the input: a client's
 * message has MESSAGE_IN_BYTES_MAX at most. Nothing is in flight.
 *
 * Numbers are read as doubles and judged by their value (1e3 is 1000), as in JavaScript: whole
 * numbers below MESSAGE_NUMBERS_END are exact; anything else is refused where one is required.
 */
#include "edge/codec/message_json.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/timestamp.h"

_Static_assert(TOKEN_BYTES_MAX <= MESSAGE_IN_BYTES_MAX, "a token has room in `scratch`");
_Static_assert(2 * USER_BYTES == 32, "as read_condition() says");

/* A whole number below `limit` (at most MESSAGE_NUMBERS_END). */
static bool whole_number(const json_t *value, double limit, uint64_t *ret_number)
{
	double number;

	px_assert(limit <= (double)MESSAGE_NUMBERS_END); /* beyond it doubles are not exact */
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
	return whole_number(json_object_get(object, key), (double)MESSAGE_NUMBERS_END, ret_number);
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

	px_assert(limit <= UINT32_MAX); /* which stands for a number that is no place */
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

	px_assert(size > 1); /* the NUL, and a name */
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

	px_assert(len > 0 && len <= MESSAGE_IN_BYTES_MAX); /* message_decode_client() */
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

/* --- a face --------------------------------------------------------------------------------- */

static bool read_rgb(const json_t *value, uint32_t *ret_rgb)
{
	const char *text = json_string_value(value);
	uint32_t rgb = 0;

	if (text == NULL || json_string_length(value) != strlen("#rrggbb") || text[0] != '#')
		return false;
	for (unsigned i = 1; i < 7; i++) {
		const char *digits = "0123456789abcdef";
		const char *at = text[i] == 0 ? NULL : strchr(digits, text[i]);

		if (at == NULL)
			return false;
		rgb = rgb << 4 | (uint32_t)(at - digits);
	}
	*ret_rgb = rgb;
	return true;
}

static bool read_palette(const json_t *array, struct msg_face *f)
{
	px_assert(f->bits <= BOARD_BITS_MAX); /* read_face() */
	if (!json_is_array(array) || json_array_size(array) > 1U << f->bits)
		return false;
	f->palette_len = (uint32_t)json_array_size(array);
	for (uint32_t i = 0; i < f->palette_len; i++) {
		const json_t *color = json_array_get(array, i);

		if (!read_name(color, "name", f->palette[i].name, sizeof(f->palette[i].name)) ||
		    !read_rgb(json_object_get(color, "rgb"), &f->palette[i].rgb))
			return false;
	}
	return true;
}

static bool read_face(const json_t *object, struct msg_face *f)
{
	const json_t *frozen = json_object_get(object, "frozen");
	uint64_t bits;

	if (!whole_number(json_object_get(object, "bits"), BOARD_BITS_MAX + 1, &bits))
		return false;
	f->bits = (uint8_t)bits;
	f->frozen = json_is_true(frozen);
	return json_is_boolean(frozen) && read_u32(object, "width", &f->width) &&
	       read_u32(object, "height", &f->height) &&
	       read_u32(object, "cooldown_ms", &f->cooldown_ms) &&
	       (json_object_get(object, "tag") == NULL || read_u32(object, "tag", &f->tag)) &&
	       read_palette(json_object_get(object, "palette"), f);
}

int message_decode_face(const char *text, size_t len, struct msg_face *ret_face)
{
	json_t *object = load((const uint8_t *)text, len);
	struct msg_face f;
	bool good;

	memset(&f, 0, sizeof(f));
	good = json_is_object(object) && read_face(object, &f);
	json_decref(object);
	if (!good)
		return -EBADMSG;
	*ret_face = f;
	return 0;
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
	px_assert(f->x <= f->x_last && f->y <= f->y_last);
	return true;
}

static bool read_moment(const json_t *value, uint64_t *ret_ms)
{
	if (json_is_string(value))
		return timestamp_parse(json_string_value(value), json_string_length(value),
				       ret_ms) == 0;
	return whole_number(value, (double)MESSAGE_NUMBERS_END, ret_ms);
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
		return read_user(value, f) ? NULL : "user must be 32 hex digits, as in a history";
	if (strcmp(key, "area") == 0)
		return read_area(value, f) ? NULL : "area must have x, y, width and height";
	if (strcmp(key, "color") == 0)
		return read_filter_color(value, f) ? NULL : "color must be a number of the palette";
	if (strcmp(key, "from") == 0)
		return read_moment(value, &f->from_ms) ? NULL
						       : "from must be a time, or milliseconds";
	if (strcmp(key, "to") == 0)
		return read_moment(value, &f->to_ms) ? NULL : "to must be a time, or milliseconds";
	if (strcmp(key, "upto") == 0)
		return whole_number(value, (double)MESSAGE_NUMBERS_END, &f->upto_seq)
			       ? NULL
			       : "upto must be a seq";
	return "unknown member: known are user, area, color, from, to, upto, undo and dry_run";
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
				return "dry_run must be true or false";
			m->dry_run = json_is_true(value);
			continue;
		}
		if (strcmp(key, "undo") == 0) {
			if (!whole_number(value, (double)MESSAGE_NUMBERS_END, &m->undoes) ||
			    m->undoes == 0)
				return "undo must be the number of a rollback";
			continue;
		}
		why = read_condition(key, value, m);
		if (why != NULL)
			return why;
		conditions++;
		narrow += strcmp(key, "upto") != 0;
	}
	if (m->undoes != 0)
		return conditions == 0 ? NULL : "undo must be alone: it undoes all of a rollback";
	return narrow > 0 ? NULL : "name what to take: user, area, color, from or to";
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
