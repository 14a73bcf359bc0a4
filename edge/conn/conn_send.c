/*
 * conn_send.c - answers to one client: appended to its out buffer, sent between whole frames.
 *
 * A WebSocket's answers are sent with "what the socket accepts now", once per batch; the rest is
 * tried again in the next round, like the broadcast: sockets are never polled for writability.
 */
#include <string.h>

#include "edge/conn/state.h"

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

/* On exactly one of the two lists while it has something to say: `flush` is sent this turn, `stuck`
 * when the next round begins, because its socket was full or a frame must be finished first. */
static void list_add(struct worker *w, struct conn_list *list, struct conn *c)
{
	uint32_t index = conn_index(w, c);

	if (c->flags & CONN_FLUSH)
		return;
	px_assert(!(c->flags & CONN_LISTED)); /* `next` is of one list at a time */
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
	px_assert(out->start <= out->end && out->end <= OUT_BYTES);
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

	px_assert(len + CLOSE_FRAME_BYTES_MAX <= OUT_BYTES); /* or it would never have room */
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
	px_assert(len > 0 && !(c->flags & CONN_REFUSED)); /* the refused get HTTP */
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

	px_assert(c->inside_sub == NONE && !conn_is_in_batch(w, c)); /* never into a frame */
	px_assert(w->batch.outs_count < OUTS_BATCH);
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

	px_assert(w->batch.outs_count == 0); /* the batch before is over */
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
		else if (c->inside_sub != NONE)
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
	px_assert(conn_is_in_batch(w, c)); /* its buffer waits for this */
	metric_sub(&w->metrics.answer_bytes, c->out->start - c->out->mark - sent.taken);
	c->out->start = c->out->mark + (uint32_t)sent.taken;
	px_assert(c->out->start < c->out->end); /* ring.h: of a whole send there is no event */
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
		else if (w->protocols[c->state].sent != NULL)
			w->protocols[c->state].sent(w, c);
	}
	w->batch.outs_count = 0;
}
