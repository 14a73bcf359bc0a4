/*
 * http_fields.h - what stands in the fields of a head: lists, weights, cookies, tokens, queries.
 *
 * Pure, any thread: no socket, no allocation; spans point into the given bytes.
 */
#ifndef PX_CODEC_HTTP_FIELDS_H
#define PX_CODEC_HTTP_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

struct span {
	const char *at; /* NULL: absent */
	size_t len;
};

bool span_equals(struct span s, const char *text);
bool span_equals_any_case(struct span s, const char *text);
struct span span_trimmed(struct span s); /* without blanks and tabs around it */

/* Cuts the part before the first `separator` off *rest, which goes on behind it; *rest becomes
 * absent with the last part. */
struct span span_cut(struct span *rest, char separator);

/* Cuts the next line off *rest. false: it does not end with CRLF. (A CR inside is no character of
 * any part of a line.) */
bool span_cut_line(struct span *rest, struct span *ret_line);

/* A field whose lines count as one list: the elements of the first line, then those of the others,
 * which are found when they are asked for. */
struct http_list {
	const char *name;
	struct span value;  /* what is left of a line; absent: there is no more */
	struct span behind; /* the lines of the head behind that one */
};

/* The next element of a list, trimmed and not empty; false: there is none. */
bool http_list_next(struct http_list *list, struct span *ret_element);

/* Whether `list` has `token`, letters compared without case; and likewise with case. */
bool http_list_has(struct http_list list, const char *token);
bool http_list_has_exactly(struct http_list list, const char *element);

/* Whether Accept-Encoding allows `coding` ("gzip", "zstd", "br"), q values considered; and its
 * weight in thousandths. Absent field: only identity. */
unsigned http_coding_weight(struct http_list accept_encoding, const char *coding);

/* The value of the next cookie `name` of what is left of a Cookie field; at = NULL: there is no
 * more. A browser that has several of one name sends them all. */
struct span http_cookie_next(struct span *cookies, const char *name);

/* The token of an Authorization field of the scheme Bearer; at = NULL: of another one. */
struct span http_bearer(struct span authorization);

/* The value of `key` in a query string, not decoded; absent: at = NULL. Of several the first; how
 * many there are tells the other. */
struct span http_query(struct span query, const char *key);
unsigned http_query_count(struct span query, const char *key);

#endif
