/*
 * hash.h - XXH3, the only hash of the project that is not cryptographic.
 *
 * The one place that includes xxHash. Pure functions, any thread. Seeds separate uses, so that
 * equal bytes in different roles do not have equal hashes.
 *
 * Whoever puts a key together to have it hashed at once makes it of whole 8-byte words: what is
 * read across two stores must wait until both, and all before them, are in the cache.
 */
#ifndef PX_BASE_HASH_H
#define PX_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash64(const void *bytes, size_t len, uint64_t seed);

#endif
