/*
 * postgres_look.c - see postgres_look.h. Owner: main(). Memory: one connection.
 */
#include "persist/postgres/postgres_look.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "persist/postgres/postgres_link.h"

#define TIMEOUT_MS (60u * 60 * 1000) /* a database of a billion rows sorts for long */
#define SQL_CHARS  512

struct postgres_look {
	struct postgres_link link;
	_Atomic bool never;
};

int postgres_look_open(const char *dsn, struct postgres_look **ret_look,
		       struct postgres_holds *ret_holds)
{
	struct postgres_look *look = calloc(1, sizeof(*look));
	struct postgres_answer answer = {.rows = 0};
	enum receiver_verdict verdict;

	*ret_look = look;
	if (look == NULL)
		return -1;
	look->link =
		(struct postgres_link){.dsn = dsn, .abort = &look->never, .timeout_ms = TIMEOUT_MS};
	verdict = postgres_link_open(&look->link);
	if (verdict == RECEIVER_OK)
		verdict = postgres_ask(&look->link,
				       "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL);
	if (verdict == RECEIVER_OK)
		verdict = postgres_ask(&look->link,
				       "SELECT journal_id, first_lsn, lsn FROM pixeld.ledger",
				       &answer);
	if (verdict == RECEIVER_OK && answer.rows == 0)
		verdict = postgres_fail(&look->link, RECEIVER_STOP,
					"the ledger is empty: nothing was received yet");
	if (verdict != RECEIVER_OK)
		return -1;
	ret_holds->journal_id = (uint64_t)strtoll(answer.values[0], NULL, 10);
	ret_holds->first_lsn = strtoull(answer.values[1], NULL, 10);
	ret_holds->lsn = strtoull(answer.values[2], NULL, 10);
	return 0;
}

void postgres_look_close(struct postgres_look *look)
{
	if (look == NULL)
		return;
	postgres_link_close(&look->link);
	free(look);
}

const char *postgres_look_why(const struct postgres_look *look)
{
	return look != NULL ? look->link.why : "no memory";
}

struct pixel_arg {
	void (*each)(void *arg, const struct postgres_pixel *pixel);
	void *arg;
};

static void pixel_take(void *arg, const int64_t *values)
{
	const struct pixel_arg *p = arg;

	p->each(p->arg, &(struct postgres_pixel){.x = (uint32_t)values[0],
						 .y = (uint32_t)values[1],
						 .color = (uint8_t)values[2]});
}

int postgres_look_board(struct postgres_look *look, uint16_t board, uint64_t seq,
			void (*each)(void *arg, const struct postgres_pixel *pixel), void *arg)
{
	struct pixel_arg p = {each, arg};
	char sql[SQL_CHARS];

	snprintf(sql, sizeof(sql),
		 "SELECT x, y, color FROM pixeld.board_at(%u::smallint, %" PRIu64 ")", board, seq);
	return postgres_each(&look->link, sql, pixel_take, &p) == RECEIVER_OK ? 0 : -1;
}

struct rows_arg {
	void (*each)(void *arg, const struct postgres_rows *rows);
	void *arg;
};

static void rows_take(void *arg, const int64_t *values)
{
	const struct rows_arg *r = arg;

	r->each(r->arg, &(struct postgres_rows){.epoch = (uint32_t)values[0],
						.first_seq = (uint64_t)values[1],
						.last_seq = (uint64_t)values[2],
						.rows = (uint64_t)values[3],
						.distinct = (uint64_t)values[4]});
}

int postgres_look_rows(struct postgres_look *look, uint16_t board,
		       void (*each)(void *arg, const struct postgres_rows *rows), void *arg)
{
	struct rows_arg r = {each, arg};
	char sql[SQL_CHARS];

	snprintf(sql, sizeof(sql),
		 "SELECT epoch, min(seq), max(seq), count(*), count(DISTINCT seq) "
		 "FROM pixeld.placements WHERE board = %u GROUP BY epoch ORDER BY epoch",
		 board);
	return postgres_each(&look->link, sql, rows_take, &r) == RECEIVER_OK ? 0 : -1;
}
