/*
 * wire.c - what happens to a wire once: its end. The functions used for every message are inline in
 * wire.h.
 */
#include "edge/wire/wire.h"

void wire_shut(const struct wire *x, struct ring *ring, uint64_t tag)
{
	ring_shutdown(ring, x->slot, SHUT_WR, tag);
}

void wire_shut_both(const struct wire *x, struct ring *ring, uint64_t tag)
{
	ring_shutdown(ring, x->slot, SHUT_RDWR, tag);
}

void wire_close(const struct wire *x, struct ring *ring, uint64_t tag)
{
	ring_slot_close(ring, x->slot, tag);
}
