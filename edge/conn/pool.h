/*
 * pool.h - buffers of one size, borrowed while there is something in them.
 *
 * All are reserved at start and cost nothing until they are touched. The buffer returned last is
 * lent first, and pool_trim() gives the pages of buffers that were not needed back to the system. A
 * pool belongs to one thread.
 */
#ifndef PX_CONN_POOL_H
#define PX_CONN_POOL_H

#include <stddef.h>
#include <stdint.h>

struct pool {
	uint8_t *bytes;  /* max * each */
	uint32_t *stack; /* the buffers at home, the one returned last on top */
	size_t each;     /* whole pages */
	uint32_t max;
	uint32_t home; /* number of buffers at home */
	uint32_t dry;  /* of the stack's lowest, the number without pages */
	/* of the stack's lowest, the number at home for a whole window: they may become dry */
	uint32_t idle;
	uint32_t low;   /* fewest at home since the window began */
	uint32_t trims; /* since the window began */
};

/* 0 or -ENOMEM; pool_fini() accepts a zeroed pool. */
int pool_init(struct pool *p, size_t bytes_each, uint32_t max, const char *name);
void pool_fini(struct pool *p);

void *pool_borrow(struct pool *p); /* NULL: none is at home. Its content is undefined */
void pool_return(struct pool *p, void *buffer);

#define POOL_WINDOW_TRIMS 16

/* Call it regularly: it gives back the pages of up to `most` buffers that stayed at home over a
 * whole window of calls, so that what comes and goes in bursts stays. Each costs a system call that
 * interrupts all cores of the process. */
void pool_trim(struct pool *p, uint32_t most);

static inline uint32_t pool_lent(const struct pool *p)
{
	return p->max - p->home;
}

#endif
