/*
 * wire.h - the bytes of a connection to and from the network, when it uses TLS. For link.c only; a
 * connection without TLS has no wire, and pays nothing for this.
 */
#ifndef PX_LOADGEN_WIRE_H
#define PX_LOADGEN_WIRE_H

#include "tools/loadgen/net/link.h"

/* The connect is complete. Sends the upgrade request after the TLS handshake. */
void wire_open(struct crew *crew, struct link *c);
void wire_free(struct link *c);

void wire_send_now(struct crew *crew, struct link *c, const void *bytes, size_t len);
void wire_send_all(struct crew *crew, struct link *c, const void *bytes, size_t len);

/* The send in flight has ended, whole. true: all that was passed to wire_send_all() was sent. */
bool wire_sent(struct crew *crew, struct link *c);

/* Bytes arrived from the network. */
void wire_take(struct crew *crew, struct link *c, uint8_t *data, size_t len);

#endif
