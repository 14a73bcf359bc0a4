/*
 * reference.h - the first copy of every frame, and the board that the frames build.
 *
 * One per crew thread. The first client to receive a delta passes it in whole: it is decoded and
 * applied, and its hash is kept in a bounded table. All others only compare length and hash with
 * that, so each client's stream is proven equal to the reference's at the cost of one hash. Packing
 * the board is implemented here a second time on purpose: it checks the server's.
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
void reference_free(struct reference *r);            /* NULL is allowed */

bool reference_is_loaded(const struct reference *r);

/* Starts from a fetched board and takes ownership of its bytes (also on failure). -EBADMSG: the
 * length does not fit the size. The first board is also kept unchanged, for the final fold. */
int reference_load(struct reference *r, struct board_bytes *board, uint32_t width, uint32_t height,
		   unsigned bits);

/*
 * A delta as some client received it: `message` is the whole message, `payload` its end. Requires a
 * loaded board. TROUBLE_NONE, TROUBLE_BYTES_DIFFER or TROUBLE_UNDECODABLE.
 */
enum trouble reference_delta(struct reference *r, uint32_t epoch, const struct msg_delta *delta,
			     const uint8_t *payload, const uint8_t *message, size_t message_len);

uint32_t reference_epoch(const struct reference *r);
uint64_t reference_seq(const struct reference *r);
uint64_t reference_frames(const struct reference *r); /* distinct ones seen */
unsigned reference_bits(const struct reference *r);
const uint8_t *reference_bytes(const struct reference *r, size_t *ret_len);

/* The board as first loaded. */
const struct board_bytes *reference_start(const struct reference *r);

uint8_t packed_get(const uint8_t *bytes, unsigned bits, uint32_t cell);
void packed_set(uint8_t *bytes, unsigned bits, uint32_t cell, uint8_t color);

#endif
