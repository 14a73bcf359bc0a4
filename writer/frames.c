/* frames.c - see frames.h. */
#include "writer/frames.h"

#include <string.h>

#include "engine/base/assert.h"
#include "engine/cells.h"

/* What holds between two calls. */
static void frames_check(const struct frames *f)
{
	px_assert(f->of->changed_count <= f->of->changed_max);
	px_assert(f->of->changed_max <= FRAME_CELLS_MAX); /* what a frame_maker holds */
	px_assert(f->half_count <= f->of->changed_count);
	px_assert(f->half_last != 0 || f->half_count == 0);
	px_assert(f->half_last == 0 || (f->half_last > f->seq && f->half_last <= f->of->seq));
}

static void changed_unique(struct applied *a, struct frame_maker *m)
{
	a->changed_count =
		cells_sort_unique(a->changed, a->changed_count, m->scratch, board_cells(a->board));
}

/* The d->count cells of m->cells, to one log. */
static bool append(struct frames *f, struct frame_maker *m, enum message_encoding encoding,
		   const struct msg_delta *d)
{
	const struct board *board = f->of->board;
	uint32_t cells = board_cells(board);
	unsigned bits = board_bits(board);
	uint8_t *at = room_log_reserve(f->logs[encoding],
				       message_delta_bytes_max(encoding, cells, bits, d->count));
	size_t len;

	px_assert(d->first <= d->last); /* a frame of no seq is a status */
	if (at == NULL) {
		metric_add(&m->metrics->cuts_delayed, 1);
		return false;
	}
	len = message_encode_delta(encoding, d, board_width(board), cells, bits, m->cells, at);
	room_log_commit(f->logs[encoding], len, d->first, d->last);
	metric_add(&m->metrics->frames_cut, 1);
	metric_add(&m->metrics->frame_bytes, len);
	return true;
}

/* To the logs that do not have it yet; each log's last seq tells. */
static bool append_all(struct frames *f, struct frame_maker *m, const struct msg_delta *d)
{
	for (unsigned e = 0; e < ROOM_LOGS; e++)
		if (f->logs[e] != NULL && room_log_last(f->logs[e]) < d->last &&
		    !append(f, m, (enum message_encoding)e, d))
			return false;
	return true;
}

/* When a reader stands in the way of one log, the others may have the frame already: it stays as it
 * is, and is tried again, while what is applied meanwhile gathers behind it. */
bool frames_cut(struct frames *f, struct frame_maker *m)
{
	struct applied *a = f->of;
	struct msg_delta d = {.board = f->board, .first = f->seq + 1};

	frames_check(f);
	px_assert(f->seq <= a->seq);
	if (a->seq == f->seq)
		return true;
	if (f->half_last == 0) { /* no frame is half appended: take what there is now */
		changed_unique(a, m);
		f->half_last = a->seq;
		f->half_count = a->changed_count;
		for (uint32_t i = 0; i < f->half_count; i++)
			f->half_colors[i] = board_get(a->board, a->changed[i]);
	}
	for (uint32_t i = 0; i < f->half_count; i++)
		m->cells[i] = (struct delta_cell){a->changed[i], f->half_colors[i]};
	d.last = f->half_last;
	d.count = f->half_count;
	if (!append_all(f, m, &d))
		return false;
	f->seq = f->half_last;
	a->changed_count -= f->half_count;
	memmove(a->changed, a->changed + f->half_count, a->changed_count * sizeof(*a->changed));
	f->half_last = 0;
	f->half_count = 0;
	frames_check(f);
	return true;
}

bool frames_append(struct frames *f, struct frame_maker *m, enum message_encoding encoding,
		   struct applied *a, uint64_t first, uint64_t last)
{
	struct msg_delta d = {.board = f->board, .first = first, .last = last};

	px_assert(f->half_last == 0);
	changed_unique(a, m);
	d.count = a->changed_count;
	for (uint32_t i = 0; i < d.count; i++)
		m->cells[i] =
			(struct delta_cell){a->changed[i], board_get(a->board, a->changed[i])};
	if (!append(f, m, encoding, &d))
		return false;
	a->changed_count = 0;
	return true;
}

uint32_t frames_cells_max(const struct board *board, size_t bytes)
{
	uint32_t cells = board_cells(board), n = FRAME_CELLS_MAX < cells ? FRAME_CELLS_MAX : cells;

	for (unsigned e = 0; e < MESSAGE_ENCODINGS; e++)
		while (n > 1 && message_delta_bytes_max((enum message_encoding)e, cells,
							board_bits(board), n) > bytes)
			n -= n / 8 + 1;
	return n;
}
