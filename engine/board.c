/*
 * board.c - see board.h.
 *
 * Owned by the writer thread. Memory: board_new() maps the pixels and the room for BOARD_COPIES_MAX
 * copies, which are touched when needed; nothing is allocated later.
 *
 * The board is divided into blocks. A block has two flags: DIRTY: its hash is older than its bytes;
 * and, while a copy is being made, SAVED: the copy has it. A block is saved either by the walk of
 * board_copy_step(), or by board_set() just before it changes the block, whichever is first. A
 * block is hashed when it is saved, so the copy has the hash of its own instant, and no call ever
 * hashes the whole board.
 *
 * A copy's slot:
 *
 *	free --begin--> making --step, last block--> finished --last unref--> free
 *	     writer            writer                         any thread
 *
 * `taken` is true from begin until its pages have been released, so the writer cannot reuse a slot
 * whose memory another thread is still emptying.
 */
#include "engine/board.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"

#define BYTES_MAX  ((size_t)BOARD_SIDE_MAX * BOARD_SIDE_MAX)
#define BLOCKS_MAX (BYTES_MAX / BOARD_BLOCK_BYTES)

_Static_assert(BYTES_MAX % BOARD_BLOCK_BYTES == 0, "the largest board has no block beyond them");

/* Copies below this keep their pages when they die: faulting them in again costs more. */
#define COPY_KEEP_BYTES ((size_t)4 << 20)

#define SEED_BLOCK 0x626c6f636bULL /* "block" */
#define SEED_BOARD 0x626f617264ULL /* "board" */

enum block_flag {
	BLOCK_DIRTY = 1,
	BLOCK_SAVED = 2,
};

struct copy_slot {
	struct board_copy copy; /* first: a copy is its slot */
	uint8_t *room;
	_Atomic bool taken;
};

_Static_assert(offsetof(struct copy_slot, copy) == 0, "board_copy_unref() relies on it");

struct board {
	uint8_t *bytes;
	size_t len;
	uint32_t width;
	uint32_t height;
	unsigned bits;
	unsigned cells_per_byte_log2;
	uint32_t blocks;
	uint8_t *flags;   /* enum block_flag, per block */
	uint64_t *hashes; /* per block */
	struct copy_slot slots[BOARD_COPIES_MAX];
	uint8_t *room;
	size_t room_bytes; /* of one copy: len in whole pages */
	struct copy_slot *making;
	uint32_t next;         /* block at which the walk stands */
	uint64_t *copy_hashes; /* per block, of the copy in the making */
};

static void *map(size_t bytes, int flags)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags,
			-1, 0);

	return at == MAP_FAILED ? NULL : at;
}

static int board_alloc(struct board *b)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	b->room_bytes = (b->len + page - 1) / page * page;
	b->bytes = map(b->len, 0);
	b->room = map(b->room_bytes * BOARD_COPIES_MAX, MAP_NORESERVE);
	b->flags = calloc(b->blocks, sizeof(b->flags[0]));
	b->hashes = calloc(b->blocks, sizeof(b->hashes[0]));
	b->copy_hashes = calloc(b->blocks, sizeof(b->copy_hashes[0]));
	if (b->bytes == NULL || b->room == NULL || b->flags == NULL || b->hashes == NULL ||
	    b->copy_hashes == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < BOARD_COPIES_MAX; i++)
		b->slots[i].room = b->room + i * b->room_bytes;
	memset(b->flags, BLOCK_DIRTY, b->blocks);
	return 0;
}

int board_new(uint32_t width, uint32_t height, unsigned bits, struct board **ret_board)
{
	struct board *b;
	int error;

	if (width == 0 || width > BOARD_SIDE_MAX || height == 0 || height > BOARD_SIDE_MAX)
		return -EINVAL;
	if (bits != 1 && bits != 2 && bits != 4 && bits != 8)
		return -EINVAL;
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return -ENOMEM;
	b->width = width;
	b->height = height;
	b->bits = bits;
	while (bits << b->cells_per_byte_log2 < 8)
		b->cells_per_byte_log2++;
	px_assert(bits << b->cells_per_byte_log2 == 8); /* no color lies in two bytes */
	b->len = ((size_t)width * height * bits + 7) / 8;
	b->blocks = (uint32_t)((b->len + BOARD_BLOCK_BYTES - 1) / BOARD_BLOCK_BYTES);
	px_assert(b->blocks > 0 && b->blocks <= BLOCKS_MAX);
	error = board_alloc(b);
	if (error != 0) {
		board_free(b);
		return error;
	}
	*ret_board = b;
	return 0;
}

void board_free(struct board *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < BOARD_COPIES_MAX; i++)
		px_assert(&b->slots[i] == b->making || !atomic_load(&b->slots[i].taken));
	if (b->bytes != NULL)
		(void)munmap(b->bytes, b->len);
	if (b->room != NULL)
		(void)munmap(b->room, b->room_bytes * BOARD_COPIES_MAX);
	free(b->flags);
	free(b->hashes);
	free(b->copy_hashes);
	free(b);
}

