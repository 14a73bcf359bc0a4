/*
 * bitmaps.h - clients that wait for a board in one of its forms (bitmaps.c).
 *
 * On the worker's thread.
 */
#ifndef PX_HTTP_BITMAPS_H
#define PX_HTTP_BITMAPS_H

#include "edge/conn/state.h"

int bitmaps_new(struct worker *w);
void bitmaps_free(struct worker *w);
void bitmaps_want(struct worker *w, struct conn *c, uint16_t board, enum board_form form);
void bitmaps_sweep(struct worker *w);
void bitmaps_mail(struct worker *w, const struct mail_answer *a);

#endif
