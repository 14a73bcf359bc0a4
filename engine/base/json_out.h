/*
 * json_out.h - JSON, written piece by piece; commas, quotes and escapes are added automatically.
 *
 * The output is valid JSON whatever the texts hold: quotes, backslashes and control characters are
 * escaped, bytes that are not UTF-8 become question marks, and a number that is not finite becomes
 * null. If the room runs out (json_out.text.bad), it is the beginning of such JSON.
 *
 * A name is given exactly within an object; NULL as a name: an element of an array, or the
 * outermost value. Names are the program's own, printable ASCII without quotes and backslashes;
 * only values may be foreign. One thread.
 */
#ifndef PX_BASE_JSON_OUT_H
#define PX_BASE_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/text_out.h"

#define JSON_DEPTH_MAX 15

enum json_layout {
	JSON_DENSE, /* no spaces, no line ends */
	JSON_LINES, /* one line per member, indented; but see json_line_object() */
};

struct json_out {
	struct text_out text;
	enum json_layout layout;
	uint16_t objects;   /* bit d: what is open at depth d is an object, not an array */
	uint8_t depth;      /* number of objects and arrays that are open */
	uint8_t line_depth; /* depth at which the one-line value started; 0: not in one */
	bool filled;        /* the innermost object or array is not empty */
};

/* Dense JSON into `room` bytes. */
struct json_out json_out_of(void *memory, size_t room);

/* In lines, for people; the outermost value ends with a line end. */
struct json_out json_out_lines(struct text_out text);

/* Each is ended by json_close(); at most JSON_DEPTH_MAX are open. */
void json_open_object(struct json_out *j, const char *name);
void json_open_array(struct json_out *j, const char *name);
void json_line_object(struct json_out *j, const char *name); /* it and its content on one line */
void json_close(struct json_out *j);                         /* the innermost that is open */

void json_put_text(struct json_out *j, const char *name, const char *text);

/* Bytes as text of two lower-case digits each. */
void json_put_hex(struct json_out *j, const char *name, const void *bytes, size_t len);
void json_put_number(struct json_out *j, const char *name, uint64_t number);

/* With `digits` digits after the point; null if it is not finite. */
void json_put_decimal(struct json_out *j, const char *name, double number, int digits);
void json_put_bool(struct json_out *j, const char *name, bool value);
void json_put_null(struct json_out *j, const char *name);

/* A value that is already JSON, copied unchanged; for dense output it should be dense. */
void json_put_json(struct json_out *j, const char *name, const char *json, size_t len);

/* The members of an object that is already dense JSON and has some, into the open object. */
void json_put_members(struct json_out *j, const char *object, size_t len);

#endif