uint32_t board_width(const struct board *b)
{
	return b->width;
}

uint32_t board_height(const struct board *b)
{
	return b->height;
}

unsigned board_bits(const struct board *b)
{
	return b->bits;
}

uint32_t board_cells(const struct board *b)
{
	return b->width * b->height;
}

size_t board_bytes(const struct board *b)
{
	return b->len;
}

uint32_t board_blocks(const struct board *b)
{
	return b->blocks;
}

/* --- cells ------------------------------------------------------------------------------------ */

/* How far the bits of a cell stand above the lowest bit of their byte: high bits first. */
static unsigned cell_shift(const struct board *b, uint32_t cell)
{
	uint32_t nth = cell & ((1u << b->cells_per_byte_log2) - 1);

	return 8 - b->bits * (nth + 1);
}

static unsigned color_mask(const struct board *b)
{
	return (1u << b->bits) - 1;
}

uint8_t board_get(const struct board *b, uint32_t cell)
{
	unsigned byte;

	px_assert(cell < board_cells(b));
	byte = b->bytes[cell >> b->cells_per_byte_log2];
	return (uint8_t)(byte >> cell_shift(b, cell) & color_mask(b));
}

/* Of each color in 8 bytes the highest bit, where the color is `colors` or more; `colors` is below
 * 1 << bits. No color touches its neighbor: what is subtracted is less than the bit that is set. */
static uint64_t word_beyond(uint64_t word, unsigned bits, unsigned colors)
{
	const uint64_t ones = UINT64_MAX / ((1u << bits) - 1), high = ones << (bits - 1);
	const unsigned half = 1u << (bits - 1);

	if (colors < half)
		return (word | ((word | high) - colors * ones)) & high;
	return word & ((word | high) - (colors - half) * ones) & high;
}

uint32_t board_beyond(const struct board *b, unsigned colors, uint32_t *ret_first)
{
	const uint32_t per_word = 64 / b->bits, cells = board_cells(b);
	const size_t words = cells / per_word;
	uint32_t count = 0, first = cells;

	px_assert(colors > 0); /* an empty palette draws nothing */
	if (colors > color_mask(b))
		return 0;
	for (size_t i = 0; i < words; i++) {
		uint64_t word, found;

		memcpy(&word, b->bytes + i * sizeof(word), sizeof(word));
		found = word_beyond(word, b->bits, colors);
		if (found == 0)
			continue;
		if (count == 0)
			first = (uint32_t)i * per_word;
		count += (uint32_t)__builtin_popcountll(found);
	}
	for (uint32_t cell = (uint32_t)words * per_word; cell < cells; cell++)
		if (board_get(b, cell) >= colors && count++ == 0)
			first = cell;
	if (count == 0)
		return 0;
	px_assert(first < cells);
	while (board_get(b, first) < colors)
		first++;
	*ret_first = first;
	return count;
}

static void block_save(struct board *b, uint32_t block);

void board_prefetch(const struct board *b, uint32_t cell)
{
	__builtin_prefetch(&b->bytes[cell >> b->cells_per_byte_log2], 1);
}

bool board_set(struct board *b, uint32_t cell, uint8_t color)
{
	size_t at = cell >> b->cells_per_byte_log2;
	uint32_t block = (uint32_t)(at / BOARD_BLOCK_BYTES);
	unsigned shift = cell_shift(b, cell);

	px_assert(color <= color_mask(b));
	if (board_get(b, cell) == color)
		return false;
	if (b->making != NULL && (b->flags[block] & BLOCK_SAVED) == 0)
		block_save(b, block);
	b->bytes[at] =
		(uint8_t)((b->bytes[at] & ~(color_mask(b) << shift)) | (unsigned)color << shift);
	b->flags[block] |= BLOCK_DIRTY;
	return true;
}

void board_load(struct board *b, const uint8_t *bytes, size_t len)
{
	px_assert(len == b->len);
	px_assert(b->making == NULL);
	memcpy(b->bytes, bytes, len);
	memset(b->flags, BLOCK_DIRTY, b->blocks);
}

/* --- hashes ----------------------------------------------------------------------------------- */

/* The last block is shorter, unless the board fills it. */
static size_t block_len(size_t len, uint32_t block)
{
	size_t left = len - (size_t)block * BOARD_BLOCK_BYTES;

	px_assert((size_t)block * BOARD_BLOCK_BYTES < len); /* none is empty */
	return left < BOARD_BLOCK_BYTES ? left : BOARD_BLOCK_BYTES;
}

