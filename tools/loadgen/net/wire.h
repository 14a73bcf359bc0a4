/*
 * wire.h - how bytes of a connection get to the network and from there with TLS. For link.c alone;
 * a connection without TLS has no wire, and none of this costs it anything.
 */
#ifndef PX_LOADGEN_WIRE_H
#define PX_LOADGEN_WIRE_H

#include "tools/loadgen/net/link.h"

/* The connect is done. The upgrade is sent when TLS is agreed on. */
void wire_open(struct crew *crew, struct link *c);
void wire_free(struct link *c);

void wire_send_now(struct crew *crew, struct link *c, const void *bytes, size_t len);
void wire_send_all(struct crew *crew, struct link *c, const void *bytes, size_t len);

/* The send in flight has ended, whole. True: what wire_send_all() was given is gone. */
bool wire_sent(struct crew *crew, struct link *c);

/* Bytes came from the network. */
void wire_take(struct crew *crew, struct link *c, uint8_t *data, size_t len);

#endif
