/*
 * bitmap.h - a whole board, packed: what clients fetch.
 *
 * Plain data.
 */
#ifndef PX_PICTURE_BITMAP_H
#define PX_PICTURE_BITMAP_H

#include <stdint.h>

/* The encodings of a board. */
enum board_form { FORM_IDENTITY, FORM_GZIP, FORM_ZSTD, FORM_PNG, BOARD_FORMS };

/* Its holder has one reference to the blob. */
struct bitmap {
	struct blob *blob; /* NULL: it could not be made */
	uint64_t seq;
	uint32_t epoch;
	uint32_t tag; /* of the face that it was made with */
	uint8_t form; /* enum board_form: as requested; pack_form() returns the actual one */
};

#endif
