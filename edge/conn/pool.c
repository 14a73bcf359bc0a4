/*
 * pool.c - a stack of buffers whose lower end is dry.
 *
 *	    0           dry            idle          home          max
 *	    | no pages   | to become dry | come and go  | lent       |
 *	    |            |               |              | (no entry) |
 *
 * Owner: one thread. Memory: one mapping, and four bytes per buffer, so that nothing has to be
 * written into a buffer at home.
 */
#include "edge/conn/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "engine/memory/pages.h"

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void pool_check(const struct pool *p)
{
	px_assert(p->dry <= p->idle);
	px_assert(p->idle <= p->home);
	px_assert(p->low <= p->home);
	px_assert(p->home <= p->max);
}

int pool_init(struct pool *p, size_t bytes_each, uint32_t max, const char *name)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	px_assert(bytes_each > 0 && max > 0);
	*p = (struct pool){.each = (bytes_each + page - 1) / page * page, .max = max};
	p->stack = calloc(max, sizeof(*p->stack));
	if (p->stack == NULL)
		return -ENOMEM;
	p->bytes = pages_new(p->each * max, name);
	if (p->bytes == NULL) {
		free(p->stack);
		p->stack = NULL;
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < max; i++)
		p->stack[i] = max - 1 - i;
	p->home = p->dry = p->idle = p->low = max;
	return 0;
}

void pool_fini(struct pool *p)
{
	pages_free(p->bytes, p->each * p->max);
	free(p->stack);
	*p = (struct pool){.bytes = NULL};
}

void *pool_borrow(struct pool *p)
{
	if (p->home == 0)
		return NULL;
	p->home--;
	p->low = least(p->low, p->home);
	p->idle = least(p->idle, p->home);
	p->dry = least(p->dry, p->home);
	pool_check(p);
	return p->bytes + p->each * p->stack[p->home];
}

void pool_return(struct pool *p, void *buffer)
{
	size_t offset = (size_t)((uint8_t *)buffer - p->bytes);

	px_assert(p->home < p->max);
	px_assert(offset % p->each == 0);
	px_assert(offset / p->each < p->max);
	p->stack[p->home++] = (uint32_t)(offset / p->each);
}

void pool_trim(struct pool *p, uint32_t most)
{
	for (; most > 0 && p->dry < p->idle; most--, p->dry++)
		(void)madvise(p->bytes + p->each * p->stack[p->dry], p->each, MADV_DONTNEED);
	if (++p->trims == POOL_WINDOW_TRIMS) {
		p->idle = p->low;
		p->low = p->home;
		p->trims = 0;
	}
	pool_check(p);
}
