/*
 * raw_track.h - who received which broadcast message: one bit for every client and message.
 *
 * A message is identified by the time inside it (raw_stamp.h), otherwise by its bytes. A table
 * belongs to one crew while it runs; raw_track_join() is for the main thread afterwards.
 */
#ifndef PX_LOADGEN_RAW_TRACK_H
#define PX_LOADGEN_RAW_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/loadgen/load/hdr.h"
#include "tools/loadgen/load/trouble.h"

struct raw_track;

/* clients: number in this crew. -ENOMEM. */
int raw_track_new(uint32_t clients, struct raw_track **ret_track);
void raw_track_free(struct raw_track *t); /* NULL is allowed */

/* A message with this time inside is on its way to everyone. */
void raw_track_sent(struct raw_track *t, uint64_t stamp_ns, uint64_t now_ns);

/*
 * A client received a message: stamp_ns is the time inside, in the clock of now_ns, or 0; hash is
 * that of its bytes. NONE; BYTES_DIFFER: the first copy had other bytes; REPEATED: the client
 * already had this one (a message without a time may be repeated; its n-th copies are one message).
 */
enum trouble raw_track_seen(struct raw_track *t, uint32_t client, uint64_t stamp_ns, uint64_t hash,
			    uint64_t now_ns);

/* Messages from before `end_ns` that some clients of this crew have not received yet. */
uint64_t raw_track_open(const struct raw_track *t, uint64_t end_ns);

/* Messages that were not recorded, because number and memory are bounded. */
uint64_t raw_track_dropped(const struct raw_track *t);

struct raw_tracked {
	uint64_t messages; /* inside the window */
	uint64_t complete; /* received by everyone */
	uint64_t expected; /* deliveries */
	uint64_t received;
	uint64_t differ; /* had other bytes in one crew than in another */
	struct hdr last; /* from the time inside until the last client received it; complete ones */
	struct hdr spread; /* from the first client to the last; complete ones */
};

/*
 * Combines the tables of all crews for the messages of [start_ns, end_ns): by the time inside,
 * otherwise by when the first client received it. `clients`: total number. Afterwards
 * raw_track_has_all() tells whether a client received each of them. -ENOMEM.
 */
int raw_track_join(struct raw_track *const *tracks, uint32_t count, uint64_t clients,
		   uint64_t start_ns, uint64_t end_ns, struct raw_tracked *ret_tracked);
bool raw_track_has_all(const struct raw_track *t, uint32_t client);

#endif
