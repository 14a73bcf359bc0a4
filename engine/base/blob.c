/*
 * blob.c - see blob.h.
 *
 * One allocation: the count, the length, the bytes. Only the count changes after the blob was
 * shared; the thread that takes it to zero has seen everything that others did with the blob.
 */
#include "engine/base/blob.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "engine/base/assert.h"

struct blob *blob_new(size_t len)
{
	struct blob *b;

	if (len > SIZE_MAX - sizeof(*b))
		return NULL;
	b = malloc(sizeof(*b) + len);
	if (b == NULL)
		return NULL;
	b->len = len;
	b->account = NULL;
	atomic_init(&b->refs, 1);
	return b;
}

void blob_account(struct blob *b, _Atomic uint64_t *account)
{
	px_assert(b->account == NULL);
	b->account = account;
	atomic_fetch_add_explicit(account, b->len, memory_order_relaxed);
}

struct blob *blob_ref(struct blob *b)
{
	uint32_t before = atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);

	px_assert(before > 0 && before < UINT32_MAX);
	return b;
}

void blob_unref(struct blob *b)
{
	uint32_t before;

	if (b == NULL)
		return;
	before = atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel);
	px_assert(before > 0);
	if (before > 1)
		return;
	if (b->account != NULL)
		atomic_fetch_sub_explicit(b->account, b->len, memory_order_relaxed);
	free(b);
}
