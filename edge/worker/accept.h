/*
 * accept.h - new clients (accept.c).
 *
 * On the worker's thread.
 */
#ifndef PX_WORKER_ACCEPT_H
#define PX_WORKER_ACCEPT_H

#include "edge/conn/state.h"

int accept_new(struct worker *w);
void accept_arm(struct worker *w);
void accept_done(struct worker *w, const struct ring_event *ev);
void accept_stop(struct worker *w);

#endif
