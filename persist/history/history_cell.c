/* history_cell.c - see history_cell.h. Owner: its caller's thread; no memory of its own. */
#include "persist/history/history_cell.h"

#include "engine/base/assert.h"

static void part_begin(struct history *h, struct history_cell *c, uint64_t last_lsn)
{
	c->part_last = last_lsn;
	c->part_count = 0;
	c->cursor = (struct history_cursor){.next_lsn = history_part(h, last_lsn)};
}

void history_cell_begin(struct history *h, struct history_cell *c)
{
	px_assert(c->max >= 1);
	px_assert(c->max <= HISTORY_CELL_MAX);
	c->count = 0;
	c->next_seq = 0;
	c->complete = false;
	c->source = SOURCE_JOURNAL;
	c->gap = false;
	c->oldest_seq = UINT64_MAX;
	part_begin(h, c, history_upto(h));
}

static int record_look(void *arg, uint64_t lsn, const struct record *record)
{
	struct history_cell *c = arg;
	struct record_cells cells = {record, 0};
	const struct record_placement *p;

	if (lsn > c->part_last)
		return HISTORY_STOP;
	while ((p = record_cells_next(&cells)) != NULL && p->board == c->board) {
		if (p->seq < c->oldest_seq) {
			c->oldest_seq = p->seq;
			c->oldest_epoch = p->epoch;
		}
		if (p->seq >= c->before_seq)
			return HISTORY_STOP; /* seqs only rise */
		if (p->x == c->x && p->y == c->y)
			c->part[c->part_count++ % c->max] = *p;
	}
	return 0;
}

static void gap_note(void *arg, uint64_t first_lsn, uint64_t last_lsn)
{
	struct history_cell *c = arg;

	(void)last_lsn;
	if (first_lsn <= c->part_last)
		c->gap = true;
}

/* The newest of this part go behind what newer parts gave. */
static void part_take(struct history_cell *c)
{
	uint64_t left = c->part_count < c->max ? c->part_count : c->max;

	for (; left > 0 && c->count < c->max; left--) {
		c->part_count--;
		c->found[c->count++] = c->part[c->part_count % c->max];
	}
}

int history_cell_step(struct history *h, struct history_cell *c)
{
	const struct history_handler handler = {.arg = c, .record = record_look, .gap = gap_note};
	uint64_t part_first;
	int rc;

	if (c->cursor.next_lsn == 0) { /* nothing that old is kept, or was there ever */
		c->complete = history_upto(h) == 0;
		return 0;
	}
	rc = history_step(h, &c->cursor, &handler);
	if (rc < 0)
		return rc;
	if (rc == 1 && c->cursor.next_lsn <= c->part_last)
		return 1;
	part_take(c);
	if (c->count == c->max) {
		c->next_seq = c->found[c->count - 1].seq;
		return 0;
	}
	part_first = history_part(h, c->part_last);
	if (part_first <= 1) {
		c->complete = part_first == 1 && !c->gap;
		return 0;
	}
	part_begin(h, c, part_first - 1);
	return 1;
}

bool history_cell_end(struct history_cell *c)
{
	if (c->source != SOURCE_JOURNAL) {
		if (c->count > 0)
			c->next_seq = c->source == SOURCE_COUNTED ? c->found[c->count - 1].seq
								  : c->oldest_seq;
		return c->count > 0;
	}
	if (c->part_count > 0 || c->oldest_seq >= c->before_seq || c->cursor.offset != 0)
		return false;
	c->next_seq = c->oldest_seq;
	return true;
}
