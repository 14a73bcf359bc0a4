/*
 * full.c - all boards as of one lsn, for receivers that begin with a copy (full_copy.h).
 *
 *	IDLE ── requested ──▶ WANTED ── all copies begin ──▶ MAKING ── ready ──▶ IDLE
 *
 * One at a time. They begin where the journal has a fingerprint, so that what follows can be
 * verified to follow: with everything applied that is settled, which ends with a batch. It waits
 * for boards and epochs that are not in the journal yet, as snapshots do.
 */
#include "engine/full_copy.h"

#include "writer/writer_priv.h"

static struct full_copy *asked(const struct writer *w)
{
	for (unsigned i = 0; i < w->config.full_copy_count; i++)
		if (full_copy_is_asked(w->config.full_copies[i]))
			return w->config.full_copies[i];
	return NULL;
}

static void hand_over(struct writer *w)
{
	px_assert(w->full_lsn <= w->lsn_applied);
	for (uint32_t i = 0; i < w->boards_end; i++) {
		struct writer_board *b = w->boards[i];

		if (b == NULL)
			continue;
		px_assert(b->taken[COPY_FULL] != NULL);
		full_copy_add(w->full, b->meta.board, b->taken[COPY_FULL]);
		b->taken[COPY_FULL] = NULL;
	}
	full_copy_ready(w->full, w->full_lsn);
	w->full = NULL;
	w->full_phase = FULL_IDLE;
}

void full_run(struct writer *w)
{
	px_assert(w->full_phase == FULL_IDLE || w->full != NULL);
	switch (w->full_phase) {
	case FULL_IDLE:
		if (w->full == NULL)
			w->full = asked(w);
		if (w->full != NULL && restore_is_journalled(w))
			w->full_phase = FULL_WANTED;
		return;
	case FULL_WANTED:
		px_assert(restore_is_journalled(w)); /* it stays so */
		if (w->lsn_applied != journal_settled(w->journal) || !copy_all_begin(w, COPY_FULL))
			return;
		w->full_lsn = w->lsn_applied;
		w->full_phase = FULL_MAKING;
		return;
	case FULL_MAKING:
		if (copy_all_are_made(w, COPY_FULL))
			hand_over(w);
		return;
	}
	px_unreachable("phase of a full copy");
}

bool full_has_mail(const struct writer *w)
{
	return w->full == NULL && asked(w) != NULL;
}

uint64_t full_wait_ns(const struct writer *w)
{
	if (full_has_mail(w))
		return 0;
	/* Somebody packs, or is in the way of the last placements: IDLE is woken by the journal. */
	return w->full_phase == FULL_WANTED ? NS_PER_MS : UINT64_MAX;
}

void full_free(struct writer *w)
{
	copy_all_drop(w, COPY_FULL);
	for (unsigned i = 0; i < w->config.full_copy_count; i++)
		full_copy_fini(w->config.full_copies[i]);
}
