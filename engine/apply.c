/* apply.c - see apply.h. */
#include "engine/apply.h"

#include <string.h>

#include "engine/base/assert.h"

void apply_prefetch(const struct applied *a, uint32_t cell)
{
	board_prefetch(a->board, cell);
	if (a->placers != NULL)
		__builtin_prefetch(&a->placers[cell], 1);
}

bool apply_fits(const struct applied *a, const struct change *c)
{
	uint32_t cells = board_cells(a->board);
	unsigned colors = 1u << board_bits(a->board);

	for (uint32_t i = 0; i < c->count; i++)
		if (c->cells[i].cell >= cells || c->cells[i].color >= colors)
			return false;
	return true;
}

static enum apply_verdict change_check(const struct applied *a, const struct change *c)
{
	px_assert(a->changed == NULL || a->changed_count <= a->changed_max);
	if (c->epoch != a->epoch)
		return APPLY_GAP;
	if (c->first != a->seq + 1)
		return c->first <= a->seq && change_last(c) <= a->seq ? APPLY_REPEATED : APPLY_GAP;
	if (!apply_fits(a, c))
		return APPLY_OFF;
	if (a->changed != NULL && a->changed_max - a->changed_count < c->count)
		return APPLY_FULL;
	return APPLY_DONE;
}

static bool becomes_known(struct applied *a, uint32_t cell)
{
	uint8_t bit = (uint8_t)(1u << cell % 8);
	bool was_unknown;

	if (a->unknown == NULL)
		return false;
	was_unknown = (a->unknown[cell / 8] & bit) != 0;
	a->unknown[cell / 8] &= (uint8_t)~bit;
	return was_unknown;
}

static void cell_apply(struct applied *a, const struct change *c, const struct delta_cell *cell)
{
	bool is_news = becomes_known(a, cell->cell);

	is_news |= board_set(a->board, cell->cell, cell->color);
	if (!is_news)
		a->unchanged++;
	else if (a->changed != NULL)
		a->changed[a->changed_count++] = cell->cell;
	if (a->placers == NULL)
		return;
	a->placers[cell->cell].placed_at_ms = c->user != NULL ? c->at_ms : 0;
	if (c->user != NULL)
		memcpy(a->placers[cell->cell].user, c->user, USER_BYTES);
}

enum apply_verdict apply_change(struct applied *a, const struct change *c)
{
	enum apply_verdict verdict = change_check(a, c);

	px_assert(c->cause == CHANGE_ROLLBACK ? c->user == NULL : c->user != NULL && c->count == 1);
	px_assert(c->count == 0 || c->cells != NULL);
	if (verdict != APPLY_DONE)
		return verdict;
	for (uint32_t i = 0; i < c->count; i++)
		cell_apply(a, c, &c->cells[i]);
	px_assert(a->changed_count <= a->changed_max);
	px_assert(c->first == a->seq + 1); /* change_check(): the next one, and no other */
	a->seq += c->count;
	if (c->count > 0 && c->at_ms > a->newest_ms)
		a->newest_ms = c->at_ms;
	if (a->seq_shown != NULL)
		atomic_store_explicit(a->seq_shown, a->seq, memory_order_release);
	return APPLY_DONE;
}

bool apply_load(struct applied *a, const uint8_t *bytes, size_t len, uint32_t epoch, uint64_t seq,
		uint64_t newest_ms)
{
	if (len != board_bytes(a->board) || a->epoch != 0)
		return false;
	px_assert(a->changed_count == 0); /* nothing was applied before it started */
	board_load(a->board, bytes, len);
	a->epoch = epoch;
	a->seq = seq;
	a->newest_ms = newest_ms;
	return true;
}

void apply_epoch(struct applied *a, uint32_t epoch, uint64_t seq)
{
	px_assert(epoch >= a->epoch);
	px_assert(seq >= a->seq);
	px_assert(a->changed_count == 0);
	a->epoch = epoch;
	a->seq = seq;
	if (a->seq_shown != NULL)
		atomic_store_explicit(a->seq_shown, seq, memory_order_release);
}
