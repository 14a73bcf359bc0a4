/*
 * ring.h - the project's only view of io_uring.
 *
 * Implemented by engine/ring/ring_uring.c in the programs and by tests/sim/ring_sim.c in the
 * simulator; chosen at link time. A ring belongs to the thread that opened it: only that thread may
 * make any call, except ring_wake(), which is for any thread.
 *
 * A thread with several rings (the descriptor limit bounds the slots of one) sleeps on its first,
 * the lead; the others signal it. The loop of a thread is
 *
 *	turn: reap every ring, do the work, prepare operations, submit every ring
 *	ring_doze(lead); check the inboxes once more; ring_wait(lead, timeout)
 *
 * Sockets of clients are in slots: direct descriptors, which do not count against RLIMIT_NOFILE.
 * Files are plain descriptors. Each operation has a tag (op.h) and ends with exactly one event,
 * unless its comment says otherwise. Memory given to an operation must stay valid until that event.
 * Preparing never fails: when the submission queue is full, its content is submitted first.
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
	uint32_t cq_entries; /* power of two, larger: events that may be pending */
	uint32_t slots;      /* direct descriptors; 0 = none. At most RLIMIT_NOFILE */
	uint32_t recv_bufs;  /* power of two, at most 32768: provided receive buffers; 0: none */
	uint32_t recv_buf_bytes; /* of each */
	struct ring *lead;       /* NULL: this ring is a lead itself */
};

enum ring_event_flag {
	RING_MORE = 1,   /* the operation continues: more events with this tag follow */
	RING_BUFFER = 2, /* `data` is borrowed until ring_recv_return(buf) */
};

struct ring_event {
	uint64_t tag;
	int32_t res;    /* the operation's result, or -errno */
	uint16_t flags; /* enum ring_event_flag */
	uint16_t buf;   /* with RING_BUFFER: id of the buffer */
	uint8_t *data;  /* with RING_BUFFER: res bytes, which may be changed until returned */
};

/*
 * Opens a ring for the calling thread. -errno on failure; -EPERM, -ENOSYS: io_uring is switched
 * off or blocked, -EMFILE: more slots than RLIMIT_NOFILE, -ENOMEM: memory or RLIMIT_MEMLOCK.
 */
int ring_open(const struct ring_config *config, struct ring **ret_ring);

/* Ends every operation without events and closes the slots. NULL is allowed. Close the lead
 * last. */
void ring_close(struct ring *ring);

/* Why ring_open() failed and what to do about it, for people. Static text. */
const char *ring_open_remedy(int error);

/* --- sleeping and waking ---------------------------------------------------------------------- */

/* Lead only. From here to the end of ring_wait(), ring_wake() from other threads ends the sleep. */
void ring_doze(struct ring *lead);

/* Lead only. Submits, then sleeps until an event on any ring of the thread, a ring_wake(), or
 * timeout_ns (0: does not sleep). */
void ring_wait(struct ring *lead, uint64_t timeout_ns);

/* Lead only. Like ring_wait(), but events of the other rings do not end the sleep: they accumulate
 * until it ends. */
void ring_nap(struct ring *lead, uint64_t timeout_ns);

/* Any thread: wakes the owner if it dozes. Cheap if it does not. */
void ring_wake(struct ring *lead);

/* Hands prepared operations to the kernel. When it returns, sends with DONTWAIT have been tried,
 * and the events of those that did not send everything are ready for the next ring_reap(). */
void ring_submit(struct ring *ring);

/* Takes up to `max` events and returns their number. Never sleeps. */
uint32_t ring_reap(struct ring *ring, struct ring_event *events, uint32_t max);

/* --- sockets in slots ------------------------------------------------------------------------- */

/* Accepts one client into a free slot: res = the slot. `addr` and `addr_len` (in/out) may be NULL.
 * -ENFILE: no free slot. */
void ring_accept(struct ring *ring, int listen_fd, struct sockaddr *addr, socklen_t *addr_len,
		 uint64_t tag);

/* Moves a plain socket into `slot`, which must be free; the caller still closes fd. 0 or -errno. */
int ring_slot_install(struct ring *ring, uint32_t slot, int fd);

/* Connects the socket in `slot`: res = 0 or -errno. */
void ring_connect(struct ring *ring, uint32_t slot, const struct sockaddr *addr, socklen_t addr_len,
		  uint64_t tag);

/* Receives once / repeatedly into provided buffers. res = bytes; 0: the peer has shut down;
 * -ENOBUFS: no buffer was free (arm again once buffers have been returned). ring_recv_multi()
 * continues while its events carry RING_MORE. */
void ring_recv(struct ring *ring, uint32_t slot, uint64_t tag);
void ring_recv_multi(struct ring *ring, uint32_t slot, uint64_t tag);

/* Returns a buffer that an event lent. */
void ring_recv_return(struct ring *ring, uint16_t buf);

/* Returns the pages of the receive buffers to the system until something is received into them
 * again; does nothing while a buffer is borrowed or an event is pending. One system call. */
void ring_recv_trim(struct ring *ring);

/* Number of buffers borrowed. */
uint32_t ring_recv_loans(const struct ring *ring);

/* Sends what the socket accepts now. NO event if it accepted everything; otherwise one event with
 * the number of bytes accepted (res < len), -EAGAIN or another error. The memory is free after
 * ring_submit(). */
void ring_send_now(struct ring *ring, uint32_t slot, const void *bytes, size_t len, uint64_t tag);

/* Sends everything, waiting for the socket as long as necessary. One event: res = len; less, or
 * -errno, when the connection broke. */
void ring_send_all(struct ring *ring, uint32_t slot, const void *bytes, size_t len, uint64_t tag);

/* As shutdown(2): res = 0 or -errno. */
void ring_shutdown(struct ring *ring, uint32_t slot, int how, uint64_t tag);

/* Asks the kernel to end the operations with `target` as tag; each still ends with its own event.
 * */
void ring_cancel_tag(struct ring *ring, uint64_t target, uint64_t tag);

/* Closes the socket in `slot`; the slot is free at the event. */
void ring_slot_close(struct ring *ring, uint32_t slot, uint64_t tag);

/* --- files ------------------------------------------------------------------------------------ */

/* Writes at `offset`. With `linked`, the NEXT operation prepared starts only if this one wrote all
 * of `len`, and otherwise ends with -ECANCELED; prepare it immediately. */
void ring_write(struct ring *ring, int fd, const void *bytes, size_t len, uint64_t offset,
		bool linked, uint64_t tag);

/* res = 0 or -errno. */
void ring_fdatasync(struct ring *ring, int fd, uint64_t tag);

#endif
