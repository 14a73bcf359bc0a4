/*
 * delta.h - the changed cells of one frame, close to their entropy.
 *
 * Bytes in, bytes out: no socket, no clock, no allocation, no state. Any thread. The payload holds
 * neither board nor seq: those are in the header of the delta message (edge/codec/message.h).
 * docs/protocol.md describes the format for authors of clients.
 */
#ifndef PX_ENGINE_DELTA_H
#define PX_ENGINE_DELTA_H

#include <stddef.h>
#include <stdint.h>

struct delta_cell {
	uint32_t cell; /* y * width + x */
	uint8_t color; /* below 1 << bits */
};

/* Most bytes of a payload with `count` cells or fewer. count: at most board_cells. */
size_t delta_bytes_max(uint32_t board_cells, unsigned bits, uint32_t count);

/*
 * Encodes `count` cells, sorted by cell, without duplicates. bits: 1, 2, 4 or 8. Returns the number
 * of bytes written, at most delta_bytes_max(); 0 for count 0.
 */
size_t delta_encode(uint32_t board_cells, unsigned bits, const struct delta_cell *cells,
		    uint32_t count, uint8_t *out);

/*
 * Decodes exactly `count` cells into `out`, sorted. 0, or -EBADMSG: not a payload that
 * delta_encode() makes for these numbers (truncated, trailing bytes, cells outside the board);
 * `out` is then partly written. The work is bounded by len.
 */
int delta_decode(uint32_t board_cells, unsigned bits, const uint8_t *in, size_t len, uint32_t count,
		 struct delta_cell *out);

#endif
