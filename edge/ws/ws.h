/*
 * ws.h - clients of pixeld.v1 and pixeld.v1.json, after the handshake.
 *
 * On the worker's thread.
 */
#ifndef PX_WS_WS_H
#define PX_WS_WS_H

#include "edge/conn/state.h"

#define PENDING_BINARY_MAX 1100 /* unanswered requests of one connection */
#define PENDING_JSON_MAX   200

/* Just before the handshake is answered: from here on the connection speaks pixeld.v1. */
void ws_begin(struct worker *w, struct conn *c, enum message_encoding encoding);
/* The handshake carried a session; or one that is not valid. */
void ws_session_begin(struct worker *w, struct conn *c, const uint8_t user[static USER_BYTES],
		      uint64_t ends_s);
void ws_session_refuse(struct worker *w, struct conn *c);
/* The writer's answer; c is in CONN_WS. The content of the answer stays the caller's. */
void ws_mail(struct worker *w, struct conn *c, const struct mail_answer *a);

/* Rows of struct conn_protocol. Bytes arrived: they are unmasked in place. */
void ws_input(struct worker *w, struct conn *c, uint8_t *bytes, size_t len);
/* Ends the subscription and reports it; the client must fetch the board again. */
void ws_stale(struct worker *w, struct conn *c, struct sub *s);

#endif
