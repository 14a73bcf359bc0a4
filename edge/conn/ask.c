/*
 * ask.c - requests to the writer, limited to what the answer queue has room for.
 *
 * The writer sees what was pushed in a turn when the turn ends.
 */
#include "edge/conn/ask.h"

struct mail_request *worker_ask(struct worker *w, const struct conn *c, enum mail_request_type type,
				uint16_t board)
{
	struct mail_request *m;

	px_assert(w->mailbox.out <= w->config.answers_max);
	px_assert(c == NULL || c->state != CONN_FREE); /* somebody waits for the answer */
	if (w->mailbox.out == w->config.answers_max)
		return NULL;
	m = spsc_push(w->config.requests);
	if (m == NULL)
		return NULL;
	w->mailbox.out++;
	w->mailbox.pushed = true;
	m->head = (struct mail_head){.board = board, .type = (uint8_t)type};
	if (c != NULL)
		m->head.client = (struct mail_client){conn_index(w, c), c->generation};
	return m;
}
