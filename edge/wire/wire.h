/*
 * wire.h - the bytes of one connection, to and from its socket: pixeld's end and loadgen's.
 *
 * Every receive and every send of a client goes through here. A wire is what the connection says
 * and hears in plain bytes; what travels is the wire's own matter. This is the plain form, in which
 * each verb is one verb of ring.h. The contract leaves room for a form that seals what it sends:
 *
 * - A send takes a range (of a log, an out buffer, a body) that neither moves nor changes until its
 *   event, or the end of the submit, has told what of it was taken.
 * - wire_now_sent() and wire_all_sent() tell that in bytes of the range. The rest is offered again
 *   from there: a wire keeps nothing of what it sent.
 * - A receive gives its bytes by wire_take(), which may change them where they lie.
 *
 * Owner: the thread of the ring, which the caller hands in: it may have several. Nothing fails
 * here: what went wrong is in the event.
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
	uint16_t lane; /* which ring of its thread: for the caller, who has them */
	uint16_t spare;
};

_Static_assert(sizeof(struct wire) == 8, "a wire costs a connection no more than its slot did");

/* --- receiving -------------------------------------------------------------------------------- */

enum wire_input {
	WIRE_BYTES,   /* there are some */
	WIRE_STARVED, /* no buffer was free: arm again when loans have come back */
	WIRE_ENDED,   /* the peer says no more; it may still read */
	WIRE_BROKEN,
};

struct wire_bytes {
	uint8_t *at; /* on loan until the event's buffer goes back; ours to change */
	size_t len;  /* at least 1 */
};

/* One event. */
static inline void wire_recv_arm(const struct wire *x, struct ring *ring, uint64_t tag)
{
	ring_recv(ring, x->slot, tag);
}

/* An event each time that something comes, while they carry RING_MORE. */
static inline void wire_recv_arm_multi(const struct wire *x, struct ring *ring, uint64_t tag)
{
	ring_recv_multi(ring, x->slot, tag);
}

/* What the event of a receive brought; *ret_bytes only with WIRE_BYTES. */
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

/* What became of a send. */
struct wire_sent {
	uint64_t taken; /* bytes from the beginning of the range; 0 when it is broken */
	bool is_broken; /* the peer is gone: nothing more can be sent */
};

/* What the socket takes now. No event: it took everything, by the end of the submit. */
static inline void wire_send_now(const struct wire *x, struct ring *ring, struct wire_range range,
				 uint64_t tag)
{
	px_assert(range.len > 0);
	ring_send_now(ring, x->slot, range.at, range.len, tag);
}

/* Of the event of a wire_send_now(). */
static inline struct wire_sent wire_now_sent(int32_t res)
{
	return (struct wire_sent){.taken = res > 0 ? (uint64_t)res : 0,
				  .is_broken = res < 0 && res != -EAGAIN};
}

/* To the end, however long the socket takes; one event. */
static inline void wire_send_all(const struct wire *x, struct ring *ring, struct wire_range range,
				 uint64_t tag)
{
	px_assert(range.len > 0);
	ring_send_all(ring, x->slot, range.at, range.len, tag);
}

/* Of the event of a wire_send_all() of `len` bytes: all of them, or it is broken. A form that seals
 * may take less at once; the caller goes on with the rest. */
static inline struct wire_sent wire_all_sent(int32_t res, size_t len)
{
	if (res < 0 || (size_t)res != len)
		return (struct wire_sent){.is_broken = true};
	return (struct wire_sent){.taken = len};
}

/* --- ending; one event each ------------------------------------------------------------------- */

/* We say no more; the peer may. */
void wire_shut(const struct wire *x, struct ring *ring, uint64_t tag);
/* Nor do we hear it: a receive that is armed ends. */
void wire_shut_both(const struct wire *x, struct ring *ring, uint64_t tag);
/* Nothing is in flight. The slot is free when the event comes. */
void wire_close(const struct wire *x, struct ring *ring, uint64_t tag);

#endif
