/*
 * history_board.c - see history_board.h.
 *
 * Owner   its caller's thread. Memory: one board, from the first record or snapshot that has it.
 */
#include "persist/history/history_board.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "engine/base/assert.h"
#include "persist/snapshot/snapshot.h"

#define SNAPSHOT_WHY_BYTES 512
#define SNAPSHOT_TAKEN     1 /* the rest of the file is not wanted */

void history_board_init(struct history_board *b, uint16_t number)
{
	*b = (struct history_board){.number = number, .cursor = {.next_lsn = 1}};
}

static void board_forget(struct history_board *b)
{
	board_free(b->board);
	b->board = NULL;
	b->seq = 0;
	b->at_ms = 0;
	b->epoch = 0;
	b->source = SOURCE_JOURNAL;
}

void history_board_fini(struct history_board *b)
{
	board_forget(b);
}

static int board_make(struct history_board *b, const struct record_board *meta)
{
	board_forget(b);
	b->meta = *meta;
	return board_new(meta->width, meta->height, meta->bits, &b->board);
}

/* --- from a snapshot ------------------------------------------------------------------------ */

static int snapshot_board_take(void *arg, const struct snapshot_board_read *read)
{
	struct history_board *b = arg;
	int rc;

	if (read->meta.board != b->number)
		return 0;
	rc = board_make(b, &read->meta);
	if (rc < 0)
		return rc;
	board_load(b->board, read->bytes, read->len);
	b->seq = read->seq;
	b->epoch = read->epoch;
	b->at_ms = read->newest_ms;
	return SNAPSHOT_TAKEN;
}

static int snapshot_person_skip(void *arg, const struct person *person)
{
	(void)arg;
	(void)person;
	return SNAPSHOT_TAKEN;
}

/* A snapshot that is damaged, too new or gone is none; any other error is told: it may pass, and
 * "history does not reach there" would be wrong then. */
static bool is_failure(int rc)
{
	return rc < 0 && rc != -EBADMSG && rc != -EPROTONOSUPPORT && rc != -ENOENT;
}

/* 1: the board is that of this snapshot; 0: it has none, or cannot be used; -errno. */
static int snapshot_take(struct history *h, struct history_board *b, uint64_t lsn)
{
	const struct snapshot_handler handler = {
		.arg = b, .board = snapshot_board_take, .person = snapshot_person_skip};
	char name[SNAPSHOT_NAME_BYTES], why[SNAPSHOT_WHY_BYTES];
	struct snapshot_head head;
	int rc;

	snapshot_name(name, lsn);
	board_forget(b);
	rc = snapshot_read(history_disk(h), name, &handler, &head, why, sizeof(why));
	if (rc < 0)
		board_forget(b);
	if (is_failure(rc))
		return rc;
	if (b->board == NULL)
		return 0;
	b->cursor = (struct history_cursor){.next_lsn = lsn + 1};
	return 1;
}

/* Newest first, only those at or below what may be read. */
static int snapshots_list(struct history *h, uint64_t *out)
{
	int count = snapshot_list(history_disk(h), out, SNAPSHOTS_MAX);
	int kept = 0;

	for (int i = 0; i < count; i++)
		if (out[i] <= history_upto(h))
			out[kept++] = out[i];
	return count < 0 ? count : kept;
}

static bool is_before(const struct history_board *b, const struct history_moment *moment)
{
	return b->board != NULL && b->seq <= moment->seq && b->at_ms <= moment->at_ms;
}

int history_board_begin(struct history *h, struct history_board *b,
			const struct history_moment *moment)
{
	uint64_t lsns[SNAPSHOTS_MAX];
	int count = snapshots_list(h, lsns);
	struct history_board fresh;

	if (count < 0)
		return count;
	if (!is_before(b, moment) || b->cursor.next_lsn - 1 > history_upto(h))
		board_forget(b);
	history_board_init(&fresh, b->number);
	for (int i = 0; i < count; i++) {
		int rc;

		if (b->board != NULL && lsns[i] < b->cursor.next_lsn)
			break; /* it stands further on already */
		rc = snapshot_take(h, &fresh, lsns[i]);
		if (rc < 0)
			return rc;
		if (rc == 0 || !is_before(&fresh, moment))
			continue;
		board_forget(b);
		*b = fresh;
		return 0;
	}
	board_forget(&fresh);
	if (b->board == NULL)
		b->cursor = (struct history_cursor){.next_lsn = history_first(h)};
	return 0;
}

