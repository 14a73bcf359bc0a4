/*
 * raw_track.h - who got which broadcast message: one bit for every client and message.
 *
 * A message is known by the time inside it (raw_stamp.h), else by its bytes. A table belongs to one
 * crew while it runs; raw_track_join() is for the main thread afterwards.
 */
#ifndef PX_LOADGEN_RAW_TRACK_H
#define PX_LOADGEN_RAW_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/loadgen/load/hdr.h"
#include "tools/loadgen/load/trouble.h"

struct raw_track;

/* clients: of this crew. -ENOMEM. */
int raw_track_new(uint32_t clients, struct raw_track **ret_track);
void raw_track_free(struct raw_track *t); /* NULL is fine */

/* A message with this time inside is on its way to everybody. */
void raw_track_sent(struct raw_track *t, uint64_t stamp_ns, uint64_t now_ns);

/*
 * A client got a message: stamp_ns is the time inside, in the clock of now_ns, or 0; hash is of its
 * bytes. NONE; BYTES_DIFFER: the first copy had other bytes; REPEATED: it had this one (a message
 * without a time may come again and again; its n-th copies are one message).
 */
enum trouble raw_track_seen(struct raw_track *t, uint32_t client, uint64_t stamp_ns, uint64_t hash,
			    uint64_t now_ns);

/* Messages of before `end_ns` that some clients of this crew have not got yet. */
uint64_t raw_track_open(const struct raw_track *t, uint64_t end_ns);

/* Messages that were not kept, because their number or memory has a bound. */
uint64_t raw_track_dropped(const struct raw_track *t);

struct raw_tracked {
	uint64_t messages; /* that belong to the window */
	uint64_t complete; /* that everybody got */
	uint64_t expected; /* deliveries */
	uint64_t received;
	uint64_t differ;   /* that had other bytes at one crew than at another */
	struct hdr last;   /* from the time inside until the last client got it; complete ones */
	struct hdr spread; /* from the first client to the last; complete ones */
};

/*
 * Adds up the tables of all crews for the messages of [start_ns, end_ns): by the time inside,
 * else by when the first client got it. `clients`: of all together. Afterwards raw_track_has_all()
 * says which client got each of them. -ENOMEM.
 */
int raw_track_join(struct raw_track *const *tracks, uint32_t count, uint64_t clients,
		   uint64_t start_ns, uint64_t end_ns, struct raw_tracked *ret_tracked);
bool raw_track_has_all(const struct raw_track *t, uint32_t client);

#endif
