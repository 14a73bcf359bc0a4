/*
 * postgres_link.c - see postgres_link.h. The only file that uses libpq.
 *
 * Owner   the thread that opened it. Memory: what libpq keeps, which is little: bytes are put only
 *         as fast as the kernel accepts them, and rows are handed over as they arrive.
 *
 * The connection is never blocking: a database that stops responding is treated like one that is
 * gone.
 */
#include "persist/postgres/postgres_link.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/clock.h"
#include "persist/postgres/postgres_trouble.h"

#define SERVER_VERSION_MIN 130000
#define SLICE_MS           50 /* how late `abort` is seen */

/* --- trouble ---------------------------------------------------------------------------------- */

enum receiver_verdict postgres_fail(struct postgres_link *l, enum receiver_verdict verdict,
				    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(l->why, sizeof(l->why), format, args);
	va_end(args);
	for (char *c = l->why; *c != 0; c++)
		*c = (char)(*c == '\n' || *c == '\t' ? ' ' : *c == '"' ? '\'' : *c);
	return verdict;
}

/* What the server answered. NULL: what the connection says. */
static enum receiver_verdict fail_by(struct postgres_link *l, const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	enum postgres_trouble trouble = postgres_trouble_of(state);

	snprintf(l->sqlstate, sizeof(l->sqlstate), "%s", state == NULL ? "" : state);
	return postgres_fail(
		l, postgres_trouble_verdict(trouble), "%s: %.240s%s%.120s (%s); %s",
		postgres_trouble_str(trouble), primary != NULL ? primary : PQerrorMessage(l->conn),
		detail != NULL ? ": " : "", detail != NULL ? detail : "",
		state == NULL ? "no SQLSTATE" : state, postgres_trouble_remedy(trouble));
}

static bool is_late(const struct postgres_link *l)
{
	return l->until_ns != 0 && clock_now().mono_ns >= l->until_ns;
}

static enum receiver_verdict fail_by_silence(struct postgres_link *l)
{
	if (atomic_load_explicit(l->abort, memory_order_acquire))
		return postgres_fail(l, RECEIVER_RETRY, "given up: the server is stopping");
	if (is_late(l))
		return postgres_fail(l, RECEIVER_RETRY, "too slow: no answer in time; %s",
				     postgres_trouble_remedy(POSTGRES_CONNECTION));
	return postgres_fail(l, RECEIVER_RETRY, "connection lost: no sign of life for %u ms; %s",
			     l->timeout_ms, postgres_trouble_remedy(POSTGRES_CONNECTION));
}

/* --- waiting ---------------------------------------------------------------------------------- */

static bool socket_wait(struct postgres_link *l, short events)
{
	struct pollfd fd = {.fd = PQsocket(l->conn), .events = events};

	for (uint32_t waited_ms = 0; waited_ms < l->timeout_ms; waited_ms += SLICE_MS) {
		int n;

		if (atomic_load_explicit(l->abort, memory_order_acquire) || is_late(l))
			break;
		n = poll(&fd, 1, SLICE_MS);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			break;
	}
	l->gave_up = true;
	return false;
}

static bool flush_wait(struct postgres_link *l)
{
	int rc;

	while ((rc = PQflush(l->conn)) == 1)
		if (!socket_wait(l, POLLIN | POLLOUT) || PQconsumeInput(l->conn) == 0)
			return false;
	return rc == 0;
}

/* NULL: there are no more, or gave_up. A connection that broke gives a result that says so. */
static PGresult *result_get(struct postgres_link *l)
{
	(void)flush_wait(l);
	while (!l->gave_up && PQisBusy(l->conn))
		if (!socket_wait(l, POLLIN) || PQconsumeInput(l->conn) == 0)
			break;
	return l->gave_up ? NULL : PQgetResult(l->conn);
}

static void answer_fill(const PGresult *result, struct postgres_answer *a)
{
	int columns = PQnfields(result);

	*a = (struct postgres_answer){
		.rows = (uint64_t)PQntuples(result),
		.is_commit = strncmp(PQcmdStatus((PGresult *)(uintptr_t)result), "COMMIT", 6) == 0,
		.count = strtoull(PQcmdTuples((PGresult *)(uintptr_t)result), NULL, 10),
	};
	for (int i = 0; a->rows > 0 && i < columns && i < POSTGRES_VALUES_MAX; i++)
		snprintf(a->values[i], POSTGRES_VALUE_CHARS, "%s", PQgetvalue(result, 0, i));
}

