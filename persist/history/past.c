/*
 * past.c - see past.h.
 *
 * Owner   the historian's thread. Memory: a connection, and how far each board was counted.
 *
 *	a board:  the journal ── it does not reach ──▶ the database ── its end ──▶ the journal
 *	a cell:   the journal, newest first ── its beginning ──▶ the database ──▶ counting
 *
 * The ledger holds the lsn up to which the database has everything, so the journal continues with
 * the next record, whatever was placed meanwhile.
 */
#include "persist/history/past.h"

#include <stdlib.h>

#include "engine/room.h"

#define COUNTED_NS (3600 * NS_PER_SEC) /* somebody may have removed rows since */

/* All rows of a board up to seq of epoch are there. */
struct counted {
	uint64_t seq;
	uint64_t since_ns;
	uint32_t epoch;
};

struct past {
	struct past_config config;
	struct postgres_past *postgres;
	struct counted counted[ROOMS_MAX];
};

int past_new(const struct past_config *config, struct past **ret_past)
{
	struct past *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	p->config = *config;
	if (postgres_past_new(&config->postgres, &p->postgres) < 0) {
		free(p);
		return -ENOMEM;
	}
	*ret_past = p;
	return 0;
}

void past_free(struct past *p)
{
	if (p != NULL)
		postgres_past_free(p->postgres);
	free(p);
}

uint64_t past_rest(struct past *p, struct now now)
{
	return p != NULL ? postgres_past_rest(p->postgres, now) : UINT64_MAX;
}

/* Whether a board that was left at `at` and is at `now` may have had no placement in between. */
static bool is_same_end(uint64_t at, uint64_t now)
{
	return now >= at && (now - at) % RECORD_EPOCH_GAP == 0;
}

/* --- a board ---------------------------------------------------------------------------------- */

struct fold {
	struct history_board *board;
	struct history_moment moment;
	uint32_t rows;
	bool stopped; /* it stands at the moment */
	bool hole;
};

/* It has exactly what was asked for: what comes behind does not matter. */
static bool is_at_seq(const struct history_board *b, const struct history_moment *moment)
{
	return b->seq == moment->seq && b->seq > 0;
}

static void fold_row(void *arg, const struct record_placement *p)
{
	struct fold *f = arg;
	struct history_board *b = f->board;
	int rc;

	f->rows++;
	f->stopped |= is_at_seq(b, &f->moment);
	if (f->stopped || f->hole)
		return;
	if (!record_follows(b->epoch, b->seq, p->epoch, p->seq)) {
		f->hole = true;
		return;
	}
	rc = history_board_take(b, p, &f->moment);
	f->stopped = rc == HISTORY_STOP;
	f->hole = rc < 0;
}

/* All rows that the database has are on it. */
static int board_join(struct fold *f, const struct past_ask *ask,
		      const struct postgres_past_ledger *ledger)
{
	struct history_board *b = f->board;

	if ((b->seq == 0 && ledger->first_lsn > 1) ||
	    ledger->lsn + 1 < history_first(ask->history)) {
		history_board_fini(b);
		return 0;
	}
	history_board_join(b, ledger->lsn);
	return 1;
}

/* At most so many lie before the moment: what lies behind it need not come over the wire. One, to
 * see the end of them. */
static uint32_t board_rows_to(const struct history_board *b, const struct history_moment *moment)
{
	uint64_t rows = moment->seq > b->seq ? moment->seq - b->seq : 1;

	return rows < POSTGRES_PAST_ROWS ? (uint32_t)rows : POSTGRES_PAST_ROWS;
}

static int board_step_database(struct past *p, const struct past_ask *ask, struct history_board *b,
			       const struct history_moment *moment)
{
	struct fold f = {.board = b, .moment = *moment};
	struct postgres_past_window window = {.board = b->number, .epoch = b->epoch, .seq = b->seq};
	struct postgres_past_ledger ledger;
	int rc;

	if (is_at_seq(b, moment))
		return 0;
	if (!p->config.is_trusted(p->config.arg))
		return PAST_AWAY;
	/* what the journal does not know yet is not told */
	f.moment.seq = moment->seq < ask->seq ? moment->seq : ask->seq;
	window.max = board_rows_to(b, &f.moment);
	rc = postgres_past_rows(p->postgres, ask->now, &window, fold_row, &f, &ledger);
	if (rc != 0 && !f.hole && !f.stopped)
		return rc;
	if (f.hole)
		history_board_fini(b);
	if (f.hole || f.stopped)
		return 0;
	return f.rows < window.max ? board_join(&f, ask, &ledger) : 1;
}

/* The journal has no placement behind the database's last one: there may have been none. */
static void board_end_check(const struct past_ask *ask, struct history_board *b)
{
	if (!is_same_end(b->seq, ask->seq))
		history_board_fini(b);
}

