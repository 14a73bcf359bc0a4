/* drive.c - see drive.h. Main thread. */
#include "tools/loadgen/net/drive.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/base/assert.h"

#define TICK_NS        (20 * NS_PER_MS)
#define CONNECT_MAX_NS (600 * NS_PER_SEC)

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static void signals_take(void (*handler)(int))
{
	const struct sigaction action = {.sa_handler = handler};

	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
}

bool drive_is_interrupted(void)
{
	return interrupted != 0;
}

static void leave(struct drive *d)
{
	d->shared->phase = PHASE_LEAVE;
	for (uint32_t i = 0; i < d->started; i++)
		crew_join(d->crews[i]);
}

enum exit_code drive_start(struct drive *d)
{
	uint32_t threads = d->shared->options->threads;
	int e = 0;

	px_assert(d->crews == NULL);
	d->shared->end_ns = UINT64_MAX;
	d->crews = calloc(threads, sizeof(struct crew *));
	if (d->crews == NULL)
		e = -ENOMEM;
	for (uint32_t i = 0; e == 0 && i < threads; i++)
		e = d->make(d->arg, i, &d->crews[i]);
	for (uint32_t i = 0; e == 0 && i < threads; i++) {
		e = crew_start(d->crews[i]);
		d->started += e == 0;
	}
	if (e == 0) {
		signals_take(on_signal);
		return EXIT_PASS;
	}
	fprintf(stderr, "loadgen: cannot start: %s\n", strerror(-e));
	leave(d);
	d->started = 0;
	return EXIT_FAILED;
}

void drive_run(struct drive *d, uint64_t now_ns, uint64_t end_ns)
{
	px_assert(end_ns >= now_ns);
	d->shared->start_ns = now_ns;
	d->shared->end_ns = end_ns;
	d->shared->phase = PHASE_RUN;
}

void drive_leave(struct drive *d)
{
	struct tally t;

	leave(d);
	signals_take(SIG_DFL);
	drive_tally(d, &t);
	if (t.failed != 0)
		fprintf(stderr, "loadgen: io_uring: %s\n", ring_open_remedy(-(int)t.failed));
}

void drive_free(struct drive *d)
{
	for (uint32_t i = 0; d->crews != NULL && i < d->shared->options->threads; i++)
		crew_free(d->crews[i]);
	free(d->crews);
	d->crews = NULL;
}

uint64_t drive_sleep(void)
{
	const struct timespec ts = {.tv_nsec = (long)TICK_NS};

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	return clock_now().mono_ns;
}

void drive_tally(const struct drive *d, struct tally *ret_tally)
{
	*ret_tally = (struct tally){0};
	for (uint32_t i = 0; i < d->started; i++)
		crew_tally_add(d->crews[i], ret_tally);
}

struct second *drive_second(const struct drive *d)
{
	struct second *second = calloc(1, sizeof(*second));

	for (uint32_t i = 0; second != NULL && i < d->started; i++)
		crew_second_get(d->crews[i], second);
	return second;
}

bool drive_connect(struct drive *d, uint32_t wanted, uint64_t (*tick)(void *arg))
{
	uint64_t end_ns = clock_now().mono_ns + CONNECT_MAX_NS;
	struct tally t;
	uint64_t now_ns;

	do {
		now_ns = tick(d->arg);
		drive_tally(d, &t);
		if (t.failed != 0)
			return false;
	} while (t.standing + t.dead < wanted && now_ns <= end_ns && !interrupted);
	return t.standing > 0 || wanted == 0;
}

void drive_troubles(const struct drive *d, char first[TROUBLE_MAX][TROUBLE_WORDS_MAX])
{
	for (uint32_t i = 0; i < d->started; i++)
		for (unsigned t = 0; t < TROUBLE_MAX; t++)
			if (first[t][0] == '\0')
				memcpy(first[t], d->crews[i]->first[t], TROUBLE_WORDS_MAX);
}

uint64_t drive_cpu_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}
