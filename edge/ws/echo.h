/*
 * echo.h - clients of /test/echo, once they have shaken hands (echo.c).
 *
 * On the worker's thread.
 */
#ifndef PX_WS_ECHO_H
#define PX_WS_ECHO_H

#include "edge/conn/state.h"

void echo_begin(struct worker *w, struct conn *c); /* the handshake is about to be answered */
/* Rows of struct conn_protocol: there is room again; bytes came. */
void echo_input(struct worker *w, struct conn *c);
void echo_bytes(struct worker *w, struct conn *c, uint8_t *bytes, size_t len);

#endif
