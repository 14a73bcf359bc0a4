/*
 * full_copy.h - all boards as of one lsn, for a thread other than the writer's.
 *
 *	FREE ── ask ──▶ ASKED ── the writer copies ──▶ READY ── return ──▶ FREE
 *
 * A slot between the writer and one asking thread; a thread that needs several copies has several
 * slots. The content belongs to the writer in ASKED, otherwise to the asking thread.
 */
#ifndef PX_ENGINE_FULL_COPY_H
#define PX_ENGINE_FULL_COPY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/board.h"
#include "engine/room.h"

struct full_copy {
	/* Valid in READY. The boards have every record up to `lsn` applied, and none after it. It
	 * need not be durable yet. */
	uint64_t lsn;
	uint32_t count;
	struct full_copy_board {
		struct board_copy *copy;
		uint16_t number;
	} boards[ROOMS_MAX];
	/* private */
	_Atomic uint32_t state;
};

/* --- the asking thread --- */

void full_copy_ask(struct full_copy *c); /* must be FREE; wake the writer afterwards */
bool full_copy_is_ready(const struct full_copy *c);
void full_copy_return(struct full_copy *c); /* must be READY */

/* --- the writer --- */

bool full_copy_is_asked(const struct full_copy *c);

/* takes over a reference */
void full_copy_add(struct full_copy *c, uint16_t number, struct board_copy *copy);
void full_copy_ready(struct full_copy *c, uint64_t lsn);

/* In any state, once both threads have ended. */
void full_copy_fini(struct full_copy *c);

#endif
