/*
 * apng.h - an animated PNG out of whole PNGs of one size and palette, chunk by chunk.
 *
 * The first picture gives head, palette and first frame; of the others only the picture is taken.
 * Bytes go out through a function of the caller's. Pure otherwise; any thread.
 */
#ifndef PX_PICTURE_APNG_H
#define PX_PICTURE_APNG_H

#include <stddef.h>
#include <stdint.h>

struct apng {
	/* set by the caller */
	void *arg;
	int (*put)(void *arg, const void *bytes, size_t len); /* 0 or -errno */
	uint32_t frames;                                      /* how many will come */
	uint32_t delay_ms;                                    /* of each: 1..65535 */
	/* private, zero at first */
	uint32_t sequence;
	uint32_t frames_put;
};

/* The next frame. 0; -EINVAL: it is no PNG that packer_run() made; what put() said. */
int apng_frame_put(struct apng *a, const uint8_t *png, size_t len);

/* After the last frame. */
int apng_end_put(struct apng *a);

#endif
