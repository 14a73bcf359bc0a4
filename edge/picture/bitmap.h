/*
 * bitmap.h - a whole board, packed: what clients fetch.
 *
 * Plain data.
 */
#ifndef PX_PICTURE_BITMAP_H
#define PX_PICTURE_BITMAP_H

#include <stdint.h>

/* What a board is sent as. */
enum board_form { FORM_IDENTITY, FORM_GZIP, FORM_ZSTD, FORM_PNG, BOARD_FORMS };

/* Whoever holds it has one reference to the blob. */
struct bitmap {
	struct blob *blob; /* NULL: could not be made */
	uint64_t seq;
	uint32_t epoch;
	uint8_t form; /* enum board_form: what was asked for; pack_form() says what it is */
};

#endif
