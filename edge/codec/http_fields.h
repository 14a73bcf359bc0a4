/*
 * http_fields.h - the content of header fields: lists, weights, cookies, tokens, queries.
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
struct span span_trimmed(struct span s); /* without leading and trailing blanks and tabs */

/* Splits the part before the first `separator` off *rest and returns it; *rest then starts after
 * the separator, and becomes absent with the last part. */
struct span span_split(struct span *rest, char separator);

/* Splits the next line off *rest. false: it does not end with CRLF. (A CR inside a line is not a
 * valid character in any part of it.) */
bool span_split_line(struct span *rest, struct span *ret_line);

/* A field whose lines count as one list: the elements of the first line, then those of the others,
 * which are looked for only when asked for. */
struct http_list {
	const char *name;
	struct span value;  /* rest of a line; absent: there are no more */
	struct span behind; /* the lines of the head after that one */
};

/* The next element of a list, trimmed and not empty; false: there is none. */
bool http_list_next(struct http_list *list, struct span *ret_element);

/* Whether `list` has `token`, ignoring case; the other compares exactly. */
bool http_list_has(struct http_list list, const char *token);
bool http_list_has_exactly(struct http_list list, const char *element);

/* The weight, in thousandths, that Accept-Encoding gives to `coding` ("gzip", "zstd", "br"); 0: not
 * allowed. An absent field allows only identity. */
unsigned http_coding_weight(struct http_list accept_encoding, const char *coding);

/* The value of the next cookie `name` in the rest of a Cookie field; at = NULL: there are no more.
 * A browser that has several with one name sends all of them. */
struct span http_cookie_next(struct span *cookies, const char *name);

/* The token of an Authorization field with the scheme Bearer; at = NULL: it has another scheme. */
struct span http_bearer(struct span authorization);

/* The value of `key` in a query string, not decoded; absent: at = NULL. If it occurs several times,
 * the first; http_query_count() returns their number. */
struct span http_query(struct span query, const char *key);
unsigned http_query_count(struct span query, const char *key);

#endif
