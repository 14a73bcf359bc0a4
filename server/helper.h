/*
 * helper.h - a thread that takes turns beside the writer: those of helper.def and receiver.def.
 *
 * It may block; nothing waits for it. It owns only a ring to sleep on:
 *
 *	doze ─▶ turn ─▶ sleep as long as the turn allows, unless woken since the doze ─▶ again
 *
 * The main thread starts, joins and frees it. Zeroed, it is a helper that was not started.
 */
#ifndef PX_SERVER_HELPER_H
#define PX_SERVER_HELPER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/clock.h"
#include "engine/ring/ring.h"

struct helper_config {
	void *arg;
	uint64_t (*turn)(void *arg, struct now now); /* nanoseconds until it wants the next one */
	int nice;                                    /* of this thread alone; 0: the default */
	const char *name; /* of the thread, at most 15 characters; NULL: the program's */
};

struct helper {
	/* private */
	struct helper_config config;
	_Atomic(struct ring *) ring; /* NULL: it is not running yet */
	_Atomic bool ending;
	sem_t ready; /* it is running, or `error` says why not */
	int error;
	pthread_t thread;
};

/* Returns once it is running. 0, or -errno: from ring_open(), or of the thread's creation; then
 * there is nothing to end or to join. */
int helper_start(struct helper *h, const struct helper_config *config);

/* Any thread, also before helper_start(). */
void helper_wake(struct helper *h);

/* Any thread, even its own: the current turn is the last. */
void helper_end(struct helper *h);

/* After helper_end(). */
void helper_join(struct helper *h);

/* As helper_join(), but waits at most `seconds`. false: it is still running. */
bool helper_join_within(struct helper *h, uint32_t seconds);

/* Once it was joined, or never started, and no thread wakes it any more. */
void helper_fini(struct helper *h);

#endif
