/*
 * stream.c - the log of frames that clients are compared with.
 *
 * Owner: one crew. Memory: BYTES and a table of FRAMES, both touched as they fill. A frame is
 * contiguous: one that would cross the end begins at the start instead. Offsets only grow and name
 * a byte modulo BYTES; a frame is held while its offset is less than BYTES behind the head.
 */
#include "tools/loadgen/check/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "edge/codec/ws_frame.h"
#include "engine/base/assert.h"

#define BYTES  (4U << 20)
#define FRAMES 65536U

struct stream {
	uint64_t oldest, next; /* numbers of frames: those that are there, and the one to come */
	uint64_t begin;        /* the first behind the last wall */
	uint64_t head;         /* offset of the next byte */
	uint64_t last;
	uint64_t deltas;
	uint32_t epoch;
	struct stream_frame frames[FRAMES];
	uint8_t bytes[BYTES];
};

int stream_new(struct stream **ret_stream)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	*ret_stream = s;
	return 0;
}

void stream_free(struct stream *s)
{
	free(s);
}

const struct stream_frame *stream_frame(const struct stream *s, uint64_t number)
{
	px_assert(number >= s->oldest && number < s->next);
	return &s->frames[number % FRAMES];
}

uint8_t *stream_bytes(const struct stream *s, const struct stream_frame *f)
{
	return (uint8_t *)(uintptr_t)&s->bytes[f->at % BYTES];
}

/* --- growing ---------------------------------------------------------------------------------- */

static void frame_add(struct stream *s, const struct stream_frame *f)
{
	if (s->next - s->oldest == FRAMES)
		s->oldest++;
	s->frames[s->next++ % FRAMES] = *f;
}

/* What comes does not go on where the stream ends: a frame without bytes, which nothing matches, so
 * that no position gets past it. */
static void wall_add(struct stream *s, uint32_t epoch)
{
	frame_add(s, &(struct stream_frame){.first = s->last + 1,
					    .last = s->last,
					    .deltas = s->deltas,
					    .at = s->head});
	s->begin = s->next;
	s->epoch = epoch;
}

/* Room for one frame, in one piece. */
static uint64_t room_make(struct stream *s, uint32_t len)
{
	uint64_t at = s->head;

	if (at % BYTES + len > BYTES)
		at += BYTES - at % BYTES;
	s->head = at + len;
	while (s->oldest < s->next && stream_frame(s, s->oldest)->at + BYTES < s->head)
		s->oldest++;
	return at;
}

struct stream_position stream_append(struct stream *s, uint32_t epoch, const uint8_t *message,
				     size_t len, uint64_t first, uint64_t last)
{
	bool delta = first <= last;
	struct stream_frame f = {.first = first, .last = last};
	uint8_t *bytes;

	if (epoch != s->epoch || len > BYTES / 4 || (delta && first != s->last + 1))
		wall_add(s, epoch);
	if (len > BYTES / 4)
		return (struct stream_position){.frame = STREAM_NONE};
	f.len = (uint32_t)len + WS_HEAD_BYTES_MAX;
	f.at = room_make(s, f.len);
	bytes = stream_bytes(s, &f);
	f.len = (uint32_t)ws_head_write(bytes, true, WS_BINARY, len);
	memcpy(bytes + f.len, message, len);
	f.len += (uint32_t)len;
	s->last = delta ? last : s->last;
	f.last = delta ? last : s->last;
	f.first = delta ? first : s->last + 1;
	s->deltas += delta;
	f.deltas = s->deltas;
	frame_add(s, &f);
	return (struct stream_position){.frame = s->next};
}

/* --- places ----------------------------------------------------------------------------------- */

struct stream_position stream_behind(const struct stream *s, uint64_t first, uint64_t last)
{
	uint64_t low = s->begin > s->oldest ? s->begin : s->oldest;
	uint64_t high = s->next;

	while (low < high) { /* the first frame that ends at `last` or later */
		uint64_t middle = low + (high - low) / 2;

		if (stream_frame(s, middle)->last < last)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == s->next || stream_frame(s, low)->first != first ||
	    stream_frame(s, low)->last != last)
		return (struct stream_position){.frame = STREAM_NONE};
	return (struct stream_position){.frame = low + 1};
}

bool stream_is_end(const struct stream *s, const struct stream_position *p)
{
	return p->frame == s->next;
}

uint64_t stream_last(const struct stream *s)
{
	return s->last;
}

bool stream_is_gone(const struct stream *s, const struct stream_position *p)
{
	return p->frame < s->oldest;
}

bool stream_holds(const struct stream *s, const struct stream_position *p)
{
	if (p->frame == s->next)
		return true;
	return !stream_is_gone(s, p) && p->frame < s->next && s->next - p->frame < FRAMES / 2 &&
	       stream_frame(s, p->frame)->at + BYTES / 2 >= s->head;
}

uint32_t stream_epoch(const struct stream *s)
{
	return s->epoch;
}

size_t stream_match(const struct stream *s, struct stream_position *p, const uint8_t *bytes,
		    size_t len)
{
	size_t done = 0;

	if (stream_is_gone(s, p))
		return 0;
	while (done < len && p->frame < s->next) {
		const struct stream_frame *f = stream_frame(s, p->frame);
		size_t n = f->len - p->at;

		if (n > len - done)
			n = len - done;
		if (n == 0 || memcmp(stream_bytes(s, f) + p->at, bytes + done, n) != 0)
			break;
		done += n;
		p->at += (uint32_t)n;
		if (p->at == f->len)
			*p = (struct stream_position){.frame = p->frame + 1};
	}
	return done;
}
