/*
 * wire.h - the bytes of one connection, to and from its socket: for pixeld and loadgen.
 *
 * Every receive and every send of a client goes through here. Callers pass and get plain bytes; the
 * form in which they travel is up to the wire. This is the plain form, in which each function is
 * one function of ring.h. The contract leaves room for a form that encrypts:
 *
 * - A send takes a range (of a log, an out buffer, a body) that neither moves nor changes until its
 *   event, or the end of the submit, has shown how much of it was accepted.
 * - wire_now_sent() and wire_all_sent() return that in bytes of the range. The caller passes the
 *   rest again: a wire keeps nothing of what it sent.
 * - A receive returns its bytes through wire_take(), which may change them in place.
 *
 * Owner: the thread of the ring, which the caller passes in: it may have several. No function
 * fails: errors are in the event.
 */
#ifndef PX_EDGE_WIRE_H
#define PX_EDGE_WIRE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/assert.h"
#include "engine/ring/ring.h"

struct wire {
	uint32_t slot; /* of the ring */
	uint16_t lane; /* which ring of its thread; for the caller */
	uint16_t spare;
};

_Static_assert(sizeof(struct wire) == 8, "a wire costs a connection no more than its slot did");

/* --- receiving -------------------------------------------------------------------------------- */

enum wire_input {
	WIRE_BYTES,   /* some arrived */
	WIRE_STARVED, /* no buffer was free: arm again once buffers have been returned */
	WIRE_ENDED,   /* the peer has shut down its side; it may still read */
	WIRE_BROKEN,
};

struct wire_bytes {
	uint8_t *at; /* borrowed until the event's buffer is returned; may be changed */
	size_t len;  /* at least 1 */
};

/* One event. */
static inline void wire_recv_arm(const struct wire *x, struct ring *ring, uint64_t tag)
{
	ring_recv(ring, x->slot, tag);
}

/* An event each time that bytes arrive, while they carry RING_MORE. */
static inline void wire_recv_arm_multi(const struct wire *x, struct ring *ring, uint64_t tag)
{
	ring_recv_multi(ring, x->slot, tag);
}

/* The result of a receive's event; *ret_bytes is set only with WIRE_BYTES. */
static inline enum wire_input wire_take(const struct ring_event *ev, struct wire_bytes *ret_bytes)
{
	if (ev->res > 0) {
		px_assert(ev->flags & RING_BUFFER);
		*ret_bytes = (struct wire_bytes){.at = ev->data, .len = (size_t)ev->res};
		return WIRE_BYTES;
	}
	if (ev->res == -ENOBUFS)
		return WIRE_STARVED;
	return ev->res == 0 ? WIRE_ENDED : WIRE_BROKEN;
}

/* --- sending ---------------------------------------------------------------------------------- */

struct wire_range {
	const uint8_t *at;
	size_t len; /* at least 1 */
};

/* The result of a send. */
struct wire_sent {
	uint64_t taken; /* bytes from the start of the range; 0 if it is broken */
	bool is_broken; /* the peer is gone: nothing more can be sent */
};

/* Sends as much as the socket accepts now. No event: it accepted everything, by the end of the
 * submit. */
static inline void wire_send_now(const struct wire *x, struct ring *ring, struct wire_range range,
				 uint64_t tag)
{
	px_assert(range.len > 0);
	ring_send_now(ring, x->slot, range.at, range.len, tag);
}

/* For the event of a wire_send_now(). */
static inline struct wire_sent wire_now_sent(int32_t res)
{
	return (struct wire_sent){.taken = res > 0 ? (uint64_t)res : 0,
				  .is_broken = res < 0 && res != -EAGAIN};
}

/* Sends everything, however long the socket takes; one event. */
static inline void wire_send_all(const struct wire *x, struct ring *ring, struct wire_range range,
				 uint64_t tag)
{
	px_assert(range.len > 0);
	ring_send_all(ring, x->slot, range.at, range.len, tag);
}

/* For the event of a wire_send_all() of `len` bytes: all were sent, or it is broken. A form that
 * encrypts may accept less at a time; the caller continues with the rest. */
static inline struct wire_sent wire_all_sent(int32_t res, size_t len)
{
	if (res < 0 || (size_t)res != len)
		return (struct wire_sent){.is_broken = true};
	return (struct wire_sent){.taken = len};
}

/* --- ending; one event each ------------------------------------------------------------------- */

/* Shuts our side; the peer may still send. */
void wire_shut(const struct wire *x, struct ring *ring, uint64_t tag);
/* Shuts both sides: an armed receive ends, too. */
void wire_shut_both(const struct wire *x, struct ring *ring, uint64_t tag);
/* Requires that nothing is in flight. The slot is free when the event arrives. */
void wire_close(const struct wire *x, struct ring *ring, uint64_t tag);

#endif