int history_board_begin_at(struct history *h, struct history_board *b, uint64_t snapshot_lsn)
{
	int rc;

	board_forget(b);
	b->cursor = (struct history_cursor){.next_lsn = history_first(h)};
	if (snapshot_lsn == 0)
		return 0;
	rc = snapshot_take(h, b, snapshot_lsn);
	if (rc < 0)
		return rc;
	return rc > 0 ? 0 : -ENODATA;
}

int history_board_begin_oldest(struct history *h, struct history_board *b, uint64_t from)
{
	uint64_t lsns[SNAPSHOTS_MAX];
	int count = snapshots_list(h, lsns), rc = 0;

	board_forget(b);
	b->cursor = (struct history_cursor){.next_lsn = from};
	if (from == 1 || count < 0)
		return count < 0 ? count : 0;
	while (rc == 0 && count-- > 0)
		if (lsns[count] + 1 >= from)
			rc = snapshot_take(h, b, lsns[count]);
	if (rc < 0)
		return rc;
	return rc > 0 ? 0 : -ENODATA;
}

int history_board_since(struct history *h, uint16_t number, uint64_t *ret_seq, uint64_t *ret_ms)
{
	struct history_board b;
	int rc;

	history_board_init(&b, number);
	rc = history_board_begin_oldest(h, &b, history_first(h));
	if (rc == 0 && b.board == NULL)
		rc = -ENODATA;
	if (rc == 0) {
		*ret_seq = b.seq;
		*ret_ms = b.at_ms;
	}
	board_forget(&b);
	return rc;
}

/* --- from the journal ----------------------------------------------------------------------- */

struct replay {
	struct history_board *board;
	const struct history_moment *moment;
};

int history_board_take(struct history_board *b, const struct record_placement *p,
		       const struct history_moment *moment)
{
	if (p->seq > moment->seq || p->placed_at_ms > moment->at_ms)
		return HISTORY_STOP;
	if (p->x >= b->meta.width || p->y >= b->meta.height || p->color >= 1u << b->meta.bits ||
	    (p->seq != b->seq + 1 && !record_follows(b->epoch, b->seq, p->epoch, p->seq)))
		return -EBADMSG;
	(void)board_set(b->board, (uint32_t)p->y * b->meta.width + p->x, p->color);
	b->epoch = p->epoch;
	b->seq = p->seq;
	if (p->placed_at_ms > b->at_ms) /* a clock that was set back moves nothing back */
		b->at_ms = p->placed_at_ms;
	return 0;
}

/* The first that the journal has behind another source: does it follow? Else something between is
 * in neither of them. */
static bool join_is_good(struct history_board *b, uint32_t epoch, uint64_t seq)
{
	bool good = b->source != SOURCE_JOINED || record_follows(b->epoch, b->seq, epoch, seq);

	px_assert(b->source != SOURCE_OTHER); /* the journal does not know where it stands */
	b->source = SOURCE_JOURNAL;
	if (!good)
		board_forget(b);
	return good;
}

static int epoch_take(struct history_board *b, const struct record_epoch *e,
		      const struct history_moment *moment)
{
	if (!join_is_good(b, e->epoch, e->first_seq) || e->first_seq - 1 > moment->seq)
		return HISTORY_STOP;
	b->epoch = e->epoch;
	b->seq = e->first_seq - 1;
	return 0;
}

/* What is about a board of which nothing is known, not even that it appeared, ends the walk: its
 * beginning is not there any more. */
