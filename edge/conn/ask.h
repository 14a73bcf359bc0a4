/*
 * ask.h - requests to the writer (ask.c).
 *
 * On the worker's thread.
 */
#ifndef PX_CONN_ASK_H
#define PX_CONN_ASK_H

#include "edge/conn/state.h"

/* Room for one request to the writer about a board, to be filled by its type in this turn; c: who
 * asks, NULL: the worker itself. NULL: overloaded. Each is answered once (worker.c hands it on). */
struct mail_request *worker_ask(struct worker *w, const struct conn *c, enum mail_request_type type,
				uint16_t board);

#endif
