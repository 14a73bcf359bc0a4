/*
 * pixel_priv.h - shared by the files of crew and client: one thread's structs.
 */
#ifndef PX_LOADGEN_PIXEL_PRIV_H
#define PX_LOADGEN_PIXEL_PRIV_H

#include <stddef.h>

#include "engine/base/cache_line.h"
#include "tools/loadgen/check/crowd.h"
#include "tools/loadgen/check/follow.h"
#include "tools/loadgen/check/stream.h"
#include "tools/loadgen/load/schedule.h"
#include "tools/loadgen/net/crew.h"
#include "tools/loadgen/pixel/painter.h"
#include "tools/loadgen/pixel/pixel_crew.h"

#define ALIVE_AFTER_S 50U /* after this long without sending, a client sends `alive` */

/* One client. JOINING: it subscribes; STANDING: it follows. An idle one costs this and no other
 * memory of ours. A receive whose bytes equal the stream's needs the first cache line only. */
struct client {
	_Alignas(CACHE_LINE) struct follow follow;
	/* STREAM_NONE, or after the last delta and what has arrived since */
	struct stream_position position;
	struct link link;
	struct painter *painter; /* NULL: only watches */
	/* it was disconnected on purpose until here: no visibility up to this seq */
	uint64_t missed_seq;
	uint32_t heard_s; /* with a read mark: when it last read something */
	uint16_t board;
	bool counted : 1;  /* in the crowd */
	bool stopper : 1;  /* stops reading once it follows */
	bool resuming : 1; /* the subscribe in progress asked to resume */
	bool faced : 1;    /* received `board` since it subscribed */
};

_Static_assert(sizeof(struct client) <= 256, "512 bytes per client with its share of the buffers");
_Static_assert(offsetof(struct client, link.parser) == CACHE_LINE,
	       "what a receive needs is one line");

struct pixel_crew {
	struct crew crew;
	const struct options *options;
	struct run_shared *shared;
	struct pixel_crew_stats stats;

	struct client *clients;
	uint32_t observers;
	uint64_t circle_sum, circle_max_sum; /* live reach, so far in this circle */
	uint64_t settle_ns; /* when this thread started counting who is behind; 0: not yet */
	uint64_t behind_ns; /* when it last did */
	bool reads_out;     /* it is time to read what is below the marks */

	struct painter *painters;
	uint32_t painters_count;
	uint32_t next_painter;
	struct schedule schedule;
	bool scheduled;    /* the schedule was started */
	bool unwanted;     /* a refusal ended the replay: remedy.h */
	uint32_t stage;    /* of the timeline: the next one to start, or the storm in progress */
	uint32_t storm_at; /* the next client to take part in it */
	uint64_t held_ns;  /* when a full window last delayed the schedule */
	struct canvas canvas;
	char *face; /* the text of the last `board`; NULL: none yet */
	size_t face_len;
	uint32_t face_version;

	struct reference *reference;
	struct stream *stream;
	struct ledger ledger;
	struct sight *sight;
	struct crowd *crowd;
	struct latencies latencies;
	struct hdr lag;
};

static inline struct client *client_of(const struct link *c)
{
	return (struct client *)((uintptr_t)c - offsetof(struct client, link));
}

/* --- pixel_crew.c --- */

void pixel_crew_free(struct crew *crew); /* speaker */

/* The painter has, or may have, something to send at the end of this turn. */
void pixel_painter_ready(struct pixel_crew *w, struct painter *p);

/* --- pixel_due.c: speaker --- */

uint64_t pixel_opens_ns(const struct crew *crew, uint64_t number);

/* Disconnects clients on purpose and assigns placements that are due. */
void pixel_due(struct crew *crew);

/* When the next placement is due; UINT64_MAX: none. */
uint64_t pixel_due_ns(const struct crew *crew);

/* A plan without times of its own is due whenever a window has room. */
void pixel_painter_fill(struct pixel_crew *w, struct painter *p);

/* The client received `board`, or the server does not send it. */
static inline bool client_knows_board(const struct pixel_crew *w, const struct client *c)
{
	return c->faced || !w->shared->preview.tells_face;
}

/* --- pixel_turn.c: speaker --- */

void pixel_flush(struct crew *crew);
void pixel_beat(struct crew *crew, struct link *link);
void pixel_circle_end(struct crew *crew);
void pixel_publish(struct crew *crew);

/* --- client.c --- */

extern const struct speaker client_speaker;

/* Hands the painter's bytes to the ring. */
void client_flush(struct pixel_crew *w, struct client *c);

/* It follows from now on: clients that read in bulk, slowly or not at all start to. */
void client_reading_start(struct pixel_crew *w, struct client *c);

/* Reads what is below the mark; a slow client its next piece. */
void client_read_out(struct pixel_crew *w, struct client *c);

/* Disconnects it on purpose. It must be following. */
void client_tear(struct pixel_crew *w, struct client *c, enum tear how);

/* --- client_message.c --- */

/* (Re)subscribes: session first for painters on a new connection. */
void client_subscribe(struct pixel_crew *w, struct client *c, bool with_session);

/* One whole message from the server: speaker. */
void client_message(struct crew *crew, struct link *link, enum ws_opcode opcode,
		    const uint8_t *message, size_t len);

/* An observer was at `before`, and is now where its follow says. */
void client_observer_moved(struct pixel_crew *w, struct client *c, uint64_t before);

/* --- client_stream.c --- */

/* Takes the bytes that equal the stream's; returns their number. The caller parses the rest. */
size_t client_compare(struct pixel_crew *w, struct client *c, const uint8_t *bytes, size_t len);

/* Passes what the stream will not hold much longer to the parser. */
void client_stream_look(struct pixel_crew *w, struct client *c);

#endif
