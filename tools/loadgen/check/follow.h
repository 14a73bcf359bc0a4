/*
 * follow.h - the order of sequence numbers, as one client sees it.
 *
 * Pure: messages in, verdict out. One per client, on its thread. A subscription must deliver
 * everything from the seq it starts at, without gaps and without repetitions (docs/protocol.md).
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
	uint64_t missed;      /* seqs lost in gaps */
	uint32_t epoch;
	bool joined;    /* has had a subscription */
	bool streaming; /* stream_last is set */
	bool wrong;     /* had trouble that makes its board worthless */
};

/* `resuming`: the subscribe asked to resume. */
enum trouble follow_subscribed(struct follow *f, const struct msg_subscribed *m, bool resuming);

/* *ret_from, always set: the first seq that is new to this client; above m->last when none is.
 * After trouble the client continues after the delta, so that one mistake is reported once. */
enum trouble follow_delta(struct follow *f, const struct msg_delta *m, uint64_t *ret_from);

/* All further deltas up to `last` arrived, each correct: they equal those of another client,
 * checked by follow_delta(), that was at the same position. */
void follow_passed(struct follow *f, uint64_t last);

enum trouble follow_status(struct follow *f, const struct msg_status *m);

/* The board was fetched again, as of (epoch, seq); never moves back. */
void follow_fetched(struct follow *f, uint32_t epoch, uint64_t seq);

/* How many of the seqs from start to `final` arrived. */
uint64_t follow_received(const struct follow *f, uint64_t final);

#endif
