/*
 * disk_sim.h - the controls of the simulated disk: power cuts, faults, damage.
 *
 * disk_sim.c implements persist/disk/disk.h in memory, with one directory; a program that links
 * px_disk_sim instead of px_disk runs the real journal without a file system. It forgets what a
 * disk may forget:
 *
 *  - what was written and not synced survives a power cut in arbitrary pieces of 512 bytes;
 *  - names made, removed or renamed survive only up to some point, when the directory was not
 *    synced;
 *  - a sync that fails is final: what it should have kept stays readable, counts as clean, and is
 *    gone when its memory is needed (as Linux does). To sync that file again is a bug: it asserts.
 *
 * One world at a time, one thread. Everything comes from one seed.
 */
#ifndef PX_TESTS_SIM_DISK_SIM_H
#define PX_TESTS_SIM_DISK_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/ring_sim.h"

enum disk_sim_op {
	DISK_SIM_WRITE, /* disk_write() and the ring's */
	DISK_SIM_SYNC,  /* disk_sync() and the ring's */
	DISK_SIM_CREATE,
	DISK_SIM_RENAME,
	DISK_SIM_SYNC_DIR,
	DISK_SIM_OP_MAX
};

/* For ring_sim_begin(): files of the ring are those of this disk. */
extern const struct ring_sim_disk disk_sim_for_ring;

void disk_sim_begin(uint64_t seed); /* an empty directory */
void disk_sim_end(void);

/* Every operation of this kind fails with a chance of 1000. */
void disk_sim_chance_set(enum disk_sim_op op, uint32_t chance, int error);

/* Files whose names begin with `prefix` cannot be opened; NULL: all can. */
void disk_sim_deny(const char *prefix, int error);

/* The nth operation of this kind from now on, 1 = the next, fails once. */
void disk_sim_fail_at(enum disk_sim_op op, uint64_t nth, int error);

/* After `ops` more operations that change something nothing changes any more: they fail with -EIO.
 * A power cut or a kill ends this. */
void disk_sim_die_after(uint64_t ops);

/* Room for all files together. UINT64_MAX at first. */
void disk_sim_capacity_set(uint64_t bytes);

/* The machine loses power: unsynced things are forgotten in pieces. All descriptors and locks are
 * gone. */
void disk_sim_power_cut(void);

/* The process ends, the kernel lives: descriptors and locks are gone. Clean memory may be given
 * up. */
void disk_sim_process_kill(void);

/* Test's hands on a file: its bytes as they are read now (NULL: no such file), and putting others
 * in their place, durably; bytes NULL removes it. */
const uint8_t *disk_sim_file(const char *name, size_t *ret_len);
void disk_sim_file_put(const char *name, const uint8_t *bytes, size_t len);

uint32_t disk_sim_open_files(void);
uint64_t disk_sim_changes(void); /* operations that changed something, so far */

struct disk_sim_counts {
	uint64_t writes, syncs, errors, sectors_lost, names_lost, power_cuts;
};
const struct disk_sim_counts *disk_sim_counts(void);

#endif
