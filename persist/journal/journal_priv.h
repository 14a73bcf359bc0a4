/*
 * journal_priv.h - internals of the journal, for journal.c, journal_segment.c and journal_commit.c
 * only.
 *
 * journal.c          taking records, the turn, answers
 * journal_segment.c  states; files: requesting, taking, leaving, giving up
 * journal_commit.c   what is in flight, and how it ends
 */
#ifndef PX_JOURNAL_JOURNAL_PRIV_H
#define PX_JOURNAL_JOURNAL_PRIV_H

#include "persist/journal/journal.h"

#define SEGMENTS_AHEAD 1u /* prepared, beyond the one in use */
#define TRIMS_MAX      4u

struct batch_buffer {
	uint8_t *bytes; /* room for segment header, batch header, payload, padding */
	uint32_t payload_bytes;
	uint32_t records;
};

enum flight_kind { FLIGHT_NONE, FLIGHT_COMMIT, FLIGHT_SYNC };

struct flight {
	enum flight_kind kind;
	bool synced;     /* a commit followed by a sync */
	bool closing;    /* the commit of the closing batch */
	uint32_t events; /* still expected */
	int32_t write_res;
	int32_t sync_res;
	const uint8_t *at; /* what is left to write, and where */
	size_t len;
	uint64_t offset;
	size_t total;   /* of the whole write */
	uint64_t chain; /* after it */
	uint64_t started_ns;
};

struct segment {
	int fd; /* -1: none */
	uint32_t number;
	uint64_t offset; /* end of the settled part */
	bool begun;      /* its header is settled */
};

struct trim {
	uint32_t segment;
	uint64_t bytes;
};

struct journal {
	struct journal_config config;
	struct ring *ring;
	struct keeper *keeper;
	struct batch_buffer buffers[2];
	uint32_t filling; /* index; the other one is in flight or empty */
	uint32_t generation;
	struct flight flight;
	struct segment segment;
	struct keeper_prepared prepared[SEGMENTS_AHEAD];
	uint32_t prepared_count;
	uint32_t requested;
	uint32_t next_segment;
	struct trim trims[TRIMS_MAX];
	uint32_t trim_count;
	enum journal_state state;
	int error;
	bool restart;
	bool dropped;
	bool unsynced; /* something settled is not synced yet */
	uint64_t sync_due_ns;
	uint64_t gather_until_ns; /* no commit before this, unless much is waiting */
	uint64_t retry_ns;
	uint64_t journal_id;
	uint64_t chain;
	uint64_t appended;
	uint64_t settled;
	uint64_t durable;
	struct journal_stats stats;
};

/* --- journal.c --- */

/* Asserts what holds between the fields whenever no function is in the middle of changing them. */
void journal_check(const struct journal *j);

/* --- journal_segment.c --- */

void journal_state_set(struct journal *j, enum journal_state next);

/* Forgets everything unsettled and enters REFUSING. */
void journal_drop(struct journal *j, int error, struct now now);

void journal_prepared_collect(struct journal *j, struct now now);
bool journal_prepare_is_wanted(const struct journal *j);
void journal_prepare_request(struct journal *j, struct now now);

/* Makes the next prepared segment the current one. false: there is none. */
bool journal_segment_take(struct journal *j);
void journal_segment_close(struct journal *j);
void journal_segment_abandon(struct journal *j, size_t blank_bytes);
void journal_trims_submit(struct journal *j);
void journal_leftovers_close(struct journal *j);

/* --- journal_commit.c --- */

/* Requires: nothing in flight, and a segment with room for it. */
void journal_commit_arm(struct journal *j, struct batch_buffer *b, bool closing, struct now now);
void journal_sync_arm(struct journal *j, struct now now);

#endif
