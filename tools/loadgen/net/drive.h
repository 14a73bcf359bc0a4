/*
 * drive.h - the crews of a run, as the main thread drives them: made, started, told the phase,
 * looked at, joined. It sleeps and looks, nothing else; SIGINT and SIGTERM end the sending early,
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
	uint32_t started; /* crews whose thread runs */
	/* One of the caller's crews; what there is of it also on failure. -ENOMEM. */
	int (*make)(void *arg, uint32_t number, struct crew **ret_crew);
	void *arg;
};

/* Makes and starts them all, and takes the signals; EXIT_FAILED: told why, and none runs. */
enum exit_code drive_start(struct drive *d);

/* PHASE_RUN, from now until end_ns, which may be moved. */
void drive_run(struct drive *d, uint64_t now_ns, uint64_t end_ns);

/* PHASE_LEAVE; returns when all have left. Signals are the system's again: whatever comes now may
 * be broken off. Tells when a thread could not open its rings. */
void drive_leave(struct drive *d);

/* After drive_leave(), or instead of it when drive_start() failed. */
void drive_free(struct drive *d);

bool drive_is_interrupted(void);

/* Sleeps for one look at the counters; returns what time it is. */
uint64_t drive_sleep(void);

void drive_tally(const struct drive *d, struct tally *ret_tally);
struct second *drive_second(const struct drive *d); /* to be freed; NULL: no memory */

/* Keeps looking with `tick`, which sleeps and returns the time, until `wanted` clients stand or
 * never will. True: there is somebody to run with. */
bool drive_connect(struct drive *d, uint32_t wanted, uint64_t (*tick)(void *arg));

/* The first words of each kind of trouble, of any crew. */
void drive_troubles(const struct drive *d, char first[TROUBLE_MAX][TROUBLE_WORDS_MAX]);

/* CPU time of this process. */
uint64_t drive_cpu_ns(void);

#endif
