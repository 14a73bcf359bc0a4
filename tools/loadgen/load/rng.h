/*
 * rng.h - seeded randomness: splitmix64. Pure functions, any thread.
 */
#ifndef PX_LOADGEN_RNG_H
#define PX_LOADGEN_RNG_H

#include <stdint.h>

/* Mixes the bits of x: equal x, equal result. */
static inline uint64_t rng_mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static inline uint64_t rng_next(uint64_t *state)
{
	*state += 0x9e3779b97f4a7c15ULL;
	return rng_mix(*state);
}

/* 0 <= result < 1. */
static inline double rng_unit(uint64_t *state)
{
	return (double)(rng_next(state) >> 11) * 0x1p-53;
}

#endif
