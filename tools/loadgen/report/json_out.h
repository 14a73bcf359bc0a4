/*
 * json_out.h - JSON, written piece by piece; commas and indents come by themselves.
 *
 * NULL as a name: an element of an array. Errors are the stream's. One thread.
 */
#ifndef PX_LOADGEN_JSON_OUT_H
#define PX_LOADGEN_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_out {
	FILE *to;
	unsigned depth;
	bool filled;         /* something stands in the innermost object or array */
	bool in_line;        /* we are in something that stands in one line */
	unsigned line_depth; /* how deep that began */
};

void json_open(struct json_out *j, const char *name, char bracket);      /* '{' or '[' */
void json_open_line(struct json_out *j, const char *name, char bracket); /* in one line */
void json_close(struct json_out *j, char bracket);                       /* '}' or ']' */
void json_text(struct json_out *j, const char *name, const char *text);
void json_whole(struct json_out *j, const char *name, uint64_t value);
void json_decimal(struct json_out *j, const char *name, double value, int digits);
void json_truth(struct json_out *j, const char *name, bool value);

#endif
