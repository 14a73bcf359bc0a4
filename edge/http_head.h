/*
 * http_head.h - the head of one HTTP/1.1 request, parsed strictly.
 *
 * Bytes in, a verdict out: no socket, no clock, no allocation. Any thread. A strict subset of
 * RFC 9112: no bare LF, no obs-fold, no space before a colon, exactly one Host (HTTP/1.1), at most
 * one Content-Length (digits only), no Transfer-Encoding; targets in origin-form, absolute-form
 * (http, https) or "*". What it refuses it refuses with a status.
 * The spans point into the given bytes.
 */
#ifndef PX_EDGE_HTTP_HEAD_H
#define PX_EDGE_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_BYTES_MAX   8192
#define HTTP_TARGET_BYTES_MAX 2048
#define HTTP_FIELDS_MAX       100

struct span {
	const char *at; /* NULL: absent */
	size_t len;
};

/* A field whose lines count as one list: the elements of the first line, then those of the others,
 * which are found when they are asked for. */
struct http_list {
	const char *name;
	struct span value;  /* what is left of a line; absent: there is no more */
	struct span behind; /* the lines of the head behind that one */
};

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_PUT,
	HTTP_POST,
	HTTP_DELETE,
	HTTP_OPTIONS,
	HTTP_OTHER, /* a valid token that we do not serve: 405 or 501 is the caller's choice */
};

struct http_head {
	enum http_method method;
	unsigned minor;    /* HTTP/1.minor: 0 or 1 */
	struct span path;  /* as sent, no decoding: starts with '/'. "*" only with OPTIONS */
	struct span query; /* behind '?', without it */
	struct span host;  /* of the target, where that has one (absolute-form); else the field */
	struct span origin;
	struct span cookie; /* the first Cookie field; a second one is refused with 400 */
	struct span authorization;
	struct http_list if_none_match;
	struct http_list accept_encoding;
	struct span idempotency_key;
	struct span content_type;
	struct span ws_key;
	struct http_list ws_protocol;
	struct span ws_version;
	uint64_t content_length; /* 0 when absent */
	bool has_content_length;
	bool keep_alive;         /* what version and Connection say together */
	bool connection_upgrade; /* Connection has the token "upgrade" */
	bool upgrade_websocket;  /* Upgrade has the token "websocket" */
	bool expect_continue;    /* not where it means nothing: HTTP/1.0, or no body */
	bool is_https;           /* an absolute target says so; else not known */
};

/*
 * Where the head ends: bytes up to and with the empty line; 0: not there yet. Looks only from
 * `seen` on (bytes that an earlier call has seen), so that feeding byte by byte stays linear.
 */
size_t http_head_end(const uint8_t *in, size_t len, size_t seen);

/*
 * Parses a whole head of `len` bytes as found by http_head_end(). 0, or the status to refuse with:
 * 400, 414 (target), 431 (fields), 501 (Transfer-Encoding), 505 (not HTTP/1.x); *ret_why then says
 * why in a few words (static text).
 */
int http_head_parse(const uint8_t *in, size_t len, struct http_head *ret_head,
		    const char **ret_why);

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

bool span_equals(struct span s, const char *text);

#endif
