/*
 * journal_scene.h - a journal, its keeper and a writer, over the simulated ring and disk.
 *
 * The writer is a model: it remembers which record has which lsn and up to where somebody was told.
 * A start recovers and compares: every record that somebody was told of is there, at its place, and
 * the board (64 cells, the last record of a cell wins) is the one that these records make.
 */
#ifndef PX_TESTS_SIM_JOURNAL_SCENE_H
#define PX_TESTS_SIM_JOURNAL_SCENE_H

#include "persist/journal/journal.h"
#include "persist/journal/keeper.h"
#include "persist/recover/recover.h"
#include "tests/sim/disk_sim.h"

#define SCENE_RECORDS_MAX   16384
#define SCENE_CELLS         64
#define SCENE_SEGMENT_BYTES 8192
#define SCENE_BATCH_BYTES   640

struct scene {
	struct disk *disk;
	struct ring *ring;
	struct keeper *keeper;
	struct journal *journal;
	struct now now;
	uint64_t random;
	enum journal_sync sync;
	uint64_t keep_bytes, free_bytes_min; /* of retention */
	uint32_t gather_us;                  /* between two commits */
	uint64_t history; /* records from before the snapshot that recovery hands over */

	uint64_t ids[SCENE_RECORDS_MAX]; /* by lsn */
	uint64_t next_id;
	uint64_t told; /* lsn up to which somebody was told */
	uint64_t lost; /* of those, not there after a start; summed */
	uint64_t drops;
	uint64_t snapshots;
	bool image_out;

	/* of the last start */
	struct recover_result result;
	char why[RECOVER_WHY_BYTES];
	uint8_t board[SCENE_CELLS];
	uint64_t first_seen; /* lsn; 0: none */
	uint64_t last_seen;
	uint64_t replayed;
	uint32_t people_seen;
	uint32_t reports;
};

void scene_begin(struct scene *s, uint64_t seed, enum journal_sync sync);
void scene_end(struct scene *s);

/* Recovers, compares, begins journal and keeper. What recovery said; on an error nothing runs. */
int scene_start(struct scene *s);

/* Only recovers, as a tool does or a start that comes no further. */
int scene_recover(struct scene *s, bool read_only);

#define SCENE_OTHER_TYPE 200 /* a record that sets no cell; its body is such bytes */
#define SCENE_OTHER_BYTE 0xab

int scene_append(struct scene *s); /* one record; what journal_append() said */
void scene_turn(struct scene *s);  /* of the writer and of the keeper */
void scene_turns(struct scene *s, unsigned turns);

/* Appends `count` records and turns until they are settled, one group commit each. */
void scene_commit(struct scene *s, unsigned count);

/* Submits a snapshot of what is settled. false: one is still out. */
bool scene_snapshot(struct scene *s, bool clean);
void scene_snapshot_wait(struct scene *s);

void scene_stop(struct scene *s);              /* in order */
void scene_crash(struct scene *s, bool power); /* power: else only the process */

/* Turns until the state is this one; fails the test when it is not reached. */
void scene_until(struct scene *s, enum journal_state state);

#endif
