/*
 * refill.c - the broadcast logs at start: filled again from the journal, as far as their room goes.
 *
 * Runs before any other thread. The changes of a board arrive in the order of the journal, those
 * from before the snapshot first. They are applied, and gathered, like those of a running server.
 * Their frames are never smaller than the ones cut when they were placed, so the log reaches back
 * at least as far as before the stop: a client that could resume then can resume now.
 *
 *	older than the snapshot ──▶ `shadow`, a board of which nothing is known at first ──┐
 *	after it                ──▶ the live board                                     ──┴─▶ frames
 *
 * Memory   a second board and a bit per cell of each served one whose journal begins before the
 *          snapshot, until it reaches it; the log keeps the newest frames by itself.
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
	struct applied shadow; /* .board NULL: nothing came yet, or the live board is at work */
	bool is_live;
	uint64_t first;    /* of the frame that gathers; the applied seq + 1: it is empty */
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

	px_assert(b->refill == NULL && b->live.seq == 0); /* a board is filled once, from nothing */
	if (f == NULL)
		return -ENOMEM;
	b->refill = f;
	f->first = 1;
	f->frame_ms =
		settings->cut_interval_ms > FRAME_MS_MIN ? settings->cut_interval_ms : FRAME_MS_MIN;
	return 0;
}

static void shadow_free(struct refill *f)
{
	board_free(f->shadow.board);
	free(f->shadow.unknown);
	f->shadow = (struct applied){.board = NULL};
}

void refill_free(struct writer_board *b)
{
	if (b->refill != NULL)
		shadow_free(b->refill);
	free(b->refill);
	b->refill = NULL;
}

/* The board that the next change is applied to. */
static struct applied *target(struct writer_board *b)
{
	return b->refill->is_live ? &b->live : &b->refill->shadow;
}

static void all_is_unknown(struct applied *shadow)
{
	if (shadow->unknown != NULL)
		memset(shadow->unknown, 0xff, (board_cells(shadow->board) + 7) / 8);
}

/* The log begins anew behind what is applied. */
static void log_restart(struct writer_board *b)
{
	struct applied *a = target(b);

	px_assert(b->frames.seq == 0 && b->frames.half_last == 0); /* nobody cuts before the end */
	a->changed_count = 0;
	b->refill->first = a->seq + 1;
	room_log_start(b->frames.logs[MESSAGE_BINARY], a->seq);
}

static void frame_end(struct writer *w, struct writer_board *b)
{
	struct refill *f = b->refill;
	struct applied *a = target(b);

	px_assert(f->first <= a->seq + 1); /* what gathers follows what is applied */
	if (f->first > a->seq)
		return;
	if (!frames_append(&b->frames, &w->maker, MESSAGE_BINARY, a, f->first, a->seq))
		px_unreachable("nobody reads yet");
	f->first = a->seq + 1;
}

static bool frame_is_due(struct writer_board *b, const struct change *c)
{
	const struct refill *f = b->refill;

	if (c->first - f->first < FRAME_PLACEMENTS_MIN)
		return false;
	return c->at_ms - f->first_ms >= f->frame_ms; /* or the clock went back */
}

/* --- from before the snapshot to behind it ---------------------------------------------------- */

static int shadow_begin(struct writer_board *b)
{
	struct applied *shadow = &b->refill->shadow;
	int rc = board_new(b->meta.width, b->meta.height, b->meta.bits, &shadow->board);

	px_assert(b->live.changed_count == 0); /* the array is the past's until live_begin() */
	if (rc < 0)
		return rc;
	shadow->unknown = malloc((board_cells(shadow->board) + 7) / 8);
	if (shadow->unknown == NULL)
		return -ENOMEM;
	all_is_unknown(shadow);
	shadow->changed = b->live.changed;
	shadow->changed_max = b->live.changed_max;
	shadow->placers = b->live.placers;
	return 0;
}

/* What is not in the journal that is kept is not known: the log cannot reach over it. */
static void shadow_skip(struct writer_board *b, const struct change *c)
{
	struct applied *shadow = &b->refill->shadow;

	px_assert(!b->refill->is_live && shadow->board != NULL);
	if (c->epoch == shadow->epoch && c->first == shadow->seq + 1)
		return;
	shadow->epoch = c->epoch;
	shadow->seq = c->first - 1;
	all_is_unknown(shadow);
	log_restart(b);
}

/* What gathers is the same in both where they stand at the same seq. */
static void live_begin(struct writer_board *b)
{
	struct refill *f = b->refill;
	bool is_joined = f->shadow.board != NULL && f->shadow.epoch == b->live.epoch &&
			 f->shadow.seq == b->live.seq;

	px_assert(!f->is_live);                /* once */
	px_assert(b->live.changed_count == 0); /* the shadow's were in the same array */
	b->live.changed_count = f->shadow.changed_count;
	f->is_live = true;
	if (!is_joined)
		log_restart(b);
	shadow_free(f);
}

/* More cells than a frame may have, since the logs are smaller now: clients load the board anew. */
static enum apply_verdict apply_without_frame(struct writer_board *b, const struct change *c)
{
	struct applied *a = target(b);
	uint32_t *changed = a->changed;
	enum apply_verdict verdict;

	px_assert(c->count > a->changed_max); /* else there is a frame for it */
	a->changed = NULL;
	verdict = apply_change(a, c);
	a->changed = changed;
	log_restart(b);
	return verdict;
}

int refill_apply(struct writer *w, struct writer_board *b, const struct change *c, bool replay,
		 enum apply_verdict *ret_verdict)
{
	struct refill *f = b->refill;
	int rc;

	*ret_verdict = APPLY_DONE;
	if (f == NULL) { /* not served, or there is only a look at whether it could be */
		if (replay)
			*ret_verdict = apply_change(&b->live, c);
		else if (!apply_fits(&b->live, c))
			*ret_verdict = APPLY_OFF;
		return 0;
	}
	px_assert(replay || !f->is_live); /* older records come first */
	if (replay && !f->is_live)
		live_begin(b);
	if (!replay && f->shadow.board == NULL) {
		rc = shadow_begin(b);
		if (rc < 0)
			return rc;
	}
	if (!replay)
		shadow_skip(b, c);
	if (c->count > b->live.changed_max) {
		*ret_verdict = apply_without_frame(b, c);
		return 0;
	}
	if (frame_is_due(b, c) || target(b)->changed_max - target(b)->changed_count < c->count)
		frame_end(w, b);
	if (c->first == f->first)
		f->first_ms = c->at_ms;
	*ret_verdict = apply_change(target(b), c);
	return 0;
}

void refill_epoch(struct writer_board *b, uint32_t epoch, uint64_t seq)
{
	if (b->refill == NULL) {
		apply_epoch(&b->live, epoch, seq);
		return;
	}
	if (!b->refill->is_live)
		live_begin(b);
	b->live.changed_count = 0;
	apply_epoch(&b->live, epoch, seq);
	log_restart(b);
}

void refill_end(struct writer *w, struct writer_board *b)
{
	if (!b->refill->is_live)
		live_begin(b);
	frame_end(w, b);
	px_assert(b->live.changed_count == 0); /* all of it is in frames */
	px_assert(room_log_last(b->frames.logs[MESSAGE_BINARY]) == b->live.seq);
	b->frames.seq = b->live.seq;
	refill_free(b);
}
