/*
 * http_host.h - host[:port] of Host and of targets, and scheme://host[:port] of Origin.
 *
 * Pure, any thread: no socket, no allocation. The grammar is that of RFC 3986 (3.2.2, 3.2.3)
 * without user and password, which RFC 9110 forbids here; an empty host is refused, as it is for
 * http and https.
 */
#ifndef PX_CODEC_HTTP_HOST_H
#define PX_CODEC_HTTP_HOST_H

#include <stdbool.h>

#include "edge/codec/http_fields.h"

/* host [ ":" port ]: a name, an IPv4 address, [IPv6] or [vFuture]; the port may be empty. */
bool http_host_is_good(struct span authority);

/* Whether a page of `origin` and a request to `host` speak of one site: letters without case, and a
 * port that is missing or empty is the default one of the origin's scheme. What the request's own
 * scheme was is not known, since a proxy in front may have ended TLS. */
bool http_origin_is_host(struct span origin, struct span host);

/* Writes an origin as browsers do, in small letters and without a default port. false: it is none,
 * or does not fit. */
bool http_origin_print(struct span origin, char *out, size_t room);

/* Whether two origins are the same: likewise, and of one scheme. */
bool http_origin_equals(struct span a, struct span b);

#endif
