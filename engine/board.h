/*
 * board.h - the pixels: a packed bitfield, its hash, and consistent copies of it.
 *
 * The bytes equal those of a Redis string written with BITFIELD SET u<bits> #<cell>: high bits
 * first. Owned by the writer thread, which alone makes all calls here except board_copy_ref/unref
 * and reads of a finished copy: those are for any thread, because a finished copy is immutable.
 *
 * A copy is made block by block over several turns: before it changes a block that the copy does
 * not have yet, board_set() saves it, so the copy is the board at the instant of
 * board_copy_begin(). At most one copy is being made and BOARD_COPIES_MAX are alive; board_new()
 * reserves their memory.
 */
#ifndef PX_ENGINE_BOARD_H
#define PX_ENGINE_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOARD_NAME_BYTES_MAX 32
#define BOARD_SIDE_MAX       16384
#define BOARD_BITS_MAX       8
#define BOARD_COLORS_MAX     (1 << BOARD_BITS_MAX)
#define BOARD_BLOCK_BYTES    16384
#define BOARD_COPIES_MAX     4 /* one being made; for clients, a snapshot, a receiver */

_Static_assert(1ull * BOARD_SIDE_MAX * BOARD_SIDE_MAX <= UINT32_MAX, "a cell is a uint32_t");
_Static_assert(BOARD_COLORS_MAX - 1 <= UINT8_MAX, "a color is a uint8_t");

struct board;

struct board_copy {
	uint64_t seq;  /* the board at exactly this seq */
	uint64_t hash; /* board_hash() of these bytes */
	size_t len;
	const uint8_t *bytes;
	uint32_t epoch;
	/* private */
	struct board *board;
	_Atomic uint32_t refs;
};

/* width, height: 1..BOARD_SIDE_MAX. bits: 1, 2, 4, 8. All cells 0. -EINVAL, -ENOMEM. */
int board_new(uint32_t width, uint32_t height, unsigned bits, struct board **ret_board);
void board_free(struct board *b); /* NULL is allowed; no finished copy may be alive */

uint32_t board_width(const struct board *b);
uint32_t board_height(const struct board *b);
unsigned board_bits(const struct board *b);
uint32_t board_cells(const struct board *b);
size_t board_bytes(const struct board *b);

/* Prefetches the memory of the cell. */
void board_prefetch(const struct board *b, uint32_t cell);

/* The color of a cell; cell < board_cells(). */
uint8_t board_get(const struct board *b, uint32_t cell);
/* How many cells have a color of this number or a higher one, and the first of them. */
uint32_t board_beyond(const struct board *b, unsigned colors, uint32_t *ret_first);
bool board_set(struct board *b, uint32_t cell, uint8_t color); /* true: its color changed */

/* Replaces everything, from a snapshot. len = board_bytes(). No copy may be in progress. */
void board_load(struct board *b, const uint8_t *bytes, size_t len);

/* XXH3 over the hashes of all blocks; only blocks that changed since the last call are hashed
 * again. Equal bytes have equal hashes, whatever their history. */
uint64_t board_hash(struct board *b);
uint32_t board_blocks(const struct board *b);

/* The hash of one block of BOARD_BLOCK_BYTES; block < board_blocks(). */
uint64_t board_block_hash(struct board *b, uint32_t block);

/* The same hash for bytes outside a board (recovery, checkers). */
uint64_t board_hash_bytes(const uint8_t *bytes, size_t len);

/* Starts a copy of the board in its present state. NULL: one is in progress, or all are alive. */
struct board_copy *board_copy_begin(struct board *b, uint32_t epoch, uint64_t seq);

/* Copies up to `budget` more bytes of the copy in progress, at least one block. Returns the copy
 * once, when it is finished (its one reference is the caller's); otherwise NULL. */
struct board_copy *board_copy_step(struct board *b, size_t budget);

/* Whether a copy is in progress. */
bool board_copy_is_making(const struct board *b);
struct board_copy *board_copy_ref(struct board_copy *copy);
void board_copy_unref(struct board_copy *copy); /* NULL is allowed */

#endif
