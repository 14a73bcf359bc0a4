/*
 * bitmaps.h - clients that wait for a board in one of its forms (bitmaps.c).
 *
 * On the worker's thread.
 */
#ifndef PX_HTTP_BITMAPS_H
#define PX_HTTP_BITMAPS_H

#include "edge/conn/state.h"

int bitmaps_new(struct worker *w); /* 0 or -ENOMEM */
void bitmaps_free(struct worker *w);
/* c, in CONN_WAIT, is answered with the board, at once or when the writer has brought it. */
void bitmaps_want(struct worker *w, struct conn *c, uint16_t board, enum board_form form);
void bitmaps_sweep(struct worker *w); /* now and then: lets go of what is old */
/* The writer's answer, its reference taken over: for all who asked before the request went out. */
void bitmaps_mail(struct worker *w, const struct mail_answer *a);

#endif
