/*
 * log.c - see log.h.
 *
 * Its state is the only one in engine/ that belongs to the process and not to a thread: the target
 * of lines, set before threads start, and their lowest level, an atomic. The limit of a place is
 * atomic and slightly loose: two threads in the same microsecond may write a line more.
 */
#include "engine/base/log.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "engine/base/clock.h"

static _Atomic enum log_level log_least = LOG_LEVEL_INFO;
static int log_fd = STDERR_FILENO;
static bool log_to_journal;

static const char *const names[] = {"debug", "info", "warn", "error"};
static const int priorities[] = {7, 6, 4, 3}; /* of syslog */

_Static_assert(sizeof(names) / sizeof(names[0]) == LOG_LEVEL_ERROR + 1 &&
		       sizeof(priorities) / sizeof(priorities[0]) == LOG_LEVEL_ERROR + 1,
	       "each level has both");

/* JOURNAL_STREAM names device and inode of the stream that systemd made; ours may be another one.
 * */
static bool is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char own[64];

	if (stream == NULL || fstat(fd, &st) != 0)
		return false;
	snprintf(own, sizeof(own), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	for (const char *p = own; *p == *stream; p++, stream++) {
		if (*p == '\0')
			return true;
	}
	return false;
}

void log_level_set(enum log_level least)
{
	atomic_store_explicit(&log_least, least, memory_order_relaxed);
}

void log_start(enum log_level least, int fd)
{
	log_level_set(least);
	log_fd = fd;
	log_to_journal = is_journal(fd);
}

/* Whether this place may write now; *ret_missing lines were left out since its last one. */
static bool may_write(struct log_limit *limit, uint64_t second, uint32_t *ret_missing)
{
	if (atomic_exchange(&limit->second, second) != second)
		atomic_store(&limit->lines, 0);
	if (atomic_fetch_add(&limit->lines, 1) >= LOG_BURST) {
		atomic_fetch_add(&limit->missing, 1);
		return false;
	}
	*ret_missing = atomic_exchange(&limit->missing, 0);
	return true;
}

static int put_head(char *line, size_t room, enum log_level level, uint64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char when[32];
	struct tm tm;

	if (log_to_journal)
		return snprintf(line, room, "<%d>", priorities[level]);
	gmtime_r(&seconds, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	return snprintf(line, room, "%s.%03uZ %s ", when, (unsigned)(wall_ms % 1000), names[level]);
}

void log_line(struct log_limit *limit, enum log_level level, const char *format, ...)
{
	char line[LOG_LINE_BYTES_MAX];
	struct now now;
	uint32_t missing;
	size_t head, len;
	va_list args;

	px_assert(level <= LOG_LEVEL_ERROR);
	if (level < atomic_load_explicit(&log_least, memory_order_relaxed))
		return;
	now = clock_now();
	if (!may_write(limit, now.mono_ns / NS_PER_SEC, &missing))
		return;
	head = (size_t)put_head(line, sizeof(line), level, now.wall_ms);
	va_start(args, format);
	len = head + (size_t)vsnprintf(line + head, sizeof(line) - head, format, args);
	va_end(args);
	if (missing > 0 && len < sizeof(line))
		len += (size_t)snprintf(line + len, sizeof(line) - len, " missing=%u", missing);
	if (len > sizeof(line) - 1)
		len = sizeof(line) - 1;
	/* What a peer or a file name brought must not begin a line of its own. */
	for (size_t i = head; i < len; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	}
	line[len++] = '\n';
	/* Nobody to tell when it fails. */
	if (write(log_fd, line, len) < 0)
		return;
}
