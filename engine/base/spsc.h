/*
 * spsc.h - a bounded queue between exactly two threads.
 *
 * One thread pushes, one thread pops; neither waits. Items are copied, and all have one size. The
 * other side sees a push only after spsc_publish(), so that a turn's messages cost one store.
 * Waking the other side is up to the caller (ring_wake). Full is an answer: spsc_push() returns
 * NULL.
 */
#ifndef PX_BASE_SPSC_H
#define PX_BASE_SPSC_H

#include <stdbool.h>
#include <stdint.h>

struct spsc;

/* capacity: a power of two. -ENOMEM. */
int spsc_new(uint32_t capacity, uint32_t item_bytes, struct spsc **ret_queue);
void spsc_free(struct spsc *q); /* NULL is allowed; both threads must have ended */

/* --- the pushing thread ----------------------------------------------------------------------- */
void *spsc_push(struct spsc *q);    /* room for one item, for the caller to fill; NULL: full */
bool spsc_publish(struct spsc *q);  /* shows what was pushed; true: there was something */
uint32_t spsc_room(struct spsc *q); /* number of pushes that will certainly succeed */

/* --- the popping thread ----------------------------------------------------------------------- */
const void *spsc_peek(struct spsc *q); /* the oldest item, valid until spsc_pop(); NULL: empty */
void spsc_pop(struct spsc *q);

/* The item `ahead` places after the oldest. NULL: no peek has seen that many yet; there may be
 * more. */
const void *spsc_peek_ahead(struct spsc *q, uint32_t ahead);

#endif
