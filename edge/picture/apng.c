/*
 * apng.c - see apng.h.
 *
 *	signature | IHDR | acTL | PLTE | fcTL IDAT ... | fcTL fdAT ... | ... | IEND
 *
 * fdAT is IDAT preceded by a number; fcTL and fdAT are counted together, from 0.
 */
#include "edge/picture/apng.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "edge/picture/pack.h"

#define SIGNATURE_BYTES  8u
#define CHUNK_HEAD_BYTES 8u
#define CHUNK_SUM_BYTES  4u
#define IHDR_BYTES       13u
#define FRAME_BYTES      26u

static uint32_t number_get(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void number_put(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 24);
	at[1] = (uint8_t)(value >> 16);
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
}

/* A chunk whose data is `front` and then `data`. */
static int chunk_put(struct apng *a, const char *type, const uint8_t *front, size_t front_len,
		     const uint8_t *data, size_t len)
{
	uint8_t head[CHUNK_HEAD_BYTES], sum[CHUNK_SUM_BYTES];
	uint32_t crc;
	int rc;

	number_put(head, (uint32_t)(front_len + len));
	memcpy(head + 4, type, 4);
	crc = pack_crc32(0, head + 4, 4);
	crc = pack_crc32(crc, front, front_len);
	crc = pack_crc32(crc, data, len);
	number_put(sum, crc);
	rc = a->put(a->arg, head, sizeof(head));
	if (rc == 0 && front_len > 0)
		rc = a->put(a->arg, front, front_len);
	if (rc == 0 && len > 0)
		rc = a->put(a->arg, data, len);
	return rc == 0 ? a->put(a->arg, sum, sizeof(sum)) : rc;
}

static int animation_put(struct apng *a)
{
	uint8_t body[8];

	number_put(body, a->frames);
	number_put(body + 4, 0); /* played for ever */
	return chunk_put(a, "acTL", body, sizeof(body), NULL, 0);
}

static int frame_head_put(struct apng *a, const uint8_t *ihdr)
{
	uint8_t body[FRAME_BYTES] = {0};

	number_put(body, a->sequence++);
	memcpy(body + 4, ihdr, 8); /* width, height; at 0, 0 */
	body[20] = (uint8_t)(a->delay_ms >> 8);
	body[21] = (uint8_t)a->delay_ms;
	body[22] = 1000 >> 8;
	body[23] = 1000 & 255;
	return chunk_put(a, "fcTL", body, sizeof(body), NULL, 0);
}

static int picture_put(struct apng *a, const uint8_t *data, size_t len)
{
	uint8_t number[4];

	if (a->frames_put == 0)
		return chunk_put(a, "IDAT", NULL, 0, data, len);
	number_put(number, a->sequence++);
	return chunk_put(a, "fdAT", number, sizeof(number), data, len);
}

struct walk {
	const uint8_t *ihdr;
	bool in_picture;
};

static int chunk_take(struct apng *a, struct walk *w, const uint8_t *type, const uint8_t *data,
		      size_t len)
{
	int rc = 0;

	if (memcmp(type, "IHDR", 4) == 0 && len == IHDR_BYTES) {
		w->ihdr = data;
		if (a->frames_put > 0)
			return 0;
		rc = chunk_put(a, "IHDR", NULL, 0, data, len);
		return rc == 0 ? animation_put(a) : rc;
	}
	if (w->ihdr == NULL)
		return -EINVAL;
	if (memcmp(type, "PLTE", 4) == 0 && a->frames_put == 0)
		return chunk_put(a, "PLTE", NULL, 0, data, len);
	if (memcmp(type, "IDAT", 4) != 0)
		return 0;
	if (!w->in_picture)
		rc = frame_head_put(a, w->ihdr);
	w->in_picture = true;
	return rc == 0 ? picture_put(a, data, len) : rc;
}

int apng_frame_put(struct apng *a, const uint8_t *png, size_t len)
{
	size_t at = SIGNATURE_BYTES;
	struct walk w = {.ihdr = NULL};
	int rc = 0;

	if (len < SIGNATURE_BYTES)
		return -EINVAL;
	if (a->frames_put == 0)
		rc = a->put(a->arg, png, SIGNATURE_BYTES);
	while (rc == 0 && at < len) {
		size_t left = len - at, body;

		if (left < CHUNK_HEAD_BYTES + CHUNK_SUM_BYTES)
			return -EINVAL;
		body = number_get(png + at);
		if (body > left - CHUNK_HEAD_BYTES - CHUNK_SUM_BYTES)
			return -EINVAL;
		rc = chunk_take(a, &w, png + at + 4, png + at + CHUNK_HEAD_BYTES, body);
		at += CHUNK_HEAD_BYTES + body + CHUNK_SUM_BYTES;
	}
	if (rc == 0 && !w.in_picture)
		return -EINVAL;
	a->frames_put++;
	return rc;
}

int apng_end_put(struct apng *a)
{
	return chunk_put(a, "IEND", NULL, 0, NULL, 0);
}
