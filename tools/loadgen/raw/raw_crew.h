/*
 * raw_crew.h - one thread of clients of any WebSocket server.
 *
 * The main thread makes, starts and joins crews, sets the phase, and reads the atomics while they
 * run. It may call the functions after "after the end" only once the thread was joined.
 */
#ifndef PX_LOADGEN_RAW_CREW_H
#define PX_LOADGEN_RAW_CREW_H

#include <stdatomic.h>
#include <stdint.h>

#include "tools/loadgen/load/hdr.h"
#include "tools/loadgen/net/crew.h"
#include "tools/loadgen/raw/raw_options.h"
#include "tools/loadgen/raw/raw_track.h"

struct raw_shared {
	struct crew_shared crew;
	const struct raw_options *options;
	uint64_t unix_offset_ns; /* Unix time = monotonic + this, for the whole run */
	uint64_t began_ns;
	/* SETTLE: messages from before this are awaited; UINT64_MAX: not known yet */
	_Atomic uint64_t open_until_ns;
};

/* In addition to those of its crew. Written by the crew, read by any thread: relaxed. */
struct raw_stats {
	_Atomic uint64_t sent;
	_Atomic uint64_t echoed;
	_Atomic uint64_t awaited; /* SETTLE: broadcasts that some client has not received yet */
	_Atomic uint64_t looked;  /* SETTLE: how often `awaited` was counted */
	_Atomic uint64_t bytes_out;
};

struct raw_crew;

/* The thread is its crew's; `ack` of its last second has the latencies of echoes, otherwise of
 * broadcasts. Freed with crew_free() also on failure. -ENOMEM. */
int raw_crew_new(struct raw_shared *shared, uint32_t number, struct crew **ret_crew);

static inline struct raw_crew *raw_crew_of(const struct crew *crew)
{
	return (struct raw_crew *)(uintptr_t)crew; /* its first member */
}

const struct raw_stats *raw_crew_stats(const struct raw_crew *w);

/* --- after the end --- */

struct raw_track *raw_crew_track(const struct raw_crew *w);
const struct hdr *raw_crew_echo_hdr(const struct raw_crew *w);
const struct hdr *raw_crew_visible_hdr(const struct raw_crew *w);
const struct hdr *raw_crew_connect_hdr(const struct raw_crew *w);

/* When the first connect began, and when the last client was connected; widened to that. */
void raw_crew_connected_add(const struct raw_crew *w, uint64_t *first_ns, uint64_t *last_ns);

/* Clients that were connected to the end; of those, the ones that received everything they had to.
 * With broadcasts only after raw_track_join(). */
void raw_crew_clients_count(const struct raw_crew *w, uint64_t *ret_stood, uint64_t *ret_whole);

#endif
