/*
 * link.h - one connection of a client, from socket() to the freed slot: connect, TLS, upgrade,
 * receive, send, close, reconnect. What its messages mean is up to the speaker (crew.h).
 *
 *	NEW -> CONNECTING -> UPGRADING -> JOINING <-> STANDING     any of the four -> CLOSING
 *	CLOSING -> RELEASING -> WAITING -> CONNECTING               or RELEASING -> DEAD
 *
 * JOINING: the upgrade was answered, and the speaker asks for what it wants. STANDING: it has it.
 * CLOSING waits until nothing of the connection is in flight, RELEASING until the slot is free.
 *
 * Owner: its crew's thread. A speaker embeds a link in its own struct of a client.
 */
#ifndef PX_LOADGEN_LINK_H
#define PX_LOADGEN_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "edge/codec/ws_frame.h"
#include "edge/wire/wire.h"
#include "engine/ring/ring.h"
#include "tools/loadgen/load/trouble.h"

#define LINK_NONE UINT32_MAX

enum link_state {
	LINK_NEW,
	LINK_CONNECTING,
	LINK_UPGRADING,
	LINK_JOINING,
	LINK_STANDING,
	LINK_CLOSING,
	LINK_RELEASING,
	LINK_WAITING,
	LINK_DEAD,
	LINK_STATES
};

/* Operations in flight, each in the tag (op.h) together with the link's index. */
enum link_op {
	LINK_OP_CONNECT = 1,
	LINK_OP_RECV,
	LINK_OP_SEND_NOW, /* an event only if short; not counted in flight */
	LINK_OP_SEND_ALL,
	LINK_OP_SHUTDOWN,
	LINK_OP_CANCEL,
	LINK_OP_CLOSE,
	LINK_OP_RESET,
};

struct crew;
struct carry;
struct link_tls;

/* What a receive needs comes first: a speaker puts its own hot fields in front of the link, so that
 * all of them together fill one cache line; the parser starts the next one. */
struct link {
	uint32_t generation; /* of the slot, for the tags */
	uint8_t state;       /* enum link_state */
	uint8_t inflight;    /* operations whose last event is still expected */
	bool observer : 1;   /* its input is timed: in the rings that are read next */
	bool sealed : 1;     /* all bytes go through TLS */
	bool parsing : 1;    /* the parser is inside a message */
	bool marked : 1;     /* the socket reports bytes only above the read mark */
	bool leaving : 1;    /* stood until the end: a disconnect is no trouble */
	bool stopped : 1;    /* reads nothing any more */
	bool slow : 1;       /* reads one buffer at a time while STANDING */
	bool reading : 1;    /* a receive is in flight */
	uint8_t attempts;    /* connects since it last stood */

	struct ws_parser parser;
	struct carry *carry;   /* of the head, or of a data message */
	struct carry *control; /* of a control message that comes in pieces */
	struct link_tls *tls;  /* while it is `sealed` */
	uint64_t since_ns;     /* start of the connect; WAITING: when to reconnect */
	uint64_t intended_ns;  /* intended start of the connect */
	uint64_t lost_ns;      /* when the connection broke that this one replaces */
	uint32_t index;        /* within its crew */
	uint32_t next;         /* in the list of waiting clients */
	uint32_t sent_s;       /* when it last sent something */
	uint32_t send_len;     /* of the send in flight */
	struct wire wire;      /* its lane: which ring of the crew */
	int fd;            /* the socket as a plain descriptor until it is marked; otherwise -1 */
	bool sender : 1;   /* waits for answers: in the rings that are read first */
	bool sending : 1;  /* a send of LINK_OP_SEND_ALL is in flight */
	bool narrow : 1;   /* its socket gets the small receive buffer */
	bool bulk : 1;     /* keeps its plain descriptor, so that it can be marked */
	bool torn : 1;     /* disconnected on purpose, and will reconnect */
	bool vanished : 1; /* disconnected on purpose, and will not reconnect */
	bool final : 1;    /* had trouble that reconnecting cannot fix */
	bool has_bad : 1;  /* received something wrong */
};

_Static_assert(sizeof(struct link) <= 144, "one process opens 300,000 of them");

void link_init(struct link *c, uint32_t index);
void link_free(struct link *c); /* frees what it borrowed; after the thread has ended */

/* Connects. intended_ns: the time by the schedule. */
void link_open(struct crew *crew, struct link *c, uint64_t intended_ns);
void link_event(struct crew *crew, struct link *c, enum link_op op, const struct ring_event *e);

/* Only the speaker moves between JOINING and STANDING. */
void link_state_set(struct crew *crew, struct link *c, enum link_state state);

/* Whether its connection is being opened, up to JOINING. */
static inline bool link_is_opening(unsigned state)
{
	return state == LINK_CONNECTING || state == LINK_UPGRADING || state == LINK_JOINING;
}

/* Whether it is open: its messages go to the speaker. */
static inline bool link_is_open(const struct link *c)
{
	return c->state == LINK_JOINING || c->state == LINK_STANDING;
}

/* Its number across all threads. */
uint64_t link_number(const struct crew *crew, const struct link *c);

/* Ends the connection. The first reason counts; TROUBLE_NONE is not a reason. */
void link_break(struct crew *crew, struct link *c, enum trouble t, const char *why);

/* Disconnects on purpose, in order or with a reset. The caller has set `torn` or `vanished`. */
void link_tear(struct crew *crew, struct link *c, bool reset);

/* Ends the receive in flight, so that it returns what is there; link_recv_arm() or nothing
 * follows. */
void link_recv_cancel(struct crew *crew, struct link *c);
void link_recv_arm(struct crew *crew, struct link *c); /* receives repeatedly */
void link_recv_once(struct crew *crew, struct link *c);

/* Sends one masked control message or small data message; `payload` is changed. The speaker may
 * queue it after others of its own, or drop it. */
void link_say(struct crew *crew, struct link *c, enum ws_opcode opcode, uint8_t *payload,
	      size_t len);

/* Sends a few bytes that must go out whole; otherwise the server has stopped reading, and the
 * connection is broken off. The bytes are from crew_arena(). */
void link_send_now(struct crew *crew, struct link *c, const void *bytes, size_t len);

/* Sends everything; the bytes must stay until speaker->sent(). One at a time. */
void link_send_all(struct crew *crew, struct link *c, const void *bytes, size_t len);

/* Plain bytes arrived. */
void link_bytes(struct crew *crew, struct link *c, uint8_t *data, size_t len);

/* Parses, and hands messages to the speaker: everything; or at most one piece, returning the number
 * of bytes used. */
void link_parse(struct crew *crew, struct link *c, uint8_t *data, size_t len);
size_t link_parse_piece(struct crew *crew, struct link *c, uint8_t *data, size_t len);

/* --- only for link.c, link_open.c and link_tls.c --- */

uint64_t link_tag(const struct link *c, enum link_op op);
uint64_t link_upgrade_random(const struct crew *crew, const struct link *c);

/* Sends the upgrade request: the connection is established. */
void link_upgrade(struct crew *crew, struct link *c);

/* Hands a send to the ring; its event is LINK_OP_SEND_ALL. */
void link_send_arm(struct crew *crew, struct link *c, const void *bytes, size_t len);

#endif
