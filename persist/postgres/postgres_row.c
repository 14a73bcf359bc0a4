/*
 * postgres_row.c - see postgres_row.h. Big-endian, as PostgreSQL's wire is; a row is
 *
 *	columns i16, then for each: length i32, value
 */
#include "persist/postgres/postgres_row.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/base/assert.h"
#include "engine/base/timestamp.h"

#define COLUMNS       9
#define EPOCH_2000_MS 946684800000 /* PostgreSQL counts from 2000-01-01, UTC */
#define DAY_MS        86400000u

_Static_assert(2 + COLUMNS * 4 + 8 + 8 + 8 + USER_BYTES + 4 + 4 + 4 + 2 + 2 == POSTGRES_ROW_BYTES,
	       "a count, then a length and a value for each column");

const char postgres_row_columns[] = "seq, placed_at, request, user_id, epoch, x, y, board, color";

static uint8_t *put_be(uint8_t *p, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
	return p + bytes;
}

static uint8_t *put_value(uint8_t *p, uint64_t v, unsigned bytes)
{
	return put_be(put_be(p, bytes, 4), v, bytes);
}

uint8_t *postgres_copy_head(uint8_t out[static POSTGRES_COPY_HEAD_BYTES])
{
	memcpy(out, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", POSTGRES_COPY_HEAD_BYTES);
	return out + POSTGRES_COPY_HEAD_BYTES;
}

uint8_t *postgres_copy_tail(uint8_t out[static POSTGRES_COPY_TAIL_BYTES])
{
	return put_be(out, 0xffff, 2);
}

static uint64_t placed_at_ms(const struct record_placement *p)
{
	return p->placed_at_ms < TIMESTAMP_MS_MAX ? p->placed_at_ms : TIMESTAMP_MS_MAX;
}

uint8_t *postgres_row_put(uint8_t out[static POSTGRES_ROW_BYTES], const struct record_placement *p)
{
	int64_t placed_at_us = ((int64_t)placed_at_ms(p) - EPOCH_2000_MS) * 1000;
	uint8_t *at = put_be(out, COLUMNS, 2);

	at = put_value(at, p->seq, 8);
	at = put_value(at, (uint64_t)placed_at_us, 8);
	at = put_value(at, p->request, 8);
	at = put_be(at, USER_BYTES, 4);
	memcpy(at, p->user, USER_BYTES);
	at += USER_BYTES;
	at = put_value(at, p->epoch, 4);
	at = put_value(at, p->x, 4);
	at = put_value(at, p->y, 4);
	at = put_value(at, p->board, 2);
	at = put_value(at, p->color, 2);
	px_assert(at == out + POSTGRES_ROW_BYTES);
	return at;
}

static uint64_t get_be(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

/* *ok turns false where the column has another size; no such row is ever written. */
static uint64_t get_value(const uint8_t **at, unsigned bytes, bool *ok)
{
	uint64_t v = get_be(*at + 4, bytes);

	*ok &= get_be(*at, 4) == bytes;
	*at += 4 + bytes;
	return v;
}

static int row_get(const uint8_t *row, struct record_placement *ret)
{
	struct record_placement p = {.seq = 0};
	uint64_t x, y, board, color;
	const uint8_t *at = row + 2;
	int64_t placed_at_us;
	bool ok = get_be(row, 2) == COLUMNS;

	p.seq = get_value(&at, 8, &ok);
	placed_at_us = (int64_t)get_value(&at, 8, &ok);
	p.request = get_value(&at, 8, &ok);
	ok &= get_be(at, 4) == USER_BYTES;
	memcpy(p.user, at + 4, USER_BYTES);
	at += 4 + USER_BYTES;
	p.epoch = (uint32_t)get_value(&at, 4, &ok);
	x = get_value(&at, 4, &ok);
	y = get_value(&at, 4, &ok);
	board = get_value(&at, 2, &ok);
	color = get_value(&at, 2, &ok);
	if (!ok || placed_at_us < -EPOCH_2000_MS * 1000 || x > UINT16_MAX || y > UINT16_MAX ||
	    color > UINT8_MAX)
		return -EBADMSG;
	p.placed_at_ms = (uint64_t)(placed_at_us / 1000 + EPOCH_2000_MS);
	p.board = (uint16_t)board;
	p.x = (uint16_t)x;
	p.y = (uint16_t)y;
	p.color = (uint8_t)color;
	*ret = p;
	return 1;
}

/* What is being read has so many bytes; the tail shows by its first two. */
static size_t unit_bytes(const struct postgres_row_reader *r)
{
	if (!r->in_rows)
		return POSTGRES_COPY_HEAD_BYTES;
	if (r->len < POSTGRES_COPY_TAIL_BYTES || get_be(r->bytes, 2) == 0xffff)
		return POSTGRES_COPY_TAIL_BYTES;
	return POSTGRES_ROW_BYTES;
}

static int unit_take(struct postgres_row_reader *r, struct record_placement *ret)
{
	uint8_t head[POSTGRES_COPY_HEAD_BYTES];

	r->len = 0;
	if (r->in_rows && get_be(r->bytes, 2) == 0xffff) {
		r->ended = true;
		return 0;
	}
	if (r->in_rows)
		return row_get(r->bytes, ret);
	(void)postgres_copy_head(head);
	r->in_rows = true;
	return memcmp(r->bytes, head, sizeof(head)) == 0 ? 0 : -EBADMSG;
}

int postgres_row_read(struct postgres_row_reader *r, struct bytes *in,
		      struct record_placement *ret_placement)
{
	while (bytes_left(in) > 0) {
		size_t unit = unit_bytes(r), want = unit - r->len;
		int rc;

		if (r->ended)
			return -EBADMSG;
		if (want > bytes_left(in))
			want = bytes_left(in);
		memcpy(r->bytes + r->len, in->at, want);
		r->len += (uint8_t)want;
		in->at += want;
		if (r->len < unit_bytes(r))
			continue;
		rc = unit_take(r, ret_placement);
		if (rc != 0)
			return rc;
	}
	return 0;
}

uint32_t postgres_day_of(const struct record_placement *p)
{
	return (uint32_t)(placed_at_ms(p) / DAY_MS);
}

static void day_print(uint32_t day, const char *between, char out[static POSTGRES_DAY_CHARS])
{
	time_t seconds = (time_t)day * (DAY_MS / 1000);
	struct tm tm;

	(void)gmtime_r(&seconds, &tm);
	snprintf(out, POSTGRES_DAY_CHARS, "%04d%s%02d%s%02d", tm.tm_year + 1900, between,
		 tm.tm_mon + 1, between, tm.tm_mday);
}

void postgres_day_name(uint32_t day, char out[static POSTGRES_DAY_CHARS])
{
	day_print(day, "", out);
}

void postgres_day_date(uint32_t day, char out[static POSTGRES_DAY_CHARS])
{
	day_print(day, "-", out);
}
