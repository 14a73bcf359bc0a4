/* helper.c - see helper.h. */
#include "server/helper.h"

#include <errno.h>
#include <sys/resource.h>
#include <time.h>

static void loop(struct helper *h, struct ring *ring)
{
	for (;;) {
		uint64_t wait;

		/* Before the look at anything: what comes after it ends the sleep at once. */
		ring_doze(ring);
		if (atomic_load(&h->ending))
			return;
		wait = h->config.turn(h->config.arg, clock_now());
		ring_wait(ring, wait);
		(void)ring_reap(ring, &(struct ring_event){0}, 1);
	}
}

static void *run(void *arg)
{
	struct helper *h = arg;
	struct ring *ring = NULL;
	int rc = ring_open(&(struct ring_config){.sq_entries = 8, .cq_entries = 16}, &ring);

	if (h->config.name != NULL)
		(void)pthread_setname_np(pthread_self(), h->config.name);
	/* On Linux it is the calling thread alone that is made nice. */
	if (h->config.nice != 0)
		(void)setpriority(PRIO_PROCESS, 0, h->config.nice);
	h->error = rc;
	if (rc == 0)
		atomic_store(&h->ring, ring);
	(void)sem_post(&h->ready);
	if (rc == 0)
		loop(h, ring);
	return NULL;
}

int helper_start(struct helper *h, const struct helper_config *config)
{
	int rc;

	h->config = *config;
	(void)sem_init(&h->ready, 0, 0);
	rc = -pthread_create(&h->thread, NULL, run, h);
	if (rc == 0) {
		while (sem_wait(&h->ready) < 0 && errno == EINTR)
			;
		rc = h->error;
		if (rc < 0)
			(void)pthread_join(h->thread, NULL);
	}
	(void)sem_destroy(&h->ready);
	return rc;
}

void helper_wake(struct helper *h)
{
	struct ring *ring = atomic_load_explicit(&h->ring, memory_order_acquire);

	if (ring != NULL)
		ring_wake(ring);
}

void helper_end(struct helper *h)
{
	atomic_store(&h->ending, true);
	helper_wake(h);
}

void helper_join(struct helper *h)
{
	(void)pthread_join(h->thread, NULL);
}

bool helper_join_within(struct helper *h, uint32_t seconds)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	return pthread_timedjoin_np(h->thread, NULL, &until) == 0;
}

void helper_fini(struct helper *h)
{
	ring_close(atomic_load(&h->ring));
	atomic_store(&h->ring, NULL);
}
