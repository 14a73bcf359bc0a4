/*
 * postgres_link.h - one connection to PostgreSQL, and the only user of libpq.
 *
 * Owner: the thread that opens it. Every wait is bounded (timeout_ms, until_ns) and ends promptly
 * when `abort` becomes true; only resolving a host name may take as long as the resolver likes.
 * Functions return verdicts as receivers do (receiver.h); after anything but OK, close the link.
 */
#ifndef PX_POSTGRES_POSTGRES_LINK_H
#define PX_POSTGRES_POSTGRES_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "persist/receiver/receiver.h"

#define POSTGRES_VALUES_MAX  5
#define POSTGRES_VALUE_CHARS 64
#define POSTGRES_WHY_CHARS   640

struct postgres_link {
	const char *dsn;           /* of libpq: a URI or key=value */
	const _Atomic bool *abort; /* true: give up waiting; stays the caller's */
	uint32_t timeout_ms;       /* without a sign of life for this long it counts as lost */
	uint64_t until_ns;         /* monotonic: end of every wait; 0: no such limit */
	void *conn;                /* PGconn; NULL: closed */
	bool gave_up;              /* a wait ended without an answer */
	char sqlstate[8];          /* of the last statement; "": it succeeded, or there was none */
	char why[POSTGRES_WHY_CHARS];
};

/* The result of the last statement of a query: its first row as text, truncated. */
struct postgres_answer {
	uint64_t rows;  /* returned */
	uint64_t count; /* changed or copied */
	bool is_commit; /* it was COMMIT, and did commit */
	char values[POSTGRES_VALUES_MAX][POSTGRES_VALUE_CHARS];
};

/* Whether libpq can parse it; nothing connects. A plain name is that of a database. */
bool postgres_dsn_is_good(const char *dsn);

/* Fill in dsn, abort and timeout_ms first. On failure `why` has the reason. */
enum receiver_verdict postgres_link_open(struct postgres_link *l);
void postgres_link_close(struct postgres_link *l); /* also when it is already closed */

/* Runs one or more statements. ret_answer may be NULL. */
enum receiver_verdict postgres_run(struct postgres_link *l, const char *sql,
				   struct postgres_answer *ret_answer);

/* The same for statements that carry no rows: a refusal is then not about a row, so it is a
 * STOP. */
enum receiver_verdict postgres_ask(struct postgres_link *l, const char *sql,
				   struct postgres_answer *ret_answer);

/* An integer from the first column; `none` when there is no row. */
enum receiver_verdict postgres_ask_number(struct postgres_link *l, const char *sql, int64_t none,
					  int64_t *ret_number);

/* Calls `each` for every row of one statement as it arrives: at most POSTGRES_VALUES_MAX integers.
 * After a failure, discard what was handed over. */
enum receiver_verdict postgres_each(struct postgres_link *l, const char *sql,
				    void (*each)(void *arg, const int64_t *values), void *arg);

/* After a COPY ... FROM STDIN was run: its bytes, and its end. */
enum receiver_verdict postgres_copy_put(struct postgres_link *l, const void *bytes, size_t len);
enum receiver_verdict postgres_copy_end(struct postgres_link *l,
					struct postgres_answer *ret_answer);

/* A COPY (...) TO STDOUT: its bytes, in pieces of any size. A non-zero result of `piece` stops the
 * calls; naming that failure is up to the caller. */
enum receiver_verdict postgres_copy_out(struct postgres_link *l, const char *sql,
					int (*piece)(void *arg, const void *bytes, size_t len),
					void *arg);

/* Writes `text` as a quoted SQL literal. */
void postgres_quote(struct postgres_link *l, const char *text, char *out, size_t out_chars);

/* Writes l->why and returns `verdict`. One line without double quotes. */
__attribute__((format(printf, 3, 4))) enum receiver_verdict postgres_fail(
	struct postgres_link *l, enum receiver_verdict verdict, const char *format, ...);

/* For the log: "host=... database=... user=... version=...". */
void postgres_link_describe(const struct postgres_link *l, char *out, size_t out_chars);

#endif
