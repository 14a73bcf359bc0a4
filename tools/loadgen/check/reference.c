/*
 * reference.c - first copies of frames, and their board.
 *
 * Owner: one crew. Memory: the table (SETS x WAYS entries, the oldest of a set is replaced first),
 * the board twice (now and at the start), and the cells of the largest delta so far.
 *
 * A delta is applied when the board's seq is in [first - 1, last), whichever client delivers it: a
 * client that was sent a gap may have delivered a later one before.
 */
#include "tools/loadgen/check/reference.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/delta.h"
#include "engine/base/hash.h"
#include "tools/loadgen/load/rng.h"

#define SETS      16384U
#define WAYS      4U
#define HASH_SEED 0x6672616d65ULL

struct entry {
	uint64_t first, last;
	uint64_t hash;
	uint32_t len; /* 0: empty */
	uint32_t epoch;
};

struct reference {
	uint64_t seq;
	uint64_t frames;
	struct board_bytes board;
	struct board_bytes start;
	struct delta_cell *cells;
	uint32_t cells_room;
	uint32_t width, height;
	unsigned bits;
	struct entry table[SETS][WAYS];
};

uint8_t packed_get(const uint8_t *bytes, unsigned bits, uint32_t cell)
{
	uint64_t bit = (uint64_t)cell * bits;

	return (uint8_t)((unsigned)bytes[bit / 8] >> (8 - bits - bit % 8) & ((1U << bits) - 1));
}

void packed_set(uint8_t *bytes, unsigned bits, uint32_t cell, uint8_t color)
{
	uint64_t bit = (uint64_t)cell * bits;
	unsigned shift = 8 - bits - (unsigned)(bit % 8);
	unsigned mask = ((1U << bits) - 1) << shift;

	bytes[bit / 8] = (uint8_t)((bytes[bit / 8] & ~mask) | ((unsigned)color << shift & mask));
}

int reference_new(struct reference **ret_reference)
{
	struct reference *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	*ret_reference = r;
	return 0;
}

void reference_free(struct reference *r)
{
	if (r == NULL)
		return;
	free(r->board.bytes);
	free(r->start.bytes);
	free(r->cells);
	free(r);
}

bool reference_is_loaded(const struct reference *r)
{
	return r->board.bytes != NULL;
}

int reference_load(struct reference *r, struct board_bytes *board, uint32_t width, uint32_t height,
		   unsigned bits)
{
	uint64_t cells = (uint64_t)width * height;

	if (bits == 0 || bits > 8 || 8 % bits != 0 || cells == 0 || cells > UINT32_MAX ||
	    board->len != (cells * bits + 7) / 8) {
		free(board->bytes);
		return -EBADMSG;
	}
	if (r->start.bytes == NULL) {
		r->start = *board;
		r->start.bytes = malloc(board->len);
		if (r->start.bytes == NULL) {
			free(board->bytes);
			return -ENOMEM;
		}
		memcpy(r->start.bytes, board->bytes, board->len);
	}
	free(r->board.bytes);
	r->board = *board;
	r->seq = board->seq;
	r->width = width;
	r->height = height;
	r->bits = bits;
	return 0;
}

static bool cells_reserve(struct reference *r, uint32_t count)
{
	struct delta_cell *more;

	if (count <= r->cells_room)
		return true;
	more = realloc(r->cells, (size_t)count * 2 * sizeof(*more));
	if (more == NULL)
		return false;
	r->cells = more;
	r->cells_room = count * 2;
	return true;
}

/* Decodes, and applies when the board stands where the delta may be applied. */
static enum trouble decode(struct reference *r, const struct msg_delta *delta,
			   const uint8_t *payload, size_t payload_len)
{
	uint32_t board_cells = r->width * r->height;

	if (delta->count > board_cells || delta->count > delta->last - delta->first + 1 ||
	    !cells_reserve(r, delta->count) ||
	    delta_decode(board_cells, r->bits, payload, payload_len, delta->count, r->cells) < 0)
		return TROUBLE_UNDECODABLE;
	if (r->seq + 1 < delta->first || r->seq >= delta->last)
		return TROUBLE_NONE;
	for (uint32_t i = 0; i < delta->count; i++)
		packed_set(r->board.bytes, r->bits, r->cells[i].cell, r->cells[i].color);
	r->seq = delta->last;
	return TROUBLE_NONE;
}

/* The entry of this frame, or the one to replace (len 0 then, or an older frame). */
static struct entry *entry_find(struct reference *r, uint32_t epoch, const struct msg_delta *delta)
{
	struct entry *set = r->table[rng_mix(delta->first ^ delta->last << 20) % SETS];
	struct entry *oldest = set;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].len != 0 && set[i].first == delta->first && set[i].last == delta->last &&
		    set[i].epoch == epoch)
			return &set[i];
		if (set[i].len == 0 || (oldest->len != 0 && set[i].last < oldest->last))
			oldest = &set[i];
	}
	oldest->len = 0;
	return oldest;
}

enum trouble reference_delta(struct reference *r, uint32_t epoch, const struct msg_delta *delta,
			     const uint8_t *payload, const uint8_t *message, size_t message_len)
{
	struct entry *e = entry_find(r, epoch, delta);
	uint64_t hash = hash64(message, message_len, HASH_SEED);
	size_t payload_len = (size_t)(message + message_len - payload);
	enum trouble t;

	px_assert(reference_is_loaded(r));
	if (e->len != 0) {
		if (e->len != message_len || e->hash != hash)
			return TROUBLE_BYTES_DIFFER;
		if (epoch != r->board.epoch || r->seq + 1 < delta->first || r->seq >= delta->last)
			return TROUBLE_NONE;
		return decode(r, delta, payload, payload_len);
	}
	if (epoch != r->board.epoch)
		return TROUBLE_NONE; /* of a board that was replaced meanwhile */
	t = decode(r, delta, payload, payload_len);
	if (t != TROUBLE_NONE)
		return t;
	*e = (struct entry){.first = delta->first,
			    .last = delta->last,
			    .hash = hash,
			    .len = (uint32_t)message_len,
			    .epoch = epoch};
	r->frames++;
	return TROUBLE_NONE;
}

uint32_t reference_epoch(const struct reference *r)
{
	return r->board.epoch;
}

uint64_t reference_seq(const struct reference *r)
{
	return r->seq;
}

uint64_t reference_frames(const struct reference *r)
{
	return r->frames;
}

unsigned reference_bits(const struct reference *r)
{
	return r->bits;
}

const uint8_t *reference_bytes(const struct reference *r, size_t *ret_len)
{
	*ret_len = r->board.len;
	return r->board.bytes;
}

const struct board_bytes *reference_start(const struct reference *r)
{
	return &r->start;
}
