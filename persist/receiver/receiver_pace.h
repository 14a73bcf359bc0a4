/*
 * receiver_pace.h - how fast a receiver catches up.
 *
 * What it sends takes a core and a disk from somebody, who may be the journal: while people place,
 * what is behind goes in small batches at a bounded rate, and at twice the rate of placing where
 * that is more. When nobody does, it is as fast as it can. One thread.
 */
#ifndef PX_RECEIVER_RECEIVER_PACE_H
#define PX_RECEIVER_RECEIVER_PACE_H

#include <stdint.h>

#define RECEIVER_PACE_NO_LIMIT UINT64_MAX

struct receiver_pace {
	uint64_t per_second;  /* the bound; 0: there is none */
	uint64_t durable_lsn; /* as it was seen last */
	uint64_t grown_ns;    /* when it had grown; 0: not yet */
	uint64_t mark_lsn;    /* as it was at mark_ns, when placing was measured last */
	uint64_t mark_ns;
	uint64_t placed_per_second;
	uint64_t rest_until_ns;
};

/* Begins anew, also after trouble, for which nobody rests. What is durable before the first batch
 * is no sign of people who place. */
void receiver_pace_start(struct receiver_pace *p, uint64_t per_second, uint64_t durable_lsn,
			 uint64_t now_ns);

/* At every turn. */
void receiver_pace_look(struct receiver_pace *p, uint64_t durable_lsn, uint64_t now_ns);

/* So many records in the next batch, or RECEIVER_PACE_NO_LIMIT. */
uint64_t receiver_pace_records(const struct receiver_pace *p, uint64_t now_ns);

/* A batch of so many records was begun. */
void receiver_pace_batch(struct receiver_pace *p, uint64_t records, uint64_t began_ns);

/* How long it rests still. */
uint64_t receiver_pace_rest_ns(const struct receiver_pace *p, uint64_t now_ns);

#endif