/* All results of what was sent; the answer is the last one's. */
static enum receiver_verdict results_read(struct postgres_link *l,
					  struct postgres_answer *ret_answer)
{
	struct postgres_answer answer = {.rows = 0};
	enum receiver_verdict verdict = RECEIVER_OK;
	bool copy_begun = false;
	bool any = false;
	PGresult *result;

	l->sqlstate[0] = 0;
	while (!copy_begun && (result = result_get(l)) != NULL) {
		ExecStatusType status = PQresultStatus(result);

		copy_begun = status == PGRES_COPY_IN;
		any = true;
		if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || copy_begun)
			answer_fill(result, &answer);
		else if (verdict == RECEIVER_OK)
			verdict = fail_by(l, result);
		PQclear(result);
	}
	if (verdict == RECEIVER_OK && l->gave_up)
		return fail_by_silence(l);
	if (verdict == RECEIVER_OK && !any)
		return fail_by(l, NULL);
	if (verdict == RECEIVER_OK && ret_answer != NULL)
		*ret_answer = answer;
	return verdict;
}

/* --- connecting ------------------------------------------------------------------------------- */

bool postgres_dsn_is_good(const char *dsn)
{
	PQconninfoOption *options;
	bool is_name = strchr(dsn, '=') == NULL && strstr(dsn, "://") == NULL;

	if (is_name)
		return true;
	options = PQconninfoParse(dsn, NULL);
	PQconninfoFree(options);
	return options != NULL;
}

