/*
 * ask.h - requests to the writer (ask.c).
 *
 * On the worker's thread.
 */
#ifndef PX_CONN_ASK_H
#define PX_CONN_ASK_H

#include "edge/conn/state.h"

/* Room for one request to the writer about a board, for the caller to fill in this turn. c: the
 * connection that asks; NULL: the worker itself. NULL: overloaded. Each request is answered once;
 * worker.c passes the answer on. */
struct mail_request *worker_ask(struct worker *w, const struct conn *c, enum mail_request_type type,
				uint16_t board);

#endif
