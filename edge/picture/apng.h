/*
 * apng.h - an animated PNG from whole PNGs of one size and palette, chunk by chunk.
 *
 * The first picture provides header, palette and first frame; only the image data of the others is
 * used. Bytes are written by a function of the caller's. Otherwise pure; any thread.
 */
#ifndef PX_PICTURE_APNG_H
#define PX_PICTURE_APNG_H

#include <stddef.h>
#include <stdint.h>

struct apng {
	/* set by the caller */
	void *arg;
	int (*put)(void *arg, const void *bytes, size_t len); /* 0 or -errno */
	uint32_t frames;   /* number of frames that will follow */
	uint32_t delay_ms; /* of each: 1..65535 */
	/* private, zero at first */
	uint32_t sequence;
	uint32_t frames_put;
};

/* The next frame. 0; -EINVAL: not a PNG made by packer_run(); or the error of put(). */
int apng_frame_put(struct apng *a, const uint8_t *png, size_t len);

/* After the last frame. */
int apng_end_put(struct apng *a);

#endif