static void notice_drop(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

static enum receiver_verdict open_wait(struct postgres_link *l)
{
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;

	while (next != PGRES_POLLING_OK) {
		if (next == PGRES_POLLING_FAILED)
			return fail_by(l, NULL);
		if (!socket_wait(l, next == PGRES_POLLING_READING ? POLLIN : POLLOUT))
			return fail_by_silence(l);
		next = PQconnectPoll(l->conn);
	}
	return RECEIVER_OK;
}

enum receiver_verdict postgres_link_open(struct postgres_link *l)
{
	const char *const names[] = {"dbname", "fallback_application_name", "client_encoding",
				     NULL};
	const char *const values[] = {l->dsn, "pixeld", "UTF8", NULL};
	enum receiver_verdict verdict;

	l->gave_up = false;
	l->conn = PQconnectStartParams(names, values, 1);
	if (l->conn == NULL)
		return postgres_fail(l, RECEIVER_RETRY, "no memory");
	if (PQstatus(l->conn) == CONNECTION_BAD)
		return fail_by(l, NULL);
	verdict = open_wait(l);
	if (verdict != RECEIVER_OK)
		return verdict;
	(void)PQsetNoticeReceiver(l->conn, notice_drop, NULL);
	if (PQsetnonblocking(l->conn, 1) != 0)
		return fail_by(l, NULL);
	if (PQserverVersion(l->conn) < SERVER_VERSION_MIN)
		return postgres_fail(l, RECEIVER_STOP,
				     "PostgreSQL %d is too old: 13 or later is required",
				     PQserverVersion(l->conn) / 10000);
	return RECEIVER_OK;
}

void postgres_link_close(struct postgres_link *l)
{
	PQfinish(l->conn);
	l->conn = NULL;
	l->gave_up = false;
}

void postgres_link_describe(const struct postgres_link *l, char *out, size_t out_chars)
{
	snprintf(out, out_chars, "host=%s database=%s user=%s version=%d", PQhost(l->conn),
		 PQdb(l->conn), PQuser(l->conn), PQserverVersion(l->conn));
}

/* --- statements ------------------------------------------------------------------------------- */

enum receiver_verdict postgres_run(struct postgres_link *l, const char *sql,
				   struct postgres_answer *ret_answer)
{
	if (PQsendQuery(l->conn, sql) == 0)
		return fail_by(l, NULL);
	return results_read(l, ret_answer);
}

enum receiver_verdict postgres_ask(struct postgres_link *l, const char *sql,
				   struct postgres_answer *ret_answer)
{
	enum receiver_verdict verdict = postgres_run(l, sql, ret_answer);

	return verdict == RECEIVER_REFUSED ? RECEIVER_STOP : verdict;
}

enum receiver_verdict postgres_ask_number(struct postgres_link *l, const char *sql, int64_t none,
					  int64_t *ret_number)
{
	struct postgres_answer answer = {.rows = 0};
	enum receiver_verdict verdict = postgres_ask(l, sql, &answer);

	if (verdict == RECEIVER_OK)
		*ret_number = answer.rows == 0 ? none : strtoll(answer.values[0], NULL, 10);
	return verdict;
}

enum receiver_verdict postgres_each(struct postgres_link *l, const char *sql,
				    void (*each)(void *arg, const int64_t *values), void *arg)
{
	enum receiver_verdict verdict = RECEIVER_OK;
	PGresult *result;

	if (PQsendQuery(l->conn, sql) == 0 || PQsetSingleRowMode(l->conn) == 0)
		return fail_by(l, NULL);
	l->sqlstate[0] = 0;
	while ((result = result_get(l)) != NULL) {
		ExecStatusType status = PQresultStatus(result);
		int64_t values[POSTGRES_VALUES_MAX] = {0};
		int columns = PQnfields(result);

		for (int i = 0; i < columns && i < POSTGRES_VALUES_MAX; i++)
			if (status == PGRES_SINGLE_TUPLE)
				values[i] = strtoll(PQgetvalue(result, 0, i), NULL, 10);
		if (status == PGRES_SINGLE_TUPLE)
			each(arg, values);
		else if (status != PGRES_TUPLES_OK && verdict == RECEIVER_OK)
			verdict = fail_by(l, result);
		PQclear(result);
	}
	return verdict == RECEIVER_OK && l->gave_up ? fail_by_silence(l) : verdict;
}

enum receiver_verdict postgres_copy_put(struct postgres_link *l, const void *bytes, size_t len)
{
	if (PQputCopyData(l->conn, bytes, (int)len) != 1)
		return fail_by(l, NULL);
	if (flush_wait(l))
		return RECEIVER_OK;
	return l->gave_up ? fail_by_silence(l) : fail_by(l, NULL);
}

enum receiver_verdict postgres_copy_end(struct postgres_link *l, struct postgres_answer *ret_answer)
{
	if (PQputCopyEnd(l->conn, NULL) != 1)
		return fail_by(l, NULL);
	return results_read(l, ret_answer);
}

/* The bytes of the copy that was begun, to its end; a refusal of `piece` ends them early. */
static enum receiver_verdict copy_read(struct postgres_link *l,
				       int (*piece)(void *arg, const void *bytes, size_t len),
				       void *arg)
{
	int len, rc = 0;
	char *bytes;

	while (rc == 0 && (len = PQgetCopyData(l->conn, &bytes, 1)) >= 0) {
		if (len == 0) {
			if (!socket_wait(l, POLLIN))
				return fail_by_silence(l);
			if (PQconsumeInput(l->conn) == 0)
				return fail_by(l, NULL);
			continue;
		}
		rc = piece(arg, bytes, (size_t)len);
		PQfreemem(bytes);
	}
	return rc == 0 ? results_read(l, NULL) : RECEIVER_STOP;
}

enum receiver_verdict postgres_copy_out(struct postgres_link *l, const char *sql,
					int (*piece)(void *arg, const void *bytes, size_t len),
					void *arg)
{
	enum receiver_verdict verdict;
	PGresult *result;

	if (PQsendQuery(l->conn, sql) == 0)
		return fail_by(l, NULL);
	l->sqlstate[0] = 0;
	result = result_get(l);
	if (result == NULL && l->gave_up)
		return fail_by_silence(l);
	if (PQresultStatus(result) == PGRES_COPY_OUT)
		verdict = copy_read(l, piece, arg);
	else
		verdict = fail_by(l, result);
	PQclear(result);
	return verdict;
}

void postgres_quote(struct postgres_link *l, const char *text, char *out, size_t out_chars)
{
	char *quoted = PQescapeLiteral(l->conn, text, strlen(text));

	snprintf(out, out_chars, "%s", quoted == NULL ? "''" : quoted);
	PQfreemem(quoted);
}
