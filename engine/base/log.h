/*
 * log.h - lines for people: start, stop, refusals, trouble. Never one per message or per client.
 *
 *	log_info("listening address=%s workers=%u", text, workers);
 *
 * The first word is the event, the rest is key=value. One line is one write(2), so lines of several
 * threads do not mix; any thread. A place in the code that logs more than LOG_BURST lines in a
 * second is limited, and its next line reports how many are missing. Not for hot paths: a stalled
 * terminal blocks the thread that logs.
 */
#ifndef PX_BASE_LOG_H
#define PX_BASE_LOG_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>

#define LOG_LINE_BYTES_MAX 1024 /* longer lines are truncated */
#define LOG_BURST          10

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* One per place in the code; starts as zeros. */
struct log_limit {
	_Atomic uint64_t second; /* of monotonic time, in which `lines` were written */
	_Atomic uint32_t lines;
	_Atomic uint32_t missing;
};

/* Before other threads start. Until then: info and above, to standard error. If fd is a stream of
 * the systemd journal, lines start with their priority (<6>) instead of the time. */
void log_start(enum log_level least, int fd);

/* Any thread, at any time. */
void log_level_set(enum log_level least);

__attribute__((format(printf, 3, 4))) void log_line(struct log_limit *limit, enum log_level level,
						    const char *format, ...);

#define LOG_HERE(level, ...)                                                                       \
	do {                                                                                       \
		static struct log_limit log_limit_here;                                            \
		log_line(&log_limit_here, level, __VA_ARGS__);                                     \
	} while (0)

#define log_debug(...) LOG_HERE(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)  LOG_HERE(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...)  LOG_HERE(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) LOG_HERE(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
