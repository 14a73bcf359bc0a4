/*
 * stream.h - the broadcast as the first client of a thread received it: a log of whole frames.
 *
 * The server sends every client a part of one sequence of bytes. So every client after the first
 * needs no parser: it is a position in the stream, the bytes it receives must equal those at its
 * position, and a message that arrives in pieces needs no memory. Bytes that differ are not a
 * verdict; they are parsed and judged one by one (client_message.c), as are those of the first
 * client.
 *
 * One per crew, on its thread. The oldest frames are dropped when there is no room.
 */
#ifndef PX_LOADGEN_STREAM_H
#define PX_LOADGEN_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_NONE UINT64_MAX

struct stream;

/* Frames are numbered continuously, also across a restart. */
struct stream_frame {
	uint64_t first, last; /* the seqs it holds; first > last: none (a status) */
	uint64_t deltas;      /* in the stream up to and including this frame */
	uint64_t at;          /* of its bytes */
	uint32_t len;
};

/* A client's position. */
struct stream_position {
	uint64_t frame; /* the next one, or the one it is in; STREAM_NONE: in none of ours */
	uint32_t at;    /* bytes of it already received */
};

int stream_new(struct stream **ret_stream); /* -ENOMEM */
void stream_free(struct stream *s);         /* NULL is allowed */

/* Appends the next whole binary message from the server. A message that does not continue the
 * stream is preceded by a wall: clients before the wall match nothing after it. Returns the
 * position after the message; frame STREAM_NONE: it is too large. first > last: it holds no
 * seqs. */
struct stream_position stream_append(struct stream *s, uint32_t epoch, const uint8_t *message,
				     size_t len, uint64_t first, uint64_t last);

/* The position after the delta first..last; frame STREAM_NONE: that delta is not held. */
struct stream_position stream_behind(const struct stream *s, uint64_t first, uint64_t last);

/* Whether the position is the end of the stream. */
bool stream_is_end(const struct stream *s, const struct stream_position *p);

/* The last seq, and its epoch; 0: there is none. */
uint64_t stream_last(const struct stream *s);
uint32_t stream_epoch(const struct stream *s);

/* How many of the bytes equal those of the stream from this position on: whole frames, and the
 * start of a frame where `len` ends. Advances the position by as much. */
size_t stream_match(const struct stream *s, struct stream_position *p, const uint8_t *bytes,
		    size_t len);

/* What the position needs is no longer held. */
bool stream_is_gone(const struct stream *s, const struct stream_position *p);

/* It is held, and will be for a while: less than half of the capacity has arrived since. */
bool stream_holds(const struct stream *s, const struct stream_position *p);

/* Requires that the frame is held. */
const struct stream_frame *stream_frame(const struct stream *s, uint64_t number);
uint8_t *stream_bytes(const struct stream *s, const struct stream_frame *f);

#endif
