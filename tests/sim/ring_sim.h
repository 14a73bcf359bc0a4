/*
 * ring_sim.h - the controls of the simulated ring: time, faults, and what must not happen.
 *
 * ring_sim.c implements engine/ring/ring.h in memory; a program that links px_ring_sim instead of
 * px_ring runs the real edge and engine without a kernel. Everything it decides comes from one
 * seed: how late an operation is done, in which order, how much of it, and whether it fails. Time
 * moves only by ring_sim_advance(). One thread plays all threads; ring_wait() does not sleep, it
 * notes until when.
 *
 * Besides doing what ring.h says it asserts what users of a ring must keep:
 *  - operations go to open slots only, and a slot is closed when none is in flight on it;
 *  - one receive and one send at most per slot; none between a short send and its event;
 *  - bytes to be sent or written do not change before the operation has ended (ring_send_now:
 *    before it was submitted);
 *  - a loan is returned once, and its bytes are not touched afterwards (under ASan).
 */
#ifndef PX_TESTS_SIM_RING_SIM_H
#define PX_TESTS_SIM_RING_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/ring/ring.h"
#include "tests/sim/net_sim.h"

/* Chances are of 1000. All zero: nothing is late, nothing fails. */
struct ring_sim_faults {
	uint32_t send_short;   /* a send takes less than there is room for, or nothing */
	uint32_t recv_split;   /* a receive takes less than is there */
	uint32_t recv_starve;  /* a receive says -ENOBUFS though there are buffers */
	uint32_t multi_end;    /* a multishot receive ends with its event */
	uint32_t accept_fail;  /* -ECONNABORTED (the client is gone) or -EMFILE */
	uint32_t cancel_lost;  /* what is to be cancelled gets done once more before it is */
	uint32_t write_short;  /* a file write takes less */
	uint32_t submit_early; /* preparing submits what is there, as when the queue is full */
	uint32_t recv_early;   /* a submit does a receive before its time: bytes came since the last
				* look, perhaps in the middle of a turn */
	uint64_t delay_ns_max; /* of operations on slots and accepts */
	uint64_t disk_ns_max;  /* of operations on files, twice: until done, and until told */
};

/* What was injected, to be printed. */
struct ring_sim_counts {
	uint64_t ops, shutdowns, short_sends, splits, starved, multi_ends, accept_failures, cancels,
		cancels_lost, early_submits, early_recvs, short_writes, disk_errors;
};

/* Files: what ring_write() and ring_fdatasync() call. Bytes written or 0, or -errno. */
struct ring_sim_disk {
	int64_t (*write)(int fd, const void *bytes, size_t len, uint64_t offset);
	int (*sync)(int fd);
};

/* Begins a world: rings opened from now on live in it. disk NULL: no files. One world at a time. */
void ring_sim_begin(struct net_sim *net, const struct ring_sim_disk *disk, uint64_t seed);
void ring_sim_end(void); /* every ring is closed */

void ring_sim_faults_set(const struct ring_sim_faults *faults);
const struct ring_sim_counts *ring_sim_counts(void);
void ring_sim_advance(uint64_t ns);
uint64_t ring_sim_now_ns(void);

/* Whether the thread of this lead, asleep in ring_wait(), would run now: an event, a wake, or
 * time. */
bool ring_sim_is_awake(struct ring *lead);

/* When the next thing happens in any ring by time alone; UINT64_MAX: nothing. */
uint64_t ring_sim_next_ns(void);

/* For the end of tests: of all rings of the thread that has this lead. */
struct ring_sim_left {
	uint32_t slots, ops, loans, events;
};
struct ring_sim_left ring_sim_left(const struct ring *lead);

#endif
