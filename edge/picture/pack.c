/* pack.c - see pack.h. Owner: the packer thread. */
#include "edge/picture/pack.h"

#include <errno.h>
#include <libdeflate.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "engine/base/assert.h"
#include "engine/base/blob.h"

#define GZIP_LEVEL                                                                                 \
	1 /* a board every few seconds: speed first; level 6 saves 6 % and takes 4 times as long */
#define ZSTD_LEVEL 1

struct packer {
	struct libdeflate_compressor *gzip;
	ZSTD_CCtx *zstd;
};

int packer_new(struct packer **ret_packer)
{
	struct packer *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	p->gzip = libdeflate_alloc_compressor(GZIP_LEVEL);
	p->zstd = ZSTD_createCCtx();
	if (p->gzip == NULL || p->zstd == NULL) {
		packer_free(p);
		return -ENOMEM;
	}
	*ret_packer = p;
	return 0;
}

void packer_free(struct packer *p)
{
	if (p == NULL)
		return;
	if (p->gzip != NULL)
		libdeflate_free_compressor(p->gzip);
	(void)ZSTD_freeCCtx(p->zstd);
	free(p);
}

static struct blob *pack_plain(const struct board_copy *copy)
{
	struct blob *blob = blob_new(copy->len);

	if (blob != NULL)
		memcpy(blob->bytes, copy->bytes, copy->len);
	return blob;
}

/* Shorter than the board, or NULL with *ret_long: it would not be. */
static struct blob *pack_gzip(struct packer *p, const struct board_copy *copy, bool *ret_long)
{
	struct blob *blob = blob_new(copy->len);

	if (blob == NULL)
		return NULL;
	blob->len = libdeflate_gzip_compress(p->gzip, copy->bytes, copy->len, blob->bytes,
					     copy->len - 1);
	if (blob->len > 0)
		return blob;
	blob_unref(blob);
	*ret_long = true;
	return NULL;
}

static struct blob *pack_zstd(struct packer *p, const struct board_copy *copy, bool *ret_long)
{
	struct blob *blob = blob_new(copy->len);

	if (blob == NULL)
		return NULL;
	blob->len = ZSTD_compressCCtx(p->zstd, blob->bytes, copy->len - 1, copy->bytes, copy->len,
				      ZSTD_LEVEL);
	if (!ZSTD_isError(blob->len))
		return blob;
	px_assert(ZSTD_getErrorCode(blob->len) == ZSTD_error_dstSize_tooSmall);
	blob_unref(blob);
	*ret_long = true;
	return NULL;
}

/* --- PNG: the board's own bits are an indexed picture's, but rows begin at whole bytes there ---
 * */

struct png_sink {
	struct blob *blob;
	size_t room;
	bool full;
};

static void png_take(png_structp png, png_bytep bytes, size_t len)
{
	struct png_sink *sink = png_get_io_ptr(png);

	if (sink->full || sink->blob->len + len > sink->room) {
		sink->full = true;
		return;
	}
	memcpy(sink->blob->bytes + sink->blob->len, bytes, len);
	sink->blob->len += len;
}

static void png_flush_nothing(png_structp png)
{
	(void)png;
}

static void row_unpack(const struct face *face, const uint8_t *board, uint32_t y, uint8_t *row)
{
	unsigned bits = face->bits, per_byte = 8 / bits, mask = (1u << bits) - 1;
	size_t cell = (size_t)y * face->width;

	for (uint32_t x = 0; x < face->width; x++, cell++) {
		unsigned shift = 8 - bits * ((unsigned)(cell % per_byte) + 1);

		row[x] = (uint8_t)((unsigned)board[cell / per_byte] >> shift & mask);
	}
}

static void png_head(png_structp png, png_infop info, const struct face *face)
{
	png_color colors[BOARD_COLORS_MAX];
	unsigned count = 1u << face->bits;

	memset(colors, 0, sizeof(colors));
	for (unsigned i = 0; i < count && i < face->palette_len; i++)
		colors[i] = (png_color){.red = (png_byte)(face->palette[i].rgb >> 16),
					.green = (png_byte)(face->palette[i].rgb >> 8),
					.blue = (png_byte)face->palette[i].rgb};
	png_set_IHDR(png, info, face->width, face->height, face->bits, PNG_COLOR_TYPE_PALETTE,
		     PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_set_PLTE(png, info, colors, (int)count);
	png_set_compression_level(png, 3);
	png_set_filter(png, 0, PNG_FILTER_NONE);
	png_write_info(png, info);
	png_set_packing(png);
}

/* libpng leaves by longjmp on an error; nothing that is freed here changes after setjmp. */
static bool png_write(png_structp png, png_infop info, const struct face *face,
		      const uint8_t *board, uint8_t *row)
{
	if (setjmp(png_jmpbuf(png)))
		return false;
	png_head(png, info, face);
	for (uint32_t y = 0; y < face->height; y++) {
		row_unpack(face, board, y, row);
		png_write_row(png, row);
	}
	png_write_end(png, info);
	return true;
}

static struct blob *pack_png(const struct face *face, const struct board_copy *copy)
{
	struct png_sink sink = {.room = copy->len + copy->len / 8 + 65536};
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png != NULL ? png_create_info_struct(png) : NULL;
	uint8_t *row = malloc(face->width);
	bool good = false;

	sink.blob = blob_new(sink.room);
	if (info != NULL && row != NULL && sink.blob != NULL) {
		sink.blob->len = 0;
		png_set_write_fn(png, &sink, png_take, png_flush_nothing);
		good = png_write(png, info, face, copy->bytes, row) && !sink.full;
	}
	png_destroy_write_struct(&png, &info);
	free(row);
	if (good)
		return sink.blob;
	blob_unref(sink.blob);
	return NULL;
}

uint32_t pack_crc32(uint32_t sum, const void *bytes, size_t len)
{
	return len == 0 ? sum : libdeflate_crc32(sum, bytes, len); /* it takes NULL for a new sum */
}

struct blob *packer_run(struct packer *p, const struct face *face, const struct board_copy *copy,
			enum board_form form)
{
	bool is_long = false;
	struct blob *blob;

	px_assert(copy->len > 0);
	switch (form) {
	case FORM_IDENTITY:
		return pack_plain(copy);
	case FORM_GZIP:
		blob = pack_gzip(p, copy, &is_long);
		break;
	case FORM_ZSTD:
		blob = pack_zstd(p, copy, &is_long);
		break;
	case FORM_PNG:
		return pack_png(face, copy);
	case BOARD_FORMS:
	default:
		px_unreachable("form of a board");
	}
	return is_long ? pack_plain(copy) : blob;
}

enum board_form pack_form(const struct face *face, const struct blob *blob, enum board_form asked)
{
	size_t plain = ((size_t)face->width * face->height * face->bits + 7) / 8;

	if (asked != FORM_GZIP && asked != FORM_ZSTD)
		return asked;
	px_assert(blob->len <= plain);
	return blob->len == plain ? FORM_IDENTITY : asked;
}
