/*
 * http_head.h - the head of one HTTP/1.1 request, parsed strictly.
 *
 * Bytes in, a verdict out: no socket, no clock, no allocation. Any thread. A strict subset of RFC
 * 9112: no bare LF, no obs-fold, no space before a colon, exactly one Host (HTTP/1.1), at most one
 * Content-Length (digits only), no Transfer-Encoding; targets in origin-form, absolute-form (http,
 * https) or "*". Anything else is refused with a status. The spans point into the given bytes.
 */
#ifndef PX_CODEC_HTTP_HEAD_H
#define PX_CODEC_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "edge/codec/http_fields.h"

#define HTTP_HEAD_BYTES_MAX   8192
#define HTTP_TARGET_BYTES_MAX 2048
#define HTTP_FIELDS_MAX       100

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_PUT,
	HTTP_POST,
	HTTP_DELETE,
	HTTP_OPTIONS,
	HTTP_OTHER, /* a valid token that is not served: 405 or 501 is the caller's choice */
};

struct http_head {
	enum http_method method;
	unsigned minor;    /* HTTP/1.minor: 0 or 1 */
	struct span path;  /* as sent, no decoding: starts with '/'. "*" only with OPTIONS */
	struct span query; /* after the '?', without it */
	/* from the target if it has one (absolute-form), otherwise from the field */
	struct span host;
	struct span origin;
	struct span cookie; /* the first Cookie field; a second one is refused with 400 */
	struct span authorization;
	struct http_list if_none_match;
	struct http_list accept_encoding;
	/* X-Forwarded-Proto: set by proxies, the outermost first */
	struct http_list forwarded_proto;
	struct span idempotency_key;
	struct span content_type;
	struct span ws_key;
	struct http_list ws_protocol;
	struct span ws_version;
	uint64_t content_length; /* 0 when absent */
	bool has_content_length;
	bool keep_alive;         /* by version and Connection together */
	bool connection_upgrade; /* Connection has the token "upgrade" */
	bool upgrade_websocket;  /* Upgrade has the token "websocket" */
	bool expect_continue;    /* false where it has no meaning: HTTP/1.0, or no body */
	bool is_https;           /* an absolute target says so; otherwise unknown */
};

/*
 * The length of the head, including its empty line; 0: it is not complete yet. Searches only from
 * `seen` on (bytes that an earlier call has seen), so that feeding byte by byte stays linear.
 */
size_t http_head_end(const uint8_t *in, size_t len, size_t seen);

/*
 * Parses a whole head of `len` bytes as found by http_head_end(). 0, or the status to refuse with:
 * 400, 414 (target), 431 (fields), 501 (Transfer-Encoding), 505 (not HTTP/1.x); *ret_why then gives
 * the reason in a few words (static text).
 */
int http_head_parse(const uint8_t *in, size_t len, struct http_head *ret_head,
		    const char **ret_why);

#endif
