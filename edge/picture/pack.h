/*
 * pack.h - a board's bytes in the forms that clients ask for: gzip, zstd, PNG.
 *
 * Runs on the packer thread, which may take long, and touches nothing shared. pack.c is the only
 * file with libdeflate, libzstd and libpng.
 */
#ifndef PX_PICTURE_PACK_H
#define PX_PICTURE_PACK_H

#include "edge/picture/bitmap.h"
#include "engine/board.h"
#include "engine/face.h"

struct packer;

int packer_new(struct packer **ret_packer); /* -ENOMEM */
void packer_free(struct packer *p);

/* The copy in a form; the caller gets one reference. NULL: out of memory. If gzip or zstd would not
 * be shorter than the board, the result is the plain board, which pack_form() recognizes by its
 * length. */
struct blob *packer_run(struct packer *p, const struct face *face, const struct board_copy *copy,
			enum board_form form);

/* The actual form of a board with this face that was requested in form `asked`. Any thread. */
enum board_form pack_form(const struct face *face, const struct blob *blob, enum board_form asked);

/* The checksum of PNG chunks; start with 0. */
uint32_t pack_crc32(uint32_t sum, const void *bytes, size_t len);

#endif
