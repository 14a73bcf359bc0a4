/*
 * accept.h - new clients (accept.c).
 *
 * On the worker's thread.
 */
#ifndef PX_WORKER_ACCEPT_H
#define PX_WORKER_ACCEPT_H

#include "edge/conn/state.h"

int accept_new(struct worker *w); /* 0 or -ENOMEM; w->accepts is freed by the worker */
/* Once per turn: keeps as many accepts in flight as there is room for. */
void accept_arm(struct worker *w);
void accept_done(struct worker *w, const struct ring_event *ev); /* OP_ACCEPT */
void accept_stop(struct worker *w);                              /* for good: a drain starts */

#endif
