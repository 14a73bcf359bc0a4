/*
 * truth.h - what a run of the simulator must hold, whoever fails in it.
 *
 * Clients tell what they asked, what they were answered and what their boards looked like; the disk
 * tells what was kept. truth_verify() reads the disk as recovery does and compares:
 *  - every acknowledged placement is there, at its seq, as it was asked for; when it was asked for
 *    again, it was acknowledged at the same seq;
 *  - what is there was asked for, and is there once; seqs have no gap;
 *  - every board that any client had at a seq is the fold of the placements up to it;
 *  - nobody saw a seq that is not there; cooldowns were kept, and the palette and the freeze that
 *    the board had when it was placed;
 *  - a rollback was asked for, is there whole or not at all, and changes what a plan that is made
 *    here anew changes, but for cells that somebody placed on meanwhile; nobody had a board with a
 *    part of it; what was refused is not there, what was answered is, as it was answered;
 *  - what was answered about the past and the present (a pixel, its placements, a board at a seq
 *    or a time, the list of rollbacks, what one would do) is what the journal has.
 *
 * One thread. A breach prints a sentence and ends the process with 1.
 */
#ifndef PX_TESTS_SIM_TRUTH_H
#define PX_TESTS_SIM_TRUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/placement_filter.h"
#include "engine/user.h"
#include "persist/disk/disk.h"

#define TRUTH_BOARDS_MAX 4

struct sink;

struct truth_board {
	const char *name;
	uint32_t width, height;
	unsigned bits;
	uint32_t colors; /* of the palette */
	uint32_t cooldown_ms;
	bool frozen;
	/* of all its faces so far: truth_board_widen() */
	uint32_t colors_least, colors_most;
	uint32_t cooldown_most_ms;
	bool was_frozen;
};

struct truth_placement {
	uint32_t x, y, color;
	unsigned board;
	uint64_t seq; /* as acknowledged; 0: not */
};

/* A question for a rollback. */
struct truth_rollback {
	unsigned board;
	uint64_t undoes; /* lsn of another one; 0: none, it takes by filter */
	struct placement_filter filter;
};

/* An answer to it, or a row of a list. */
struct truth_rolled_back {
	uint64_t lsn, undoes, undone_by; /* 0: none */
	uint64_t placements, cells, upto_seq;
	uint64_t seq; /* the board's with it; 0: was not told */
};

/* A pixel's placements, newest first, as they were answered. */
#define TRUTH_CELL_MAX 16
struct truth_cell {
	unsigned board;
	uint32_t x, y;
	uint64_t before;    /* asked for those below this seq */
	uint64_t known_seq; /* somebody had a board at it when this was asked */
	struct {
		uint64_t seq, at_ms, rollback; /* rollback: 0: a person placed it */
		uint32_t color;
		char user[33]; /* in hex */
	} found[TRUTH_CELL_MAX];
	uint32_t count;
	uint64_t next; /* 0: there is nothing older, */
	bool complete; /* and this says that nothing was removed */
};

/* What a pixel is now, and who placed it when; at_ms 0: that was not known. */
struct truth_pixel {
	unsigned board;
	uint32_t x, y;
	uint64_t known_seq; /* as above */
	uint64_t at_ms;
	uint32_t color;
	char user[33];
};

/* A board of the past, as it was answered. */
struct truth_moment {
	unsigned board;
	uint64_t seq;       /* UINT64_MAX: asked by time */
	uint64_t at_ms;     /* UINT64_MAX: asked by seq */
	uint64_t known_seq; /* somebody had a board at it when this was asked */
	uint64_t is_seq;    /* where it stands, */
	uint64_t is_ms;     /* and when its newest placement was taken; 0: there is none */
};

struct truth;

/* Its present face is one of those that a client may have met. */
void truth_board_widen(struct truth_board *b);

struct truth *truth_new(const struct truth_board *boards, unsigned board_count, unsigned clients);
void truth_free(struct truth *t);

