/*
 * pool.h - buffers of one size, borrowed while there is something in them.
 *
 * All are reserved at the start and cost nothing until they are touched; the one that came back
 * last goes out first, and pool_trim() gives the pages of those that nobody needed back to the
 * system. A pool belongs to one thread.
 */
#ifndef PX_CONN_POOL_H
#define PX_CONN_POOL_H

#include <stddef.h>
#include <stdint.h>

struct pool {
	uint8_t *bytes;  /* max * each */
	uint32_t *stack; /* those at home, the one that came last on top */
	size_t each;     /* whole pages */
	uint32_t max;
	uint32_t home;  /* how many are at home */
	uint32_t dry;   /* the lowest so many of them have no pages */
	uint32_t idle;  /* the lowest so many stayed at home for a window: they may become dry */
	uint32_t low;   /* the least that were at home since the window began */
	uint32_t trims; /* since the window began */
};

/* 0 or -ENOMEM; a pool of zeros is fine for pool_fini(). */
int pool_init(struct pool *p, size_t bytes_each, uint32_t max);
void pool_fini(struct pool *p);

void *pool_borrow(struct pool *p); /* NULL: none is at home. What is in it is nobody's */
void pool_return(struct pool *p, void *buffer);

#define POOL_WINDOW_TRIMS 16

/* To be called now and then: gives back the pages of up to `most` buffers that stayed at home over
 * a whole window of calls, so that what comes and goes in bursts stays. Each is a
 * system call that all cores of the process hear of. */
void pool_trim(struct pool *p, uint32_t most);

static inline uint32_t pool_lent(const struct pool *p)
{
	return p->max - p->home;
}

#endif
