/*
 * hash.h - XXH3, the only non-cryptographic hash of the project.
 *
 * hash.c is the only file that includes xxHash. Pure functions, any thread. Seeds separate uses, so
 * that equal bytes in different roles have different hashes.
 *
 * Compose a key that is hashed immediately from whole 8-byte words: a load that spans two stores
 * must wait until both, and all stores before them, are in the cache.
 */
#ifndef PX_BASE_HASH_H
#define PX_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash64(const void *bytes, size_t len, uint64_t seed);

#endif
