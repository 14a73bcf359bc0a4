/*
 * blob.h - immutable bytes with a count of owners: bodies that many connections send.
 *
 * Made by one thread, then shared by any number; the last blob_unref() frees. Any thread.
 */
#ifndef PX_BASE_BLOB_H
#define PX_BASE_BLOB_H

#include <stddef.h>
#include <stdint.h>

struct blob {
	size_t len;
	_Atomic uint64_t *account; /* holds len while the blob lives; NULL: none */
	_Atomic uint32_t refs;
	uint8_t bytes[];
};

struct blob *blob_new(size_t len); /* one reference, bytes to be filled; NULL: no memory */
/* From now on `account` holds the bytes of this blob, until it is freed. Once, before it is shared.
 * */
void blob_account(struct blob *b, _Atomic uint64_t *account);

struct blob *blob_ref(struct blob *b);
void blob_unref(struct blob *b); /* NULL is fine */

#endif
