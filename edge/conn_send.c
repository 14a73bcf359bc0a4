/*
 * conn_send.c - answers to one client: appended to its out buffer, sent between whole frames.
 *
 * A WebSocket's answers are sent with "what the socket takes now", once a batch; what it did not
 * take is tried again next round, like the broadcast: nobody is polled for writability. HTTP
 * answers are sent to the end by the kernel, one at a time.
 */
#include <string.h>

#include "edge/worker_priv.h"

struct out_buf *conn_out_borrow(struct worker *w, struct conn *c)
{
	if (c->out != NULL)
		return c->out;
	c->out = pool_borrow(&w->outs);
	if (c->out != NULL)
		c->out->start = c->out->end = c->out->mark = 0;
	return c->out;
}

void conn_out_return(struct worker *w, struct conn *c)
{
	if (c->out != NULL)
		pool_return(&w->outs, c->out);
	c->out = NULL;
}

/* --- WebSocket -------------------------------------------------------------------------------- */

/* On exactly one of the two lists while it has something to say: `flush` is sent this turn, `stuck`
 * when the next round begins, because its socket was full or a frame must be finished first. */
static void list_add(struct worker *w, struct conn_list *list, struct conn *c)
{
	uint32_t index = conn_index(w, c);

	if (c->flags & CONN_FLUSH)
		return;
	c->flags |= CONN_FLUSH;
	c->next = NONE;
	if (list->head == NONE)
		list->head = index;
	else
		w->conns[list->tail].next = index;
	list->tail = index;
}

void conn_stuck_retry(struct worker *w)
{
	if (w->due.stuck.head == NONE)
		return;
	if (w->due.flush.head == NONE)
		w->due.flush = w->due.stuck;
	else {
		w->conns[w->due.flush.tail].next = w->due.stuck.head;
		w->due.flush.tail = w->due.stuck.tail;
	}
	w->due.stuck.head = NONE;
}

/* NULL: the last was said; there is no buffer (and the connection is released); it has no room. */
static uint8_t *out_reserve(struct worker *w, struct conn *c, size_t len)
{
	struct out_buf *out;

	if ((c->flags & CONN_LAST) || c->state == CONN_LINGER || c->state == CONN_RELEASE)
		return NULL;
	out = conn_out_borrow(w, c);
	if (out == NULL) {
		conn_abort(w, c, CLOSE_OVERLOAD);
		return NULL;
	}
	/* nothing of it is being sent */
	if (out->end + len > OUT_BYTES && !conn_is_in_batch(w, c)) {
		memmove(out->bytes, out->bytes + out->start, out->end - out->start);
		out->end -= out->start;
		out->start = 0;
	}
	return out->end + len <= OUT_BYTES ? out->bytes + out->end : NULL;
}

uint8_t *conn_answer_reserve(struct worker *w, struct conn *c, size_t len)
{
	uint8_t *at = out_reserve(w, c, len + CLOSE_FRAME_BYTES_MAX);

	if (at != NULL || (c->flags & CONN_LAST) || c->state == CONN_LINGER ||
	    c->state == CONN_RELEASE)
		return at;
	if (c->why == CLOSE_NONE)
		conn_close(w, c, CLOSE_TOO_SLOW);
	else
		conn_abort(w, c, CLOSE_TOO_SLOW);
	return NULL;
}

uint8_t *conn_last_reserve(struct worker *w, struct conn *c)
{
	return out_reserve(w, c, CLOSE_FRAME_BYTES_MAX);
}

void conn_answer_commit(struct worker *w, struct conn *c, size_t len)
{
	c->out->end += (uint32_t)len;
	px_assert(c->out->end <= OUT_BYTES);
	list_add(w, &w->due.flush, c);
}

void conn_answer(struct worker *w, struct conn *c, const struct message *m)
{
	uint8_t *at = conn_answer_reserve(w, c, MESSAGE_OUT_BYTES_MAX);

	if (at != NULL)
		conn_answer_commit(w, c, message_encode_server(c->encoding, m, at));
}

static void flush_one(struct worker *w, struct conn *c)
{
	struct out_buf *out = c->out;

	out->mark = out->start;
	wire_send_now(&c->wire, conn_ring(w, c),
		      (struct wire_range){out->bytes + out->start, out->end - out->start},
		      conn_tag(w, c, OP_SEND_OUT));
	metric_add(&w->metrics.answer_bytes, out->end - out->start);
	out->start = out->end; /* unless an event says otherwise */
	c->batch = w->batch.number;
	w->batch.outs[w->batch.outs_count++] = conn_index(w, c);
}

/* Sends the out buffer of every listed connection that has no send in this batch yet. A client that
 * stands inside a frame gets the rest of the frame first. */
