/*
 * record.h - what the journal holds: one record for each event on a board.
 *
 * On disk a record is type u8, body length u16, body, little-endian. A reader skips types it does
 * not know and extra bytes at the end of a known body: later versions add both. Records are counted
 * across all boards and types, unknown ones included; that count, starting at 1, is the lsn. Pure
 * functions, any thread.
 */
#ifndef PX_FORMAT_RECORD_H
#define PX_FORMAT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/bytes.h"
#include "engine/board.h"
#include "engine/placement_filter.h"
#include "engine/user.h"

#define RECORD_BYTES_MAX       96           /* of the types below */
#define RECORD_BODY_BYTES_MAX  (60u << 10)  /* of any type, in any version */
#define RECORD_HEAD_BYTES      3            /* type, length of the body */
#define RECORD_PLACEMENT_BYTES 54           /* of RECORD_PLACEMENT */
#define RECORD_EPOCH_GAP       (1ull << 32) /* an epoch starts this far above the one before */
/* Larger numbers are damage. Sums of these never overflow. */
#define RECORD_LSN_MAX         (UINT64_MAX / 2)
#define RECORD_SEQ_MAX         (UINT64_MAX / 2)
#define RECORD_EPOCH_MAX       (UINT32_MAX / 2)

_Static_assert(BOARD_SIDE_MAX - 1 <= UINT16_MAX, "x and y of a record are uint16_t");
_Static_assert(BOARD_NAME_BYTES_MAX <= UINT8_MAX, "the length of a name is a byte");

enum record_type {
	RECORD_BOARD = 1, /* a new board: its name is bound to a number permanently */
	RECORD_EPOCH = 2, /* a board's history starts over, above every seq used before */
	RECORD_PLACEMENT = 3,
	RECORD_ROLLBACK = 4, /* placements are taken back, or restored (rollback.h) */
};

struct record_board {
	uint32_t width;
	uint32_t height;
	uint16_t board;
	uint8_t bits; /* per pixel */
	char name[BOARD_NAME_BYTES_MAX + 1];
};

struct record_epoch {
	uint64_t first_seq;
	uint32_t epoch;
	uint16_t board;
};

struct record_placement {
	uint64_t seq;
	uint64_t request; /* the number the client gave it */
	uint64_t placed_at_ms;
	uint32_t epoch;
	uint16_t board;
	uint16_t x;
	uint16_t y;
	uint8_t color;
	uint8_t user[USER_BYTES]; /* zeros: no user's, see record_is_restored() */
};

/* The cells it changes follow in the same batch, as placements without a user. */
struct record_rollback {
	/* lsn of the rollback it undoes; 0: none, it takes placements by `filter` */
	uint64_t undoes;
	uint64_t placed_at_ms;
	uint64_t placements; /* number taken back, or restored */
	uint64_t first_seq;  /* of the oldest of them */
	uint32_t cells;      /* number of cells it changed */
	uint32_t epoch;
	uint16_t board;
	struct placement_filter filter;
};

/* A record of a type this version does not know, to be passed on. */
struct record_other {
	const uint8_t *body; /* points into the bytes that record_get() read from */
	uint16_t len;
};

struct record {
	uint8_t type; /* enum record_type, or a type this version does not know */
	union {
		struct record_other other;
		struct record_board board;
		struct record_epoch epoch;
		struct record_placement placement;
		struct record_rollback rollback;
	};
};

/* The number of bytes that record_put() writes. */
size_t record_bytes(const struct record *r);

/* Writes a record; `p` has room for record_bytes(). Returns the position after it. */
uint8_t *record_put(uint8_t *p, const struct record *r);

/* Reads one record and moves `in` past it. The body of an unknown type is returned as it is and
 * points into `in`. 0, or -EBADMSG: no valid record starts there, or its body is too short for its
 * type. */
int record_get(struct bytes *in, struct record *ret_record);

/*
 * The cells that a record sets, in order of their seqs. Every reader of placements takes them from
 * here:
 *
 *	struct record_cells cells = {record, 0};
 *
 *	while ((p = record_cells_next(&cells)) != NULL)
 */
struct record_cells {
	const struct record *record;
	uint32_t taken;
};

/* NULL: there are no more, or this type of record sets none. Valid as long as the record. */
static inline const struct record_placement *record_cells_next(struct record_cells *it)
{
	if (it->record->type != RECORD_PLACEMENT || it->taken > 0)
		return NULL;
	it->taken++;
	return &it->record->placement;
}

/* Whether a rollback set the cell, rather than a user; p->request is then the lsn of the
 * rollback. */
bool record_is_restored(const struct record_placement *p);

/* Whether no event of a board can lie between this seq and the next one: the next one is the
 * immediate successor, or the first of a later epoch, a multiple of RECORD_EPOCH_GAP above. Before
 * its first placement a board whose first epoch is 1 is at epoch 1, seq 0. */
bool record_follows(uint32_t epoch, uint64_t seq, uint32_t next_epoch, uint64_t next_seq);

const char *record_type_str(uint8_t type); /* "placement"; "unknown" */

#endif