/* The journal loses its oldest records, so they are copied while they are there, every few turns.
 * What depends on how far back the server can still read (which placements a rollback takes,
 * whether a history is complete) is not compared then, only that it is possible. */
void truth_retain(struct truth *t);
void truth_copy(struct truth *t, uint64_t durable_lsn);
bool truth_retains(const struct truth *t);

/* From this moment on the board has palette, cooldown and frozen of `b`; from the beginning it has
 * those of truth_new(). */
void truth_face(struct truth *t, unsigned board, uint64_t wall_ms, const struct truth_board *b);

/* A client is about to ask for a placement; its request id, from 1. */
uint64_t truth_ask(struct truth *t, unsigned client, const struct truth_placement *p);
const struct truth_placement *truth_asked(const struct truth *t, unsigned client, uint64_t request);
uint64_t truth_asked_count(const struct truth *t, unsigned client); /* the latest request id */
/* Server and journal know the request by a number: one less, so that 0 is in use, unless another
 * was named; and back, 0: none. */
void truth_named(struct truth *t, unsigned client, uint64_t request, uint64_t number);
uint64_t truth_number(const struct truth *t, unsigned client, uint64_t request);
uint64_t truth_numbered(const struct truth *t, unsigned client, uint64_t number);
void truth_acknowledged(struct truth *t, unsigned client, uint64_t request, uint64_t seq);

/* A client's board at `seq` has these colors, one byte per cell. */
void truth_seen(struct truth *t, unsigned board, uint64_t seq, const uint8_t *colors);

/* The newest seq at which anybody had this board. */
uint64_t truth_known_seq(const struct truth *t, unsigned board);

/* Somebody is about to ask for a rollback; its number, from 0. And what became of it: it was made
 * (told->lsn), or there was nothing to take; or it was refused. */
size_t truth_rollback_ask(struct truth *t, const struct truth_rollback *ask);
void truth_rollback_told(struct truth *t, size_t number, const struct truth_rolled_back *told);
void truth_rollback_refused(struct truth *t, size_t number);

/* A dry run was answered. known_lsn: of the newest rollback that anybody was told of when it was
 * asked for. */
void truth_rollback_tried(struct truth *t, const struct truth_rollback *ask, uint64_t known_lsn,
			  const struct truth_rolled_back *told);

/* The list of a board's rollbacks was told, oldest first. known_lsn: of the newest that anybody was
 * told of when it was asked for. */
void truth_rollbacks_listed(struct truth *t, unsigned board, uint64_t known_lsn,
			    const struct truth_rolled_back *list, size_t count);
/* The newest that anybody was told of; 0: none. One that was told, drawn by a number; 0: none.
 * Whether one that was told takes placements, rather than ends another. */
uint64_t truth_rollback_newest(const struct truth *t, unsigned board);
uint64_t truth_rollback_pick(const struct truth *t, unsigned board, uint64_t draw);
bool truth_rollback_takes(const struct truth *t, unsigned board, uint64_t lsn);

/* What was answered about the past; a moment with its board, one byte per cell. */
void truth_told_cell(struct truth *t, const struct truth_cell *cell);
void truth_told_pixel(struct truth *t, const struct truth_pixel *pixel);
void truth_told_moment(struct truth *t, const struct truth_moment *m, const uint8_t *colors);

/* With the sink, if there is one, it is compared too: sink.h. */
void truth_verify(struct truth *t, struct disk *disk, struct sink *sink);

struct truth_counts {
	uint64_t asked, acknowledged, kept, boards_compared;
	uint64_t rollbacks, restored; /* in the journal; cells that they set */
	uint64_t past_checked;        /* answers about the past */
};
struct truth_counts truth_counts(const struct truth *t);

/* User ids of the clients: 16 bytes that hold the number. */
void truth_user(unsigned client, uint8_t user[static USER_BYTES]);

_Noreturn void truth_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define truth_check(fact, ...) ((fact) ? (void)0 : truth_failed(__VA_ARGS__))

#endif
