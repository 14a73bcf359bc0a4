/*
 * full_copy.c - see full_copy.h. Owner, depending on its state: the writer or the asking thread.
 */
#include "engine/full_copy.h"

#include <stddef.h>

#include "engine/base/assert.h"

enum full_copy_state { FULL_COPY_FREE, FULL_COPY_ASKED, FULL_COPY_READY };

static enum full_copy_state state(const struct full_copy *c)
{
	return (enum full_copy_state)atomic_load(&c->state); /* not before that somebody dozes */
}

static void state_set(struct full_copy *c, enum full_copy_state next)
{
	atomic_store(&c->state, next); /* before the caller looks whether somebody dozes */
}

void full_copy_ask(struct full_copy *c)
{
	px_assert(state(c) == FULL_COPY_FREE);
	px_assert(c->count == 0);
	state_set(c, FULL_COPY_ASKED);
}

bool full_copy_is_ready(const struct full_copy *c)
{
	return state(c) == FULL_COPY_READY;
}

static void boards_drop(struct full_copy *c)
{
	for (uint32_t i = 0; i < c->count; i++) {
		board_copy_unref(c->boards[i].copy);
		c->boards[i].copy = NULL;
	}
	c->count = 0;
}

void full_copy_return(struct full_copy *c)
{
	px_assert(state(c) == FULL_COPY_READY);
	boards_drop(c);
	state_set(c, FULL_COPY_FREE);
}

bool full_copy_is_asked(const struct full_copy *c)
{
	return state(c) == FULL_COPY_ASKED;
}

void full_copy_add(struct full_copy *c, uint16_t number, struct board_copy *copy)
{
	px_assert(state(c) == FULL_COPY_ASKED);
	px_assert(c->count < ROOMS_MAX);
	px_assert(copy != NULL);
	px_assert(c->count == 0 || number > c->boards[c->count - 1].number); /* each once */
	c->boards[c->count].number = number;
	c->boards[c->count].copy = copy;
	c->count++;
}

void full_copy_ready(struct full_copy *c, uint64_t lsn)
{
	px_assert(state(c) == FULL_COPY_ASKED);
	c->lsn = lsn;
	state_set(c, FULL_COPY_READY);
}

void full_copy_fini(struct full_copy *c)
{
	boards_drop(c);
	state_set(c, FULL_COPY_FREE);
}
