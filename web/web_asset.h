/*
 * web_asset.h - the page, inside the binary.
 *
 * web/embed.py gives every file of the page a name that includes a hash of its content, compresses
 * it at build time and writes the table that web_asset_find() searches. Everything here is constant
 * and lives as long as the process. Any thread.
 */
#ifndef PX_WEB_ASSET_H
#define PX_WEB_ASSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Content-Security-Policy of the page: nothing from other sites, nothing inline, no HTML from
 * strings. */
#define WEB_CONTENT_SECURITY_POLICY                                                                \
	"default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; "             \
	"frame-ancestors 'self'; require-trusted-types-for 'script'"

struct web_bytes {
	const uint8_t *at; /* NULL: this asset has no such encoding */
	size_t len;
};

struct web_asset {
	const char *path;         /* "/" is the page */
	const char *content_type; /* for the header of the same name */
	bool immutable;           /* hashed name: may be kept forever; false: the page, no-store */
	const char *etag;         /* including its quotes; weak, one for all encodings */
	struct web_bytes identity, gzip, brotli; /* brotli: if the build found the tool */
};

/* The asset of exactly this path (no query), or NULL. */
const struct web_asset *web_asset_find(const char *path, size_t len);

#endif
