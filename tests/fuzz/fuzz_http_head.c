/*
 * fuzz_http_head.c - request heads of any bytes.
 *
 * The end is found the same at every length that was seen before, and what is accepted keeps its
 * promises: spans inside the input, no control characters, a plain path.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "edge/codec/http_head.h"
#include "edge/codec/http_host.h"
#include "engine/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void span_is_inside(struct span s, const uint8_t *data, size_t size)
{
	if (s.at == NULL) {
		px_assert(s.len == 0);
		return;
	}
	px_assert(s.at >= (const char *)data && s.len <= size);
	px_assert(s.at + s.len <= (const char *)data + size);
	for (size_t i = 0; i < s.len; i++)
		px_assert(s.at[i] == '\t' || (unsigned char)s.at[i] >= ' ');
}

static void helpers_stay_inside(const struct http_head *h, const uint8_t *data, size_t size)
{
	struct span cookies = h->cookie, found;
	struct http_list protocols = h->ws_protocol;

	while ((found = http_cookie_next(&cookies, "pixeld")).at != NULL)
		span_is_inside(found, data, size);
	while (http_list_next(&protocols, &found)) {
		span_is_inside(found, data, size);
		px_assert(found.len > 0);
	}
	span_is_inside(http_bearer(h->authorization), data, size);
	px_assert(h->host.at == NULL || http_host_is_good(h->host));
	(void)http_origin_is_host(h->origin, h->host);
	(void)http_origin_equals(h->origin, h->origin);
	span_is_inside(http_query(h->query, "seq"), data, size);
	px_assert((http_query_count(h->query, "seq") > 0) ==
		  (http_query(h->query, "seq").at != NULL));
	px_assert(http_coding_weight(h->accept_encoding, "gzip") <= 1000);
	px_assert(http_coding_weight(h->accept_encoding, "identity") <= 1000);
	(void)http_list_has(h->ws_protocol, "pixeld.v1");
}

static void head_is_sound(const struct http_head *h, const uint8_t *data, size_t size)
{
	const struct span all[] = {h->path,
				   h->query,
				   h->host,
				   h->origin,
				   h->cookie,
				   h->authorization,
				   h->idempotency_key,
				   h->content_type,
				   h->ws_key,
				   h->ws_version,
				   h->if_none_match.value,
				   h->accept_encoding.value,
				   h->ws_protocol.value};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		span_is_inside(all[i], data, size);
	px_assert(h->path.len > 0 && h->path.len <= HTTP_TARGET_BYTES_MAX);
	px_assert(h->path.at[0] == '/' || (span_equals(h->path, "*") && h->method == HTTP_OPTIONS));
	px_assert(memmem(h->path.at, h->path.len, "//", 2) == NULL);
	px_assert(memmem(h->path.at, h->path.len, "/../", 4) == NULL);
	px_assert(h->minor <= 1 && (h->minor == 0 || h->host.len > 0));
	px_assert(h->has_content_length || h->content_length == 0);
	helpers_stay_inside(h, data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t end = http_head_end(data, size, 0);
	const char *why = NULL;
	struct http_head head;
	int status;

	px_assert(end <= size);
	for (size_t seen = 0; seen < (end != 0 ? end : size); seen++) {
		px_assert(http_head_end(data, seen, 0) == 0);
		px_assert(http_head_end(data, size, seen) == end);
		if (seen > 256) /* quadratic */
			break;
	}
	if (end == 0)
		end = size;
	status = http_head_parse(data, end, &head, &why);
	px_assert(status == 0 || status == 400 || status == 414 || status == 431 || status == 501 ||
		  status == 505);
	if (status == 0)
		head_is_sound(&head, data, end);
	else
		px_assert(why != NULL && why[0] != 0);
	return 0;
}
