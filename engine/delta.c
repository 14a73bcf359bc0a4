/*
 * delta.c - see delta.h; docs/protocol.md, "Delta payload", describes the format.
 *
 * One stream of bits, low bits of a byte first. Per cell: the gap to the cell before it as a Rice
 * code, then the color as it is. Changed cells are distributed nearly at random over the board, so
 * gaps are nearly geometric, and for those a Rice code is within 0.03 bits of the entropy. Its
 * parameter follows from board size and count, so both sides know it and nothing is sent for it;
 * and because all gaps together are shorter than the board, so are all unary parts together: the
 * longest payload is known in advance, whatever the cells are.
 *
 * A list has one payload and a payload one list: encoding a decoded payload gives the same bytes.
 *
 * Pure functions: no memory of their own, any thread, nothing in flight.
 */
#include "engine/delta.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/bytes.h"

/* Between calls `fill` is below 32: there is room for 32 bits at once. */
struct bit_writer {
	uint8_t *at;
	uint64_t acc;
	unsigned fill;
};

static inline void bits_put(struct bit_writer *w, uint64_t value, unsigned bits)
{
	uint64_t acc = w->acc | value << w->fill;

	w->fill += bits;
	if (w->fill >= 32) {
		w->at = put_u32(w->at, (uint32_t)acc);
		acc >>= 32;
		w->fill -= 32;
	}
	w->acc = acc;
}

static inline void bits_put_unary(struct bit_writer *w, uint32_t zeros)
{
	for (; zeros >= 32; zeros -= 32)
		bits_put(w, 0, 32);
	bits_put(w, UINT64_C(1) << zeros, zeros + 1);
}

static uint8_t *bits_put_end(struct bit_writer *w)
{
	px_assert(w->fill < 32);
	return put_le(w->at, w->acc, (w->fill + 7) / 8);
}

/*
 * `fill` bits of `acc` count, at most 63. Above them acc may hold bits that the next refill brings
 * again: the same bits, so or-ing them twice does no harm.
 */
struct bit_reader {
	const uint8_t *at;
	const uint8_t *end;
	uint64_t acc;
	unsigned fill;
};

/* Afterwards there are at least 56 bits, or all that are left. */
static inline void bits_refill(struct bit_reader *r)
{
	uint64_t word;

	if (r->end - r->at >= 8) {
		memcpy(&word, r->at, sizeof(word));
		r->acc |= le64toh(word) << r->fill;
		r->at += (63 - r->fill) / 8;
		r->fill |= 56;
		return;
	}
	while (r->fill < 56 && r->at < r->end) {
		r->acc |= (uint64_t)*r->at++ << r->fill;
		r->fill += 8;
	}
}

static inline uint64_t bits_rest(const struct bit_reader *r)
{
	return r->acc & ((UINT64_C(1) << r->fill) - 1);
}

/* Takes bits that are there: the caller has looked at `fill`. */
static inline uint32_t bits_take(struct bit_reader *r, unsigned bits)
{
	uint64_t value = r->acc & ((UINT64_C(1) << bits) - 1);

	r->acc >>= bits;
	r->fill -= bits;
	return (uint32_t)value;
}

/* The zeros before the next one, and takes that one. False: the payload ends before it. */
static inline bool bits_take_unary(struct bit_reader *r, uint64_t *ret_zeros)
{
	uint64_t zeros = 0;

	bits_refill(r);
	while (bits_rest(r) == 0) {
		if (r->fill == 0)
			return false;
		zeros += r->fill;
		r->acc >>= r->fill;
		r->fill = 0;
		bits_refill(r);
	}
	unsigned low = (unsigned)__builtin_ctzll(r->acc);

	bits_take(r, low + 1);
	*ret_zeros = zeros + low;
	return true;
}

/* True when nothing is left but the zeros that fill the last byte. */
static bool bits_at_end(const struct bit_reader *r)
{
	return r->at == r->end && r->fill < 8 && bits_rest(r) == 0;
}

static bool color_bits_valid(unsigned bits)
{
	return bits == 1 || bits == 2 || bits == 4 || bits == 8;
}

/* The Rice parameter: the largest k with count * 2^k <= board_cells. */
static unsigned gap_bits(uint32_t board_cells, uint32_t count)
{
	px_assert(count > 0 && count <= board_cells);
	return 31 - (unsigned)__builtin_clz(board_cells / count);
}

size_t delta_bytes_max(uint32_t board_cells, unsigned bits, uint32_t count)
{
	if (count == 0)
		return 0;
	px_assert(color_bits_valid(bits));
	unsigned low_bits = gap_bits(board_cells, count);
	/* All zeros of all unary parts, each worth 1 << low_bits cells, stay on the board. With the
	 * whole board for them, not only the cells between, the sum grows with count. */
	uint64_t zeros = board_cells >> low_bits;

	return (size_t)(((uint64_t)count * (1 + low_bits + bits) + zeros + 7) / 8);
}

size_t delta_encode(uint32_t board_cells, unsigned bits, const struct delta_cell *cells,
		    uint32_t count, uint8_t *out)
{
	struct bit_writer w = {.at = out};
	uint32_t next = 0; /* lowest that the next cell can be */

	if (count == 0)
		return 0;
	px_assert(color_bits_valid(bits));
	unsigned low_bits = gap_bits(board_cells, count);
	uint32_t low_mask = (UINT32_C(1) << low_bits) - 1;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t cell = cells[i].cell;
		uint32_t gap = cell - next;

		px_assert(cell >= next && cell < board_cells);
		px_assert(cells[i].color >> bits == 0);
		bits_put_unary(&w, gap >> low_bits);
		bits_put(&w, gap & low_mask, low_bits);
		bits_put(&w, cells[i].color, bits);
		next = cell + 1;
	}
	w.at = bits_put_end(&w);
	px_assert((size_t)(w.at - out) <= delta_bytes_max(board_cells, bits, count));
	return (size_t)(w.at - out);
}

int delta_decode(uint32_t board_cells, unsigned bits, const uint8_t *in, size_t len, uint32_t count,
		 struct delta_cell *out)
{
	struct bit_reader r = {.at = in, .end = in + len};
	uint64_t next = 0;

	if (count == 0)
		return len == 0 ? 0 : -EBADMSG;
	if (count > board_cells || !color_bits_valid(bits))
		return -EBADMSG;
	unsigned low_bits = gap_bits(board_cells, count);
	uint32_t zeros_max = board_cells >> low_bits;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t zeros;

		/* The second is for the shift below: what it lets through cannot overflow. */
		if (!bits_take_unary(&r, &zeros) || zeros > zeros_max)
			return -EBADMSG;
		if (r.fill < low_bits + bits)
			bits_refill(&r);
		if (r.fill < low_bits + bits)
			return -EBADMSG;
		uint64_t cell = next + (zeros << low_bits) + bits_take(&r, low_bits);

		if (cell >= board_cells)
			return -EBADMSG;
		out[i].cell = (uint32_t)cell;
		out[i].color = (uint8_t)bits_take(&r, bits);
		next = cell + 1;
	}
	px_assert(next <= board_cells && r.at <= r.end);
	return bits_at_end(&r) ? 0 : -EBADMSG;
}
