/*
 * busy.c - which boards a turn looks at: those that have something to do, however many there are.
 *
 *	placed on, another face, a copy wanted ───────┐
 *	status line: by when the next is due ──due──▶ busy ──▶ cut.c, copy.c ──▶ done: not busy
 *
 * A board is in the line exactly when it is served and its status is not due.
 */
#include "writer/writer_priv.h"

static struct writer_board **line_at(struct writer *w, uint32_t number)
{
	return &w->busy.line[number % ROOMS_MAX];
}

void busy_insert(struct writer *w, struct writer_board *b)
{
	px_assert(!b->is_busy);
	px_assert(w->busy.count < ROOMS_MAX);
	b->is_busy = true;
	w->busy.at[w->busy.count++] = b;
}

struct writer_board *busy_next(struct writer *w, uint32_t *i)
{
	if (*i == w->busy.count)
		return NULL;
	w->busy.looks++;
	return w->busy.at[(*i)++];
}

void busy_status_at(struct writer *w, struct writer_board *b, uint64_t due_ns)
{
	uint32_t at = w->busy.line_end++;

	px_assert(w->busy.line_end - w->busy.line_begin <= ROOMS_MAX);
	px_assert(b->room != NULL);
	b->is_status_due = false;
	b->status_next_ns = due_ns;
	/* Behind all others, unless the interval was made shorter meanwhile. */
	for (; at != w->busy.line_begin && (*line_at(w, at - 1))->status_next_ns > due_ns; at--)
		*line_at(w, at) = *line_at(w, at - 1);
	*line_at(w, at) = b;
}

void busy_statuses_run(struct writer *w)
{
	while (w->busy.line_begin != w->busy.line_end) {
		struct writer_board *b = *line_at(w, w->busy.line_begin);

		if (b->status_next_ns > w->now.mono_ns)
			return;
		w->busy.line_begin++;
		b->is_status_due = true;
		busy_add(w, b);
	}
}

uint64_t busy_status_wait_ns(struct writer *w)
{
	uint64_t due_ns;

	if (w->busy.line_begin == w->busy.line_end)
		return UINT64_MAX;
	due_ns = (*line_at(w, w->busy.line_begin))->status_next_ns;
	return due_ns > w->now.mono_ns ? due_ns - w->now.mono_ns : NS_PER_MS;
}

void busy_run(struct writer *w)
{
	for (uint32_t i = 0; i < w->busy.count;) {
		struct writer_board *b = w->busy.at[i];

		px_assert(b->is_busy);
		if (cut_has_work(b) || copy_has_work(b)) {
			i++;
			continue;
		}
		px_assert(b->takers == 0 && !b->is_status_due);
		b->is_busy = false;
		w->busy.at[i] = w->busy.at[--w->busy.count];
	}
}

uint64_t writer_board_looks(const struct writer *w)
{
	return w->busy.looks;
}
