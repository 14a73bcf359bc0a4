/*
 * link_tls.h - the bytes of a connection between its link and its wire, when it uses TLS. For
 * link.c only; a connection without TLS pays nothing for this.
 */
#ifndef PX_LOADGEN_LINK_TLS_H
#define PX_LOADGEN_LINK_TLS_H

#include "tools/loadgen/net/link.h"

/* The connect is complete. Sends the upgrade request after the TLS handshake. */
void link_tls_open(struct crew *crew, struct link *c);
void link_tls_free(struct link *c);

void link_tls_send_now(struct crew *crew, struct link *c, const void *bytes, size_t len);
void link_tls_send_all(struct crew *crew, struct link *c, const void *bytes, size_t len);

/* The send in flight has ended, whole. true: all that was passed to link_tls_send_all() was sent.
 * */
bool link_tls_sent(struct crew *crew, struct link *c);

/* Bytes arrived from the network. */
void link_tls_take(struct crew *crew, struct link *c, uint8_t *data, size_t len);

#endif
