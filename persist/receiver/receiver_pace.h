/*
 * receiver_pace.h - how fast a receiver catches up.
 *
 * Receiving costs a core and a disk, which may be the journal's: while users are placing, a backlog
 * is sent in small batches at a bounded rate, or at twice the rate of placing if that is higher.
 * When nobody is placing, it goes as fast as it can. One thread.
 */
#ifndef PX_RECEIVER_RECEIVER_PACE_H
#define PX_RECEIVER_RECEIVER_PACE_H

#include <stdint.h>

#define RECEIVER_PACE_NO_LIMIT UINT64_MAX

struct receiver_pace {
	uint64_t per_second;  /* the limit; 0: none */
	uint64_t durable_lsn; /* as last seen */
	uint64_t grown_ns;    /* when it last grew; 0: not yet */
	uint64_t mark_lsn; /* durable_lsn at mark_ns, when the rate of placing was last measured */
	uint64_t mark_ns;
	uint64_t placed_per_second;
	uint64_t rest_until_ns;
};

/* Starts over without a rest, also after trouble. What was durable before the first batch does not
 * count as placing. */
void receiver_pace_start(struct receiver_pace *p, uint64_t per_second, uint64_t durable_lsn,
			 uint64_t now_ns);

/* At every turn. */
void receiver_pace_look(struct receiver_pace *p, uint64_t durable_lsn, uint64_t now_ns);

/* Most records for the next batch, or RECEIVER_PACE_NO_LIMIT. */
uint64_t receiver_pace_records(const struct receiver_pace *p, uint64_t now_ns);

/* A batch of `records` was started at began_ns. */
void receiver_pace_batch(struct receiver_pace *p, uint64_t records, uint64_t began_ns);

/* Nanoseconds left to rest. */
uint64_t receiver_pace_rest_ns(const struct receiver_pace *p, uint64_t now_ns);

#endif