static uint64_t block_hash_bytes(const uint8_t *bytes, size_t len, uint32_t block)
{
	return hash64(bytes + (size_t)block * BOARD_BLOCK_BYTES, block_len(len, block), SEED_BLOCK);
}

static uint64_t hash_of_hashes(const uint64_t *hashes, uint32_t blocks)
{
	return hash64(hashes, blocks * sizeof(hashes[0]), SEED_BOARD);
}

uint64_t board_block_hash(struct board *b, uint32_t block)
{
	px_assert(block < b->blocks);
	if ((b->flags[block] & BLOCK_DIRTY) != 0) {
		b->hashes[block] = block_hash_bytes(b->bytes, b->len, block);
		b->flags[block] &= (uint8_t)~BLOCK_DIRTY;
	}
	return b->hashes[block];
}

uint64_t board_hash(struct board *b)
{
	for (uint32_t block = 0; block < b->blocks; block++)
		(void)board_block_hash(b, block);
	return hash_of_hashes(b->hashes, b->blocks);
}

uint64_t board_hash_bytes(const uint8_t *bytes, size_t len)
{
	uint64_t hashes[BLOCKS_MAX]; /* 128 KiB, so that checkers need no allocation */
	uint32_t blocks = 0;

	_Static_assert(sizeof(hashes) == 128 << 10, "fits a thread's stack");

	px_assert(len <= BYTES_MAX);
	for (; (size_t)blocks * BOARD_BLOCK_BYTES < len; blocks++)
		hashes[blocks] = block_hash_bytes(bytes, len, blocks);
	return hash_of_hashes(hashes, blocks);
}

/* --- copies ----------------------------------------------------------------------------------- */

static void block_save(struct board *b, uint32_t block)
{
	size_t at = (size_t)block * BOARD_BLOCK_BYTES;

	px_assert(b->making != NULL);
	px_assert((b->flags[block] & BLOCK_SAVED) == 0); /* later it is of another instant */
	memcpy(b->making->room + at, b->bytes + at, block_len(b->len, block));
	b->copy_hashes[block] = board_block_hash(b, block);
	b->flags[block] |= BLOCK_SAVED;
}

static struct copy_slot *slot_take(struct board *b)
{
	for (size_t i = 0; i < BOARD_COPIES_MAX; i++) {
		struct copy_slot *slot = &b->slots[i];

		if (!atomic_load_explicit(&slot->taken, memory_order_acquire)) {
			atomic_store_explicit(&slot->taken, true, memory_order_relaxed);
			return slot;
		}
	}
	return NULL;
}

struct board_copy *board_copy_begin(struct board *b, uint32_t epoch, uint64_t seq)
{
	struct copy_slot *slot;

	if (b->making != NULL)
		return NULL;
	slot = slot_take(b);
	if (slot == NULL)
		return NULL;
	px_assert(slot->copy.board == NULL || slot->copy.board == b);
	slot->copy.seq = seq;
	slot->copy.epoch = epoch;
	slot->copy.hash = 0;
	slot->copy.len = b->len;
	slot->copy.bytes = slot->room;
	slot->copy.board = b;
	atomic_init(&slot->copy.refs, 1);
	for (uint32_t block = 0; block < b->blocks; block++)
		b->flags[block] &= (uint8_t)~BLOCK_SAVED;
	b->next = 0;
	b->making = slot;
	return &slot->copy;
}

struct board_copy *board_copy_step(struct board *b, size_t budget)
{
	struct board_copy *copy;

	if (b->making == NULL)
		return NULL;
	for (size_t copied = 0; b->next < b->blocks; b->next++) {
		if ((b->flags[b->next] & BLOCK_SAVED) != 0)
			continue;
		/* a budget below one block still moves on by one */
		if (copied > 0 && copied + BOARD_BLOCK_BYTES > budget)
			return NULL;
		block_save(b, b->next);
		copied += BOARD_BLOCK_BYTES;
	}
	copy = &b->making->copy;
	copy->hash = hash_of_hashes(b->copy_hashes, b->blocks);
	b->making = NULL;
	return copy;
}

bool board_copy_is_making(const struct board *b)
{
	return b->making != NULL;
}

struct board_copy *board_copy_ref(struct board_copy *copy)
{
	uint32_t before = atomic_fetch_add_explicit(&copy->refs, 1, memory_order_relaxed);

	px_assert(before > 0);
	return copy;
}

void board_copy_unref(struct board_copy *copy)
{
	struct copy_slot *slot = (struct copy_slot *)copy;
	uint32_t before;

	if (copy == NULL)
		return;
	before = atomic_fetch_sub_explicit(&copy->refs, 1, memory_order_acq_rel);
	px_assert(before > 0);
	if (before > 1)
		return;
	if (copy->len >= COPY_KEEP_BYTES)
		(void)madvise(slot->room, copy->len, MADV_DONTNEED);
	atomic_store_explicit(&slot->taken, false, memory_order_release);
}