int past_board_step(struct past *p, const struct past_ask *ask, struct history_board *b,
		    const struct history_moment *moment)
{
	bool was_joined = b->source == SOURCE_JOINED;
	int rc;

	if (b->source == SOURCE_OTHER)
		return board_step_database(p, ask, b, moment);
	rc = history_board_step(ask->history, b, moment);
	if (rc != 0 || p == NULL)
		return rc;
	if (b->source == SOURCE_JOINED)
		board_end_check(ask, b);
	if (b->board != NULL || was_joined)
		return 0;
	rc = history_board_begin_empty(b, &ask->meta);
	return rc < 0 ? rc : 1;
}

/* --- a cell ----------------------------------------------------------------------------------- */

/* What the journal told is from here on. */
static uint64_t cell_border(const struct past_ask *ask, const struct history_cell *c)
{
	uint64_t border = c->before_seq < c->oldest_seq ? c->before_seq : c->oldest_seq;

	return border <= ask->seq ? border : ask->seq + 1;
}

static void cell_row(void *arg, const struct record_placement *p)
{
	struct history_cell *c = arg;

	if (c->count < c->max)
		c->found[c->count++] = *p;
}

static void counted_forget(struct counted *counted, struct now now)
{
	*counted = (struct counted){.epoch = 1, .since_ns = now.mono_ns};
}

struct counting {
	struct counted *counted;
	uint64_t rows;
	bool hole;
};

static void count_run(void *arg, const struct postgres_past_run *run)
{
	struct counting *n = arg;

	n->rows += run->rows;
	n->hole |= run->rows != run->last_seq - run->first_seq + 1 ||
		   !record_follows(n->counted->epoch, n->counted->seq, run->epoch, run->first_seq);
	if (n->hole)
		return;
	n->counted->epoch = run->epoch;
	n->counted->seq = run->last_seq;
}

/* All rows were counted: does the journal go on where they end? */
static bool cell_is_joined(const struct past_ask *ask, const struct history_cell *c,
			   const struct counted *counted, const struct postgres_past_ledger *ledger)
{
	if ((counted->seq == 0 && ledger->first_lsn > 1) ||
	    ledger->lsn + 1 < history_first(ask->history))
		return false;
	if (c->oldest_seq == UINT64_MAX)
		return is_same_end(counted->seq, ask->seq);
	return record_follows(counted->epoch, counted->seq, c->oldest_epoch, c->oldest_seq);
}

/* Everything older was told, if it is there. */
static int cell_count(struct past *p, const struct past_ask *ask, struct history_cell *c)
{
	struct counted *counted = &p->counted[c->board];
	struct postgres_past_window window = {.board = c->board,
					      .epoch = counted->epoch,
					      .seq = counted->seq,
					      .max = POSTGRES_PAST_RUNS};
	struct counting n = {.counted = counted};
	uint64_t border = cell_border(ask, c);
	struct postgres_past_ledger ledger;
	int rc;

	if (c->gap || counted->seq + 1 >= border) {
		c->complete = !c->gap;
		return 0;
	}
	rc = postgres_past_runs(p->postgres, ask->now, &window, count_run, &n, &ledger);
	if (rc != 0 || (n.rows == window.max && !n.hole))
		return rc != 0 ? rc : 1;
	c->complete =
		!n.hole && (counted->seq + 1 >= border || cell_is_joined(ask, c, counted, &ledger));
	return 0;
}

static int cell_step_database(struct past *p, const struct past_ask *ask, struct history_cell *c)
{
	struct counted *counted = &p->counted[c->board];
	struct postgres_past_cell cell = {.before_seq = cell_border(ask, c),
					  .max = c->max - c->count,
					  .board = c->board,
					  .x = c->x,
					  .y = c->y};
	uint32_t count = c->count;
	uint64_t first_seq = 0;
	int rc;

	if (c->source == SOURCE_COUNTED)
		return cell_count(p, ask, c);
	rc = postgres_past_cell(p->postgres, ask->now, &cell, cell_row, c, &first_seq);
	if (rc != 0) {
		c->count = count; /* what came may not have been all */
		return rc;
	}
	c->source = SOURCE_COUNTED;
	if (c->count == c->max) {
		c->next_seq = c->found[c->count - 1].seq;
		return 0;
	}
	if (counted->epoch == 0 || first_seq != 1 ||
	    ask->now.mono_ns - counted->since_ns > COUNTED_NS)
		counted_forget(counted, ask->now);
	return 1;
}

int past_cell_step(struct past *p, const struct past_ask *ask, struct history_cell *c)
{
	int rc;

	if (c->source == SOURCE_JOURNAL) {
		rc = history_cell_step(ask->history, c);
		if (rc != 0 || p == NULL || c->next_seq != 0 || history_first(ask->history) <= 1)
			return rc;
		c->source = SOURCE_OTHER;
		return 1;
	}
	rc = p->config.is_trusted(p->config.arg) ? cell_step_database(p, ask, c) : PAST_AWAY;
	return rc == PAST_AWAY && history_cell_end(c) ? 0 : rc;
}
