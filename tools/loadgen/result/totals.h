/* totals.h - the counters of all crews, added up by the main thread. */
#ifndef PX_LOADGEN_TOTALS_H
#define PX_LOADGEN_TOTALS_H

#include <stdint.h>

#include "edge/codec/refusal.h"
#include "tools/loadgen/load/tally.h"

/* How a client disconnects in a storm: none sends a close frame. */
enum tear {
	TEAR_FIN,    /* the connection is shut down in order */
	TEAR_RESET,  /* with a reset: the server sees no FIN */
	TEAR_VANISH, /* the same, and the client stays away */
	TEARS
};

struct run_totals {
	struct tally tally;
	uint64_t placed, resent, acknowledged, looked_up, refused_all, to_place;
	uint64_t refused[REFUSAL_MAX];
	uint64_t frames;      /* of the crew that saw the most */
	uint64_t faces;       /* likewise */
	uint64_t torn[TEARS]; /* connections closed on purpose, by enum tear */
	uint64_t resumes, stale, refetches;
	uint64_t seq_sum, seq_max_sum;
};

#endif
