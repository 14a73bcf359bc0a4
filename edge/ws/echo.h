/*
 * echo.h - clients of /test/echo, after the handshake (echo.c).
 *
 * On the worker's thread.
 */
#ifndef PX_WS_ECHO_H
#define PX_WS_ECHO_H

#include "edge/conn/state.h"

void echo_begin(struct worker *w, struct conn *c); /* just before the handshake is answered */
/* Rows of struct conn_protocol: there is room again; bytes arrived. */
void echo_input(struct worker *w, struct conn *c);
void echo_bytes(struct worker *w, struct conn *c, uint8_t *bytes, size_t len);

#endif
