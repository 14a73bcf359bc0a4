/*
 * bitmaps.h - clients waiting for a board in one of its forms (bitmaps.c).
 *
 * On the worker's thread.
 */
#ifndef PX_HTTP_BITMAPS_H
#define PX_HTTP_BITMAPS_H

#include "edge/conn/state.h"

int bitmaps_new(struct worker *w); /* 0 or -ENOMEM */
void bitmaps_free(struct worker *w);
/* Answers c, in CONN_WAIT, with the board: immediately, or once the writer has supplied it. */
void bitmaps_want(struct worker *w, struct conn *c, uint16_t board, enum board_form form);
void bitmaps_sweep(struct worker *w); /* called regularly: drops old bitmaps */
/* The writer's answer, whose reference it takes over: for all who asked before the request was
 * sent. */
void bitmaps_mail(struct worker *w, const struct mail_answer *a);

#endif
