/*
 * http_origin.c - pages of other sites: which may act, which may read, and what is logged if not.
 *
 * What the Origin of a request means is decided once, when its head is read, and kept in
 * conn.http_cors until the answer is written: http_reply.c writes these fields into every answer,
 * so no handler can forget them. Before a head is read, any page may read the answer, which then
 * reveals nothing about the request.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "edge/codec/http_host.h"
#include "edge/http/http_priv.h"
#include "engine/base/hash.h"
#include "engine/base/log.h"

#define EXPOSED                                                                                    \
	"Access-Control-Expose-Headers: ETag, Retry-After, WWW-Authenticate, X-Board-Epoch, "      \
	"X-Board-Seq, X-Board-Time, X-Wait-Ms\r\n"
#define TOLD_CHARS_MAX 200

/* What c->http_cors says; from CORS_LISTED on it is that plus the number of the listed origin. */
enum { CORS_ANYBODY, CORS_NOBODY, CORS_LISTED };

_Static_assert(CORS_LISTED + ORIGINS_MAX <= UINT8_MAX, "http_cors is a byte");

/* --- who may act ------------------------------------------------------------------------------ */

/* The number of the listed origin; ORIGINS_MAX: it is none. */
static unsigned origin_number(const struct worker_shared *s, struct span origin)
{
	uint32_t count = atomic_load_explicit(&s->origins.count, memory_order_acquire);

	px_assert(count <= ORIGINS_MAX); /* which stands for none */
	for (unsigned i = 0; origin.at != NULL && i < count; i++) {
		struct span listed = {s->origins.texts[i], strlen(s->origins.texts[i])};

		if (atomic_load_explicit(&s->origins.is_allowed[i], memory_order_relaxed) &&
		    http_origin_equals(origin, listed))
			return i;
	}
	return ORIGINS_MAX;
}

/* Whether these two were not refused together before. Bounded: what does not fit any more is not
 * told, which the last line that fits says. */
static bool pair_is_new(struct worker_shared *s, uint64_t pair, bool *ret_last)
{
	px_assert(pair != 0); /* what a free slot has */
	for (unsigned i = 0; i < ORIGINS_TOLD_MAX; i++) {
		_Atomic uint64_t *slot = &s->origins_told[(pair + i) % ORIGINS_TOLD_MAX];
		uint64_t found = 0;

		if (atomic_compare_exchange_strong(slot, &found, pair)) {
			unsigned before = atomic_fetch_add(&s->origins_told_count, 1);

			*ret_last = before == ORIGINS_TOLD_MAX - 1;
			return true;
		}
		if (found == pair)
			return false;
	}
	return false;
}

/* For a line of key=value: what could be taken for another key, or its end, is a question mark. */
static void told_print(struct span text, char out[static TOLD_CHARS_MAX])
{
	size_t len = text.len < TOLD_CHARS_MAX - 1 ? text.len : TOLD_CHARS_MAX - 1;

	for (size_t i = 0; i < len; i++)
		out[i] = text.at[i] > ' ' && text.at[i] < 0x7f && text.at[i] != '"' ? text.at[i]
										    : '?';
	out[len] = '\0';
}

static void refusal_tell(struct worker *w, const struct http_head *h)
{
	uint64_t seed = hash64(h->origin.at, h->origin.len, 3);
	uint64_t pair = h->host.at != NULL ? hash64(h->host.at, h->host.len, seed) : seed;
	char origin[TOLD_CHARS_MAX], host[TOLD_CHARS_MAX], remedy[TOLD_CHARS_MAX + 100];
	bool is_last = false;

	px_assert(h->origin.at != NULL); /* without one nobody is refused for it */
	if (!pair_is_new(w->shared, pair != 0 ? pair : 1, &is_last))
		return;
	told_print(h->origin, origin);
	told_print(h->host, host);
	if (span_equals(h->origin, "null")) /* a sandboxed frame, a file: no setting names those */
		snprintf(remedy, sizeof(remedy),
			 "open the page over http or https, outside of "
			 "sandboxed frames");
	else
		snprintf(remedy, sizeof(remedy),
			 "if the page is yours: --origin %s, or have the proxy pass Host on",
			 origin);
	log_info("origin_refused origin=%s host=%s remedy=\"%s\"%s", origin, host, remedy,
		 is_last ? " further=\"not logged again before the next start\"" : "");
}

bool http_origin_is_allowed(struct worker *w, const struct http_head *h)
{
	if (h->origin.at == NULL) /* not a browser, or its own page's plain request */
		return true;
	if (http_origin_is_host(h->origin, h->host) ||
	    origin_number(w->shared, h->origin) < ORIGINS_MAX)
		return true;
	refusal_tell(w, h);
	return false;
}

/* --- who may read ----------------------------------------------------------------------------- */

void http_origin_begin(struct conn *c)
{
	px_assert(c->state == CONN_HTTP);
	c->http_cors = CORS_ANYBODY;
	c->http_tls = false;
}

/* Nobody but the requester is hurt by a false word: a cookie that it then does not get to send. */
static bool is_over_tls(const struct http_head *h)
{
	struct http_list forwarded = h->forwarded_proto;
	struct span proto;

	if (h->is_https)
		return true;
	if (http_list_next(&forwarded, &proto)) /* the proxy next to the client comes first */
		return span_equals_any_case(proto, "https");
	return h->origin.len > 8 && strncasecmp(h->origin.at, "https://", 8) == 0 &&
	       http_origin_is_host(h->origin, h->host);
}

void http_origin_take(struct worker *w, struct conn *c, const struct http_head *h, bool is_public)
{
	unsigned number = origin_number(w->shared, h->origin);

	if (number < ORIGINS_MAX)
		c->http_cors = (uint8_t)(CORS_LISTED + number);
	else
		c->http_cors = is_public ? CORS_ANYBODY : CORS_NOBODY;
	c->http_tls = is_over_tls(h);
}

void http_origin_fields(const struct worker *w, const struct conn *c, struct text_out *fields)
{
	px_assert(c->http_cors < CORS_LISTED + atomic_load(&w->shared->origins.count));
	if (c->http_cors == CORS_ANYBODY)
		text_put(fields, "Access-Control-Allow-Origin: *\r\n" EXPOSED);
	else if (c->http_cors >= CORS_LISTED)
		text_print(fields,
			   "Access-Control-Allow-Origin: %s\r\n"
			   "Access-Control-Allow-Credentials: true\r\n" EXPOSED,
			   w->shared->origins.texts[c->http_cors - CORS_LISTED]);
}

bool http_origin_varies(const struct worker *w)
{
	return atomic_load_explicit(&w->shared->origins.count, memory_order_relaxed) > 0;
}

void http_origin_preflight(const struct conn *c, const char *allow, struct text_out *fields)
{
	if (c->http_cors >= CORS_LISTED)
		text_print(fields,
			   "Access-Control-Allow-Methods: %s\r\nAccess-Control-Allow-Headers: "
			   "Authorization, Content-Type, Idempotency-Key, If-None-Match\r\n"
			   "Access-Control-Max-Age: 600\r\n",
			   allow);
	else if (c->http_cors == CORS_ANYBODY)
		text_put(fields, "Access-Control-Allow-Methods: GET, HEAD\r\n"
				 "Access-Control-Allow-Headers: If-None-Match\r\n"
				 "Access-Control-Max-Age: 600\r\n");
}
