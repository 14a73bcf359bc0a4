/*
 * http_host.h - host[:port] of Host and of targets, and scheme://host[:port] of Origin.
 *
 * Pure, any thread: no socket, no allocation. The grammar is that of RFC 3986 (3.2.2, 3.2.3)
 * without user and password, which RFC 9110 forbids here; an empty host is refused, as for http and
 * https.
 */
#ifndef PX_CODEC_HTTP_HOST_H
#define PX_CODEC_HTTP_HOST_H

#include <stdbool.h>

#include "edge/codec/http_fields.h"

/* host [ ":" port ]: a name, an IPv4 address, [IPv6] or [vFuture]; the port may be empty. */
bool http_host_is_good(struct span authority);

/* Whether a page of `origin` and a request to `host` belong to the same site: letters compare
 * without case, and a missing or empty port is the default of the origin's scheme. The scheme of
 * the request itself is unknown, since a proxy in front may have terminated TLS. */
bool http_origin_is_host(struct span origin, struct span host);

/* Writes an origin as browsers do, in lower case and without a default port. false: it is not a
 * valid origin, or does not fit. */
bool http_origin_print(struct span origin, char *out, size_t room);

/* Whether two origins are the same: as above, and with the same scheme. */
bool http_origin_equals(struct span a, struct span b);

#endif
