/*
 * writer_refill.c - the broadcast logs at start: filled again from the journal, as far as they
 * hold.
 *
 * Runs before any thread. The placements of a board come in the order of the journal, those from
 * before the snapshot first, and gather as those of a running server do. Their frames are never
 * smaller than the ones that were cut when they were placed, so the log reaches back as far as it
 * did before the stop, or farther: whoever could resume then can resume now.
 *
 * Memory   a byte per cell of each served board, until all is read; the log keeps the newest frames
 *          by itself.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "writer/writer_priv.h"

#define FRAME_MS_MIN         125 /* cuts follow rounds, and an eighth of a round is rarely more */
#define FRAME_PLACEMENTS_MIN 100 /* with fewer a frame would be mostly its head */
#define CELL_BYTES           1   /* of a log, for a placement, where not all want the same cells */
#define RECORDS_MIN          (1u << 20) /* however small the logs are: cells may be few */
#define RECORDS_MAX          (8u << 20) /* of all boards, however large: reading them takes time */

struct refill {
	uint8_t *shown; /* per cell: its color in the log so far + 1; 0: not in the log, or 255 */
	uint64_t first; /* of the frame that gathers; last + 1: it is empty */
	uint64_t last;  /* the newest placement that was taken */
	uint64_t whole_to; /* up to here no frame ends: a rollback */
	uint64_t first_ms; /* when `first` was placed */
	uint64_t frame_ms;
};

uint64_t refill_records(const struct settings *settings)
{
	uint64_t records = settings->boards_count * settings->log_bytes / CELL_BYTES;

	if (records < RECORDS_MIN)
		return RECORDS_MIN;
	return records < RECORDS_MAX ? records : RECORDS_MAX;
}

int refill_begin(struct writer *w, struct writer_board *b)
{
	const struct settings *settings = w->config.settings;
	struct refill *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -ENOMEM;
	b->refill = f;
	f->first = 1;
	f->frame_ms =
		settings->cut_interval_ms > FRAME_MS_MIN ? settings->cut_interval_ms : FRAME_MS_MIN;
	f->shown = calloc(board_cells(b->board), 1);
	return f->shown != NULL ? 0 : -ENOMEM;
}

void refill_free(struct writer_board *b)
{
	if (b->refill != NULL)
		free(b->refill->shown);
	free(b->refill);
	b->refill = NULL;
}

static uint64_t gathered(const struct refill *f)
{
	return f->last + 1 - f->first;
}

static void frame_end(struct writer *w, struct writer_board *b)
{
	struct refill *f = b->refill;
	struct msg_delta d = {.board = b->meta.board, .first = f->first, .last = f->last};

	if (gathered(f) == 0)
		return;
	cut_unique(b);
	d.count = b->changed_count;
	for (uint32_t i = 0; i < d.count; i++)
		w->cells[i] =
			(struct delta_cell){b->changed[i], (uint8_t)(f->shown[b->changed[i]] - 1)};
	if (!cut_append(w, b, MESSAGE_BINARY, &d))
		px_unreachable("nobody reads yet");
	b->changed_count = 0;
	f->first = f->last + 1;
}

static bool frame_is_due(const struct writer_board *b, const struct record_placement *p)
{
	const struct refill *f = b->refill;

	if (b->changed_count == b->changed_max)
		return true;
	if (f->last < f->whole_to || gathered(f) < FRAME_PLACEMENTS_MIN)
		return false;
	return p->placed_at_ms - f->first_ms >= f->frame_ms; /* or the clock went back */
}

void refill_restart(struct writer_board *b, uint64_t seq)
{
	struct refill *f = b->refill;

	if (f == NULL)
		return;
	if (f->last != 0) /* what was placed in between is not known */
		memset(f->shown, 0, board_cells(b->board));
	b->changed_count = 0;
	f->first = seq + 1;
	f->last = f->whole_to = seq;
	room_log_start(b->logs[MESSAGE_BINARY], seq);
}

void refill_take(struct writer *w, struct writer_board *b, const struct record_placement *p,
		 bool is_noop)
{
	struct refill *f = b->refill;
	uint32_t cell = (uint32_t)p->y * b->meta.width + p->x;
	uint8_t shown = (uint8_t)(p->color + 1);

	if (f == NULL)
		return;
	if (p->seq != f->last + 1)
		refill_restart(b, p->seq - 1);
	else if (frame_is_due(b, p))
		frame_end(w, b);
	if (gathered(f) == 0)
		f->first_ms = p->placed_at_ms;
	f->last = p->seq;
	if (!is_noop && (shown == 0 || f->shown[cell] != shown))
		b->changed[b->changed_count++] = cell;
	f->shown[cell] = shown;
}

void refill_rollback(struct writer *w, struct writer_board *b, uint32_t cells)
{
	struct refill *f = b->refill;

	if (f == NULL)
		return;
	if (b->changed_count + (uint64_t)cells > b->changed_max)
		frame_end(w, b);
	f->whole_to = f->last + cells;
}

void refill_end(struct writer *w, struct writer_board *b)
{
	frame_end(w, b);
	if (b->refill->last != b->seq_applied)
		refill_restart(b, b->seq_applied);
	px_assert(room_log_last(b->logs[MESSAGE_BINARY]) == b->seq_applied);
	b->seq_cut = b->seq_applied;
	refill_free(b);
}
