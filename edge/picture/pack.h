/*
 * pack.h - a board's bytes in the forms that clients ask for: gzip, zstd, PNG.
 *
 * Runs on the packer thread, where taking long is allowed; touches nothing shared. The only file
 * with libdeflate, libzstd and libpng is pack.c.
 */
#ifndef PX_PICTURE_PACK_H
#define PX_PICTURE_PACK_H

#include "edge/picture/bitmap.h"
#include "engine/board.h"
#include "engine/room.h"

struct packer;

int packer_new(struct packer **ret_packer); /* -ENOMEM */
void packer_free(struct packer *p);

/* The copy in a form; NULL: no memory. One reference for the caller. gzip and zstd that would be no
 * shorter than the board are the plain board instead, which pack_form() tells by its length. */
struct blob *packer_run(struct packer *p, const struct room *room, const struct board_copy *copy,
			enum board_form form);

/* The form that the board of `room` is in, when `asked` was asked for. Any thread. */
enum board_form pack_form(const struct room *room, const struct blob *blob, enum board_form asked);

/* The checksum of PNG chunks, begun with 0. */
uint32_t pack_crc32(uint32_t sum, const void *bytes, size_t len);

#endif
