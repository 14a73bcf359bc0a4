/*
 * link.h - one connection of a client, from socket() to the freed slot: connect, TLS, upgrade,
 * receive, send, close, come back. What its messages mean is the speaker's (crew.h).
 *
 *	NEW -> CONNECTING -> UPGRADING -> JOINING <-> STANDING     any of the four -> CLOSING
 *	CLOSING -> RELEASING -> WAITING -> CONNECTING               or RELEASING -> DEAD
 *
 * JOINING: the upgrade was answered, and the speaker asks for what it came for. STANDING: it has
 * it. CLOSING waits until nothing of the connection is in flight, RELEASING until the slot is free.
 *
 * Owner: its crew's thread. A speaker embeds a link in its own struct of a client.
 */
#ifndef PX_LOADGEN_LINK_H
#define PX_LOADGEN_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "edge/codec/ws_frame.h"
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

/* Operations in flight, each in the tag (op.h) beside the link's index. */
enum link_op {
	LINK_OP_CONNECT = 1,
	LINK_OP_RECV,
	LINK_OP_SEND_NOW, /* no event unless short; not counted in flight */
	LINK_OP_SEND_ALL,
	LINK_OP_SHUTDOWN,
	LINK_OP_CANCEL,
	LINK_OP_CLOSE,
	LINK_OP_RESET,
};

struct crew;
struct carry;
struct wire;

/* What a receive needs comes first: a speaker puts its own hot fields in front, so that together
 * they are one cache line, which the parser begins behind. */
struct link {
	uint32_t generation; /* of the slot, for the tags */
	uint8_t state;       /* enum link_state */
	uint8_t inflight;    /* operations whose last event is to come */
	bool observer : 1;   /* what it receives is timed: in the rings that are read next */
	bool wired : 1;      /* has a wire: all bytes go by TLS */
	bool parsing : 1;    /* the parser is in the midst of a message */
	bool marked : 1;     /* the socket tells of bytes only from the read mark on */
	bool leaving : 1;    /* stood to the end: an end is no trouble */
	bool stopped : 1;    /* reads nothing any more */
	bool slow : 1;       /* reads one buffer at a time while it stands */
	bool reading : 1;    /* a receive is in flight */
	uint8_t attempts;    /* connects since it last stood */

	struct ws_parser parser;
	struct carry *carry;   /* of the head, or of a data message */
	struct carry *control; /* of a control message that comes in pieces */
	struct wire *wire;     /* while it is `wired` */
	uint64_t since_ns;     /* when the connect began; WAITING: when to come back */
	uint64_t intended_ns;  /* when the connect was to begin */
	uint64_t lost_ns;      /* when the connection broke that it tries to replace */
	uint32_t index;        /* at its crew */
	uint32_t slot;
	uint32_t next;     /* in the list of those that wait */
	uint32_t sent_s;   /* when it last said something */
	uint32_t send_len; /* of the send in flight */
	int fd;            /* the socket as a plain descriptor until it is marked; else -1 */
	uint16_t ring;
	bool sender : 1;   /* waits for answers: in the rings that are read first */
	bool sending : 1;  /* a send of LINK_OP_SEND_ALL is in flight */
	bool narrow : 1;   /* its socket gets the small receive buffer */
	bool bulk : 1;     /* keeps its plain descriptor, to be marked */
	bool torn : 1;     /* broke off on purpose, and is to come back */
	bool vanished : 1; /* broke off on purpose, and is not to come back */
	bool final : 1;    /* had trouble that reconnecting does not mend */
	bool has_bad : 1;  /* got something wrong */
};

void link_init(struct link *c, uint32_t index);
void link_free(struct link *c); /* what it borrowed; after the thread has ended */

/* Connects. intended_ns: when the schedule wanted it. */
void link_open(struct crew *crew, struct link *c, uint64_t intended_ns);
void link_event(struct crew *crew, struct link *c, enum link_op op, const struct ring_event *e);

/* JOINING <-> STANDING is the speaker's to say. */
void link_state_set(struct crew *crew, struct link *c, enum link_state state);

/* It is open: its messages are the speaker's. */
static inline bool link_is_opening(unsigned state)
{
	return state == LINK_CONNECTING || state == LINK_UPGRADING || state == LINK_JOINING;
}

static inline bool link_is_open(const struct link *c)
{
	return c->state == LINK_JOINING || c->state == LINK_STANDING;
}

/* Over all threads. */
uint64_t link_number(const struct crew *crew, const struct link *c);

/* Ends the connection; the first reason counts, and TROUBLE_NONE is no reason. */
void link_break(struct crew *crew, struct link *c, enum trouble t, const char *why);

/* Breaks off on purpose, in order or with a reset. The caller has set `torn` or `vanished`. */
void link_tear(struct crew *crew, struct link *c, bool reset);

/* Ends the receive in flight, so that it gives what is there; recv_arm or nothing follows. */
void link_recv_cancel(struct crew *crew, struct link *c);
void link_recv_arm(struct crew *crew, struct link *c); /* all that comes */
void link_recv_once(struct crew *crew, struct link *c);

/* Sends one masked control message or small data message; `payload` is changed. The speaker may
 * queue it behind others of its own, or let it go. */
void link_say(struct crew *crew, struct link *c, enum ws_opcode opcode, uint8_t *payload,
	      size_t len);

/* A few bytes that go out whole, or the server has stopped reading and the connection breaks. The
 * bytes are of crew_arena(). */
void link_send_now(struct crew *crew, struct link *c, const void *bytes, size_t len);

/* Sends to the end; bytes stay the caller's until speaker->sent(). One at a time. */
void link_send_all(struct crew *crew, struct link *c, const void *bytes, size_t len);

/* Plain bytes came. */
void link_bytes(struct crew *crew, struct link *c, uint8_t *data, size_t len);

/* Parses, and hands messages to the speaker: all of it, or at most one piece; then it returns how
 * many bytes that took. */
void link_parse(struct crew *crew, struct link *c, uint8_t *data, size_t len);
size_t link_parse_piece(struct crew *crew, struct link *c, uint8_t *data, size_t len);

/* --- for link.c, link_open.c and wire.c alone --- */

uint64_t link_tag(const struct link *c, enum link_op op);
uint64_t link_upgrade_random(const struct crew *crew, const struct link *c);

/* Sends the request to upgrade: the connection stands. */
void link_upgrade(struct crew *crew, struct link *c);

/* Hands a send to the ring; its event is LINK_OP_SEND_ALL. */
void link_send_arm(struct crew *crew, struct link *c, const void *bytes, size_t len);

#endif
