/*
 * fuzz_delta.c - the delta decoder on any bytes.
 *
 * Input: board_cells u32, count u32, bits u8 (the exponent, of 1, 2, 4, 8), then the payload. What
 * is accepted must be sorted, on the board, and the one payload of its cells.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/bytes.h"
#include "engine/delta.h"

#define BOARD_CELLS_MAX (UINT32_C(1) << 28)
#define COUNT_MAX       4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_cells(const struct delta_cell *cells, uint32_t count, uint32_t board_cells,
			unsigned bits)
{
	uint64_t next = 0;

	for (uint32_t i = 0; i < count; i++) {
		px_assert(cells[i].cell >= next && cells[i].cell < board_cells);
		px_assert(cells[i].color >> bits == 0);
		next = (uint64_t)cells[i].cell + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct delta_cell cells[COUNT_MAX];
	struct bytes b = bytes_of(data, size);
	uint32_t board_cells = get_u32(&b);
	uint32_t count = get_u32(&b);
	unsigned bits = 1U << (get_u8(&b) & 3);

	if (b.bad || board_cells > BOARD_CELLS_MAX || count > COUNT_MAX)
		return 0;
	size_t len = bytes_left(&b);
	int err = delta_decode(board_cells, bits, b.at, len, count, cells);

	if (err != 0) {
		px_assert(err == -EBADMSG);
		return 0;
	}
	check_cells(cells, count, board_cells, bits);
	uint8_t *again = malloc(delta_bytes_max(board_cells, bits, count) + 1);

	px_assert(again != NULL);
	px_assert(delta_encode(board_cells, bits, cells, count, again) == len);
	px_assert(memcmp(again, b.at, len) == 0);
	free(again);
	return 0;
}
