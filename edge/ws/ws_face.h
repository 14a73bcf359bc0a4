/*
 * ws_face.h - `board` after each `subscribed`. On the worker's thread.
 */
#ifndef PX_WS_WS_FACE_H
#define PX_WS_WS_FACE_H

struct conn;
struct sub;
struct worker;

/* A subscription was confirmed: sends the client the description of the board, now or soon. */
void ws_face_due(struct worker *w, struct conn *c, struct sub *s);

/* Row of struct conn_protocol: everything queued was sent. */
void ws_face_sent(struct worker *w, struct conn *c);

#endif
