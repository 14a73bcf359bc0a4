/*
 * ledger.h - every acknowledgement of a run, and what must hold for all of them together.
 *
 * Each crew keeps its own; after the crews have ended, the main thread merges them and checks.
 */
#ifndef PX_LOADGEN_LEDGER_H
#define PX_LOADGEN_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "edge/fetch/board_fetch.h"

struct ack {
	uint64_t request;
	uint64_t seq;
	uint32_t cell;
	uint32_t client : 24; /* its number across all threads */
	uint32_t color : 8;
};

struct ledger {
	struct ack *acks;
	size_t count;
	size_t room;
};

/* false: out of memory, and the acknowledgement is not kept. Memory doubles, so this is rarely
 * slow. */
bool ledger_add(struct ledger *l, const struct ack *ack);

/* Moves everything in `from` to `to`, without holding it twice. false: out of memory. */
bool ledger_move(struct ledger *to, struct ledger *from);
void ledger_fini(struct ledger *l);

struct ledger_verdict {
	uint64_t twice; /* acknowledgements that share their seq with another one */
	uint64_t lost;  /* acknowledged, but above the final seq or not on the board */
	bool folded;    /* every seq of the run is ours, so the whole board was checked */
};

/* Sorts the ledger by seq. `start` and `final` are boards of one epoch and size; without bytes in
 * `start` only seqs are checked. */
void ledger_check(struct ledger *l, const struct board_bytes *start,
		  const struct board_bytes *final, unsigned bits,
		  struct ledger_verdict *ret_verdict);

/* One line each: request,seq,cell,color,client. 0 or -errno. */
int ledger_write(const struct ledger *l, const char *path);

#endif
