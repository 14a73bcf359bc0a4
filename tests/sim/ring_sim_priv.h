/*
 * ring_sim_priv.h - what the two files of the simulated ring share. See ring_sim.c for the story.
 */
#ifndef PX_TESTS_SIM_RING_SIM_PRIV_H
#define PX_TESTS_SIM_RING_SIM_PRIV_H

#include <netinet/in.h>

#include "engine/base/assert.h"
#include "tests/prng.h"
#include "tests/sim/ring_sim.h"

#if defined(__SANITIZE_ADDRESS__)
#define SIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIM_ASAN 1
#endif
#endif
#ifdef SIM_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#define RINGS_MAX 64

enum op_kind {
	SIM_ACCEPT,
	SIM_CONNECT,
	SIM_RECV,
	SIM_RECV_MULTI,
	SIM_SEND_NOW,
	SIM_SEND_ALL,
	SIM_SHUTDOWN,
	SIM_CANCEL_TAG,
	SIM_SLOT_CLOSE,
	SIM_WRITE,
	SIM_SYNC,
};

struct op {
	enum op_kind kind;
	uint64_t tag;
	uint32_t slot;
	int fd; /* of a listener or a file; `how` of a shutdown */
	const uint8_t *bytes;
	size_t len, sent;
	uint64_t offset; /* of a file; target of a cancel */
	uint64_t sum;    /* of bytes, when it was prepared */
	struct sockaddr *addr;
	socklen_t *addr_len;
	struct sockaddr_in connect_to;
	uint64_t due_ns;
	int32_t res;
	bool done; /* file operations: only telling is left */
	bool cancelled;
	uint64_t asleep;  /* an accept that found nobody: its place among those; 0: it tries */
	bool linked;      /* the next one prepared waits for this one */
	struct op *waits; /* that next one */
	struct op *next;  /* prepared */
};

struct slot {
	struct net_end *end;   /* NULL: free */
	uint32_t recvs, sends; /* FLYING: receives, and ring_send_all() */
	uint32_t others;       /* FLYING: the rest */
	uint32_t unseen;       /* events of ring_send_now() that were not reaped */
	uint64_t send_look;    /* ring->looks when the last ring_send_now() was submitted */
};

struct waiting_event {
	struct ring_event event;
	struct slot *send_now; /* not NULL: it is of a ring_send_now() on this slot */
};

struct ring {
	struct ring_config config;
	struct ring *lead;
	struct slot *slots;
	struct op *first, *last; /* PREPARED */
	uint32_t prepared;
	struct op **flying; /* NULLs in it while ring_sim_work() runs */
	uint32_t flying_len, flying_max;
	struct waiting_event *events; /* a ring of its own */
	uint32_t events_head, events_len, events_max;
	uint64_t looks; /* calls of ring_reap(), from 1 */
	/* provided buffers: ids that are free, and those that the next submit shows to the
	 * kernel */
	uint8_t *bufs;
	uint16_t *free_ids, *back_ids;
	uint32_t free_len, back_len;
	bool *loaned;
	uint32_t loans;
	/* lead only */
	bool dozing, woken;
	uint64_t sleep_until_ns;
};

struct ring_sim_world {
	bool begun;
	struct net_sim *net;
	struct ring_sim_disk disk;
	struct ring_sim_faults faults;
	struct ring_sim_counts counts;
	uint64_t dice;
	uint64_t now_ns;
	uint64_t sleeps; /* of accepts, so far */
	struct ring *rings[RINGS_MAX];
	uint32_t rings_len;
};
extern struct ring_sim_world ring_sim_world;

/* --- ring_sim.c --- */
struct ring_event *ring_sim_event_add(struct ring *r, const struct op *op, int32_t res);
bool ring_sim_chance(uint32_t of_1000, uint64_t *counter);
uint64_t ring_sim_due_in(uint64_t ns_max);

/* --- ring_sim_op.c --- */
void ring_sim_op_submit(struct ring *r, struct op *op); /* PREPARED -> FLYING, or ended */
void ring_sim_op_free(struct op *op);
void ring_sim_accept_wake(int listen_fd);           /* somebody connected */
void ring_sim_work(struct ring *r, bool at_submit); /* looks once at everything that flies */

#endif
