/*
 * http_fetch.h - blocking HTTP/1.1 requests: for tools, and before and after a load.
 *
 * A connection belongs to the thread that opened it; it is kept alive between calls. Responses must
 * have a Content-Length. Every wait is bounded by HTTP_FETCH_TIMEOUT_S.
 */
#ifndef PX_FETCH_HTTP_FETCH_H
#define PX_FETCH_HTTP_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "edge/fetch/target.h"

#define HTTP_FETCH_TIMEOUT_S      10
#define HTTP_FETCH_HEAD_BYTES_MAX 8192
#define HTTP_FETCH_BODY_BYTES_MAX (512U << 20)

struct http_fetch;

struct http_answer {
	int status;
	uint8_t *body; /* malloc()ed, with a NUL after its end; the caller frees. NULL: empty */
	size_t body_len;
	char head[HTTP_FETCH_HEAD_BYTES_MAX]; /* NUL-terminated */
};

/* 0, or the -errno of connect(). */
int http_fetch_open(const struct target *target, struct http_fetch **ret_fetch);
void http_fetch_close(struct http_fetch *f); /* NULL is allowed */

/* One request without a body. 0, or -errno: -EBADMSG: the response is not HTTP; -ECONNRESET: the
 * connection ended; -ETIMEDOUT. After an error only http_fetch_close() may follow. */
int http_fetch_call(struct http_fetch *f, const char *method, const char *path,
		    struct http_answer *ret_answer);

/* The number in header field `name`; -ENOENT: absent, or not a number. */
int http_answer_number(const struct http_answer *a, const char *name, uint64_t *ret_value);

#endif
