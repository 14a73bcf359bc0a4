/*
 * drive.h - drives the crews of a run from the main thread: makes, starts and joins them, sets the
 * phase, reads the counters. It only sleeps and looks; SIGINT and SIGTERM end the sending early,
 * and everything is still checked.
 */
#ifndef PX_LOADGEN_DRIVE_H
#define PX_LOADGEN_DRIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/exit_code.h"
#include "tools/loadgen/net/crew.h"

struct drive {
	struct crew_shared *shared; /* the caller's */
	struct crew **crews;
	uint32_t started; /* crews whose thread is running */
	/* Makes one of the caller's crews; *ret_crew is set as far as it got, also on failure.
	 * -ENOMEM. */
	int (*make)(void *arg, uint32_t number, struct crew **ret_crew);
	void *arg;
};

/* Makes and starts them all, and takes over the signals. EXIT_FAILED: the reason was reported, and
 * none is running. */
enum exit_code drive_start(struct drive *d);

/* PHASE_RUN, from now until end_ns, which may be moved later. */
void drive_run(struct drive *d, uint64_t now_ns, uint64_t end_ns);

/* PHASE_LEAVE; returns when all threads have ended. Signals have their default action again:
 * whatever follows may be interrupted. Reports when a thread could not open its rings. */
void drive_leave(struct drive *d);

/* After drive_leave(), or instead of it when drive_start() failed. */
void drive_free(struct drive *d);

bool drive_is_interrupted(void);

/* Sleeps until the next look at the counters; returns the time. */
uint64_t drive_sleep(void);

void drive_tally(const struct drive *d, struct tally *ret_tally);
struct second *drive_second(const struct drive *d); /* the caller frees it; NULL: out of memory */

/* Looks repeatedly with `tick`, which sleeps and returns the time, until `wanted` clients stand or
 * never will. true: there are clients to run with. */
bool drive_connect(struct drive *d, uint32_t wanted, uint64_t (*tick)(void *arg));

/* The first report of each class of trouble, from any crew. */
void drive_troubles(const struct drive *d, char first[TROUBLE_MAX][TROUBLE_WORDS_MAX]);

/* CPU time of this process. */
uint64_t drive_cpu_ns(void);

#endif