static int record_take(void *arg, uint64_t lsn, const struct record *record)
{
	struct replay *r = arg;
	struct history_board *b = r->board;
	struct record_cells cells = {record, 0};
	const struct record_placement *p;
	int rc = 0;

	(void)lsn;
	if (record->type == RECORD_BOARD && record->board.board == b->number && b->board == NULL)
		return board_make(b, &record->board);
	if (record->type == RECORD_EPOCH && record->epoch.board == b->number)
		return b->board != NULL ? epoch_take(b, &record->epoch, r->moment) : HISTORY_STOP;
	while (rc == 0 && (p = record_cells_next(&cells)) != NULL && p->board == b->number) {
		if (b->board == NULL || !join_is_good(b, p->epoch, p->seq))
			return HISTORY_STOP;
		rc = history_board_take(b, p, r->moment);
	}
	return rc;
}

/* What comes behind a hole is not known to be the board. */
static void gap_take(void *arg, uint64_t first_lsn, uint64_t last_lsn)
{
	struct replay *r = arg;

	(void)first_lsn;
	(void)last_lsn;
	board_forget(r->board);
}

int history_board_step(struct history *h, struct history_board *b,
		       const struct history_moment *moment)
{
	struct replay r = {.board = b, .moment = moment};
	const struct history_handler handler = {.arg = &r, .record = record_take, .gap = gap_take};
	int rc = history_step(h, &b->cursor, &handler);

	return rc == HISTORY_STOP ? 0 : rc;
}

/* --- with another source -------------------------------------------------------------------- */

int history_board_begin_empty(struct history_board *b, const struct record_board *meta)
{
	int rc = board_make(b, meta);

	if (rc < 0)
		return rc;
	b->epoch = 1;
	b->source = SOURCE_OTHER;
	b->cursor = (struct history_cursor){.next_lsn = 1};
	return 0;
}

void history_board_join(struct history_board *b, uint64_t lsn)
{
	px_assert(b->source == SOURCE_OTHER);
	b->source = SOURCE_JOINED;
	b->cursor = (struct history_cursor){.next_lsn = lsn + 1};
}

/* --- by name -------------------------------------------------------------------------------- */

struct finder {
	const char *name;
	struct record_board meta;
	bool found;
};

static int snapshot_board_look(void *arg, const struct snapshot_board_read *read)
{
	struct finder *f = arg;

	if (strcmp(read->meta.name, f->name) != 0)
		return 0;
	f->meta = read->meta;
	f->found = true;
	return SNAPSHOT_TAKEN;
}

static int record_look(void *arg, uint64_t lsn, const struct record *record)
{
	struct finder *f = arg;

	(void)lsn;
	if (record->type != RECORD_BOARD || strcmp(record->board.name, f->name) != 0)
		return 0;
	f->meta = record->board;
	f->found = true;
	return HISTORY_STOP;
}

int history_board_find(struct history *h, const char *name, struct record_board *ret_meta)
{
	struct finder f = {.name = name};
	const struct snapshot_handler of_snapshot = {
		.arg = &f, .board = snapshot_board_look, .person = snapshot_person_skip};
	const struct history_handler of_journal = {.arg = &f, .record = record_look};
	struct history_cursor c = {.next_lsn = history_first(h)};
	char file[SNAPSHOT_NAME_BYTES], why[SNAPSHOT_WHY_BYTES];
	struct snapshot_head head;
	uint64_t lsns[SNAPSHOTS_MAX];
	int rc = snapshots_list(h, lsns);

	if (rc > 0) {
		snapshot_name(file, lsns[0]);
		rc = snapshot_read(history_disk(h), file, &of_snapshot, &head, why, sizeof(why));
	}
	if (is_failure(rc))
		return rc;
	for (rc = 1; rc == 1 && !f.found;)
		rc = history_step(h, &c, &of_journal);
	if (f.found)
		*ret_meta = f.meta;
	if (rc < 0)
		return rc;
	return f.found ? 0 : -ENODATA;
}
