/*
 * follow.h - the order of sequence numbers, as one client sees it.
 *
 * Pure: messages in, verdict out. One per client, kept by its thread. A subscription must bring,
 * without a gap and without a repetition, everything from the seq that it began with
 * (docs/protocol.md).
 */
#ifndef PX_LOADGEN_FOLLOW_H
#define PX_LOADGEN_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "edge/codec/message.h"
#include "tools/loadgen/load/trouble.h"

struct follow {
	uint64_t seq;         /* everything up to here is held (or was missed, and counted) */
	uint64_t start;       /* seq of the first subscription */
	uint64_t stream_last; /* last of the latest delta of this subscription */
	uint64_t missed;      /* seqs in gaps */
	uint32_t epoch;
	bool joined;    /* has had a subscription */
	bool streaming; /* stream_last is set */
	bool wrong;     /* had trouble that makes its board worthless */
};

/* resuming: the subscribe asked to. */
enum trouble follow_subscribed(struct follow *f, const struct msg_subscribed *m, bool resuming);

/* *ret_from: the first seq that is new to this client; above m->last when nothing is. Set always.
 * After trouble the client goes on behind the delta, so that one mistake is told once. */
enum trouble follow_delta(struct follow *f, const struct msg_delta *m, uint64_t *ret_from);

/* The next deltas came, up to `last`, each as it must be: they are those of another, who was told
 * so by follow_delta(), and who stood where this one stands. */
void follow_passed(struct follow *f, uint64_t last);

enum trouble follow_status(struct follow *f, const struct msg_status *m);

/* The board was fetched anew and stands at (epoch, seq); never goes back. */
void follow_fetched(struct follow *f, uint32_t epoch, uint64_t seq);

/* How many of the seqs from start to `final` arrived. */
uint64_t follow_received(const struct follow *f, uint64_t final);

#endif
