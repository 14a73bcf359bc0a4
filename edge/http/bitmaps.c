/*
 * bitmaps.c - clients waiting for a board in one of its forms.
 *
 * For each board and form the writer has one request at a time. Clients that asked before it was
 * sent get its result; clients that asked later must not get a board older than their request, and
 * wait for the next. While the newest one held here has the board's present seq and face, nobody
 * waits at all.
 */
#include <errno.h>
#include <stdlib.h>

#include "edge/http/http_priv.h"

/* Who waits for a board in one form. One request is at the writer at a time; those who come later
 * must not get a board from before they came, so they wait for the next. */
struct bitmap_wait {
	uint32_t now_head;  /* get what the request at the writer brings */
	uint32_t next_head; /* came after it went out */
	bool asked;
	struct bitmap last; /* the newest that we have; one reference */
};

static struct bitmap_wait *wait_at(struct worker *w, uint16_t board, unsigned form)
{
	px_assert(board < w->shared->rooms->end);
	px_assert(form < BOARD_FORMS);
	return &w->bitmaps[board * BOARD_FORMS + form];
}

int bitmaps_new(struct worker *w)
{
	uint32_t count = w->shared->rooms->end * BOARD_FORMS;

	w->bitmaps = calloc(count, sizeof(*w->bitmaps));
	if (w->bitmaps == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		w->bitmaps[i].now_head = w->bitmaps[i].next_head = NONE;
	return 0;
}

void bitmaps_free(struct worker *w)
{
	for (uint32_t i = 0; w->bitmaps != NULL && i < w->shared->rooms->end * BOARD_FORMS; i++)
		blob_unref(w->bitmaps[i].last.blob);
	free(w->bitmaps);
}

static bool bitmap_ask(struct worker *w, struct bitmap_wait *wait, uint16_t board, unsigned form)
{
	struct mail_request *m = worker_ask(w, NULL, MAIL_ASK_BITMAP, board);

	px_assert(!wait->asked); /* one at a time */
	if (m == NULL)
		return false;
	m->bitmap = (struct mail_ask_bitmap){.form = (uint8_t)form};
	wait->asked = true;
	return true;
}

static void wait_list_add(struct worker *w, uint32_t *head, struct conn *c)
{
	px_assert(!(c->flags & (CONN_LISTED | CONN_FLUSH)));
	c->flags |= CONN_LISTED;
	c->next = *head;
	*head = conn_index(w, c);
}

/* Whether a board that is asked for now would be the same. */
static bool bitmap_is_present(const struct worker *w, uint16_t board, const struct bitmap *b)
{
	const struct room *r = w->shared->rooms->at[board];

	px_assert(r != NULL); /* of this board one was asked for */
	return b->seq == atomic_load(&r->seq) && b->epoch == atomic_load(&r->epoch) &&
	       b->tag == room_face(r)->tag;
}

void bitmaps_want(struct worker *w, struct conn *c, uint16_t board, enum board_form form)
{
	struct bitmap_wait *wait = wait_at(w, board, form);

	px_assert(w->shared->rooms->at[board] != NULL);
	px_assert(c->state == CONN_WAIT);
	if (wait->last.blob != NULL && bitmap_is_present(w, board, &wait->last)) {
		http_bitmap(w, c, board, &wait->last);
		return;
	}
	if (wait->asked) {
		wait_list_add(w, &wait->next_head, c);
		return;
	}
	if (!bitmap_ask(w, wait, board, form)) {
		http_bitmap(w, c, board, &(struct bitmap){.form = (uint8_t)form});
		return;
	}
	wait_list_add(w, &wait->now_head, c);
}

static void wait_list_answer(struct worker *w, uint32_t index, uint16_t board,
			     const struct bitmap *bitmap)
{
	while (index != NONE) {
		struct conn *c = &w->conns[index];

		px_assert(c->flags & CONN_LISTED);
		index = c->next;
		c->next = NONE;
		c->flags &= (uint8_t)~CONN_LISTED;
		if (c->state == CONN_WAIT)
			http_bitmap(w, c, board, bitmap);
		else if (c->state == CONN_RELEASE)
			conn_release(w, c); /* it could not go before */
	}
}

/* What is not the newest any more is of no use to those who come; those who are being sent it hold
 * it. */
void bitmaps_sweep(struct worker *w)
{
	for (uint32_t i = 0; i < w->shared->rooms->end * BOARD_FORMS; i++) {
		struct bitmap_wait *wait = &w->bitmaps[i];

		if (wait->last.blob == NULL ||
		    bitmap_is_present(w, (uint16_t)(i / BOARD_FORMS), &wait->last))
			continue;
		blob_unref(wait->last.blob);
		wait->last.blob = NULL;
	}
}

void bitmaps_mail(struct worker *w, const struct mail_answer *a)
{
	uint16_t board = a->head.board;
	struct bitmap_wait *wait = wait_at(w, board, a->bitmap.form);
	uint32_t now = wait->now_head;

	px_assert(a->head.type == MAIL_BITMAP && wait->asked);
	wait->asked = false;
	wait->now_head = wait->next_head;
	wait->next_head = NONE;
	if (a->bitmap.blob != NULL) {
		blob_unref(wait->last.blob);
		wait->last = a->bitmap; /* with its reference */
	}
	wait_list_answer(w, now, board, &a->bitmap);
	if (wait->now_head != NONE && !bitmap_ask(w, wait, board, a->bitmap.form)) {
		now = wait->now_head;
		wait->now_head = NONE;
		wait_list_answer(w, now, board, &(struct bitmap){.form = a->bitmap.form});
	}
}
