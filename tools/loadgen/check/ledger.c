/*
 * ledger.c - acknowledgements, kept in one growing array per crew (24 bytes each).
 *
 * The check knows nothing of frames: it folds the acknowledged placements by seq over the board of
 * the start. If all seqs are ours, the fold is the final board. Otherwise others place too, and
 * nothing can be concluded from a cell whose color differs.
 */
#include "tools/loadgen/check/ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/loadgen/check/reference.h"

bool ledger_add(struct ledger *l, const struct ack *ack)
{
	if (l->count == l->room) {
		size_t room = l->room == 0 ? 4096 : l->room * 2;
		struct ack *more = realloc(l->acks, room * sizeof(*more));

		if (more == NULL)
			return false;
		l->acks = more;
		l->room = room;
	}
	l->acks[l->count++] = *ack;
	return true;
}

bool ledger_move(struct ledger *to, struct ledger *from)
{
	struct ack *more;

	if (to->count == 0) {
		ledger_fini(to);
		*to = *from;
		*from = (struct ledger){0};
		return true;
	}
	if (from->count == 0)
		return true;
	more = realloc(to->acks, (to->count + from->count) * sizeof(*more));
	if (more == NULL)
		return false;
	memcpy(more + to->count, from->acks, from->count * sizeof(*more));
	to->acks = more;
	to->count += from->count;
	to->room = to->count;
	ledger_fini(from);
	return true;
}

void ledger_fini(struct ledger *l)
{
	free(l->acks);
	*l = (struct ledger){0};
}

static int by_seq(const void *a, const void *b)
{
	const struct ack *x = a;
	const struct ack *y = b;

	return (x->seq > y->seq) - (x->seq < y->seq);
}

/* Cells of the fold that differ from the final board. */
static uint64_t fold_differs(const struct ledger *l, const struct board_bytes *start,
			     const struct board_bytes *final, unsigned bits)
{
	uint32_t cells = (uint32_t)(final->len * 8 / bits);
	uint8_t *board = malloc(start->len);
	uint64_t differs = 0;

	if (board == NULL)
		return 0;
	memcpy(board, start->bytes, start->len);
	for (size_t i = 0; i < l->count; i++) {
		if (l->acks[i].seq > start->seq && l->acks[i].cell < cells)
			packed_set(board, bits, l->acks[i].cell, l->acks[i].color);
	}
	for (uint32_t cell = 0; cell < cells; cell++)
		differs += packed_get(board, bits, cell) != packed_get(final->bytes, bits, cell);
	free(board);
	return differs;
}

void ledger_check(struct ledger *l, const struct board_bytes *start,
		  const struct board_bytes *final, unsigned bits,
		  struct ledger_verdict *ret_verdict)
{
	struct ledger_verdict v = {0};
	uint64_t inside = 0;

	if (l->count > 0)
		qsort(l->acks, l->count, sizeof(*l->acks), by_seq);
	for (size_t i = 0; i < l->count; i++) {
		if (i > 0 && l->acks[i].seq == l->acks[i - 1].seq)
			v.twice++;
		else if (l->acks[i].seq > final->seq)
			v.lost++;
		else if (l->acks[i].seq > start->seq)
			inside++;
	}
	if (start->bytes != NULL && start->epoch == final->epoch && start->len == final->len &&
	    v.twice == 0 && v.lost == 0 && inside > 0 && inside == final->seq - start->seq) {
		v.folded = true;
		v.lost = fold_differs(l, start, final, bits);
	}
	*ret_verdict = v;
}

int ledger_write(const struct ledger *l, const char *path)
{
	FILE *file = fopen(path, "w");
	bool failed;

	if (file == NULL)
		return -errno;
	for (size_t i = 0; i < l->count; i++)
		fprintf(file, "%" PRIu64 ",%" PRIu64 ",%" PRIu32 ",%u,%u\n", l->acks[i].request,
			l->acks[i].seq, l->acks[i].cell, l->acks[i].color, l->acks[i].client);
	failed = ferror(file) != 0; /* fclose() tells only of the bytes that are left to it */
	if (fclose(file) != 0)
		return -errno;
	return failed ? -EIO : 0;
}
