/*
 * postgres_row.h - a placement as a row of binary COPY and back, and its day. Pure functions, any
 * thread.
 *
 * postgres_row_columns names the columns in their order; each has a fixed size, and so has a row.
 */
#ifndef PX_POSTGRES_POSTGRES_ROW_H
#define PX_POSTGRES_POSTGRES_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "persist/format/record.h"

#define POSTGRES_COPY_HEAD_BYTES 19u
#define POSTGRES_COPY_TAIL_BYTES 2u
#define POSTGRES_ROW_BYTES       94u
#define POSTGRES_DAY_CHARS       16 /* room for either form of a day */

extern const char postgres_row_columns[];

/* The start and the end of the stream of rows. Both return the position after them. */
uint8_t *postgres_copy_head(uint8_t out[static POSTGRES_COPY_HEAD_BYTES]);
uint8_t *postgres_copy_tail(uint8_t out[static POSTGRES_COPY_TAIL_BYTES]);

/* One row. Returns the position after it. */
uint8_t *postgres_row_put(uint8_t out[static POSTGRES_ROW_BYTES], const struct record_placement *p);

/* The reverse: takes the bytes of COPY ... TO STDOUT (FORMAT binary) with these columns, in pieces
 * of any size. Starts as zeros. */
struct postgres_row_reader {
	uint8_t bytes[POSTGRES_ROW_BYTES]; /* of the row that has begun */
	uint8_t len;
	bool in_rows; /* the head was read */
	bool ended;   /* and the tail */
};

/* Consumes `in`. 1: *ret_placement is the next row; 0: it needs more bytes, or has ended; -EBADMSG:
 * these are not such rows. */
int postgres_row_read(struct postgres_row_reader *r, struct bytes *in,
		      struct record_placement *ret_placement);

/* Days since 1970-01-01 UTC of a placement: its partition. */
uint32_t postgres_day_of(const struct record_placement *p);

/* "20261126" and "2026-11-26". */
void postgres_day_name(uint32_t day, char out[static POSTGRES_DAY_CHARS]);
void postgres_day_date(uint32_t day, char out[static POSTGRES_DAY_CHARS]);

#endif
