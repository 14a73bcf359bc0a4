/*
 * raw_priv.h - shared by the files of one raw thread: its structs.
 */
#ifndef PX_LOADGEN_RAW_PRIV_H
#define PX_LOADGEN_RAW_PRIV_H

#include <stddef.h>

#include "tools/loadgen/load/schedule.h"
#include "tools/loadgen/net/crew.h"
#include "tools/loadgen/raw/raw_crew.h"

/* A message waiting for its echo. */
struct raw_pending {
	uint64_t hash;
	uint64_t intended_ns;
};

/* What a sending client has in addition. */
struct raw_sender {
	uint64_t tail, head; /* echo: tail: all below were echoed; head: all below were made */
	struct raw_pending *pending;
	uint8_t *out;  /* belongs to the ring while `sending` */
	uint8_t *next; /* filled in the meantime */
	uint32_t next_len;
	uint32_t client; /* index at its crew */
	bool sending;
	bool ready; /* is in the crew's list */
	bool gone;
};

/* One client. It is STANDING as soon as the upgrade was answered, or its first message where that
 * is asked for. An idle one costs this and no other memory of ours. */
struct raw_client {
	struct link link;
	uint8_t *first;            /* its first message, in flight */
	struct raw_sender *sender; /* NULL: only listens */
};

_Static_assert(sizeof(struct raw_client) <= 256, "512 bytes per client with its share of buffers");

struct raw_crew {
	struct crew crew;
	const struct raw_options *options;
	struct raw_shared *shared;
	struct raw_stats stats;

	struct raw_client *clients;
	struct raw_sender *senders;
	uint32_t senders_count;
	uint32_t next_sender;
	uint32_t send_room; /* bytes of each of a sender's two buffers */
	uint64_t made;      /* messages of this crew */
	uint64_t stamp_ns;  /* the last time written into a message */
	struct pace_piece steady;
	struct pace pace; /* of the piece above */
	struct schedule schedule;
	bool scheduled;   /* the schedule was started */
	uint8_t *scratch; /* a message being made */
	size_t stamp_hint;

	struct raw_track *track; /* NULL: deliveries are only counted */
	uint64_t looked_ns;      /* when the count of what is awaited was last made */
	uint64_t opened_ns;      /* start of the first connect of those that came to stand */
	uint64_t stood_ns;       /* when the last one did */
	struct hdr echo, visible, connect;
};

static inline struct raw_client *raw_client_of(const struct link *c)
{
	return (struct raw_client *)(uintptr_t)c; /* its first member */
}

/* --- raw_crew.c --- */

void raw_crew_free(struct crew *crew); /* speaker */

/* --- raw_client.c --- */

extern const struct speaker raw_speaker;

/* Not the speaker's: the client is in service. From JOINING. */
void raw_client_stands(struct raw_crew *w, struct raw_client *c);

/* --- raw_sender.c: speaker, unless said otherwise --- */

/* Messages that are due go to the senders in turn. */
void raw_senders_assign(struct crew *crew);
void raw_senders_flush(struct crew *crew);
uint64_t raw_senders_due_ns(const struct crew *crew);

/* Not the speaker's: it has, or may have, something to send at the end of this turn. */
void raw_sender_ready(struct raw_crew *w, struct raw_sender *s);

/* --- raw_message.c: speaker --- */

void raw_message(struct crew *crew, struct link *link, enum ws_opcode opcode, const uint8_t *bytes,
		 size_t len);

#endif
