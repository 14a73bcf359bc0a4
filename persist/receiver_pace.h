/*
 * receiver_pace.h - how fast a receiver catches up.
 *
 * What it sends takes a core and a disk from somebody, who may be the journal: while people place,
 * what is behind goes in small batches, and behind each it rests as long as the batch took, a
 * second at most. When nobody does, it is as fast as it can. One thread.
 */
#ifndef PX_PERSIST_RECEIVER_PACE_H
#define PX_PERSIST_RECEIVER_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct receiver_pace {
	uint64_t durable_lsn; /* as it was seen last */
	uint64_t grown_ns;    /* when it had grown; 0: not yet */
	uint64_t began_ns;    /* the batch at hand; 0: there is none */
	uint64_t rest_until_ns;
};

/* Begins anew, also after trouble, for which nobody rests. What is durable before the first batch
 * is no sign of people who place. */
void receiver_pace_start(struct receiver_pace *p, uint64_t durable_lsn);

/* At every turn: right behind a batch it sees how long that took. */
void receiver_pace_look(struct receiver_pace *p, uint64_t durable_lsn, uint64_t now_ns);
bool receiver_pace_is_gentle(const struct receiver_pace *p, uint64_t now_ns);

/* How long it rests still. */
uint64_t receiver_pace_rest_ns(const struct receiver_pace *p, uint64_t now_ns);
void receiver_pace_batch(struct receiver_pace *p, uint64_t now_ns); /* one begins */

#endif
