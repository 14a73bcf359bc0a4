/*
 * stream.h - the broadcast as the first client of a thread got it: a log of whole frames.
 *
 * The server sends every client a piece of one and the same sequence of bytes. So whoever comes
 * second needs no parser: a client is a place in the stream, what it receives must be the bytes
 * that stand there, and a message that arrives in pieces needs no memory. Bytes that differ are no
 * verdict; they are parsed and judged one by one (client_message.c), as are those of the first.
 *
 * One per crew, on its thread. The oldest frames go when there is no room.
 */
#ifndef PX_LOADGEN_STREAM_H
#define PX_LOADGEN_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_NONE UINT64_MAX

struct stream;

/* Frames are numbered on and on, also over a restart. */
struct stream_frame {
	uint64_t first, last; /* the seqs that it brings; first > last: none (a status) */
	uint64_t deltas;      /* in the stream up to this frame, itself included */
	uint64_t at;          /* of its bytes */
	uint32_t len;
};

/* Where a client stands. */
struct stream_place {
	uint64_t frame; /* the one to come, or that it is in; STREAM_NONE: in none of ours */
	uint32_t at;    /* bytes of it that it has */
};

int stream_new(struct stream **ret_stream); /* -ENOMEM */
void stream_free(struct stream *s);         /* NULL is fine */

/* A whole binary message that the server sent, the next one. Before one that does not go on where
 * the stream ends there is a wall: who stands in front of it matches nothing more. Returns the
 * place behind the message; frame STREAM_NONE: it is too large. first > last: it brings no seqs. */
struct stream_place stream_append(struct stream *s, uint32_t epoch, const uint8_t *message,
				  size_t len, uint64_t first, uint64_t last);

/* The place behind the delta first..last; frame STREAM_NONE when that is not there. */
struct stream_place stream_behind(const struct stream *s, uint64_t first, uint64_t last);

/* Behind everything. */
bool stream_is_end(const struct stream *s, const struct stream_place *p);

/* The last seq, and its epoch; 0 when there is none. */
uint64_t stream_last(const struct stream *s);
uint32_t stream_epoch(const struct stream *s);

/* How many of the bytes are those of the stream from this place on: whole frames, and a frame's
 * begin when `len` ends there. Moves the place by as much. */
size_t stream_match(const struct stream *s, struct stream_place *p, const uint8_t *bytes,
		    size_t len);

/* What the place needs is there no more. */
bool stream_is_gone(const struct stream *s, const struct stream_place *p);

/* It is there, and will be for a while: less than half of all that fits has come since. */
bool stream_holds(const struct stream *s, const struct stream_place *p);

/* Held. */
const struct stream_frame *stream_frame(const struct stream *s, uint64_t number);
uint8_t *stream_bytes(const struct stream *s, const struct stream_frame *f);

#endif
