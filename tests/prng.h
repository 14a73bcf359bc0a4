/*
 * prng.h - seeded randomness for property tests.
 *
 * prng_start() prints the seed; PIXELD_SEED=<number> repeats a run. One generator, one thread.
 */
#ifndef PX_TESTS_PRNG_H
#define PX_TESTS_PRNG_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* SplitMix64: every seed is good, also 0 and neighbors. */
static inline uint64_t prng_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* 0 .. end-1 */
static inline uint64_t prng_below(uint64_t *state, uint64_t end)
{
	return prng_next(state) % end;
}

/* The state of a new generator; `what` names the test in the line that tells the seed. */
static inline uint64_t prng_start(const char *what)
{
	const char *wanted = getenv("PIXELD_SEED");
	struct timespec ts;
	uint64_t seed;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	seed = (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
	if (wanted != NULL)
		seed = strtoull(wanted, NULL, 10);
	fprintf(stderr, "%s: PIXELD_SEED=%llu\n", what, (unsigned long long)seed);
	return seed;
}

#endif
