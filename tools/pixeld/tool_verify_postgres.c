/*
 * tool_verify_postgres.c - `pixeld verify --postgres DSN`: does the database hold what the journal
 * does?
 *
 * Each board is built from the journal as far as the database has it, and from the database's rows
 * by SQL at the same seq; both must have the same blocks. And each seq must occur once.
 */
#include <errno.h>
#include <inttypes.h>

#include "persist/postgres/postgres_look.h"
#include "tools/pixeld/tool.h"

static const struct history_moment the_end = {UINT64_MAX, UINT64_MAX};

struct check {
	struct tool *tool;
	struct postgres_look *look;
	struct history_board journal;
	struct board *rows; /* the same by SQL */
	bool differs;
};

static void pixel_set(void *arg, const struct postgres_pixel *p)
{
	struct check *c = arg;
	const struct record_board *meta = &c->journal.meta;

	if (p->x < meta->width && p->y < meta->height && p->color < 1u << meta->bits) {
		(void)board_set(c->rows, p->y * meta->width + p->x, p->color);
		return;
	}
	c->differs = true;
	printf("board %s: the database has %u,%u with color %u, which is not on it\n", meta->name,
	       p->x, p->y, p->color);
}

static void rows_say(void *arg, const struct postgres_rows *r)
{
	struct check *c = arg;
	uint64_t span = r->last_seq - r->first_seq + 1;

	printf("board %s: epoch %u: %" PRIu64 " rows in the database, seq %" PRIu64 " to %" PRIu64
	       "\n",
	       c->journal.meta.name, r->epoch, r->rows, r->first_seq, r->last_seq);
	if (r->rows != r->distinct)
		printf("board %s: epoch %u: %" PRIu64 " of them repeat a seq\n",
		       c->journal.meta.name, r->epoch, r->rows - r->distinct);
	if (r->distinct != span)
		printf("board %s: epoch %u: %" PRIu64 " in between are missing "
		       "(quarantine-postgres.csv?)\n",
		       c->journal.meta.name, r->epoch, span - r->distinct);
	c->differs |= r->rows != r->distinct || r->distinct != span;
}

/* 0; -errno of the disk; 1: the database failed. */
static int board_check(struct check *c)
{
	struct history_board *b = &c->journal;
	int rc = history_board_begin(c->tool->history, b, &the_end);

	if (rc == 0)
		rc = 1;
	while (rc == 1)
		rc = history_board_step(c->tool->history, b, &the_end);
	if (rc < 0)
		return rc;
	if (b->board == NULL) {
		printf("board %u: not compared: the journal does not reach back that far\n",
		       b->number);
		return 0;
	}
	rc = board_new(b->meta.width, b->meta.height, b->meta.bits, &c->rows);
	if (rc < 0)
		return rc;
	rc = postgres_look_board(c->look, b->number, b->seq, pixel_set, c) < 0 ||
	     postgres_look_rows(c->look, b->number, rows_say, c) < 0;
	if (rc == 0)
		c->differs |= !tool_boards_equal(b, c->rows, "the database");
	board_free(c->rows);
	return rc;
}

static int all_check(struct check *c, const struct tool_boards *boards,
		     const struct postgres_holds *holds)
{
	int rc;

	if (holds->journal_id != history_journal_id(c->tool->history))
		return tool_fail(EXIT_FAILED,
				 "the database has the placements of another journal than %s",
				 c->tool->data);
	rc = history_look(c->tool->history, holds->lsn); /* it only has what is durable */
	for (uint32_t i = 0; rc == 0 && i < boards->count; i++) {
		history_board_init(&c->journal, boards->at[i].board);
		rc = board_check(c);
		history_board_fini(&c->journal);
	}
	if (rc == 1)
		return tool_fail(EXIT_FAILED, "PostgreSQL: %s", postgres_look_why(c->look));
	if (rc < 0)
		return tool_fail_disk(c->tool, rc);
	return c->differs ? EXIT_DATA_WRONG : EXIT_PASS;
}

int tool_verify_postgres(struct tool *t, const struct tool_boards *boards)
{
	struct check c = {.tool = t};
	struct postgres_holds holds;
	int rc;

	if (postgres_look_open(t->postgres, &c.look, &holds) < 0)
		rc = tool_fail(EXIT_UNREACHABLE, "PostgreSQL: %s", postgres_look_why(c.look));
	else
		rc = all_check(&c, boards, &holds);
	postgres_look_close(c.look);
	return rc;
}
