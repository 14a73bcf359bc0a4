/* json_out.c - see json_out.h. No state of its own. */
#include "engine/base/json_out.h"

#include <math.h>

_Static_assert(JSON_DEPTH_MAX < 8 * sizeof(((struct json_out *)0)->objects),
	       "a bit for each depth");

/* --- texts ------------------------------------------------------------------------------------ */

/* Bytes of the UTF-8 character that begins here; 0: it is none (cut, too long, or a surrogate). */
static unsigned utf8_bytes(const char *at)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t lead = (uint8_t)*at;
	unsigned bytes = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	uint32_t code = lead & (0x7fU >> bytes);

	if (bytes < 2)
		return bytes;
	for (unsigned i = 1; i < bytes; i++) {
		if (((uint8_t)at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | ((uint8_t)at[i] & 0x3f);
	}
	return lead > 0xf4 || code < least[bytes] || code > 0x10ffff || code >> 11 == 0xd800 >> 11
		       ? 0
		       : bytes;
}

/* What stands in JSON as it is, without a look at its neighbors. */
static const bool is_plain[256] = {
	[' ' ... '!'] = true, ['#' ... '['] = true, [']' ... '~'] = true};

/* The character that begins here. Returns its bytes. */
static size_t put_special(struct text_out *t, const char *at)
{
	unsigned bytes = utf8_bytes(at);

	if (*at == '"' || *at == '\\') {
		text_put_char(t, '\\');
		text_put_char(t, *at);
	} else if (bytes == 1 && (uint8_t)*at < ' ') {
		text_put(t, "\\u00");
		text_put_hex(t, at, 1);
	} else if (bytes == 0) {
		text_put_char(t, '?');
		return 1;
	} else {
		text_put_bytes(t, at, bytes);
	}
	return bytes;
}

static void put_quoted(struct text_out *t, const char *text)
{
	text_put_char(t, '"');
	while (*text != '\0') {
		char *at = t->at, *end = t->end;

		while (at < end && is_plain[(uint8_t)*text])
			*at++ = *text++;
		t->at = at;
		if (*text != '\0')
			text += put_special(t, text);
	}
	text_put_char(t, '"');
}

/* --- values ----------------------------------------------------------------------------------- */

static bool in_object(const struct json_out *j)
{
	return (j->objects >> j->depth & 1) != 0;
}

/* The end of the line and the indent of the next. */
static void put_line(struct json_out *j)
{
	text_put_char(&j->text, '\n');
	for (unsigned i = 0; i < j->depth; i++)
		text_put(&j->text, "  ");
}

/* As put_name(), in lines. */
static void put_lines_name(struct json_out *j, const char *name)
{
	if (j->filled)
		text_put_char(&j->text, ',');
	if (j->line_depth == 0 && j->depth > 0)
		put_line(j);
	else if (j->filled)
		text_put_char(&j->text, ' ');
	if (name != NULL)
		text_print(&j->text, "\"%s\": ", name);
}

/* The name and what is around it in dense JSON, the comma before it included. */
static void put_dense_name(struct json_out *j, const char *name)
{
	size_t len = strlen(name);
	char *at = text_reserve(&j->text, len + 4);

	if (at == NULL)
		return;
	*at = ',';
	at += j->filled;
	*at++ = '"';
	memcpy(at, name, len);
	at += len;
	*at++ = '"';
	*at++ = ':';
	text_commit(&j->text, at);
}

/* What stands between the value before and this one, and its name. */
static void put_name(struct json_out *j, const char *name)
{
	px_assert((name != NULL) == in_object(j));
	px_assert(j->depth > 0 || !j->filled);
	if (j->layout == JSON_LINES)
		put_lines_name(j, name);
	else if (name != NULL)
		put_dense_name(j, name);
	else if (j->filled)
		text_put_char(&j->text, ',');
	j->filled = true;
}

static void open_any(struct json_out *j, const char *name, bool is_object)
{
	put_name(j, name);
	px_assert(j->depth < JSON_DEPTH_MAX);
	text_put_char(&j->text, is_object ? '{' : '[');
	j->depth++;
	j->objects = (uint16_t)((j->objects & ~(1U << j->depth)) | (unsigned)is_object << j->depth);
	j->filled = false;
}

/* --- what callers see ------------------------------------------------------------------------- */

struct json_out json_out_of(void *memory, size_t room)
{
	return (struct json_out){.text = text_out_of(memory, room), .layout = JSON_DENSE};
}

struct json_out json_out_lines(struct text_out text)
{
	return (struct json_out){.text = text, .layout = JSON_LINES};
}

void json_open_object(struct json_out *j, const char *name)
{
	open_any(j, name, true);
}

void json_open_array(struct json_out *j, const char *name)
{
	open_any(j, name, false);
}

void json_line_object(struct json_out *j, const char *name)
{
	open_any(j, name, true);
	if (j->line_depth == 0)
		j->line_depth = j->depth;
}

void json_close(struct json_out *j)
{
	char bracket = in_object(j) ? '}' : ']';

	px_assert(j->depth > 0);
	j->depth--;
	if (j->layout == JSON_LINES && j->line_depth == 0 && j->filled)
		put_line(j);
	if (j->depth < j->line_depth)
		j->line_depth = 0;
	text_put_char(&j->text, bracket);
	if (j->layout == JSON_LINES && j->depth == 0)
		text_put_char(&j->text, '\n');
	j->filled = true;
}

void json_put_text(struct json_out *j, const char *name, const char *text)
{
	put_name(j, name);
	put_quoted(&j->text, text);
}

void json_put_hex(struct json_out *j, const char *name, const void *bytes, size_t len)
{
	put_name(j, name);
	text_put_char(&j->text, '"');
	text_put_hex(&j->text, bytes, len);
	text_put_char(&j->text, '"');
}

void json_put_number(struct json_out *j, const char *name, uint64_t number)
{
	put_name(j, name);
	text_put_number(&j->text, number);
}

void json_put_decimal(struct json_out *j, const char *name, double number, int digits)
{
	put_name(j, name);
	if (isfinite(number))
		text_print(&j->text, "%.*f", digits, number);
	else
		text_put(&j->text, "null");
}

void json_put_bool(struct json_out *j, const char *name, bool value)
{
	put_name(j, name);
	text_put(&j->text, value ? "true" : "false");
}

void json_put_null(struct json_out *j, const char *name)
{
	put_name(j, name);
	text_put(&j->text, "null");
}

void json_put_json(struct json_out *j, const char *name, const char *json, size_t len)
{
	px_assert(len > 0); /* one value: nothing is none */
	put_name(j, name);
	text_put_bytes(&j->text, json, len);
}

void json_put_members(struct json_out *j, const char *object, size_t len)
{
	px_assert(in_object(j) && j->layout == JSON_DENSE);
	px_assert(len > 2 && object[0] == '{' && object[len - 1] == '}');
	if (j->filled)
		text_put_char(&j->text, ',');
	text_put_bytes(&j->text, object + 1, len - 2);
	j->filled = true;
}
