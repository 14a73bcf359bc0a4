/*
 * full_copy.h - all boards as they are at one lsn, for a thread that is not the writer's.
 *
 *	FREE ── ask ──▶ ASKED ── the writer copies ──▶ READY ── return ──▶ FREE
 *
 * A slot between the writer and one who asks; who has several in use has several slots. What is in
 * it belongs to the writer while it is ASKED, else to the asker.
 */
#ifndef PX_ENGINE_FULL_COPY_H
#define PX_ENGINE_FULL_COPY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/board.h"
#include "engine/room.h"

struct full_copy {
	/* When it is ready. The boards have what every record up to `lsn` did, and nothing of those
	 * behind it. It need not be durable yet. */
	uint64_t lsn;
	uint32_t count;
	struct full_copy_board {
		struct board_copy *copy;
		uint16_t number;
	} boards[ROOMS_MAX];
	/* private */
	_Atomic uint32_t state;
};

/* --- whoever asks --- */

void full_copy_ask(struct full_copy *c); /* it is FREE; then the writer is to be woken */
bool full_copy_is_ready(const struct full_copy *c);
void full_copy_return(struct full_copy *c); /* it is READY */

/* --- the writer --- */

bool full_copy_is_asked(const struct full_copy *c);
void full_copy_add(struct full_copy *c, uint16_t number, struct board_copy *copy); /* a reference */
void full_copy_ready(struct full_copy *c, uint64_t lsn);

/* Both threads are gone. In whatever state it is. */
void full_copy_fini(struct full_copy *c);

#endif
