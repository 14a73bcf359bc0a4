/* question.c - see question.h. */
#include "writer/question/question.h"

#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/base/blob.h"

void question_drop(const struct question *q)
{
	if (q->kind == QUESTION_ROLLBACK)
		free(q->rollback.order);
}

void history_result_drop(const struct history_result *r)
{
	px_assert(r->kind != QUESTION_ROLLBACK); /* those have a result of their own */
	if (r->verdict != HISTORY_FOUND)
		return;
	if (r->kind == QUESTION_BOARD)
		blob_unref(r->board.bitmap.blob);
	else
		blob_unref(r->cell.placements);
}

void rollback_result_drop(const struct rollback_result *r)
{
	px_assert(r->told == NULL || r->preview == NULL); /* by its op */
	blob_unref(r->told);
	blob_unref(r->preview);
}
