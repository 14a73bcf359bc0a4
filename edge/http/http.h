/*
 * http.h - clients that speak HTTP, as the worker sees them; see also bitmaps.h.
 *
 * On the worker's thread.
 */
#ifndef PX_HTTP_HTTP_H
#define PX_HTTP_HTTP_H

#include "edge/conn/state.h"

/* Rows of struct conn_protocol: bytes of a request arrived; the request, or the writer's answer,
 * takes too long. */
void http_bytes(struct worker *w, struct conn *c, uint8_t *bytes, size_t len);
void http_late(struct worker *w, struct conn *c);
void http_wait_late(struct worker *w, struct conn *c);

/* The writer's answer; c is in CONN_WAIT. The content of the answer stays the caller's. */
void http_mail(struct worker *w, struct conn *c, const struct mail_answer *a);
/* The event of OP_SEND_ALL: an answer, or a part of one, was sent. */
void http_send_done(struct worker *w, struct conn *c, const struct ring_event *ev);
/* 503, before anything is read; browsers retry by themselves. */
void http_reply_full(struct worker *w, struct conn *c);

#endif
