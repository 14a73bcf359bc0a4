/*
 * painter.h - the placements of one client: which are due, sent, answered.
 *
 * Painter p of P owns the placements p, p + P, p + 2P, ... of the plan; the k-th of them has the
 * request id p + kP + 1. Counters over k:
 *
 *	tail <= sent <= head <= limit      tail: all below are answered
 *	                                   sent: all below were handed to the connection
 *	                                   head: all below are due
 *
 * head - tail never exceeds the window. Owner: the client's crew.
 */
#ifndef PX_LOADGEN_PAINTER_H
#define PX_LOADGEN_PAINTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/loadgen/load/latency.h"
#include "tools/loadgen/pixel/plan.h"

#define PAINTER_PLACE_BYTES  22  /* a masked frame with one place message */
#define PAINTER_URGENT_BYTES 140 /* one alive or pong that is sent first */

struct pending {
	struct span span; /* begun: when last handed to the connection */
	bool answered;
	bool chosen; /* `color` was sent, so it must not change any more */
	uint8_t color;
};

struct painter {
	uint64_t tail, sent, head, limit;
	uint64_t sent_ever; /* highest value that `sent` has had */
	struct pending *pending;
	uint8_t *out; /* bytes of the send in flight, or of the next one */
	size_t out_len;
	const char *token;
	uint32_t client;   /* index at its crew */
	uint32_t number;   /* p */
	uint32_t painters; /* P */
	uint32_t window;
	uint8_t urgent_len;
	uint64_t rests_until_ns; /* the server's cooldown, as last reported */
	bool asking;             /* reconnected: waiting for what the server has of it */
	bool ready;              /* is in the crew's list of clients with something to send */
	bool gone;               /* its client will not come back */
	uint8_t urgent[PAINTER_URGENT_BYTES];
};

/* What place messages need to know about the board. */
struct canvas {
	uint32_t width, height;
	unsigned bits;
	uint32_t colors; /* of the palette, as far as known; it may change */
	uint16_t board;
};

/* count: placements in the plan. -ENOMEM. */
int painter_init(struct painter *p, uint32_t number, uint32_t painters, uint32_t window,
		 uint64_t count);
void painter_fini(struct painter *p);

bool painter_has_room(const struct painter *p);
void painter_assign(struct painter *p, uint64_t intended_ns); /* one more is due; requires room */
uint64_t painter_index(const struct painter *p, uint64_t k);  /* in the plan */

/* Appends to `out` what is due and not sent, or was sent on a lost connection. Not while `out`
 * belongs to the ring. Returns how many of them were sent before. */
uint32_t painter_encode(struct painter *p, const struct plan *plan, const struct canvas *canvas,
			uint64_t now_ns, uint64_t *rng);

/* An answer to this request. false: it is not awaited. */
bool painter_answer(struct painter *p, uint64_t request, struct pending *ret_pending);

/* The connection is lost: what is unanswered will be sent again. */
void painter_broke(struct painter *p);

/* The server reports that it accepted everything up to this request: those are answered. Returns
 * how many were not answered before; ret_last->answered: last_request itself was one of them, and
 * *ret_last is its entry. */
uint32_t painter_look_up(struct painter *p, uint64_t last_request, struct pending *ret_last);

uint64_t painter_waiting(const struct painter *p); /* due, but not answered */

#endif
