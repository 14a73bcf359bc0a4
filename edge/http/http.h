/*
 * http.h - clients that speak HTTP, as the worker sees them; bitmaps.h has the rest.
 *
 * On the worker's thread.
 */
#ifndef PX_HTTP_HTTP_H
#define PX_HTTP_HTTP_H

#include "edge/conn/state.h"

/* What conn calls: bytes of a request came, it took too long, the writer's answer does. */
void http_bytes(struct worker *w, struct conn *c, uint8_t *bytes, size_t len);
void http_late(struct worker *w, struct conn *c);
void http_wait_late(struct worker *w, struct conn *c);
void http_mail(struct worker *w, struct conn *c,
	       const struct mail_answer *a); /* the writer's answer to a request */
void http_send_done(struct worker *w, struct conn *c,
		    const struct ring_event *ev);       /* of an answer */
void http_reply_full(struct worker *w, struct conn *c); /* 503; a browser comes again by itself */

#endif
