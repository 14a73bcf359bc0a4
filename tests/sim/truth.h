/*
 * truth.h - what a run of the simulator must hold, whoever fails in it.
 *
 * Clients tell what they asked, what they were answered and what their boards looked like; the disk
 * tells what was kept. truth_verify() reads the disk as recovery does and compares:
 *  - every acknowledged placement is there, at its seq, as it was asked for; when it was asked for
 *    again, it was acknowledged at the same seq;
 *  - what is there was asked for, and is there once; seqs have no gap;
 *  - every board that any client had at a seq is the fold of the placements up to it;
 *  - nobody saw a seq that is not there; cooldowns were kept.
 *
 * One thread. A breach prints a sentence and ends the process with 1.
 */
#ifndef PX_TESTS_SIM_TRUTH_H
#define PX_TESTS_SIM_TRUTH_H

#include <stdint.h>

#include "engine/user.h"
#include "persist/disk/disk.h"

#define TRUTH_BOARDS_MAX 4

struct truth_board {
	const char *name;
	uint32_t width, height;
	unsigned bits;
	uint32_t colors; /* of the palette */
	uint32_t cooldown_ms;
};

struct truth_placement {
	uint32_t x, y, color;
	unsigned board;
	uint64_t seq; /* as acknowledged; 0: not */
};

struct truth;

struct truth *truth_new(const struct truth_board *boards, unsigned board_count, unsigned clients);
void truth_free(struct truth *t);

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

void truth_verify(struct truth *t, struct disk *disk);

struct truth_counts {
	uint64_t asked, acknowledged, kept, boards_compared;
};
struct truth_counts truth_counts(const struct truth *t);

/* User ids of the clients: 16 bytes that hold the number. */
void truth_user(unsigned client, uint8_t user[static USER_BYTES]);

_Noreturn void truth_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define truth_check(fact, ...) ((fact) ? (void)0 : truth_failed(__VA_ARGS__))

#endif
