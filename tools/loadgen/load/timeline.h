/*
 * timeline.h - what the crowd does when: the stages that --phase names, one after another.
 *
 *	ramp:30s:0..300k              opens the clients from 0 to 300,000, evenly over the time
 *	hold:10m:rate=1000            nothing changes
 *	burst:1s:rate=10000           the same as hold, for human readers
 *	storm:10s:reconnect=20%       at its start this share of the clients disconnects, half of
 *	                              them without FIN; they reconnect and resume
 *	storm:10s:vanish=5%           the same, all without FIN, and they stay away
 *
 * Every stage may have a rate of placements. Made by the main thread, then read by all. Pure.
 */
#ifndef PX_LOADGEN_TIMELINE_H
#define PX_LOADGEN_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/loadgen/load/schedule.h"

#define TIMELINE_STAGES_MAX 1000U
#define TIMELINE_NEVER      UINT64_MAX

enum stage_kind { STAGE_RAMP, STAGE_HOLD, STAGE_BURST, STAGE_STORM };

struct stage {
	enum stage_kind kind;
	uint64_t from_ns, until_ns;        /* from the start of the run */
	double rate;                       /* placements per second; < 0: not named */
	uint32_t clients_from, clients_to; /* ramp */
	double reconnect, vanish;          /* storm: share of the clients, 0..1 */
};

struct timeline {
	struct stage *stages;
	uint32_t count, room;
};

const char *stage_kind_str(enum stage_kind kind);

/* Appends the stage that `text` describes. -EINVAL with a sentence in *ret_why (static);
 * -ENOMEM. */
int timeline_add(struct timeline *t, const char *text, const char **ret_why);
void timeline_fini(struct timeline *t);

/* Clients that are open when the run starts, and when it ends. `all`: their number without a
 * ramp. */
uint32_t timeline_clients_first(const struct timeline *t, uint32_t all);
uint32_t timeline_clients_last(const struct timeline *t, uint32_t all);

/* When client `number` (from 0) opens, from the start of the run: 0 for those open from the start,
 * TIMELINE_NEVER for those that no ramp includes. */
uint64_t timeline_opens_ns(const struct timeline *t, uint64_t number, uint32_t all);

/* Appends the rates of the stages to `pace`; a stage without a rate gets `rate`. -ENOMEM. */
int timeline_pace(const struct timeline *t, double rate, struct pace *pace);

/* The stage at this moment; NULL after the last. */
const struct stage *timeline_at(const struct timeline *t, uint64_t at_ns);

#endif
