/*
 * record.h - what the journal holds: one record for each thing that happened to a board.
 *
 * On disk a record is type u8, body length u16, body, little-endian. A reader skips a type that it
 * does not know, and bytes behind the body that it does know: later versions add both. Records are
 * counted over all boards and types, unknown ones too: that count, from 1, is the lsn. Pure
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
#define RECORD_PLACEMENT_BYTES 54           /* of this type */
#define RECORD_EPOCH_GAP       (1ull << 32) /* an epoch begins so far above the one before */

_Static_assert(BOARD_SIDE_MAX - 1 <= UINT16_MAX, "x and y of a record are uint16_t");
_Static_assert(BOARD_NAME_BYTES_MAX <= UINT8_MAX, "the length of a name is a byte");

enum record_type {
	RECORD_BOARD = 1, /* a board appears: its name gets a number for ever */
	RECORD_EPOCH = 2, /* a board's history begins anew, above every seq used before */
	RECORD_PLACEMENT = 3,
	RECORD_ROLLBACK = 4, /* placements are taken back, or given again (rollback.h) */
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
	uint64_t request; /* the client's own number for it */
	uint64_t placed_at_ms;
	uint32_t epoch;
	uint16_t board;
	uint16_t x;
	uint16_t y;
	uint8_t color;
	uint8_t user[USER_BYTES]; /* zeros: nobody's, see record_is_restored() */
};

/* The cells that it changes follow in the same batch, as placements of nobody. */
struct record_rollback {
	uint64_t undoes; /* the lsn of the rollback that it ends; 0: none, it takes by `filter` */
	uint64_t placed_at_ms;
	uint64_t placements; /* so many were taken back, or given again; */
	uint64_t first_seq;  /* the oldest of them */
	uint32_t cells;      /* so many changed by it */
	uint32_t epoch;
	uint16_t board;
	struct placement_filter filter;
};

/* One that this version does not know, to be passed on. */
struct record_other {
	const uint8_t *body; /* in what record_get() read from */
	uint16_t len;
};

struct record {
	uint8_t type; /* enum record_type, or one that this version does not know */
	union {
		struct record_other other;
		struct record_board board;
		struct record_epoch epoch;
		struct record_placement placement;
		struct record_rollback rollback;
	};
};

/* How many bytes record_put() writes. */
size_t record_bytes(const struct record *r);

/* Writes a record: record_bytes() of them. Returns the position behind it. */
uint8_t *record_put(uint8_t *p, const struct record *r);

/* Reads one record and moves `in` behind it. Of an unknown type it gives the body as it is.
 * 0, or -EBADMSG: no record begins there, or its body is too short for its type. */
int record_get(struct bytes *in, struct record *ret_record);

/* The cells that a record sets, in the order of their seqs. Every reader of placements takes them
 * from here:
 *
 *	struct record_cells cells = {record, 0};
 *
 *	while ((p = record_cells_next(&cells)) != NULL)
 */
struct record_cells {
	const struct record *record;
	uint32_t taken;
};

/* NULL: there are no more, or such records set none. Valid as long as the record. */
static inline const struct record_placement *record_cells_next(struct record_cells *it)
{
	if (it->record->type != RECORD_PLACEMENT || it->taken > 0)
		return NULL;
	it->taken++;
	return &it->record->placement;
}

/* Whether a rollback set the cell, not a person; its lsn is p->request then. */
bool record_is_restored(const struct record_placement *p);

/* Whether nothing of a board can lie between this seq of this epoch and the next one: it is the
 * very next, or the first of a later epoch, as far above as epochs begin. A board whose first epoch
 * is 1 stands at epoch 1, seq 0 before its first placement. */
bool record_follows(uint32_t epoch, uint64_t seq, uint32_t next_epoch, uint64_t next_seq);

const char *record_type_str(uint8_t type); /* "placement"; "unknown" */

#endif
