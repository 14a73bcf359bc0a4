/*
 * postgres_link.h - one connection to PostgreSQL. The only user of libpq is behind it.
 *
 * The thread that opens it. Every wait is bounded (timeout_ms, until_ns) and ends within a moment
 * when `abort` becomes true; only the look-up of a host's name may take as long as the resolver
 * likes. Calls say what became of them as receivers do (receiver.h); after anything but OK the link
 * is to be closed.
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
	const _Atomic bool *abort; /* the caller's */
	uint32_t timeout_ms;       /* without a sign of life it is lost */
	uint64_t until_ns;         /* monotonic: longer nothing is waited for; 0: no such end */
	void *conn;                /* PGconn; NULL: closed */
	bool gave_up;              /* a wait ended without the answer */
	char sqlstate[8];          /* of the last statement; "": it worked, or none came */
	char why[POSTGRES_WHY_CHARS];
};

/* What the last statement of a query answered: its first row as text, shortened. */
struct postgres_answer {
	uint64_t rows;  /* that it gave */
	uint64_t count; /* that it changed or copied */
	bool is_commit; /* it was COMMIT, and did commit */
	char values[POSTGRES_VALUES_MAX][POSTGRES_VALUE_CHARS];
};

/* Whether libpq can read it; it is not connected to. A plain name is a database's. */
bool postgres_dsn_is_good(const char *dsn);

enum receiver_verdict postgres_link_open(struct postgres_link *l);
void postgres_link_close(struct postgres_link *l); /* also when it is closed */

/* One or more statements. The answer may be NULL. */
enum receiver_verdict postgres_run(struct postgres_link *l, const char *sql,
				   struct postgres_answer *ret_answer);

/* The same where no rows are handed over: a refusal is then not about a row, and a STOP. */
enum receiver_verdict postgres_ask(struct postgres_link *l, const char *sql,
				   struct postgres_answer *ret_answer);

/* An integer, the first column; `none` where there is no row. */
enum receiver_verdict postgres_ask_number(struct postgres_link *l, const char *sql, int64_t none,
					  int64_t *ret_number);

/* Every row of one statement, as it comes: at most POSTGRES_VALUES_MAX integers. What was handed
 * over before a failure is of no use. */
enum receiver_verdict postgres_each(struct postgres_link *l, const char *sql,
				    void (*each)(void *arg, const int64_t *values), void *arg);

/* Behind a COPY ... FROM STDIN that was run: its bytes, and its end. */
enum receiver_verdict postgres_copy_put(struct postgres_link *l, const void *bytes, size_t len);
enum receiver_verdict postgres_copy_end(struct postgres_link *l,
					struct postgres_answer *ret_answer);

/* A COPY (...) TO STDOUT: its bytes, in pieces of any size. `piece` may refuse by anything but 0:
 * it then gets no more, and the failure is the caller's to name. */
enum receiver_verdict postgres_copy_out(struct postgres_link *l, const char *sql,
					int (*piece)(void *arg, const void *bytes, size_t len),
					void *arg);

/* `text` between quotes, as a statement needs it. */
void postgres_quote(struct postgres_link *l, const char *text, char *out, size_t out_chars);

/* Writes why(); returns `verdict`. One line without double quotes. */
__attribute__((format(printf, 3, 4))) enum receiver_verdict postgres_fail(
	struct postgres_link *l, enum receiver_verdict verdict, const char *format, ...);

/* For the log: "host=... database=... user=... version=...". */
void postgres_link_describe(const struct postgres_link *l, char *out, size_t out_chars);

#endif
