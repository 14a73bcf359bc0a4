/*
 * blob.h - immutable, reference-counted bytes: bodies that many connections send.
 *
 * Made by one thread, then shared by any number; the last blob_unref() frees. Any thread.
 */
#ifndef PX_BASE_BLOB_H
#define PX_BASE_BLOB_H

#include <stddef.h>
#include <stdint.h>

struct blob {
	size_t len;
	_Atomic uint64_t *account; /* includes len while the blob lives; NULL: none */
	_Atomic uint32_t refs;
	uint8_t bytes[];
};

/* Returns a blob with one reference, whose bytes the caller fills in before sharing it. NULL: out
 * of memory. */
struct blob *blob_new(size_t len);
/* From now until the blob is freed, `account` includes its bytes. Call it once, before sharing. */
void blob_account(struct blob *b, _Atomic uint64_t *account);

struct blob *blob_ref(struct blob *b);
void blob_unref(struct blob *b); /* NULL is allowed */

#endif
