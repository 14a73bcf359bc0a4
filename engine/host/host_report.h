/*
 * host_report.h - the report of --check-system: a line for each limit, with OK, WARN (it works, but
 * not as well as it could) or FAIL (not enough for this many clients, or for anything), and after
 * WARN and FAIL the command that raises the limit.
 *
 * Pure except for the stream.
 */
#ifndef PX_HOST_HOST_REPORT_H
#define PX_HOST_HOST_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/host/host.h"

#define HOST_FILES_SPARE   4096U /* files of other programs on the machine */
#define HOST_SOMAXCONN_MIN 4096U

enum host_verdict { HOST_OK, HOST_WARN, HOST_FAIL };

struct host_report {
	FILE *to;
	bool failed; /* there was a HOST_FAIL */
};

/* Writes one line; `format` has no line end. */
void host_say(struct host_report *r, enum host_verdict verdict, const char *what,
	      const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The command that lifts the limit of the line before. */
void host_lift(struct host_report *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Limits that mean the same for every program. */
void host_check_ring(struct host_report *r, const struct host_facts *f);
void host_check_files(struct host_report *r, const struct host_facts *f, uint64_t clients);
void host_check_conntrack(struct host_report *r, const struct host_facts *f, uint64_t clients);

/* waits: the subject of the sentence, as in "clients may wait to be accepted". */
void host_check_somaxconn(struct host_report *r, const struct host_facts *f, const char *waits);

/* EXIT_PASS; EXIT_FAILED: there was a HOST_FAIL; or the exit code for a refused ring. */
int host_report_end(const struct host_report *r, const struct host_facts *f);

#endif