void conn_flush_run(struct worker *w)
{
	uint32_t index = w->due.flush.head;

	w->due.flush.head = NONE;
	while (index != NONE) {
		struct conn *c = &w->conns[index];

		index = c->next;
		c->next = NONE;
		c->flags &= (uint8_t)~CONN_FLUSH;
		if ((c->state != CONN_WS && c->state != CONN_ECHO) || c->out == NULL ||
		    c->out->start == c->out->end)
			continue;
		if (conn_is_in_batch(w, c) || w->batch.outs_count == OUTS_BATCH)
			list_add(w, &w->due.flush, c); /* next turn */
		else if (c->cut_sub != NONE)
			list_add(w, &w->due.stuck, c);
		else
			flush_one(w, c);
	}
}

void conn_send_out_short(struct worker *w, struct conn *c, int res)
{
	struct wire_sent sent = wire_now_sent(res);

	if (c->out == NULL || (c->state != CONN_WS && c->state != CONN_ECHO))
		return;
	if (sent.is_broken) {
		conn_abort(w, c, CLOSE_PEER_GONE);
		return;
	}
	metric_sub(&w->metrics.answer_bytes, c->out->start - c->out->mark - sent.taken);
	c->out->start = c->out->mark + (uint32_t)sent.taken;
	px_assert(c->out->start < c->out->end);
	list_add(w, &w->due.stuck, c);
}

/* The completions of the batch are in: what was sent whole gives its buffer back. */
void conn_batch_end(struct worker *w)
{
	for (uint32_t i = 0; i < w->batch.outs_count; i++) {
		struct conn *c = &w->conns[w->batch.outs[i]];

		if (c->out == NULL || c->out->start != c->out->end)
			continue; /* goes on at the next round */
		conn_out_return(w, c);
		if ((c->flags & CONN_LAST) && (c->state == CONN_WS || c->state == CONN_ECHO))
			conn_linger(w, c);
		else if (c->state == CONN_ECHO)
			echo_input(w, c);
	}
	w->batch.outs_count = 0;
}

/* --- HTTP ------------------------------------------------------------------------------------- */

/* What of the answer is to be sent next: its head with a small body, then a large one. */
static struct wire_range reply_range(const struct conn *c)
{
	if (c->out != NULL)
		return (struct wire_range){c->out->bytes + c->out->start,
					   c->out->end - c->out->start};
	return (struct wire_range){c->body, c->body_len};
}

static void reply_taken(struct worker *w, struct conn *c, uint64_t taken)
{
	if (c->out == NULL) {
		c->body += taken;
		c->body_len -= taken;
		return;
	}
	c->out->start += (uint32_t)taken;
	if (c->out->start == c->out->end)
		conn_out_return(w, c);
}

void conn_reply_start(struct worker *w, struct conn *c)
{
	px_assert(c->state == CONN_REPLY);
	px_assert(!(c->ops & CONN_OP_SEND));
	c->ops |= CONN_OP_SEND;
	wire_send_all(&c->wire, conn_ring(w, c), reply_range(c), conn_tag(w, c, OP_SEND_ALL));
	/* a large board has longer than a small answer */
	conn_deadline_set(w, c,
			  w->shared->http_idle_timeout_ms +
				  (uint32_t)(c->body_len / REPLY_BYTES_PER_MS));
}

static void reply_finished(struct worker *w, struct conn *c)
{
	blob_unref(c->body_blob);
	c->body_blob = NULL;
	c->body = NULL;
	c->body_len = 0;
	if (!(c->flags & CONN_KEEP_ALIVE) || w->drain.is_on) {
		if (c->why == CLOSE_NONE) {
			enum close_reason why =
				c->flags & CONN_REFUSED ? CLOSE_FULL : CLOSE_HTTP_DONE;

			c->why = (uint8_t)why;
			metric_add(&w->closed[why], 1);
		}
		conn_linger(w, c);
		return;
	}
	conn_state_set(w, c, CONN_HTTP);
	conn_deadline_set(w, c, w->shared->http_idle_timeout_ms);
	http_input(w, c);
	if (c->state == CONN_HTTP && c->in != NULL) /* the next request has begun */
		conn_deadline_set(w, c, w->shared->http_head_timeout_ms);
	if (c->state == CONN_HTTP && !(c->ops & CONN_OP_RECV))
		conn_recv_arm(w, c);
}

void conn_reply_done(struct worker *w, struct conn *c, const struct ring_event *ev)
{
	struct wire_sent sent;

	px_assert(c->ops & CONN_OP_SEND);
	c->ops &= (uint8_t)~CONN_OP_SEND;
	if (c->state != CONN_REPLY) {
		conn_release(w, c);
		return;
	}
	sent = wire_all_sent(ev->res, reply_range(c).len);
	if (sent.is_broken) {
		conn_close(w, c, CLOSE_PEER_GONE);
		return;
	}
	metric_add(&w->metrics.answer_bytes, sent.taken);
	reply_taken(w, c, sent.taken);
	if (c->out != NULL || c->body_len > 0)
		conn_reply_start(w, c);
	else
		reply_finished(w, c);
}
