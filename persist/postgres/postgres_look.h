/*
 * postgres_look.h - what a database holds, for `pixeld verify`.
 *
 * Reads in one transaction, so all answers are of one moment. Blocking; for main(). Functions
 * return 0, or -1 with a sentence in postgres_look_why().
 */
#ifndef PX_POSTGRES_POSTGRES_LOOK_H
#define PX_POSTGRES_POSTGRES_LOOK_H

#include <stdint.h>

struct postgres_look;

struct postgres_holds {
	uint64_t journal_id;
	uint64_t first_lsn; /* of the journal: the first record received, */
	uint64_t lsn;       /* and the last */
};

/* -1 with *ret_look NULL: out of memory. The caller closes *ret_look, also after -1. */
int postgres_look_open(const char *dsn, struct postgres_look **ret_look,
		       struct postgres_holds *ret_holds);
void postgres_look_close(struct postgres_look *look); /* NULL is allowed */

/* Valid until the next call. */
const char *postgres_look_why(const struct postgres_look *look);

struct postgres_pixel {
	uint32_t x, y;
	uint8_t color;
};

/* The pixels of a board at a seq that were ever placed, in no particular order. */
int postgres_look_board(struct postgres_look *look, uint16_t board, uint64_t seq,
			void (*each)(void *arg, const struct postgres_pixel *pixel), void *arg);

/* The rows of a board in one epoch. No duplicates: rows == distinct. No gap: rows == last - first +
 * 1. */
struct postgres_rows {
	uint32_t epoch;
	uint64_t first_seq, last_seq;
	uint64_t rows, distinct;
};
int postgres_look_rows(struct postgres_look *look, uint16_t board,
		       void (*each)(void *arg, const struct postgres_rows *rows), void *arg);

#endif
