/*
 * truth_priv.h - what the files of the truth share.
 *
 * truth.c           what clients asked and saw; reading the disk; placements of people
 * truth_rollback.c  placements taken back: the plan made anew, and compared
 * truth_past.c      what was answered about the past
 */
#ifndef PX_TESTS_SIM_TRUTH_PRIV_H
#define PX_TESTS_SIM_TRUTH_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "persist/format/record.h"
#include "tests/sim/truth.h"

#define NOBODY UINT32_MAX

struct asked {
	struct truth_placement *at; /* by request - 1 */
	uint64_t *number;           /* by which the journal knows it */
	uint64_t *kept_seq; /* during truth_verify(): where it is in the journal; 0: nowhere */
	uint64_t len, max;
};

struct seen {
	uint64_t *hash; /* by seq; 0: nobody had a board at it */
	uint64_t max, last;
};

/* A placement as the journal has it. */
struct placed {
	uint64_t at_ms, rollback; /* rollback: that set it; 0: a person did */
	uint32_t cell, client;    /* client: NOBODY with a rollback */
	uint8_t color;
};

/* truth_verify(): one board's placements as the journal has them. */
struct fold {
	uint8_t *colors;
	uint64_t *placed_at_ms; /* by client: the last one */
	uint64_t first_seq;     /* of the epoch */
	uint64_t next_seq;      /* 0: no epoch seen yet */
	int number;             /* of the board in the journal; -1: not seen yet */
	struct placed *placed;  /* by seq - first_seq */
	size_t placed_max;
};

/* What a board was from a moment on. */
struct was_face {
	uint64_t from_ms;
	uint32_t colors, cooldown_ms;
	bool frozen;
};

struct was_faces {
	struct was_face *at;
	size_t len, max;
};

/* A rollback that was asked for. */
struct wanted {
	struct truth_rollback ask;
	enum { WANTED_OPEN, WANTED_TOLD, WANTED_REFUSED } state;
	struct truth_rolled_back told;
	uint64_t kept_lsn; /* during truth_verify(); 0: it is not in the journal */
};

/* A rollback as the journal has it. */
struct rolled_back {
	uint64_t lsn, undone_by;
	unsigned board;
	uint64_t board_seq; /* before its own cells */
	struct record_rollback record;
};

struct rollback_list {
	unsigned board;
	uint64_t known_lsn;
	struct truth_rolled_back *at;
	size_t count;
};

struct tried {
	struct truth_rollback ask;
	uint64_t known_lsn;
	struct truth_rolled_back told;
};

struct truth {
	struct truth_board boards[TRUTH_BOARDS_MAX];
	struct seen seen[TRUTH_BOARDS_MAX];
	struct seen past[TRUTH_BOARDS_MAX]; /* boards as they were answered to have been */
	struct fold folds[TRUTH_BOARDS_MAX];
	struct was_faces faces[TRUTH_BOARDS_MAX];
	struct asked *asked;
	unsigned board_count, clients;
	/* truth_rollback.c */
	struct wanted *wanted;
	struct rolled_back *rolled_back;
	size_t wanted_len, wanted_max, rolled_back_len, rolled_back_max;
	struct plan *plan;           /* of the rollback whose cells come next; NULL: none does */
	struct rollback_list *lists; /* that were told, until the next truth_verify() */
	struct tried *tried;         /* likewise */
	size_t lists_len, lists_max, tried_len, tried_max;
	/* truth_past.c */
	struct truth_moment *moments;
	struct truth_cell *cells;
	struct truth_pixel *pixels;
	size_t moments_len, moments_max, cells_len, cells_max, pixels_len, pixels_max;
	bool retains;
	struct record *copied; /* by lsn - 1 */
	size_t copied_len, copied_max;
	struct sink *sink; /* during truth_verify(); NULL: there is none */
	uint64_t last_lsn; /* that it has read */
	struct truth_counts counts;
};

/* The array with room for one more than len. */
void *truth_grown(void *array, size_t len, size_t *max, size_t bytes);
uint64_t truth_colors_hash(const struct truth_board *b, const uint8_t *colors);
void truth_hash_set(struct truth *t, struct seen *s, unsigned board, uint64_t seq, uint64_t hash);

/* A seq of a board that truth_verify() has read. */
const struct placed *truth_placed(const struct truth *t, unsigned board, uint64_t seq);

/* --- truth_rollback.c --- */
void undo_verify_begin(struct truth *t);
void undo_record(struct truth *t, unsigned board, uint64_t lsn, const struct record_rollback *r);
/* A cell that a rollback sets, before it is folded; `p` is the journal's. */
void undo_cell(struct truth *t, unsigned board, uint64_t lsn, const struct record_placement *p);
/* Nothing but its cells stands behind a rollback: before any other record. */
void undo_check_whole(struct truth *t);
void undo_verify_end(struct truth *t);
void undo_free(struct truth *t);

/* --- truth_past.c --- */
void told_verify_end(struct truth *t);
void told_free(struct truth *t);

#endif
