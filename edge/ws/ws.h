/*
 * ws.h - clients of pixeld.v1 and pixeld.v1.json, once they have shaken hands.
 *
 * On the worker's thread.
 */
#ifndef PX_WS_WS_H
#define PX_WS_WS_H

#include "edge/conn/state.h"

#define PENDING_BINARY_MAX 1100 /* unanswered requests of one connection */
#define PENDING_JSON_MAX   200

/* The handshake is about to be answered: from here on the connection speaks pixeld.v1. */
void ws_begin(struct worker *w, struct conn *c, enum message_encoding encoding);
/* The session that the handshake brought; it brought one that is not good. */
void ws_session_begin(struct worker *w, struct conn *c, const uint8_t user[static USER_BYTES],
		      uint64_t ends_s);
void ws_session_refuse(struct worker *w, struct conn *c);
/* The writer's answer; c is in CONN_WS. What the answer holds is the caller's again. */
void ws_mail(struct worker *w, struct conn *c, const struct mail_answer *a);

/* Rows of struct conn_protocol. Bytes came: they are unmasked where they lie. */
void ws_input(struct worker *w, struct conn *c, uint8_t *bytes, size_t len);
/* Ends the subscription and tells why; the client must fetch the board again. */
void ws_stale(struct worker *w, struct conn *c, struct sub *s);

#endif
