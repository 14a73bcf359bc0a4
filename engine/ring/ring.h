/*
 * ring.h - the only view of io_uring that the project has.
 *
 * Implemented by engine/ring/ring_uring.c in the programs and by tests/sim/ring_sim.c in the
 * simulator; chosen at link time. A ring belongs to the thread that opened it: every call is for
 * that thread, except ring_wake(), which any thread may call.
 *
 * A thread with several rings (the descriptor limit bounds the slots of one) sleeps on its first,
 * the lead; the others signal it. The loop of a thread is
 *
 *	turn: reap every ring, do the work, prepare operations, submit every ring
 *	ring_doze(lead); look at the inboxes once more; ring_wait(lead, timeout)
 *
 * Sockets of clients live in slots: direct descriptors, which do not count against RLIMIT_NOFILE.
 * Files are plain descriptors. Each operation has a tag (op.h) and ends with exactly one event,
 * unless its comment says otherwise. Memory given to an operation stays valid until that event.
 * Preparing never fails: when the submission queue is full, what is there is submitted first.
 */
#ifndef PX_RING_RING_H
#define PX_RING_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct ring;

struct ring_config {
	uint32_t sq_entries; /* power of two: operations per batch */
	uint32_t cq_entries; /* power of two, larger: events that may wait */
	uint32_t slots;      /* direct descriptors; 0 = none. At most RLIMIT_NOFILE */
	uint32_t recv_bufs;  /* power of two, at most 32768: provided receive buffers; 0 = none */
	uint32_t recv_buf_bytes; /* of each */
	struct ring *lead;       /* NULL: this ring is a lead itself */
};

enum ring_event_flag {
	RING_MORE = 1,   /* the operation goes on: more events of this tag follow */
	RING_BUFFER = 2, /* `data` is on loan until ring_recv_return(buf) */
};

struct ring_event {
	uint64_t tag;
	int32_t res;    /* what the operation returned, or -errno */
	uint16_t flags; /* enum ring_event_flag */
	uint16_t buf;   /* with RING_BUFFER: id of the loan */
	uint8_t *data;  /* with RING_BUFFER: res bytes, ours to change until returned */
};

/*
 * Opens a ring for the calling thread. -errno on failure; -EPERM, -ENOSYS: io_uring is switched
 * off or blocked, -EMFILE: more slots than RLIMIT_NOFILE, -ENOMEM: memory or RLIMIT_MEMLOCK.
 */
int ring_open(const struct ring_config *config, struct ring **ret_ring);

/* Ends every operation without events; slots are closed. NULL is fine. Lead last. */
void ring_close(struct ring *ring);

/* A sentence for people on why ring_open() failed and what lifts it. Static text. */
const char *ring_open_remedy(int error);

/* --- sleeping and waking ---------------------------------------------------------------------- */

/* Lead only. From here to the end of ring_wait(), ring_wake() of others ends the sleep. */
void ring_doze(struct ring *lead);

/* Lead only. Submits, then sleeps until an event of any ring of the thread, a ring_wake(), or
 * timeout_ns (0: does not sleep). */
void ring_wait(struct ring *lead, uint64_t timeout_ns);

/* Lead only. As ring_wait(), but events of the other rings do not end the sleep: they wait for its
 * end, and are many then. */
void ring_nap(struct ring *lead, uint64_t timeout_ns);

/* Any thread: wakes the owner if it dozes. Cheap when it does not. */
void ring_wake(struct ring *lead);

/* Hands what was prepared to the kernel. Sends with DONTWAIT have been tried when this returns, and
 * the events of those that did not send everything are there for the next ring_reap(). */
void ring_submit(struct ring *ring);

/* Takes up to `max` events. 0: none. Never sleeps. */
uint32_t ring_reap(struct ring *ring, struct ring_event *events, uint32_t max);

/* --- sockets in slots ------------------------------------------------------------------------- */

/* Accepts one client into a free slot: res = the slot. `addr` and `addr_len` (in/out) may be NULL.
 * -ENFILE: no free slot. */
void ring_accept(struct ring *ring, int listen_fd, struct sockaddr *addr, socklen_t *addr_len,
		 uint64_t tag);

/* Moves a plain socket into `slot` (which is free); the caller still closes fd. 0 or -errno. */
int ring_slot_install(struct ring *ring, uint32_t slot, int fd);

void ring_connect(struct ring *ring, uint32_t slot, const struct sockaddr *addr, socklen_t addr_len,
		  uint64_t tag);

/* Receives once / again and again into provided buffers. res = bytes, 0 = the peer's end, -ENOBUFS:
 * no buffer was free (arm again when loans have come back). ring_recv_multi() goes on while its
 * events carry RING_MORE. */
void ring_recv(struct ring *ring, uint32_t slot, uint64_t tag);
void ring_recv_multi(struct ring *ring, uint32_t slot, uint64_t tag);
void ring_recv_return(struct ring *ring, uint16_t buf);

/* Gives the pages of the receive buffers back to the system, until something is received into them
 * again; does nothing while one is on loan or an event waits. One system call. */
void ring_recv_trim(struct ring *ring);

/* How many loans are out. */
uint32_t ring_recv_loans(const struct ring *ring);

/* Sends what the socket takes now. NO event when everything was taken; else one event with the
 * bytes that were taken (res < len) or -EAGAIN or another error. Memory is free after
 * ring_submit(). */
void ring_send_now(struct ring *ring, uint32_t slot, const void *bytes, size_t len, uint64_t tag);

/* Sends everything, waiting for the socket as long as it takes. One event: res = len, or less or
 * -errno when the connection broke. */
void ring_send_all(struct ring *ring, uint32_t slot, const void *bytes, size_t len, uint64_t tag);

void ring_shutdown(struct ring *ring, uint32_t slot, int how, uint64_t tag);

/* Asks the kernel to end all operations of the slot; each still ends by its own event. */
void ring_cancel_slot(struct ring *ring, uint32_t slot, uint64_t tag);

/* Asks the kernel to end the operations with `target` as tag. */
void ring_cancel_tag(struct ring *ring, uint64_t target, uint64_t tag);

void ring_slot_close(struct ring *ring, uint32_t slot, uint64_t tag);

/* --- files ------------------------------------------------------------------------------------ */

/* Writes at `offset`. With `linked`, the NEXT operation prepared starts only when this one wrote
 * all of `len`, and else ends with -ECANCELED; prepare it at once. */
void ring_write(struct ring *ring, int fd, const void *bytes, size_t len, uint64_t offset,
		bool linked, uint64_t tag);

void ring_fdatasync(struct ring *ring, int fd, uint64_t tag);

#endif
