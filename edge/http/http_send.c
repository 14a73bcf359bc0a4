/*
 * http_send.c - HTTP answers being sent: whole, by the kernel, one at a time.
 *
 * The next request is parsed once the answer is sent completely.
 */
#include "edge/http/http_priv.h"

/* What of the answer is to be sent next: its head with a small body, then a large one. */
static struct wire_range send_range(const struct conn *c)
{
	px_assert(c->out == NULL || c->out->start < c->out->end); /* else it was returned */
	if (c->out != NULL)
		return (struct wire_range){c->out->bytes + c->out->start,
					   c->out->end - c->out->start};
	return (struct wire_range){c->body, c->body_len};
}

static void send_taken(struct worker *w, struct conn *c, uint64_t taken)
{
	px_assert(taken <= send_range(c).len);
	if (c->out == NULL) {
		c->body += taken;
		c->body_len -= taken;
		return;
	}
	c->out->start += (uint32_t)taken;
	if (c->out->start == c->out->end)
		conn_out_return(w, c);
}

void http_send_start(struct worker *w, struct conn *c)
{
	px_assert(c->state == CONN_REPLY);
	px_assert(!(c->ops & CONN_OP_SEND));
	px_assert(send_range(c).len > 0);
	c->ops |= CONN_OP_SEND;
	wire_send_all(&c->wire, conn_ring(w, c), send_range(c), conn_tag(w, c, OP_SEND_ALL));
	/* a large board has longer than a small answer */
	conn_deadline_set(w, c,
			  w->shared->limits.http_idle_timeout_ms +
				  (uint32_t)(c->body_len / REPLY_BYTES_PER_MS));
}

static void send_finished(struct worker *w, struct conn *c)
{
	px_assert(c->out == NULL && c->body_len == 0);
	blob_unref(c->body_blob);
	c->body_blob = NULL;
	c->body = NULL;
	c->body_len = 0;
	if (!(c->flags & CONN_KEEP_ALIVE) || w->drain.is_on) {
		conn_why_set(w, c, c->flags & CONN_REFUSED ? CLOSE_FULL : CLOSE_HTTP_DONE);
		conn_linger(w, c);
		return;
	}
	conn_state_set(w, c, CONN_HTTP);
	conn_deadline_set(w, c, w->shared->limits.http_idle_timeout_ms);
	http_input(w, c);
	if (c->state == CONN_HTTP && c->in != NULL) /* the next request has begun */
		conn_deadline_set(w, c, w->shared->limits.http_head_timeout_ms);
	if (conn_wants_input(c) && !(c->ops & CONN_OP_RECV))
		conn_recv_arm(w, c);
}

void http_send_done(struct worker *w, struct conn *c, const struct ring_event *ev)
{
	struct wire_sent sent;

	px_assert(c->ops & CONN_OP_SEND);
	c->ops &= (uint8_t)~CONN_OP_SEND;
	if (c->state != CONN_REPLY) {
		conn_release(w, c);
		return;
	}
	sent = wire_all_sent(ev->res, send_range(c).len);
	if (sent.is_broken) {
		conn_close(w, c, CLOSE_PEER_GONE);
		return;
	}
	metric_add(&w->metrics.answer_bytes, sent.taken);
	send_taken(w, c, sent.taken);
	if (c->out != NULL || c->body_len > 0)
		http_send_start(w, c);
	else
		send_finished(w, c);
}
