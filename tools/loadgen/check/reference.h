/*
 * reference.h - the first copy of every frame, and the board that the frames make.
 *
 * One per crew thread. The first client to receive a delta hands it in whole: it is decoded,
 * applied, and its hash kept in a bounded table. The others only compare length and hash with that,
 * so that each client's stream is proven equal to the reference's at the cost of one hash. The
 * packing of the board is written here a second time on purpose: it checks the server's.
 */
#ifndef PX_LOADGEN_REFERENCE_H
#define PX_LOADGEN_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "edge/codec/message.h"
#include "edge/fetch/board_fetch.h"
#include "tools/loadgen/load/trouble.h"

struct reference;

int reference_new(struct reference **ret_reference); /* -ENOMEM */
void reference_free(struct reference *r);            /* NULL is fine */

bool reference_is_loaded(const struct reference *r);

/* Begins from a fetched board, whose bytes it takes over (also on failure). -EBADMSG: the length
 * does not fit the size. The first one is also kept as it was, for the fold at the end. */
int reference_load(struct reference *r, struct board_bytes *board, uint32_t width, uint32_t height,
		   unsigned bits);

/*
 * A delta as it came to some client: `message` is the whole message, `payload` its end. Loaded
 * before. TROUBLE_NONE, TROUBLE_BYTES_DIFFER or TROUBLE_UNDECODABLE.
 */
enum trouble reference_delta(struct reference *r, uint32_t epoch, const struct msg_delta *delta,
			     const uint8_t *payload, const uint8_t *message, size_t message_len);

uint32_t reference_epoch(const struct reference *r);
uint64_t reference_seq(const struct reference *r);
uint64_t reference_frames(const struct reference *r); /* different ones seen */
unsigned reference_bits(const struct reference *r);
const uint8_t *reference_bytes(const struct reference *r, size_t *ret_len);

/* The board as it was first loaded. */
const struct board_bytes *reference_start(const struct reference *r);

uint8_t packed_get(const uint8_t *bytes, unsigned bits, uint32_t cell);
void packed_set(uint8_t *bytes, unsigned bits, uint32_t cell, uint8_t color);

#endif
